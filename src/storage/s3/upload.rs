use std::sync::Arc;

use aws_sdk_s3::types::CompletedPart;
use tokio::task::{JoinError, JoinSet};

use super::bucket::Bucket;
use super::content::Content;
use super::multipart::Begun;
use super::runtime::{Driving, Runtime};
use super::{Created, Facts};
use crate::error::{Class, Error, Result};

/// A multipart upload under way: parts go out while the caller makes the next one. Dropped before it is
/// completed, it is aborted.
pub struct Upload {
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
    pub fn begin(
        bucket: &Arc<Bucket>,
        runtime: &Arc<Runtime>,
        key: &str,
        facts: &Facts,
        in_flight_max: usize,
    ) -> Result<Self> {
        let driving = Driving::start(runtime)?;
        let begun = runtime.block_on(bucket.begin_upload(key, facts))?;
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
    pub fn send(&mut self, number: i32, content: Content) -> Result<()> {
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
    pub fn complete(mut self, size: u64, facts: &Facts) -> Result<Created> {
        while let Some(answered) = self.runtime.block_on(self.parts.join_next()) {
            self.sent.push(part_of(answered)?);
        }
        let mut parts = std::mem::take(&mut self.sent);
        parts.sort_unstable_by_key(CompletedPart::part_number);
        let completing = self.bucket.complete_upload(&self.begun, parts, size, facts);
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
