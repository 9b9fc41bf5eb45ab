//! Where the keys come from: named file or profile, then the environment, then the rest of the AWS
//! chain (profile, web identity, container and instance metadata).

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_sdk_s3::config::{Region, SharedCredentialsProvider};

use super::environment::variable;
use super::http::Http;
use super::profiles::Profiles;
use crate::config::S3Config;
use crate::error::Result;

/// `http` makes the client of the requests that bring keys.
pub async fn provider(
    config: &S3Config,
    http: impl FnOnce() -> Result<Http>,
    region: &Region,
) -> Result<SharedCredentialsProvider> {
    let named = config.profile.is_some() || config.credentials_file.is_some();
    // Keys that are simply given cost no chain: it takes longer to set up than a push.
    if let (false, Some(keys)) = (named, keys_of_environment()) {
        return Ok(SharedCredentialsProvider::new(keys));
    }
    let profiles = Profiles::look(config)?;
    profiles.look_at_mode();
    let setup = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_http_client(http()?);
    if named {
        let mut profile = ProfileFileCredentialsProvider::builder().configure(&setup);
        if let Some(files) = profiles.files() {
            profile = profile.profile_files(files);
        }
        if let Some(name) = &config.profile {
            profile = profile.profile_name(name);
        }
        return Ok(SharedCredentialsProvider::new(profile.build()));
    }
    Ok(SharedCredentialsProvider::new(
        DefaultCredentialsChain::builder().configure(setup).build().await,
    ))
}

/// Whose the requests are: a store with several tenants has a bucket of one name for each of them, and so have
/// AWS's partitions.
pub fn whereabouts(config: &S3Config) -> Vec<String> {
    let file = config.credentials_file.as_deref().map(|path| path.display().to_string());
    let variables = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION"];
    let named = [config.endpoint.clone(), config.region.clone(), config.profile.clone(), file];
    named.into_iter().chain(variables.map(variable)).map(Option::unwrap_or_default).collect()
}

/// `None` as well where the files can't be read: who needs keys of them says so.
pub async fn region_of_profile(config: &S3Config) -> Option<Region> {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(files) = Profiles::look(config).ok().and_then(|profiles| profiles.files()) {
        profile = profile.profile_files(files);
    }
    if let Some(name) = &config.profile {
        profile = profile.profile_name(name);
    }
    profile.build().region().await
}

fn keys_of_environment() -> Option<Credentials> {
    let (id, secret) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
    Some(Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment"))
}
