use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use super::answer_limit::AnswerLimit;
use super::credentials;
use super::environment::variable;
use super::names::Names;
use crate::config::{Addressing, Limits, S3Config};
use crate::error::{Class, Error, Result};

/// The endpoint's URL; `None` means AWS itself.
pub fn endpoint(config: &S3Config) -> Option<String> {
    let named = config.endpoint.clone();
    named.or_else(|| variable("AWS_ENDPOINT_URL_S3")).or_else(|| variable("AWS_ENDPOINT_URL"))
}

pub async fn build(config: &S3Config, endpoint: Option<&str>, limits: Limits) -> Result<Client> {
    let http = http_client(config, endpoint)?;
    let region = region(config, endpoint).await;
    let credentials = credentials::provider(config, &http, &region).await;
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

fn http_client(config: &S3Config, endpoint: Option<&str>) -> Result<SharedHttpClient> {
    let builder = aws_smithy_http_client::Builder::new();
    let tls = Provider::Rustls(CryptoMode::Ring);
    if endpoint.is_some_and(|url| url.starts_with("http:")) {
        // Reading the system's certificates takes longer than a push.
        let context = tls_context(TrustStore::empty())?;
        return Ok(builder.tls_provider(tls).tls_context(context).build_with_resolver(Names));
    }
    let bundle = variable("AWS_CA_BUNDLE").map(Into::into);
    let trust = match config.ca_file.clone().or(bundle) {
        Some(path) => TrustStore::empty().with_pem_certificate(read_certificates(&path)?),
        None => TrustStore::default(),
    };
    Ok(builder.tls_provider(tls).tls_context(tls_context(trust)?).build_with_resolver(Names))
}

fn tls_context(trust: TrustStore) -> Result<TlsContext> {
    TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| Error::new(Class::Configuration, format!("could not set up TLS: {error}")))
}

fn read_certificates(path: &Path) -> Result<Vec<u8>> {
    let wrong = |reason: &dyn std::fmt::Display| {
        let message = format!("could not use CA file {path:?}: {reason}");
        Error::new(Class::Configuration, message)
    };
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    let marker = b"-----BEGIN CERTIFICATE-----";
    if pem.windows(marker.len()).any(|window| window == marker) {
        return Ok(pem);
    }
    Err(wrong(&"expected certificates in PEM form, found none"))
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
