use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::bound::Bound;
use super::tls;
use crate::config::{Limits, RedisAddress, RedisConfig};
use crate::error::{Class, Error, NAMES, Result, is_of_a_name};

/// A connection to a server, before anything was said on it. No read and no write waits longer than
/// `limits.request`; what an answer takes as a whole is bounded by who waits for it.
pub struct Link {
    wire: Wire,
    bound: Bound,
}

enum Wire {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Link {
    pub fn open(config: &RedisConfig, limits: &Limits) -> Result<Self> {
        Ok(Self { wire: Wire::open(config, limits)?, bound: Bound::None })
    }

    /// What is read from now on.
    pub fn bound(&mut self, bound: Bound) {
        self.bound = bound;
    }
}

impl Wire {
    fn open(config: &RedisConfig, limits: &Limits) -> Result<Self> {
        let failed = |error: &io::Error| not_connected(&config.address, error);
        match &config.address {
            RedisAddress::Unix(path) => {
                let socket = UnixStream::connect(path).map_err(|error| failed(&error))?;
                bound_unix(&socket, limits.request).map_err(|error| failed(&error))?;
                Ok(Self::Unix(socket))
            }
            RedisAddress::Tcp { host, port, tls: false } => {
                let socket = tcp(host, *port, limits).map_err(|error| failed(&error))?;
                Ok(Self::Tcp(socket))
            }
            RedisAddress::Tcp { host, port, tls: true } => {
                let session = tls::session(&config.tls, host)?;
                let socket = tcp(host, *port, limits).map_err(|error| failed(&error))?;
                let mut stream = Box::new(StreamOwned::new(session, socket));
                // The handshake now: later its failure would look like one of a command.
                let shaken = stream.conn.complete_io(&mut stream.sock);
                shaken.map_err(|error| tls::failed(&config.address, &error))?;
                Ok(Self::Tls(stream))
            }
        }
    }
}

/// The first of the host's addresses that answers.
fn tcp(host: &str, port: u16, limits: &Limits) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limits.connect) {
            Ok(socket) => {
                socket.set_read_timeout(Some(limits.request))?;
                socket.set_write_timeout(Some(limits.request))?;
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bound_unix(socket: &UnixStream, patience: Duration) -> io::Result<()> {
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))
}

fn not_connected(address: &RedisAddress, error: &io::Error) -> Error {
    let class = match error.kind() {
        io::ErrorKind::PermissionDenied => Class::Refused,
        _ => Class::Unreachable,
    };
    let reason = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
        _ => error.to_string(),
    };
    let hint = if is_of_a_name(&reason) {
        NAMES
    } else {
        "Is the server running, and is redis.url right? redis://HOST:PORT, rediss:// for TLS, unix:///PATH."
    };
    Error::new(class, format!("could not connect to {address}: {reason}")).hint(hint)
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let begun = Instant::now();
        let read = match &mut self.wire {
            Wire::Tcp(socket) => socket.read(buffer),
            Wire::Tls(stream) => stream.read(buffer),
            Wire::Unix(socket) => socket.read(buffer),
        }?;
        self.bound.after(read, begun.elapsed())?;
        Ok(read)
    }
}

impl Write for Link {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.wire {
            Wire::Tcp(socket) => socket.write(buffer),
            Wire::Tls(stream) => stream.write(buffer),
            Wire::Unix(socket) => socket.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.wire {
            Wire::Tcp(socket) => socket.flush(),
            Wire::Tls(stream) => stream.flush(),
            Wire::Unix(socket) => socket.flush(),
        }
    }
}
