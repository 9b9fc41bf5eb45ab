//! Where the keys come from: named file or profile, then the environment, then the rest of the AWS
//! chain (profile, web identity, container and instance metadata).

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_s3::config::{Region, SharedCredentialsProvider, SharedHttpClient};

use super::environment::variable;
use crate::config::S3Config;

pub async fn provider(
    config: &S3Config,
    http: &SharedHttpClient,
    region: &Region,
) -> SharedCredentialsProvider {
    let named = config.profile.is_some() || config.credentials_file.is_some();
    // Keys that are simply given cost no chain: it takes longer to set up than a push.
    if let (false, Some(keys)) = (named, keys_of_environment()) {
        return SharedCredentialsProvider::new(keys);
    }
    let setup = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_http_client(http.clone());
    if named {
        let mut profile = ProfileFileCredentialsProvider::builder().configure(&setup);
        if let Some(files) = profile_files(config) {
            profile = profile.profile_files(files);
        }
        if let Some(name) = &config.profile {
            profile = profile.profile_name(name);
        }
        return SharedCredentialsProvider::new(profile.build());
    }
    SharedCredentialsProvider::new(
        DefaultCredentialsChain::builder().configure(setup).build().await,
    )
}

pub async fn region_of_profile(config: &S3Config) -> Option<Region> {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(files) = profile_files(config) {
        profile = profile.profile_files(files);
    }
    if let Some(name) = &config.profile {
        profile = profile.profile_name(name);
    }
    profile.build().region().await
}

fn profile_files(config: &S3Config) -> Option<EnvConfigFiles> {
    let path = config.credentials_file.as_ref()?;
    let files = EnvConfigFiles::builder().include_default_config_file(true);
    Some(files.with_file(EnvConfigFileKind::Credentials, path).build())
}

fn keys_of_environment() -> Option<Credentials> {
    let (id, secret) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
    Some(Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment"))
}
