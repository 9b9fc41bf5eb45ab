//! Creating an object in one PUT, on stores that honour `If-None-Match: *` and on others. Some refuse the condition,
//! and some accept it and overwrite all the same (Garage 2.5 and `rclone serve s3` do): that is found out before it is
//! relied on.

use std::time::Duration;

use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};

use bytes::Bytes;

use super::bucket::{Bucket, warn};
use super::content::ChunkedContent;
use super::failure::{self, S3Failure};
use super::{ConditionSupport, Created, Metadata};
use crate::config::{Checksum, ConditionalPut};
use crate::error::Result;
use crate::failpoint;

/// How often a 409 (two conditional writes at the same instant, one of them undecided) is asked again.
pub(super) const CONFLICT_TRIES: u32 = 8;

/// An object that says nothing and is only ever written with this content.
const PROBE_KEY: &str = "seawall-conditional-put-probe";
const PROBE: &[u8] = b"Written twice to find out whether this store honours If-None-Match.\n";

impl Bucket {
    pub(super) async fn create_object(
        &self,
        key: &str,
        content: ChunkedContent,
        metadata: &Metadata,
    ) -> Result<Created> {
        let mut conduct = self.conduct().await?;
        for _ in 0..2 {
            if conduct != ConditionSupport::Honours {
                break;
            }
            if let Some(created) = self.put_if_absent(key, &content, metadata).await? {
                return Ok(created);
            }
            conduct = self.find_out_anew().await?;
        }
        self.look_then_put(key, content, metadata).await
    }

    /// `None` when the store refuses the condition itself.
    pub(super) async fn put_if_absent(
        &self,
        key: &str,
        content: &ChunkedContent,
        metadata: &Metadata,
    ) -> Result<Option<Created>> {
        for tried in 1.. {
            failpoint::reach("s3.before-put");
            let answer = self.put(key, content, metadata, true).await;
            failpoint::reach("s3.after-put");
            let Err(error) = answer else { return Ok(Some(Created::New)) };
            match failure::status(&error) {
                Some(412) => return Ok(Some(Created::Taken)),
                Some(409) if tried < CONFLICT_TRIES => pause_after_conflict(tried).await,
                _ if failure::condition_not_known(&error) => return Ok(None),
                _ if failure::hung_up(&error) && self.is_there(key).await => {
                    return Ok(Some(Created::Taken));
                }
                _ => return Err(failure::of(error, "PUT", &self.config, key)),
            }
        }
        Ok(None)
    }

    /// As far as the store says so now.
    async fn is_there(&self, key: &str) -> bool {
        matches!(self.head_object(key).await, Ok(Some(_)))
    }

    /// For stores without the condition. Looking afterwards as well narrows what looking before leaves
    /// open: of two pushes at the same instant, the one that was overwritten learns of it.
    async fn look_then_put(
        &self,
        key: &str,
        content: ChunkedContent,
        metadata: &Metadata,
    ) -> Result<Created> {
        if self.head_object(key).await?.is_some() {
            return Ok(Created::Taken);
        }
        failpoint::reach("s3.before-put");
        let answer = self.put(key, &content, metadata, false).await;
        failpoint::reach("s3.after-put");
        answer.map_err(|error| failure::of(error, "PUT", &self.config, key))?;
        let stored = self.head_object(key).await?;
        let ours =
            stored.is_some_and(|stored| stored.metadata.is_empty() || stored.metadata == *metadata);
        Ok(if ours { Created::New } else { Created::Taken })
    }

    /// Whatever is there.
    pub(super) async fn put_anyway(&self, key: &str, content: &ChunkedContent) -> Result<()> {
        let answer = self.put(key, content, &Metadata::new(), false).await;
        answer.map(|_| ()).map_err(|error| failure::of(error, "PUT", &self.config, key))
    }

    /// One PUT, its checksum in a header. The checksum header is signed, so the body need not be
    /// hashed a second time for the signature.
    async fn put(
        &self,
        key: &str,
        content: &ChunkedContent,
        metadata: &Metadata,
        only_if_absent: bool,
    ) -> Result<PutObjectOutput, S3Failure<PutObjectError>> {
        let (sum, rest) = (self.sum(content), self.at_rest());
        let mut request = self.client.put_object().bucket(&self.config.bucket).key(key);
        for (name, value) in metadata {
            request = request.metadata(name, value);
        }
        let request = request
            .set_storage_class(rest.storage_class)
            .set_server_side_encryption(rest.encryption)
            .set_ssekms_key_id(rest.kms_key_id)
            .set_if_none_match(only_if_absent.then(|| "*".to_owned()))
            .set_checksum_crc32_c(sum.crc32c)
            .set_checksum_sha256(sum.sha256)
            .content_length(content.length().cast_signed());
        let request = if self.config.checksum == Checksum::Signature {
            request.body(content.to_body_in_one_piece()).customize()
        } else {
            request.body(content.to_body()).customize().disable_payload_signing()
        };
        request.config_override(self.time_to_send(content.length())).send().await
    }
}

impl Bucket {
    pub(super) async fn conduct(&self) -> Result<ConditionSupport> {
        if let Some(conduct) = self.conditional.known() {
            return Ok(conduct);
        }
        let probe = || async {
            let conduct = self.probe().await?;
            self.conditional.found(conduct);
            Ok(conduct)
        };
        self.conditional.probe.get_or_try_init(probe).await.copied()
    }

    /// After a refusal that what was known does not account for: only if the store sticks to it, it has changed.
    pub(super) async fn find_out_anew(&self) -> Result<ConditionSupport> {
        if self.conditional.setting != ConditionalPut::Auto {
            warn(ConditionSupport::Refuses);
            return Ok(ConditionSupport::Refuses);
        }
        let conduct = self.probe().await?;
        self.conditional.found(conduct);
        Ok(conduct)
    }

    async fn probe(&self) -> Result<ConditionSupport> {
        self.try_condition(&self.key(PROBE_KEY)).await
    }

    /// Writes the probe under the condition. Taken: the store honours it. Written: it was not there, or
    /// the store does not care; the second time tells. Refused: a store that takes the same without the condition, and
    /// refuses it again with it, refuses the condition; somebody on the way who has a bad minute does not.
    pub(super) async fn try_condition(&self, key: &str) -> Result<ConditionSupport> {
        let (content, metadata) =
            (ChunkedContent::from(Bytes::from_static(PROBE)), Metadata::new());
        for written in [false, true] {
            match self.put_if_absent(key, &content, &metadata).await? {
                Some(Created::Taken) => return Ok(ConditionSupport::Honours),
                Some(Created::New) if written => return Ok(ConditionSupport::Ignores),
                Some(Created::New) => {}
                None => break,
            }
        }
        self.put_anyway(key, &content).await?;
        Ok(match self.put_if_absent(key, &content, &metadata).await? {
            Some(Created::Taken) => ConditionSupport::Honours,
            Some(Created::New) => ConditionSupport::Ignores,
            None => ConditionSupport::Refuses,
        })
    }
}

pub(super) async fn pause_after_conflict(tried: u32) {
    tokio::time::sleep(Duration::from_millis(25 << tried)).await;
}
