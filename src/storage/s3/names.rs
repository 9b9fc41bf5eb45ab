//! Names of stores, looked up where threads can be had and where not.

use std::net::{IpAddr, ToSocketAddrs};

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use tokio::sync::oneshot;

use crate::threads;

/// Looks names up as the C library does, in a thread of its own: there it may take as long as it likes. The SDK's
/// way to do the same panics where no thread can be had.
#[derive(Debug, Clone, Copy)]
pub struct Names;

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(look_up(name.to_owned()))
    }
}

async fn look_up(name: String) -> Result<Vec<IpAddr>, ResolveDnsError> {
    let (answer, answered) = oneshot::channel();
    let look = move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        // Nobody may be waiting any more.
        let _ = answer.send(found.map(|all| all.map(|address| address.ip()).collect()));
    };
    threads::start("names", look).map_err(ResolveDnsError::new)?;
    let found = answered.await.map_err(ResolveDnsError::new)?;
    found.map_err(ResolveDnsError::new)
}
