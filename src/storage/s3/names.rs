//! Names of stores, looked up where threads can be had and where not.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::oneshot;
use tower_service::Service;

use crate::threads;

/// Looks names up as the C library does, in a thread of its own: there it may take as long as it likes. The usual
/// way to do the same panics where no thread can be had.
#[derive(Debug, Clone, Copy)]
pub struct Names;

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(look_up(name.as_str().to_owned()))
    }
}

async fn look_up(name: String) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let (answer, answered) = oneshot::channel();
    let look = move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        // Nobody may be waiting any more.
        let _ = answer.send(found);
    };
    threads::start("names", look).map_err(io::Error::other)?;
    answered.await.map_err(io::Error::other)?
}
