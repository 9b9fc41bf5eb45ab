use std::time::SystemTime;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::ObjectLockLegalHoldStatus;

use super::bucket::Bucket;
use super::failure;
use crate::error::Result;

/// What stores call it, in code or message, when they keep an object that was to be deleted.
const WORDS_OF_LOCKS: [&str; 6] =
    ["object lock", "objectlock", "legal hold", "retention", "worm", "immutab"];

impl Bucket {
    /// One DELETE, of no version in particular.
    pub async fn delete_object(&self, key: &str) -> Result<()> {
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

#[cfg(test)]
mod tests {
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
}
