//! An S3 bucket through `aws-sdk-s3`. The SDK is asynchronous; its one-threaded runtime is driven by
//! whichever of our threads waits for an answer.

mod client;
mod conditional;
mod content;
mod credentials;
mod environment;
mod failure;
mod put;
mod reader;
mod runtime;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use bytes::Bytes;

use self::conditional::ConditionalPuts;
use self::content::Content;
use self::reader::ObjectReader;
use self::runtime::Runtime;
use super::{Created, Facts, NewObject, Storage, Stored};
use crate::config::{Limits, S3Config};
use crate::error::Result;

/// Under this rate a transfer counts as hanging; it stretches the time limits of large objects.
const SLOWEST_BYTES_A_SECOND: u64 = 256 * 1024;

pub struct S3Storage {
    client: Client,
    runtime: Arc<Runtime>,
    config: S3Config,
    limits: Limits,
    /// Whether the endpoint speaks TLS.
    tls: bool,
    conditional: ConditionalPuts,
}

impl S3Storage {
    pub fn open(config: &S3Config, limits: Limits, state: Option<&Path>) -> Result<Self> {
        let runtime = Runtime::start()?;
        let endpoint = client::endpoint(config);
        let tls = endpoint.as_deref().is_none_or(|url| url.starts_with("https:"));
        let client = runtime.block_on(client::build(config, endpoint.as_deref(), limits))?;
        let place = format!("{}/{}", endpoint.unwrap_or_default(), config.bucket);
        let conditional = ConditionalPuts::new(config.conditional_put, &place, state);
        Ok(Self {
            client,
            runtime: Arc::new(runtime),
            config: config.clone(),
            limits,
            tls,
            conditional,
        })
    }

    fn key(&self, key: &str) -> String {
        if self.config.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.config.prefix)
        }
    }

    /// The longest that one request may take, with a body of `bytes` in it or in its answer.
    fn request_limit(&self, bytes: u64) -> Duration {
        self.limits.request + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND)
    }
}

impl Storage for S3Storage {
    fn begin(&self, key: &str, _front: usize) -> Result<Box<dyn NewObject + '_>> {
        let (key, content) = (self.key(key), Content::default());
        Ok(Box::new(NewS3Object { storage: self, key, content }))
    }

    fn head(&self, key: &str) -> Result<Option<Stored>> {
        self.runtime.block_on(self.head_object(&self.key(key)))
    }

    fn open(&self, key: &str, limit: Option<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        let request = self.client.get_object().bucket(&self.config.bucket).key(self.key(key));
        let range = limit.map(|limit| format!("bytes=0-{}", limit.saturating_sub(1)));
        let answer = self.runtime.block_on(request.set_range(range).send());
        match answer {
            Ok(object) => {
                let bytes = object.content_length.unwrap_or_default().unsigned_abs();
                let until = Instant::now() + self.request_limit(bytes);
                let (runtime, pause) = (Arc::clone(&self.runtime), self.limits.request);
                Ok(Some(Box::new(ObjectReader::new(object.body, runtime, pause, until))))
            }
            // An object without a first byte is there, and empty.
            Err(error) if limit.is_some() && failure::status(&error) == Some(416) => {
                Ok(Some(Box::new(std::io::empty())))
            }
            Err(error) => failure::absent_or(error, "GET", &self.config, &self.key(key)),
        }
    }

    fn list(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<()> {
        let strip = self.key("");
        let mut start = Some(self.key(after)).filter(|_| !after.is_empty());
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.config.bucket);
            let request = request.prefix(self.key(prefix)).set_start_after(start.take());
            let answer = self.runtime.block_on(request.set_continuation_token(token).send());
            let page = answer
                .map_err(|error| failure::of(error, "LIST", &self.config, &self.key(prefix)))?;
            for object in page.contents() {
                let key = object.key().and_then(|key| key.strip_prefix(&strip)).unwrap_or_default();
                // Not every store honours start-after.
                if key > after && visit(key).is_break() {
                    return Ok(());
                }
            }
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// A bucket shows an object only when it is durable.
    fn settle(&self, _key: &str) -> Result<()> {
        Ok(())
    }

    fn reads_are_cheap(&self) -> bool {
        false
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.config.bucket, self.config.prefix)
    }
}

/// Collected, then sent in one PUT: only that is conditional and carries one checksum of all its bytes.
struct NewS3Object<'a> {
    storage: &'a S3Storage,
    key: String,
    content: Content,
}

impl NewObject for NewS3Object<'_> {
    fn write(&mut self, content: Bytes) -> Result<()> {
        self.content.push(content);
        Ok(())
    }

    fn finish(mut self: Box<Self>, front: Bytes, facts: &Facts) -> Result<Created> {
        self.content.push_front(front);
        let created = self.storage.create_object(&self.key, self.content, facts);
        self.storage.runtime.block_on(created)
    }
}
