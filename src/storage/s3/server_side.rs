//! The store copies an object by itself, so that no byte of it comes to this host: where both places are in one store and
//! the credentials are the same. A store that can't, or that wants larger objects in parts, is no failure: then the bytes are
//! read and sent.

use aws_sdk_s3::operation::copy_object::{CopyObjectError, CopyObjectOutput};

use super::bucket::Bucket;
use super::client::whereabouts;
use super::failure::{self, S3Failure};
use super::put::{CONFLICT_TRIES, pause_after_conflict};
use super::{ConditionSupport, Created, S3Storage};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::storage::StorePlace;

/// S3 itself copies no more at once.
const BYTES_MAX: u64 = 5 << 30;

const VERB: &str = "CopyObject";

impl S3Storage {
    pub(super) fn store_place(&self) -> StorePlace {
        let config = &self.bucket.config;
        let (bucket, prefix) = (config.bucket.clone(), self.bucket.key(""));
        StorePlace { store: whereabouts(config), bucket, prefix }
    }

    pub(super) fn copy_object(
        &self,
        from: &StorePlace,
        from_key: &str,
        key: &str,
        size: u64,
    ) -> Result<Option<Created>> {
        if size > BYTES_MAX || from.store != whereabouts(&self.bucket.config) {
            return Ok(None);
        }
        let source = encoded(&format!("{}/{}{from_key}", from.bucket, from.prefix));
        let key = self.bucket.key(key);
        self.runtime.block_on(self.bucket.copy_once(&source, &key, size))
    }
}

impl Bucket {
    /// Not every store knows the condition here, so the key is looked at before as well.
    async fn copy_once(&self, source: &str, key: &str, size: u64) -> Result<Option<Created>> {
        if self.head_object(key).await?.is_some() {
            return Ok(Some(Created::Taken));
        }
        let mut only_if_absent = self.conduct().await? == ConditionSupport::Honours;
        let mut tried = 0;
        loop {
            tried += 1;
            failpoint::reach("s3.before-put");
            let answer = self.copy(source, key, size, only_if_absent).await;
            failpoint::reach("s3.after-put");
            let Err(error) = answer else { break };
            match failure::status(&error) {
                Some(412) => return Ok(Some(Created::Taken)),
                Some(409) if tried < CONFLICT_TRIES => pause_after_conflict(tried).await,
                _ if only_if_absent && failure::condition_not_known(&error) => {
                    only_if_absent = false;
                }
                // It does not know this request, or not for such an object.
                Some(400 | 405 | 501) => return Ok(None),
                _ => return Err(failure::of(error, VERB, &self.config, key)),
            }
        }
        match self.head_object(key).await? {
            Some(stored) if stored.size == size => Ok(Some(Created::New)),
            stored => {
                let found = stored.map_or_else(|| "none".to_owned(), |it| it.size.to_string());
                let message = format!(
                    "{VERB} s3://{}/{key} succeeded; expected an object of {size} bytes, found {found}",
                    self.config.bucket
                );
                Err(Error::new(Class::Unreachable, message))
            }
        }
    }

    async fn copy(
        &self,
        source: &str,
        key: &str,
        size: u64,
        only_if_absent: bool,
    ) -> Result<CopyObjectOutput, S3Failure<CopyObjectError>> {
        let rest = self.at_rest();
        let request = self.client.copy_object().bucket(&self.config.bucket).key(key);
        let request = request
            .copy_source(source)
            .set_storage_class(rest.storage_class)
            .set_server_side_encryption(rest.encryption)
            .set_ssekms_key_id(rest.kms_key_id)
            .set_if_none_match(only_if_absent.then(|| "*".to_owned()));
        request.customize().config_override(self.time_for(size)).send().await
    }
}

/// In the header that names the source each byte but letters, digits and a few signs is written as its number.
fn encoded(path: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_written_as_a_header_wants_it() {
        assert_eq!(encoded("b/some prefix+/1.zst"), "b/some%20prefix%2B/1.zst");
    }
}
