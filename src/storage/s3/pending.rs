//! Multipart uploads that somebody began and nobody ended. They are listed by `ListMultipartUploads`, which
//! not every store has and not every credential may call.

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::time::Instant;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::DateTime;
use jiff::Timestamp;

use super::bucket::Bucket;
use super::failure::{self, Failure};
use super::paging::Pages;
use super::{PendingUpload, S3Storage};
use crate::error::{Class, Error, Result};

const VERB: &str = "ListMultipartUploads";

const HINT: &str = "To end uploads that were cut short it takes s3:ListBucketMultipartUploads and \
                    s3:AbortMultipartUpload, or a rule of the bucket that does it.";

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
    pub async fn end_upload(&self, upload: &PendingUpload) -> Result<()> {
        let key = self.key(&upload.key);
        let request = self.client.abort_multipart_upload().bucket(&self.config.bucket);
        match request.key(&key).upload_id(&upload.id).send().await {
            Err(error) if error.code() != Some("NoSuchUpload") => {
                Err(self.of_upload(error, "AbortMultipartUpload", &key))
            }
            _ => Ok(()),
        }
    }

    fn of_upload<E>(&self, error: Failure<E>, verb: &str, key: &str) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
    {
        let error = failure::of(error, verb, &self.config, key);
        if error.class() == Class::Refused { error.hint(HINT) } else { error }
    }
}

/// An answer that is neither a refusal nor one to ask again after: the request was taken for another one,
/// or for nothing at all.
fn does_not_know_it<E: std::error::Error + 'static>(error: &Failure<E>) -> bool {
    let again = matches!(
        failure::status(error),
        None | Some(401 | 403 | 408 | 429 | 500 | 502 | 503 | 504 | 520..)
    );
    !again && !failure::too_long(error)
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), time.subsec_nanos().cast_signed()).ok()
}
