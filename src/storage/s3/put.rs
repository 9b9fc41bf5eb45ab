use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::conditional::Conduct;
use super::content::Content;
use super::failure::{self, Failure};
use super::{Created, Facts, S3Storage, Stored};
use crate::config::{Checksum, Sse};
use crate::error::Result;
use crate::failpoint;

/// How often a 409 (two conditional writes at the same instant, one of them undecided) is asked again.
const CONFLICT_TRIES: u32 = 8;

impl S3Storage {
    pub(super) async fn create_object(
        &self,
        key: &str,
        content: Content,
        facts: &Facts,
    ) -> Result<Created> {
        if self.conduct().await? == Conduct::Honours {
            if let Some(created) = self.put_if_absent(key, &content, facts).await? {
                return Ok(created);
            }
            self.conditional.found(Conduct::Refuses);
        }
        self.look_then_put(key, content, facts).await
    }

    /// `None` when the store refuses the condition itself.
    pub(super) async fn put_if_absent(
        &self,
        key: &str,
        content: &Content,
        facts: &Facts,
    ) -> Result<Option<Created>> {
        for tried in 1.. {
            failpoint::reach("s3.before-put");
            let answer = self.put(key, content, facts, true).await;
            failpoint::reach("s3.after-put");
            let Err(error) = answer else { return Ok(Some(Created::New)) };
            match failure::status(&error) {
                Some(412) => return Ok(Some(Created::Taken)),
                Some(409) if tried < CONFLICT_TRIES => {
                    tokio::time::sleep(Duration::from_millis(25 << tried)).await;
                }
                _ if failure::condition_not_known(&error) => return Ok(None),
                _ => return Err(failure::of(error, "PUT", &self.config, key)),
            }
        }
        Ok(None)
    }

    /// For stores without the condition. Looking afterwards as well narrows what looking before leaves
    /// open: of two pushes at the same instant, the one that was overwritten learns of it.
    async fn look_then_put(&self, key: &str, content: Content, facts: &Facts) -> Result<Created> {
        if self.head_object(key).await?.is_some() {
            return Ok(Created::Taken);
        }
        failpoint::reach("s3.before-put");
        let answer = self.put(key, &content, facts, false).await;
        failpoint::reach("s3.after-put");
        answer.map_err(|error| failure::of(error, "PUT", &self.config, key))?;
        let stored = self.head_object(key).await?;
        let ours = stored.is_some_and(|stored| stored.facts.is_empty() || stored.facts == *facts);
        Ok(if ours { Created::New } else { Created::Taken })
    }

    pub(super) async fn head_object(&self, key: &str) -> Result<Option<Stored>> {
        let request = self.client.head_object().bucket(&self.config.bucket).key(key);
        let head = match request.send().await {
            Ok(head) => head,
            Err(error) if failure::head_says_absent(&error) => return Ok(None),
            Err(error) => return Err(failure::of(error, "HEAD", &self.config, key)),
        };
        let facts = head.metadata().into_iter().flatten();
        let facts = facts.map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        Ok(Some(Stored { size: head.content_length().unwrap_or(0).unsigned_abs(), facts }))
    }

    /// One PUT, its checksum in a header. The checksum header is signed, so the body need not be
    /// hashed a second time for the signature.
    async fn put(
        &self,
        key: &str,
        content: &Content,
        facts: &Facts,
        only_if_absent: bool,
    ) -> Result<PutObjectOutput, Failure<PutObjectError>> {
        let limit = self.request_limit(content.length());
        let limits = TimeoutConfig::builder()
            .operation_attempt_timeout(limit)
            .operation_timeout(limit.max(self.limits.total))
            .build();
        let mut request = self.client.put_object().bucket(&self.config.bucket).key(key);
        request = self.with_rest(request).set_if_none_match(only_if_absent.then(|| "*".to_owned()));
        for (name, value) in facts {
            request = request.metadata(name, value);
        }
        let request = self.with_checksum(request, content);
        let request = request.content_length(content.length().cast_signed());
        let request = if self.config.checksum == Checksum::Signature {
            request.body(content.to_body_in_one_piece()).customize()
        } else {
            request.body(content.to_body()).customize().disable_payload_signing()
        };
        request.config_override(aws_sdk_s3::Config::builder().timeout_config(limits)).send().await
    }

    /// Over TLS the transport already keeps others out, and CRC-32C against accidents is all but free;
    /// without TLS the SHA-256 in the signed header is what protects the body.
    fn with_checksum(
        &self,
        request: PutObjectFluentBuilder,
        content: &Content,
    ) -> PutObjectFluentBuilder {
        match (self.config.checksum, self.tls) {
            (Checksum::Crc32c, _) | (Checksum::Auto, true) => {
                request.checksum_crc32_c(BASE64.encode(content.crc32c().to_be_bytes()))
            }
            (Checksum::Sha256, _) | (Checksum::Auto, false) => {
                request.checksum_sha256(BASE64.encode(content.sha256()))
            }
            (Checksum::Signature, _) => request,
        }
    }

    fn with_rest(&self, request: PutObjectFluentBuilder) -> PutObjectFluentBuilder {
        let class = self.config.storage_class.as_deref().map(StorageClass::from);
        let request = request.set_storage_class(class);
        match &self.config.sse {
            Sse::None => request,
            Sse::S3 => request.server_side_encryption(ServerSideEncryption::Aes256),
            Sse::Kms { key_id } => request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .set_ssekms_key_id(key_id.clone()),
        }
    }
}
