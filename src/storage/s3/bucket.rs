//! What every request of a store needs, and the small questions that are put to it: is the key taken, what time is it
//! there, is it a store at all that answers? What is known of its conditional PUTs is kept with it; how that is
//! found out is `put`.

use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata as _};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::failure::{self, S3Failure};
use super::runtime::Runtime;
use super::{ConditionSupport, client};
use crate::config::{ConditionalPut, Limits, S3Config};
use crate::error::{Class, Error, Result};
use crate::storage::ObjectHead;
use crate::storage::bandwidth::delay_max;
use crate::threads::lock;

/// Under this rate a transfer counts as hanging; it stretches the time limits of large objects.
const SLOWEST_BYTES_A_SECOND: u64 = 256 * 1024;

/// What every request needs. Keys are the bucket's own here, with the prefix.
pub(super) struct Bucket {
    pub client: Client,
    pub config: S3Config,
    pub limits: Limits,
    /// Whether the endpoint speaks TLS.
    pub tls: bool,
    pub conditional: ConditionalPuts,
}

impl Bucket {
    pub(super) fn open(
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

    pub(super) fn key(&self, key: &str) -> String {
        if self.config.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.config.prefix)
        }
    }

    /// The longest that one request may take, with a body of `bytes` in it or in its answer.
    pub(super) fn request_limit(&self, bytes: u64) -> Duration {
        self.limits.request + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND)
    }

    /// The settings of a request that has the store work on so many bytes.
    pub(super) fn time_for(&self, bytes: u64) -> aws_sdk_s3::config::Builder {
        self.time(bytes, Duration::ZERO)
    }

    /// The settings of a request with a body of so many bytes: one that the bandwidth limit slows down is not dead.
    pub(super) fn time_to_send(&self, bytes: u64) -> aws_sdk_s3::config::Builder {
        self.time(bytes, delay_max(bytes))
    }

    /// Each try may take longer by the delay.
    fn time(&self, bytes: u64, delay: Duration) -> aws_sdk_s3::config::Builder {
        let limit = self.request_limit(bytes);
        let limits = TimeoutConfig::builder()
            .operation_attempt_timeout(limit + delay)
            .operation_timeout(limit.max(self.limits.total) + delay * self.limits.attempts)
            .build();
        aws_sdk_s3::Config::builder().timeout_config(limits)
    }

    pub(super) async fn head_object(&self, key: &str) -> Result<Option<ObjectHead>> {
        let request = self.client.head_object().bucket(&self.config.bucket).key(key);
        let head = match request.send().await {
            Ok(head) => head,
            Err(error) if failure::head_says_absent(&error) => return Ok(None),
            Err(error) => return Err(self.head_failed(error, key).await),
        };
        let metadata = head.metadata().into_iter().flatten();
        let metadata = metadata.map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        Ok(Some(ObjectHead { size: head.content_length().unwrap_or(0).unsigned_abs(), metadata }))
    }

    /// The answer to a HEAD has no body, so nobody says why it was refused. That to a GET does.
    async fn head_failed(&self, error: S3Failure<HeadObjectError>, key: &str) -> Error {
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
    pub(super) async fn doubt(&self) -> Result<()> {
        let chance = RandomState::new().hash_one(&self.config.bucket);
        let key = self.key(&format!("seawall-never-stored-{chance:016x}"));
        let request = self.client.get_object().bucket(&self.config.bucket).key(&key);
        if request.range("bytes=0-0").send().await.is_err() {
            return Ok(());
        }
        let message =
            format!("GET s3://{}/{key} returned an object that nobody stored", self.config.bucket);
        Err(Error::new(Class::Unreachable, message).hint(failure::NO_STORE))
    }
}

/// How long a finding holds: a store may be replaced or upgraded.
const HOLDS_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is known of one store, in memory and in a small file.
pub(super) struct ConditionalPuts {
    pub setting: ConditionalPut,
    file: Option<PathBuf>,
    known: Mutex<Option<ConditionSupport>>,
    pub probe: OnceCell<ConditionSupport>,
}

#[derive(Serialize, Deserialize)]
struct FoundConduct {
    seawall: u32,
    place: String,
    conduct: ConditionSupport,
    /// Seconds since 1970.
    found: u64,
}

impl ConditionalPuts {
    pub(super) fn new(setting: ConditionalPut, place: &str, state: Option<&Path>) -> Self {
        let name = blake3::hash(place.as_bytes()).to_hex();
        let file = state.map(|state| state.join(format!("store-{}.json", &name[..16])));
        Self {
            setting,
            known: Mutex::new(file.as_deref().and_then(remembered)),
            file,
            probe: OnceCell::new(),
        }
    }

    pub(super) fn known(&self) -> Option<ConditionSupport> {
        match self.setting {
            ConditionalPut::Trust => Some(ConditionSupport::Honours),
            ConditionalPut::LookFirst => Some(ConditionSupport::Ignores),
            ConditionalPut::Auto => *lock(&self.known),
        }
    }

    /// Keeps a finding, and says so if it means less than the full guarantee.
    pub(super) fn found(&self, conduct: ConditionSupport) {
        *lock(&self.known) = Some(conduct);
        if conduct != ConditionSupport::Honours {
            warn(conduct);
        }
        if let Some(file) = &self.file {
            remember(file, conduct);
        }
    }
}

fn remembered(file: &Path) -> Option<ConditionSupport> {
    let finding: FoundConduct =
        serde_json::from_slice(&crate::durable::read_small(file).ok()?).ok()?;
    let age = now().checked_sub(finding.found)?;
    (age < HOLDS_FOR.as_secs()).then_some(finding.conduct)
}

/// A finding that can't be kept is found again next time.
fn remember(file: &Path, conduct: ConditionSupport) {
    let finding =
        FoundConduct { seawall: 1, place: file.display().to_string(), conduct, found: now() };
    let Ok(json) = serde_json::to_vec(&finding) else { return };
    if let Err(error) = crate::durable::replace(file, &json) {
        tracing::debug!("could not keep what was found out about the store: {error}");
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

pub(super) fn warn(conduct: ConditionSupport) {
    let verb = if conduct == ConditionSupport::Ignores { "ignores" } else { "refuses" };
    tracing::warn!(
        "the store {verb} If-None-Match on PUT: Seawall looks before it puts, so of two hosts that \
         archive one name at the same instant the later may overwrite the earlier"
    );
}

impl Bucket {
    /// `None` where the store does not say, or does not answer.
    pub(super) async fn now(&self) -> Option<Timestamp> {
        let date = Date::default();
        let said = Arc::clone(&date.0);
        let request = self.client.list_objects_v2().bucket(&self.config.bucket).max_keys(1);
        let answer = request.prefix(self.key("")).customize().interceptor(date).send().await;
        answer.ok()?;
        let said = lock(&said).take()?;
        let time = DateTime::from_str(&said, DateTimeFormat::HttpDate).ok()?;
        // It says whole seconds: now is at most one later.
        Timestamp::from_millisecond(time.secs() * 1000 + 999).ok()
    }
}

/// Remembers the `Date` of an answer.
#[derive(Debug, Default)]
struct Date(Arc<Mutex<Option<String>>>);

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let said = context.response().headers().get("date").map(str::to_owned);
        *lock(&self.0) = said;
        Ok(())
    }
}
