//! The client of the SDK as Seawall wants it: where the store is, in which region, through which proxy, how long a
//! request may take, and where the keys come from: named file or profile, then the environment, then the rest of the
//! AWS chain (profile, web identity, container and instance metadata).

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use http::Uri;

use super::answer_limit::AnswerLimit;
use super::http::{Http, Proxies, Proxy};
use super::profiles::{Profiles, variable};
use crate::config::{Addressing, Limits, S3Config};
use crate::error::{Class, Error, Result};
use crate::tls::Trust;

pub(super) async fn build(
    config: &S3Config,
    endpoint: Option<&str>,
    limits: Limits,
) -> Result<Client> {
    let tls = endpoint.is_none_or(|url| url.starts_with("https:"));
    let place = place(endpoint)?;
    let proxies = Proxies::of_environment(&place)?;
    let tls = tls || proxies.of(&place).is_some_and(Proxy::speaks_tls);
    let http = Http::new(trust(config, tls)?, proxies.clone(), limits.connect);
    let region = region(config, endpoint).await;
    let for_keys = || client_for_keys(&proxies, limits);
    let keys = provider(config, for_keys, &region).await?;
    let path_style = match config.addressing {
        Addressing::Auto => endpoint.is_some(),
        Addressing::Path => true,
        Addressing::VirtualHost => false,
    };
    let mut settings = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .region(region)
        .credentials_provider(keys)
        // Long enough for a program that fetches them from elsewhere, and shorter than a request may take.
        .identity_cache(IdentityCache::lazy().load_timeout(limits.request / 2).build())
        .force_path_style(path_style)
        // The SDK's own new default checksums broke most S3-compatible stores.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .timeout_config(timeouts(limits))
        .retry_config(retries(limits))
        .retry_classifier(ComeAgain)
        .interceptor(AnswerLimit)
        // `ObjectReader` and the attempt limit watch for stalls, with limits that are ours to state.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    settings.set_endpoint_url(endpoint.map(str::to_owned));
    Ok(Client::from_conf(settings.build()))
}

/// Where the requests go, as far as that decides about a proxy.
fn place(endpoint: Option<&str>) -> Result<Uri> {
    endpoint.unwrap_or("https://s3.amazonaws.com").parse().map_err(|error| {
        Error::new(Class::Configuration, format!("expected a URL as endpoint: {error}"))
    })
}

/// Exponential pauses with full jitter, as the SDK's standard mode makes them.
fn retries(limits: Limits) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(limits.attempts)
        .with_max_backoff(Duration::from_secs(5))
}

/// Statuses that ask for another try and that the SDK leaves alone: AWS says the same with other ones.
#[derive(Debug)]
struct ComeAgain;

impl ClassifyRetry for ComeAgain {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|answer| answer.status().as_u16()) {
            Some(408) => RetryAction::transient_error(),
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "come again"
    }
}

fn timeouts(limits: Limits) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.request)
        .operation_timeout(limits.total)
        .build()
}

/// Whom to trust where the store, or a proxy before it, speaks TLS. Else no certificates need be read.
fn trust(config: &S3Config, tls: bool) -> Result<Trust> {
    let bundle = variable("AWS_CA_BUNDLE").map(Into::into);
    match config.ca_file.clone().or(bundle) {
        Some(path) if tls => Trust::file("CA file", &path),
        _ => Ok(Trust::System),
    }
}

/// The client of the requests for keys: other servers than the store answer those.
fn client_for_keys(proxies: &Proxies, limits: Limits) -> Result<Http> {
    let bundle = variable("AWS_CA_BUNDLE").map(std::path::PathBuf::from);
    let trust = bundle.map_or(Ok(Trust::System), |path| Trust::file("AWS_CA_BUNDLE", &path))?;
    Ok(Http::new(trust, proxies.clone(), limits.connect))
}

/// With an endpoint of one's own any region does; AWS itself is asked in the one that is configured.
async fn region(config: &S3Config, endpoint: Option<&str>) -> Region {
    let named = config.region.clone();
    let named = named.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    if let Some(region) = named {
        return Region::new(region);
    }
    let fallback = Region::from_static("us-east-1");
    if endpoint.is_some() {
        return fallback;
    }
    region_of_profile(config).await.unwrap_or(fallback)
}

/// `http` makes the client of the requests that bring keys.
async fn provider(
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
pub(crate) fn whereabouts(config: &S3Config) -> Vec<String> {
    let file = config.credentials_file.as_deref().map(|path| path.display().to_string());
    let variables = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION"];
    let named = [config.endpoint.clone(), config.region.clone(), config.profile.clone(), file];
    named.into_iter().chain(variables.map(variable)).map(Option::unwrap_or_default).collect()
}

/// `None` as well where the files can't be read: who needs keys of them says so.
async fn region_of_profile(config: &S3Config) -> Option<Region> {
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
