use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use http::Uri;

use super::answer_limit::AnswerLimit;
use super::credentials;
use super::environment::variable;
use super::http::{Http, Proxies, Proxy};
use crate::config::{Addressing, Limits, S3Config};
use crate::error::{Class, Error, Result};
use crate::tls::Trust;

pub async fn build(config: &S3Config, endpoint: Option<&str>, limits: Limits) -> Result<Client> {
    let tls = endpoint.is_none_or(|url| url.starts_with("https:"));
    let place = place(endpoint)?;
    let proxies = Proxies::of_environment(&place)?;
    let tls = tls || proxies.of(&place).is_some_and(Proxy::speaks_tls);
    let http = Http::new(trust(config, tls)?, proxies.clone(), limits.connect);
    let region = region(config, endpoint).await;
    let for_keys = || client_for_keys(&proxies, limits);
    let credentials = credentials::provider(config, for_keys, &region).await?;
    let path_style = match config.addressing {
        Addressing::Auto => endpoint.is_some(),
        Addressing::Path => true,
        Addressing::VirtualHost => false,
    };
    let mut settings = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .region(region)
        .credentials_provider(credentials)
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
    credentials::region_of_profile(config).await.unwrap_or(fallback)
}
