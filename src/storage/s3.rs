//! An S3 bucket through `aws-sdk-s3`. The SDK is asynchronous; its one-threaded runtime is driven by
//! whichever of our threads waits for an answer (`runtime`).
//!
//! How the files go together: `bucket` is what every request needs, and `client` makes it (with `profiles` and `http`);
//! `put`, `large` with `multipart`, `server_side`, `listing` and `delete_objects` are the requests, over the bytes of `content`; `failure`
//! says what became of one that failed, `answer_limit` keeps answers from taking all memory, and `paced` keeps bodies within the
//! bandwidth limit.

mod answer_limit;
mod bucket;
mod client;
mod content;
mod delete_objects;
mod failure;
mod http;
mod large;
mod listing;
mod multipart;
mod paced;
mod profiles;
mod put;
mod runtime;
mod server_side;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use self::bucket::Bucket;
pub(super) use self::client::whereabouts;
use self::content::ChunkedContent;
pub use self::http::{Post, post};
use self::large::NewS3LargeObject;
use self::runtime::{ObjectReader, Runtime};
use super::bandwidth::delay_max;
use super::{
    ConditionSupport, Created, Listed, Metadata, NewLargeObject, NewObject, ObjectHead,
    PendingUpload, Protection, Storage, StorePlace, WholeObject,
};
use crate::config::{Limits, S3Config};
use crate::error::Result;

pub(super) struct S3Storage {
    bucket: Arc<Bucket>,
    runtime: Arc<Runtime>,
}

impl S3Storage {
    pub(super) fn open(config: &S3Config, limits: Limits, state: Option<&Path>) -> Result<Self> {
        let runtime = Runtime::start()?;
        let bucket = Bucket::open(&runtime, config, limits, state)?;
        Ok(Self { bucket: Arc::new(bucket), runtime: Arc::new(runtime) })
    }

    /// `range`: offset and length.
    fn get(&self, key: &str, range: Option<(u64, u64)>) -> Result<Option<Box<dyn Read + Send>>> {
        let (bucket, key) = (&self.bucket, self.bucket.key(key));
        let request = bucket.client.get_object().bucket(&bucket.config.bucket).key(&key);
        let last = |(offset, length): (u64, u64)| offset.saturating_add(length.saturating_sub(1));
        let bytes = range.map(|range| format!("bytes={}-{}", range.0, last(range)));
        let answer = self.runtime.block_on(request.set_range(bytes).send());
        match answer {
            Ok(object) => {
                let bytes = object.content_length.unwrap_or_default().unsigned_abs();
                let until = Instant::now() + bucket.request_limit(bytes) + delay_max(bytes);
                let (runtime, pause) = (Arc::clone(&self.runtime), bucket.limits.request);
                Ok(Some(Box::new(ObjectReader::new(object.body, runtime, pause, until))))
            }
            // An object that ends before the first byte is there.
            Err(error) if range.is_some() && failure::status(&error) == Some(416) => {
                Ok(Some(Box::new(std::io::empty())))
            }
            Err(error) => failure::absent_or(error, "GET", &bucket.config, &key),
        }
    }
}

impl Storage for S3Storage {
    fn begin(&self, key: &str, _front: usize) -> Result<Box<dyn NewObject + '_>> {
        let (key, content) = (self.bucket.key(key), ChunkedContent::default());
        Ok(Box::new(NewS3Object { storage: self, key, content }))
    }

    fn begin_large(
        &self,
        key: &str,
        front: usize,
        size_max: u64,
        metadata: &Metadata,
    ) -> Result<Box<dyn NewLargeObject + '_>> {
        let key = self.bucket.key(key);
        Ok(Box::new(NewS3LargeObject::new(self, key, front, size_max, metadata)))
    }

    fn head(&self, key: &str) -> Result<Option<ObjectHead>> {
        let stored = self.runtime.block_on(self.bucket.head_object(&self.bucket.key(key)))?;
        Ok(stored.map(|mut stored| {
            stored.metadata.remove(multipart::MARK);
            stored
        }))
    }

    fn open(&self, key: &str, limit: Option<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        self.get(key, limit.map(|limit| (0, limit)))
    }

    fn open_range(
        &self,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>> {
        self.get(key, Some((offset, length)))
    }

    fn list(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.list_objects(prefix, after, visit)
    }

    fn server_side(&self) -> Option<StorePlace> {
        Some(self.store_place())
    }

    fn copy_within(
        &self,
        from: &StorePlace,
        from_key: &str,
        key: &str,
        size: u64,
    ) -> Result<Option<Created>> {
        self.copy_object(from, from_key, key, size)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.runtime.block_on(self.bucket.delete_object(&self.bucket.key(key)))
    }

    fn pending_uploads(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(PendingUpload) -> ControlFlow<()>,
    ) -> Result<bool> {
        self.visit_uploads(prefix, visit)
    }

    fn end_upload(&self, upload: &PendingUpload) -> Result<()> {
        self.runtime.block_on(self.bucket.end_upload(upload))
    }

    fn try_condition(&self, key: &str) -> Result<Option<ConditionSupport>> {
        let key = self.bucket.key(key);
        self.runtime.block_on(self.bucket.try_condition(&key)).map(Some)
    }

    fn doubt(&self) -> Result<()> {
        self.runtime.block_on(self.bucket.doubt())
    }

    fn protection(&self) -> Option<Protection> {
        Some(self.runtime.block_on(self.bucket.protection()))
    }

    /// A bucket shows an object only when it is durable.
    fn settle(&self, _key: &str) -> Result<()> {
        Ok(())
    }

    fn now(&self) -> Option<Timestamp> {
        self.runtime.block_on(self.bucket.now())
    }

    fn reads_are_cheap(&self) -> bool {
        false
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket.config.bucket, self.bucket.config.prefix)
    }

    fn device(&self) -> String {
        let S3Config { bucket, endpoint, .. } = &self.bucket.config;
        format!("bucket {bucket} {}", endpoint.as_deref().unwrap_or_default())
    }
}

/// Collected, then sent in one PUT: only that is conditional and carries one checksum of all its bytes.
struct NewS3Object<'a> {
    storage: &'a S3Storage,
    key: String,
    content: ChunkedContent,
}

impl NewObject for NewS3Object<'_> {
    fn write(&mut self, content: Bytes) -> Result<()> {
        self.content.push(content);
        Ok(())
    }

    fn complete<'a>(mut self: Box<Self>, front: Bytes) -> Result<Box<dyn WholeObject + 'a>>
    where
        Self: 'a,
    {
        self.content.push_front(front);
        Ok(self)
    }
}

impl WholeObject for NewS3Object<'_> {
    fn publish(self: Box<Self>, metadata: &Metadata) -> Result<Created> {
        let created = self.storage.bucket.create_object(&self.key, self.content, metadata);
        self.storage.runtime.block_on(created)
    }
}
