//! A large object, sent in parts while the caller makes the next one. The requests themselves are those of
//! `multipart`; here is what is in memory, what is under way, and when an object is small enough for one PUT.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};

use super::bucket::Bucket;
use super::content::ChunkedContent;
use super::multipart::{Begun, MARK};
use super::runtime::{Driving, Runtime};
use super::{Created, Metadata, NewLargeObject, S3Storage};
use crate::error::{Class, Error, Result};

/// The least length of a part but the last, in bytes. S3 itself takes 5 MiB.
const PART_BYTES: u64 = 8 << 20;

/// Some stores take no more parts (S3 itself takes 10,000).
const PARTS_MAX: u64 = 1000;

/// How many parts of an object may be in memory: one being filled, the others on their way or, the first
/// one, waiting for its front.
const PARTS_IN_MEMORY: usize = 5;

/// Sent in parts of equal size (some stores insist) as they are filled, or in one PUT when it ends within
/// the first one.
pub(super) struct NewS3LargeObject<'a> {
    storage: &'a S3Storage,
    key: String,
    metadata: Metadata,
    /// How many bytes a front takes that is known at the end.
    front: u64,
    part_bytes: u64,
    /// The part being filled, its number, and how many of its bytes are spoken for.
    filling: ChunkedContent,
    number: i32,
    filled: u64,
    /// The first part, when it is full and the front is yet to come.
    first: Option<ChunkedContent>,
    upload: Option<Upload>,
}

impl<'a> NewS3LargeObject<'a> {
    pub(super) fn new(
        storage: &'a S3Storage,
        key: String,
        front: usize,
        size_max: u64,
        metadata: &Metadata,
    ) -> Self {
        let mut metadata = metadata.clone();
        let mark = RandomState::new().hash_one(&key);
        metadata.insert(MARK.to_owned(), format!("{mark:016x}"));
        let front = front as u64;
        Self {
            storage,
            key,
            metadata,
            front,
            part_bytes: part_bytes(size_max),
            filling: ChunkedContent::default(),
            number: 1,
            filled: front,
            first: None,
            upload: None,
        }
    }

    /// Sends the part that is full; more follows it.
    fn next_part(&mut self) -> Result<()> {
        let part = std::mem::take(&mut self.filling);
        if self.number == 1 && self.front > 0 {
            self.first = Some(part);
        } else {
            self.send(self.number, part)?;
        }
        self.number += 1;
        self.filled = 0;
        Ok(())
    }

    fn send(&mut self, number: i32, part: ChunkedContent) -> Result<()> {
        let upload = match self.upload.take() {
            Some(upload) => upload,
            None => self.begin_upload()?,
        };
        self.upload.insert(upload).send(number, part)
    }

    fn begin_upload(&self) -> Result<Upload> {
        let in_flight = PARTS_IN_MEMORY - 1 - usize::from(self.first.is_some());
        let S3Storage { bucket, runtime } = self.storage;
        Upload::begin(bucket, runtime, &self.key, &self.metadata, in_flight)
    }

    /// All of it in one PUT. The answer of an earlier try may have got lost, so what is in the way may be the
    /// object itself. Some stores say so before they have read the next try, and break off then: for the
    /// sender that is a broken connection.
    fn put(self, content: ChunkedContent) -> Result<Created> {
        let S3Storage { bucket, runtime } = self.storage;
        let mark = self.metadata.get(MARK);
        runtime.block_on(async {
            let created = bucket.create_object(&self.key, content, &self.metadata).await;
            let look = match &created {
                Ok(created) => *created == Created::Taken,
                Err(error) => error.class() == Class::Unreachable,
            };
            if !look {
                return created;
            }
            match (bucket.head_object(&self.key).await, created) {
                (Ok(Some(stored)), _) if stored.metadata.get(MARK) == mark => Ok(Created::New),
                (Err(error), Ok(_)) => Err(error),
                (_, created) => created,
            }
        })
    }
}

