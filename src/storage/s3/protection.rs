//! `GetBucketVersioning` and `GetObjectLockConfiguration`: not every store has them, and a credential
//! needs rights of its own for them.

use std::fmt::Debug;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockRule};

use super::bucket::Bucket;
use super::failure::{self, Failure};
use crate::storage::{Protection, Stated};

/// What S3 answers for a bucket that was created without it.
const NO_LOCK: &str = "ObjectLockConfigurationNotFoundError";

impl Bucket {
    pub async fn protection(&self) -> Protection {
        Protection { versioning: self.versioning().await, object_lock: self.object_lock().await }
    }

    async fn versioning(&self) -> Stated {
        let request = self.client.get_bucket_versioning().bucket(&self.config.bucket);
        match request.send().await {
            Ok(answer) => match answer.status() {
                Some(BucketVersioningStatus::Enabled) => Stated::On("enabled".to_owned()),
                Some(BucketVersioningStatus::Suspended) => Stated::Off("suspended".to_owned()),
                _ => Stated::Off("off".to_owned()),
            },
            Err(error) => match status_in_answer(&error) {
                Some("Enabled") => Stated::On("enabled".to_owned()),
                Some("Suspended") => Stated::Off("suspended".to_owned()),
                Some(_) => Stated::Off("off".to_owned()),
                None => self.not_said(error, "GetBucketVersioning"),
            },
        }
    }

    async fn object_lock(&self) -> Stated {
        let request = self.client.get_object_lock_configuration().bucket(&self.config.bucket);
        match request.send().await {
            Ok(answer) => match answer.object_lock_configuration() {
                Some(lock) if lock.object_lock_enabled().is_some() => {
                    Stated::On(lock.rule().map_or("on, no rule for new objects".to_owned(), rule))
                }
                _ => Stated::Off("off".to_owned()),
            },
            Err(error) if error.code() == Some(NO_LOCK) => Stated::Off("off".to_owned()),
            Err(error) => self.not_said(error, "GetObjectLockConfiguration"),
        }
    }

    fn not_said<E>(&self, error: Failure<E>, verb: &str) -> Stated
    where
        E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
    {
        let status = failure::status(&error);
        let code = error.code().unwrap_or("no error code").to_owned();
        Stated::Unknown(match status {
            Some(401 | 403) => format!("{verb} is denied"),
            Some(200..=299) => format!("{verb}: an answer that can't be read"),
            Some(status) => format!("{verb}: HTTP status {status}, {code}"),
            None => failure::of(error, verb, &self.config, "").to_string(),
        })
    }
}

/// The status, or an empty one, in an answer that the SDK does not take because its outermost element has
/// another name than S3's (moto does that).
fn status_in_answer<E>(error: &Failure<E>) -> Option<&str> {
    let answer = error.raw_response().filter(|answer| answer.status().is_success())?;
    let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
    let versioning = body.contains("BucketVersioning") || body.contains("VersioningConfiguration");
    let status = body.split_once("<Status>").and_then(|(_, rest)| rest.split_once("</Status>"));
    versioning.then(|| status.map_or("", |(status, _)| status))
}

/// `on, GOVERNANCE for 30 days`
fn rule(rule: &ObjectLockRule) -> String {
    let Some(retention) = rule.default_retention() else { return "on".to_owned() };
    let mode = retention.mode().map_or("", |mode| mode.as_str());
    let time = match (retention.days(), retention.years()) {
        (Some(days), _) => format!("{days} days"),
        (_, Some(years)) => format!("{years} years"),
        _ => "no time".to_owned(),
    };
    format!("on, {mode} for {time}")
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{DefaultRetention, ObjectLockRetentionMode};

    use super::*;

    #[test]
    fn a_rule_is_said_with_its_time() {
        let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance);
        let days = ObjectLockRule::builder().default_retention(retention.clone().days(30).build());
        assert_eq!(rule(&days.build()), "on, COMPLIANCE for 30 days");
        let years = ObjectLockRule::builder().default_retention(retention.years(2).build());
        assert_eq!(rule(&years.build()), "on, COMPLIANCE for 2 years");
        assert_eq!(rule(&ObjectLockRule::builder().build()), "on");
    }
}
