//! What time it is in a bucket: each answer says so in its `Date` header.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use jiff::Timestamp;

use super::bucket::Bucket;

impl Bucket {
    /// `None` where the store does not say, or does not answer.
    pub async fn now(&self) -> Option<Timestamp> {
        let date = Date::default();
        let said = Arc::clone(&date.0);
        let request = self.client.list_objects_v2().bucket(&self.config.bucket).max_keys(1);
        let answer = request.prefix(self.key("")).customize().interceptor(date).send().await;
        answer.ok()?;
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).take()?;
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
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
        Ok(())
    }
}
