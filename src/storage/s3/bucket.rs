use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::head_object::HeadObjectError;

use super::client;
use super::conditional::ConditionalPuts;
use super::failure::{self, Failure};
use super::runtime::Runtime;
use crate::config::{Limits, S3Config};
use crate::error::{Class, Error, Result};
use crate::storage::Stored;

/// Under this rate a transfer counts as hanging; it stretches the time limits of large objects.
const SLOWEST_BYTES_A_SECOND: u64 = 256 * 1024;

/// What every request needs. Keys are the bucket's own here, with the prefix.
pub struct Bucket {
    pub client: Client,
    pub config: S3Config,
    pub limits: Limits,
    /// Whether the endpoint speaks TLS.
    pub tls: bool,
    pub conditional: ConditionalPuts,
}

impl Bucket {
    pub fn open(
        runtime: &Runtime,
        config: &S3Config,
        limits: Limits,
        state: Option<&Path>,
    ) -> Result<Self> {
        let endpoint = config.endpoint.as_deref();
        let tls = endpoint.is_none_or(|url| url.starts_with("https:"));
        let client = runtime.block_on(client::build(config, endpoint, limits))?;
        let place = format!("{}/{}", endpoint.unwrap_or_default(), config.bucket);
        let conditional = ConditionalPuts::new(config.conditional_put, &place, state);
        Ok(Self { client, config: config.clone(), limits, tls, conditional })
    }

    pub fn key(&self, key: &str) -> String {
        if self.config.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.config.prefix)
        }
    }

    /// The longest that one request may take, with a body of `bytes` in it or in its answer.
    pub fn request_limit(&self, bytes: u64) -> Duration {
        self.limits.request + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND)
    }

    /// The settings of a request that has the store work on so many bytes.
    pub fn time_for(&self, bytes: u64) -> aws_sdk_s3::config::Builder {
        let limit = self.request_limit(bytes);
        let limits = TimeoutConfig::builder()
            .operation_attempt_timeout(limit)
            .operation_timeout(limit.max(self.limits.total))
            .build();
        aws_sdk_s3::Config::builder().timeout_config(limits)
    }

    pub async fn head_object(&self, key: &str) -> Result<Option<Stored>> {
        let request = self.client.head_object().bucket(&self.config.bucket).key(key);
        let head = match request.send().await {
            Ok(head) => head,
            Err(error) if failure::head_says_absent(&error) => return Ok(None),
            Err(error) => return Err(self.head_failed(error, key).await),
        };
        let facts = head.metadata().into_iter().flatten();
        let facts = facts.map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        Ok(Some(Stored { size: head.content_length().unwrap_or(0).unsigned_abs(), facts }))
    }

    /// The answer to a HEAD has no body, so nobody says why it was refused. That to a GET does.
    async fn head_failed(&self, error: Failure<HeadObjectError>, key: &str) -> Error {
        if failure::head_hides_reason(&error) {
            let request = self.client.get_object().bucket(&self.config.bucket).key(key);
            if let Err(told) = request.range("bytes=0-0").send().await {
                let (before, now) = (failure::status(&error), failure::status(&told));
                let another = told.code().is_some() && !matches!(now, Some(404 | 416));
                if now == before || another {
                    return failure::of(told, "HEAD", &self.config, key);
                }
            }
        }
        failure::of(error, "HEAD", &self.config, key)
    }

    /// Whether it is a store at all that answers: nobody has ever stored an object under such a key, so an answer as
    /// if there were one is that of something else, a web page for instance.
    pub async fn doubt(&self) -> Result<()> {
        let chance = RandomState::new().hash_one(&self.config.bucket);
        let key = self.key(&format!("seawall-never-stored-{chance:016x}"));
        let request = self.client.get_object().bucket(&self.config.bucket).key(&key);
        if request.range("bytes=0-0").send().await.is_err() {
            return Ok(());
        }
        let message = format!(
            "GET s3://{}/{key} brought something, and nobody ever stored that",
            self.config.bucket
        );
        Err(Error::new(Class::Unreachable, message).hint(failure::NO_STORE))
    }
}
