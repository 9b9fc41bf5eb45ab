//! A socket to a server: TCP, TLS or a unix socket, opened in one way for every conversation.
//!
//! The socket bounds each single read, and a byte now and then would still keep us for ever; so what is read is
//! bounded as a whole, too ([`Bound`]).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConnection, StreamOwned};

use crate::config::{Limits, RedisAddress, RedisConfig, RedisTls};
use crate::error::{Class, Error, NAMES, Result, is_of_a_name};
use crate::tls::{Trust, certificates, mend, unusable};

/// A connection to a server, before anything was said on it. No read and no write waits longer than
/// `limits.request`; what an answer takes as a whole is bounded by who waits for it.
pub(super) struct BoundedSocket {
    wire: Wire,
    bound: Bound,
}

enum Wire {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl BoundedSocket {
    pub(super) fn open(config: &RedisConfig, limits: &Limits) -> Result<Self> {
        Ok(Self { wire: Wire::open(config, limits)?, bound: Bound::None })
    }

    /// What is read from now on.
    pub(super) fn bound(&mut self, bound: Bound) {
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
                let session = tls_session(&config.tls, host)?;
                let socket = tcp(host, *port, limits).map_err(|error| failed(&error))?;
                let mut stream = Box::new(StreamOwned::new(session, socket));
                // The handshake now: later its failure would look like one of a command.
                let shaken = stream.conn.complete_io(&mut stream.sock);
                shaken.map_err(|error| tls_failed(&config.address, &error))?;
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

impl Read for BoundedSocket {
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

impl Write for BoundedSocket {
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

/// The answer to a command is some kilobytes.
pub(super) const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What data have to bring in the time that a single read may take. Slower, they hang.
const PACE_BYTES: u64 = 16 << 10;

/// What is bounded of what is read.
#[derive(Debug)]
pub(super) enum Bound {
    None,
    /// The server's answer must end by `until` and within a number of bytes.
    Answer {
        /// `None`: longer than clocks count.
        until: Option<Instant>,
        limit: Duration,
        left: u64,
    },
    /// Data of any length, which have to come at a pace. Only the time counts that was spent waiting for them.
    Data {
        window: Duration,
        waited: Duration,
        bytes: u64,
    },
}

/// Why reading ended; the text of an `io::Error`.
#[derive(Debug)]
pub(super) enum Exceeded {
    Time(Duration),
    Length,
    Pace(Duration),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(limit) => {
                write!(f, "its answer did not end within {}", humantime::format_duration(*limit))
            }
            Self::Length => write!(f, "its answer has more than {} MiB", ANSWER_BYTES_MAX >> 20),
            Self::Pace(window) => write!(
                f,
                "less than {} KiB came in {}",
                PACE_BYTES >> 10,
                humantime::format_duration(*window)
            ),
        }
    }
}

impl std::error::Error for Exceeded {}

impl Exceeded {
    /// What an error of reading is about, if it is one of these.
    pub(super) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl Bound {
    pub(super) fn answer(limit: Duration) -> Self {
        Self::Answer { until: Instant::now().checked_add(limit), limit, left: ANSWER_BYTES_MAX }
    }

    pub(super) fn data(window: Duration) -> Self {
        Self::Data { window, waited: Duration::ZERO, bytes: 0 }
    }

    /// After so many more bytes, which took so long.
    pub(super) fn after(&mut self, read: usize, took: Duration) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Answer { until, limit, left } => {
                *left = left.checked_sub(read as u64).ok_or_else(|| over(Exceeded::Length))?;
                if until.is_some_and(|until| Instant::now() > until) {
                    Err(over(Exceeded::Time(*limit)))
                } else {
                    Ok(())
                }
            }
            Self::Data { window, waited, bytes } => {
                *bytes += read as u64;
                *waited += took;
                if *waited <= *window {
                    return Ok(());
                }
                let enough = *bytes >= PACE_BYTES || read == 0;
                (*waited, *bytes) = (Duration::ZERO, 0);
                if enough { Ok(()) } else { Err(over(Exceeded::Pace(*window))) }
            }
        }
    }
}

fn over(exceeded: Exceeded) -> io::Error {
    io::Error::other(exceeded)
}

/// What messages call a file of ours.
const TLS_FILE: &str = "TLS file";

/// A TLS session with `host`, which has to show a certificate for that name or address.
fn tls_session(files: &RedisTls, host: &str) -> Result<ClientConnection> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(Class::Configuration, format!("could not set up TLS: {error}"))
    };
    let trust = files.ca_file.as_deref().map(|path| Trust::file(TLS_FILE, path));
    let builder = trust.unwrap_or(Ok(Trust::System))?.configuration("redis.ca_file")?;
    let config = match &files.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = (certificates(TLS_FILE, certificate)?, private_key(key)?);
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong(&error))?
        }
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
    ClientConnection::new(Arc::new(config), name).map_err(|error| wrong(&error))
}

/// Neither the content nor the parser's words are repeated: they may hold the key.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = std::fs::read(path).map_err(|error| unusable(TLS_FILE, path, &error))?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| unusable(TLS_FILE, path, &"it has no private key in PEM form"))
}

/// The handshake did not work out.
fn tls_failed(address: &RedisAddress, error: &io::Error) -> Error {
    let source = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let silent = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind());
    let reason = if silent { "no answer in time".to_owned() } else { error.to_string() };
    let hint = match source {
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        )) => {
            "The server asks its clients for a certificate: set redis.cert_file and redis.key_file."
                .to_owned()
        }
        Some(
            error @ (rustls::Error::InvalidCertificate(_)
            | rustls::Error::AlertReceived(_)
            | rustls::Error::PeerIncompatible(_)),
        ) => mend(error, "redis.ca_file", "redis.url"),
        _ => "Does the server speak TLS on that port? If not: redis://.".to_owned(),
    };
    let message = format!("could not start TLS with {address}: {reason}");
    Error::new(Class::Unreachable, message).hint(hint)
}