impl NewLargeObject for NewS3LargeObject<'_> {
    fn write(&mut self, mut content: Bytes) -> Result<()> {
        while !content.is_empty() {
            if self.filled == self.part_bytes {
                self.next_part()?;
            }
            let room = usize::try_from(self.part_bytes - self.filled).unwrap_or(usize::MAX);
            let piece = content.split_to(room.min(content.len()));
            self.filled += piece.len() as u64;
            self.filling.push(piece);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, front: Bytes) -> Result<Created> {
        let mut last = std::mem::take(&mut self.filling);
        if self.number == 1 {
            last.push_front(front);
            return self.put(last);
        }
        self.send(self.number, last)?;
        if let Some(mut first) = self.first.take() {
            first.push_front(front);
            self.send(1, first)?;
        }
        let size = self.part_bytes * u64::from(self.number.unsigned_abs() - 1) + self.filled;
        match self.upload {
            Some(upload) => upload.complete(size, &self.metadata),
            None => unreachable!("its last part was sent"),
        }
    }
}

fn part_bytes(size_max: u64) -> u64 {
    size_max.div_ceil(PARTS_MAX).next_multiple_of(PART_BYTES).max(PART_BYTES)
}

/// A multipart upload under way: parts go out while the caller makes the next one. Dropped before it is
/// completed, it is aborted.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    runtime: Arc<Runtime>,
    begun: Arc<Begun>,
    parts: JoinSet<Result<CompletedPart>>,
    sent: Vec<CompletedPart>,
    /// How many parts may be on their way at once.
    in_flight_max: usize,
    completed: bool,
    _driving: Driving,
}

impl Upload {
    pub(super) fn begin(
        bucket: &Arc<Bucket>,
        runtime: &Arc<Runtime>,
        key: &str,
        metadata: &Metadata,
        in_flight_max: usize,
    ) -> Result<Self> {
        let driving = Driving::start(runtime)?;
        let begun = runtime.block_on(bucket.begin_upload(key, metadata))?;
        Ok(Self {
            bucket: Arc::clone(bucket),
            runtime: Arc::clone(runtime),
            begun: Arc::new(begun),
            parts: JoinSet::new(),
            sent: Vec::new(),
            in_flight_max,
            completed: false,
            _driving: driving,
        })
    }

    /// Sends a part; the first one has number 1. Waits while as many as may be are on their way. An error
    /// may be that of an earlier part.
    pub(super) fn send(&mut self, number: i32, content: ChunkedContent) -> Result<()> {
        loop {
            let answered = if self.parts.len() < self.in_flight_max {
                self.parts.try_join_next()
            } else {
                self.runtime.block_on(self.parts.join_next())
            };
            let Some(answered) = answered else { break };
            self.sent.push(part_of(answered)?);
        }
        let (bucket, begun) = (Arc::clone(&self.bucket), Arc::clone(&self.begun));
        let sending = async move { bucket.send_part(&begun, number, &content).await };
        self.parts.spawn_on(sending, self.runtime.handle());
        Ok(())
    }

    /// Waits for all parts and makes an object of `size` bytes of them.
    pub(super) fn complete(mut self, size: u64, metadata: &Metadata) -> Result<Created> {
        while let Some(answered) = self.runtime.block_on(self.parts.join_next()) {
            self.sent.push(part_of(answered)?);
        }
        let mut parts = std::mem::take(&mut self.sent);
        parts.sort_unstable_by_key(CompletedPart::part_number);
        let completing = self.bucket.complete_upload(&self.begun, parts, size, metadata);
        let created = self.runtime.block_on(completing)?;
        self.completed = created == Created::New;
        Ok(created)
    }
}

/// A part that arrives after the upload was aborted may stay, so those on their way are given up first.
impl Drop for Upload {
    fn drop(&mut self) {
        if !self.completed {
            self.runtime.block_on(async {
                self.parts.shutdown().await;
                self.bucket.abort_upload(&self.begun).await;
            });
        }
    }
}

fn part_of(answered: Result<Result<CompletedPart>, JoinError>) -> Result<CompletedPart> {
    answered.unwrap_or_else(|error| {
        Err(Error::new(Class::Internal, format!("a part was not sent: {error}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_short_as_their_number_allows() {
        const MIB: u64 = 1 << 20;
        for (size_max, mib) in [
            (0, 8),
            (1, 8),
            (8000 * MIB, 8),
            (8000 * MIB + 1, 16),
            (16_000 * MIB, 16),
            (1 << 40, 1056),
            (5 << 40, 5248),
        ] {
            assert_eq!(part_bytes(size_max), mib * MIB, "{size_max}");
            assert!(size_max.div_ceil(mib * MIB) <= PARTS_MAX);
        }
    }
}
