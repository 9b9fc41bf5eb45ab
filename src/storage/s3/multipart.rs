//! The requests of a multipart upload. The parts of one belong to an object that nobody sees before it is
//! completed, and cost money until it is completed or aborted: so uploads that somebody began and nobody ended are found
//! too (`ListMultipartUploads`, which not every store has and not every credential may call).

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::time::Instant;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::complete_multipart_upload::{
    CompleteMultipartUploadError, CompleteMultipartUploadOutput,
};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use jiff::Timestamp;

use super::bucket::Bucket;
use super::content::ChunkedContent;
use super::failure::{self, S3Failure};
use super::listing::Pages;
use super::put::{CONFLICT_TRIES, pause_after_conflict};
use super::{ConditionSupport, Created, Metadata, PendingUpload, S3Storage};
use crate::config::Checksum;
use crate::error::{Class, Error, Result};
use crate::failpoint;

/// The fact that tells an object from any other that was ever sent for its key.
pub(super) const MARK: &str = "seawall-upload";

/// An upload that was begun.
pub(super) struct Begun {
    pub key: String,
    pub id: String,
}

impl Bucket {
    pub(super) async fn begin_upload(&self, key: &str, metadata: &Metadata) -> Result<Begun> {
        const VERB: &str = "CreateMultipartUpload";
        let rest = self.at_rest();
        let mut request =
            self.client.create_multipart_upload().bucket(&self.config.bucket).key(key);
        for (name, value) in metadata {
            request = request.metadata(name, value);
        }
        let request = request
            .set_storage_class(rest.storage_class)
            .set_server_side_encryption(rest.encryption)
            .set_ssekms_key_id(rest.kms_key_id)
            .set_checksum_algorithm(self.checksum_algorithm());
        let id = match request.send().await {
            Ok(begun) => begun.upload_id,
            Err(error) => match id_in_answer(&error) {
                Some(id) => Some(id),
                None => return Err(failure::of(error, VERB, &self.config, key)),
            },
        };
        let id = id.ok_or_else(|| {
            let place = &self.config.bucket;
            let message = format!("{VERB} s3://{place}/{key} failed: the answer has no upload ID");
            Error::new(Class::Unreachable, message).hint("Is it an S3 server that answers there?")
        })?;
        Ok(Begun { key: key.to_owned(), id })
    }

    /// One part, its checksum in a header like that of a whole object.
    pub(super) async fn send_part(
        &self,
        upload: &Begun,
        number: i32,
        content: &ChunkedContent,
    ) -> Result<CompletedPart> {
        let sum = self.sum(content);
        let request = self.client.upload_part().bucket(&self.config.bucket).key(&upload.key);
        let request = request
            .upload_id(&upload.id)
            .part_number(number)
            .set_checksum_crc32_c(sum.crc32c)
            .set_checksum_sha256(sum.sha256)
            .content_length(content.length().cast_signed());
        let request = if self.config.checksum == Checksum::Signature {
            request.body(content.to_body_in_one_piece()).customize()
        } else {
            request.body(content.to_body()).customize().disable_payload_signing()
        };
        failpoint::reach("s3.before-put");
        let answer = request.config_override(self.time_to_send(content.length())).send().await;
        failpoint::reach("s3.after-put");
        let verb = format!("PUT part {number} of");
        let part = answer.map_err(|error| failure::of(error, &verb, &self.config, &upload.key))?;
        // A store that knows checksums says so in its answer and wants them back; another one might stumble
        // over them.
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32_c(part.checksum_crc32_c)
            .set_checksum_sha256(part.checksum_sha256)
            .build())
    }

    /// Makes an object of `size` bytes of the parts, if its key is free.
    pub(super) async fn complete_upload(
        &self,
        upload: &Begun,
        parts: Vec<CompletedPart>,
        size: u64,
        metadata: &Metadata,
    ) -> Result<Created> {
        // Even where the condition is honoured: that was found out with a PUT, and says nothing of this.
        if self.head_object(&upload.key).await?.is_some() {
            return Ok(Created::Taken);
        }
        let mut only_if_absent = self.conduct().await? == ConditionSupport::Honours;
        let mut tried = 0;
        loop {
            tried += 1;
            failpoint::reach("s3.before-put");
            let answer = self.complete(upload, parts.clone(), size, only_if_absent).await;
            failpoint::reach("s3.after-put");
            match answer {
                Ok(_) if only_if_absent => return Ok(Created::New),
                Ok(_) => return self.whose(upload, size, metadata, None).await,
                Err(error) if failure::status(&error) == Some(409) && tried < CONFLICT_TRIES => {
                    pause_after_conflict(tried).await;
                }
                Err(error)
                    if only_if_absent
                        && failure::status(&error) != Some(412)
                        && failure::condition_not_known(&error) =>
                {
                    only_if_absent = false;
                }
                Err(error) => return self.whose(upload, size, metadata, Some(error)).await,
            }
        }
    }

    async fn complete(
        &self,
        upload: &Begun,
        parts: Vec<CompletedPart>,
        size: u64,
        only_if_absent: bool,
    ) -> Result<CompleteMultipartUploadOutput, S3Failure<CompleteMultipartUploadError>> {
        let request = self.client.complete_multipart_upload().bucket(&self.config.bucket);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = request
            .key(&upload.key)
            .upload_id(&upload.id)
            .multipart_upload(parts)
            .set_if_none_match(only_if_absent.then(|| "*".to_owned()));
        request.customize().config_override(self.time_for(size)).send().await
    }

    /// Whose the object is that is there now. Also where the store says that it failed: the answer to the
    /// first try may have got lost, and the second one is told that the key is taken, the upload gone or
    /// something else again.
    async fn whose(
        &self,
        upload: &Begun,
        size: u64,
        metadata: &Metadata,
        error: Option<S3Failure<CompleteMultipartUploadError>>,
    ) -> Result<Created> {
        let refused = error.as_ref().and_then(failure::status) == Some(412);
        let failed = error
            .map(|error| failure::of(error, "CompleteMultipartUpload", &self.config, &upload.key));
        match (self.head_object(&upload.key).await, failed) {
            (Ok(Some(stored)), _) => {
                // A store may drop metadata. The key was free a moment ago, so it is most likely ours.
                let nameless = !refused && stored.metadata.is_empty() && stored.size == size;
                let ours = nameless || stored.metadata.get(MARK) == metadata.get(MARK);
                Ok(if ours { Created::New } else { Created::Taken })
            }
            (_, Some(failed)) => Err(failed),
            (looked, None) => looked.map(|_| Created::Taken),
        }
    }

    /// Has the store forget the parts. Best effort, within the limit of one request.
    pub(super) async fn abort_upload(&self, upload: &Begun) {
        let limits = TimeoutConfig::builder()
            .operation_attempt_timeout(self.limits.request)
            .operation_timeout(self.limits.request)
            .build();
        let request = self.client.abort_multipart_upload().bucket(&self.config.bucket);
        let request = request.key(&upload.key).upload_id(&upload.id).customize();
        let settings = aws_sdk_s3::Config::builder().timeout_config(limits);
        let Err(error) = request.config_override(settings).send().await else { return };
        if error.code() != Some("NoSuchUpload") {
            let error = failure::of(error, "AbortMultipartUpload", &self.config, &upload.key);
            tracing::warn!("an unfinished upload stays in the bucket: {error}");
        }
    }
}

