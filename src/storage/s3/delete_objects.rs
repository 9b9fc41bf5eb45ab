//! Deleting, and what keeps objects from being deleted: locks, versions. `GetBucketVersioning` and
//! `GetObjectLockConfiguration`: not every store has them, and a credential needs rights of its own for them.

use std::fmt::Debug;
use std::time::SystemTime;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockLegalHoldStatus, ObjectLockRule};

use super::bucket::Bucket;
use super::failure::{self, S3Failure};
use crate::error::Result;
use crate::storage::{Protection, Stated};

/// What stores call it, in code or message, when they keep an object that was to be deleted.
const WORDS_OF_LOCKS: [&str; 6] =
    ["object lock", "objectlock", "legal hold", "retention", "worm", "immutab"];

impl Bucket {
    /// One DELETE, of no version in particular.
    pub(super) async fn delete_object(&self, key: &str) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.config.bucket).key(key);
        let Err(error) = request.send().await else { return Ok(()) };
        let (code, message) = (error.code().unwrap_or(""), error.message().unwrap_or(""));
        if code == "NoSuchKey" {
            return Ok(());
        }
        let denied = code == "AccessDenied";
        let speaks_of_lock = speaks_of_lock(code) || speaks_of_lock(message);
        let lock = if denied || speaks_of_lock { self.lock(key).await } else { None };
        let lock = lock.or_else(|| speaks_of_lock.then(|| "the object is locked".to_owned()));
        Err(match lock {
            Some(lock) => failure::locked(error, &lock, &self.config, key),
            None if denied => failure::of(error, "DELETE", &self.config, key)
                .hint("Deleting needs s3:DeleteObject; a host that only archives does without."),
            None => failure::of(error, "DELETE", &self.config, key),
        })
    }

    /// What keeps the object from being deleted, as far as the store shows that.
    async fn lock(&self, key: &str) -> Option<String> {
        let request = self.client.head_object().bucket(&self.config.bucket).key(key);
        let head = request.send().await.ok()?;
        if head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On) {
            return Some("the object is under a legal hold".to_owned());
        }
        let until = head.object_lock_retain_until_date()?;
        let lasts = *until > DateTime::from(SystemTime::now());
        let until = until.fmt(DateTimeFormat::DateTime).ok()?;
        lasts.then(|| format!("the object is retained until {until}"))
    }
}

fn speaks_of_lock(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS_OF_LOCKS.iter().any(|word| text.contains(word))
}

/// What S3 answers for a bucket that was created without it.
const NO_LOCK: &str = "ObjectLockConfigurationNotFoundError";

impl Bucket {
    pub(super) async fn protection(&self) -> Protection {
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

    fn not_said<E>(&self, error: S3Failure<E>, verb: &str) -> Stated
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
fn status_in_answer<E>(error: &S3Failure<E>) -> Option<&str> {
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
    fn the_words_of_each_store_are_known() {
        for text in [
            "Access Denied because object protected by object lock.",
            "ObjectLocked",
            "Object is WORM protected and cannot be overwritten",
            "RetentionPolicyNotMet",
            "This object is immutable as specified by a policy.",
            "File is under legal hold",
        ] {
            assert!(speaks_of_lock(text), "{text}");
        }
        for text in ["Access Denied", "AccessDenied", "SlowDown", ""] {
            assert!(!speaks_of_lock(text), "{text}");
        }
    }

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
