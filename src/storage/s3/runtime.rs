use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Class, Error, Result};
use crate::progress;
use crate::threads;

/// Drives the requests of one store on the thread that waits for them.
pub struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    pub fn start() -> Result<Self> {
        let started = tokio::runtime::Builder::new_current_thread().enable_all().build();
        started.map(|runtime| Self(Some(runtime))).map_err(|error| {
            Error::new(Class::Internal, format!("could not start a runtime: {error}"))
        })
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let answer = self.runtime().block_on(future);
        progress::moved(1);
        answer
    }

    /// For requests that go on while nobody waits for them; see [`Driving`].
    pub fn handle(&self) -> &Handle {
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
pub struct Driving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Driving {
    pub fn start(runtime: &Arc<Runtime>) -> Result<Self> {
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