/// The upload in an answer that the SDK does not take, because its outermost element is called
/// `InitiateMultipartUpload` and not `InitiateMultipartUploadResult` (`rclone serve s3` does that). Other
/// libraries don't look at that name.
fn id_in_answer<E>(error: &S3Failure<E>) -> Option<String> {
    let answer = error.raw_response().filter(|answer| answer.status().is_success())?;
    let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
    let (_, rest) = body.split_once("<UploadId>")?;
    let (id, _) = rest.split_once("</UploadId>")?;
    (!id.is_empty() && !id.contains('&')).then(|| id.to_owned())
}

const VERB: &str = "ListMultipartUploads";

const HINT: &str = "To abort unfinished uploads, Seawall needs s3:ListBucketMultipartUploads and \
                    s3:AbortMultipartUpload; or use a lifecycle rule of the bucket.";

impl S3Storage {
    pub(super) fn visit_uploads(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(PendingUpload) -> ControlFlow<()>,
    ) -> Result<bool> {
        let (bucket, strip, prefix) = (&self.bucket, self.bucket.key(""), self.bucket.key(prefix));
        let mut pages = Pages::new(bucket.limits.total);
        loop {
            let (key_marker, id_marker) = pages.next().unzip();
            let request = bucket.client.list_multipart_uploads().bucket(&bucket.config.bucket);
            let request = request.prefix(&prefix).set_key_marker(key_marker);
            let request = request.set_upload_id_marker(id_marker.flatten());
            let asked = Instant::now();
            let page = match self.runtime.block_on(request.send()) {
                Ok(page) => page,
                Err(error) if does_not_know_it(&error) => return Ok(false),
                Err(error) => return Err(bucket.of_upload(error, VERB, &prefix)),
            };
            let truncated = page.is_truncated().unwrap_or(false);
            let (key, id) = (page.next_key_marker(), page.next_upload_id_marker());
            let next = key.map(|key| (key.to_owned(), id.map(str::to_owned)));
            let more = pages
                .turn(page.uploads().len(), asked.elapsed(), truncated, next)
                .map_err(|doubt| doubt.about(VERB, &bucket.config, &prefix))?;
            for upload in page.uploads() {
                let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
                // Not every store honours the prefix.
                let ours = key.starts_with(&prefix);
                let Some(key) = key.strip_prefix(&strip).filter(|_| ours) else { continue };
                let begun = upload.initiated().and_then(timestamp);
                let upload = PendingUpload { key: key.to_owned(), id: id.to_owned(), begun };
                if visit(upload).is_break() {
                    return Ok(true);
                }
            }
            if !more {
                return Ok(true);
            }
        }
    }
}

impl Bucket {
    /// That the store does not know the upload is as good as its end.
    pub(super) async fn end_upload(&self, upload: &PendingUpload) -> Result<()> {
        let key = self.key(&upload.key);
        let request = self.client.abort_multipart_upload().bucket(&self.config.bucket);
        match request.key(&key).upload_id(&upload.id).send().await {
            Err(error) if error.code() != Some("NoSuchUpload") => {
                Err(self.of_upload(error, "AbortMultipartUpload", &key))
            }
            _ => Ok(()),
        }
    }

    fn of_upload<E>(&self, error: S3Failure<E>, verb: &str, key: &str) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
    {
        let error = failure::of(error, verb, &self.config, key);
        if error.class() == Class::Refused { error.hint(HINT) } else { error }
    }
}

/// An answer that is neither a refusal nor one to ask again after: the request was taken for another one,
/// or for nothing at all.
fn does_not_know_it<E: std::error::Error + 'static>(error: &S3Failure<E>) -> bool {
    let again = matches!(
        failure::status(error),
        None | Some(401 | 403 | 408 | 429 | 500 | 502 | 503 | 504 | 520..)
    );
    !again && !failure::too_long(error)
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), time.subsec_nanos().cast_signed()).ok()
}
