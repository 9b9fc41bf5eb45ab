//! An address that never takes a connection, as behind a firewall that drops packets.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::listen;

/// A listener whose queue is full: the kernel drops further attempts, and the client keeps trying.
pub struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    pub fn open() -> BlackHole {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listen(&listener, 0).expect("a listener's queue can be made shorter");
        let address = listener.local_addr().expect("bound");
        let mut queue = Vec::new();
        loop {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => queue.push(stream),
                Err(error) if error.kind() == ErrorKind::TimedOut => break,
                Err(error) => panic!("cannot fill the queue of {address}: {error}"),
            }
        }
        BlackHole { address, _listener: listener, _queue: queue }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}
