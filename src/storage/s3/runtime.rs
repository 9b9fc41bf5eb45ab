use crate::error::{Class, Error, Result};

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
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("it is taken only when dropped"),
        }
    }
}

/// Without waiting: the C library looks names up in a thread that can't be stopped, and where name
/// servers are silent that takes half a minute longer than any limit of ours.
impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
