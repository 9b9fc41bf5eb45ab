//! The SDK is asynchronous, the rest of Seawall is not: here is where the two meet. Requests are driven by whichever
//! thread waits for them, and the body of an answer is read as any other reader is.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Class, Error, Result};
use crate::storage::bandwidth::pace;
use crate::{progress, threads};

/// Drives the requests of one store on the thread that waits for them.
pub(super) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    pub(super) fn start() -> Result<Self> {
        let started = tokio::runtime::Builder::new_current_thread().enable_all().build();
        started.map(|runtime| Self(Some(runtime))).map_err(|error| {
            Error::new(Class::Internal, format!("could not start a runtime: {error}"))
        })
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let answer = self.runtime().block_on(future);
        progress::moved(1);
        answer
    }

    /// For requests that go on while nobody waits for them; see [`Driving`].
    pub(super) fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        match &self.0 {
            Some(runtime) => runtime,
            None => unreachable!("it is taken only when dropped"),
        }
    }
}

/// Without waiting: where keys come from a service with a name, the SDK looks it up in a thread that can't be
/// stopped, and where name servers are silent that takes half a minute longer than any limit of ours.
impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// For as long as this lives, a thread drives the runtime whether or not anybody waits for a request.
pub(super) struct Driving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Driving {
    pub(super) fn start(runtime: &Arc<Runtime>) -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = Arc::clone(runtime);
        let drive = move || {
            let _ = runtime.block_on(stopped);
        };
        let thread = threads::start("s3", drive)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The body of an answer as a blocking reader. It waits for the next bytes no longer than `pause_max`,
/// and for all of them until `until`: a byte now and then is no answer.
pub(super) struct ObjectReader {
    body: ByteStream,
    chunk: Bytes,
    runtime: Arc<Runtime>,
    pause_max: Duration,
    until: Instant,
}

impl ObjectReader {
    pub(super) fn new(
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
            Ok(Some(Ok(chunk))) => {
                // The store waits meanwhile: what it has sent already fills the buffers between it and us.
                pace(chunk.len());
                Ok(Some(chunk))
            }
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
