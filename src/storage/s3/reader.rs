use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};

use super::runtime::Runtime;
use crate::error::{Class, Error};

/// The body of an answer as a blocking reader. It waits for the next bytes no longer than `pause_max`,
/// and for all of them until `until`: a byte now and then is no answer.
pub struct ObjectReader {
    body: ByteStream,
    chunk: Bytes,
    runtime: Arc<Runtime>,
    pause_max: Duration,
    until: Instant,
}

impl ObjectReader {
    pub fn new(
        body: ByteStream,
        runtime: Arc<Runtime>,
        pause_max: Duration,
        until: Instant,
    ) -> Self {
        Self { body, chunk: Bytes::new(), runtime, pause_max, until }
    }

    fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let limit = self.until.saturating_duration_since(Instant::now()).min(self.pause_max);
        let body = &mut self.body;
        let next = self.runtime.block_on(async { tokio::time::timeout(limit, body.next()).await });
        let broken = |reason: String| {
            Error::new(Class::Unreachable, format!("the store's answer broke off: {reason}"))
        };
        match next {
            Err(_) if limit < self.pause_max => Err(broken("it did not end in time".to_owned())),
            Err(_) => Err(broken(format!("no bytes for {}", humantime::format_duration(limit)))),
            Ok(Some(Err(error))) => Err(broken(deepest(&error))),
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(None) => Ok(None),
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.next_chunk().map_err(io::Error::other)? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
