//! Connections that can be ended by order, in order or abruptly.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a peer may stay silent.
const SILENCE: Duration = Duration::from_secs(120);
/// How often to look whether the proxy was stopped meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that gives up reading when the proxy is stopped.
pub struct Socket {
    tcp: TcpStream,
    stopped: Arc<AtomicBool>,
    patience: Duration,
}

impl Socket {
    pub fn new(tcp: TcpStream, stopped: &Arc<AtomicBool>) -> io::Result<Socket> {
        tcp.set_nonblocking(false)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PAUSE))?;
        tcp.set_write_timeout(Some(SILENCE))?;
        Ok(Socket { tcp, stopped: Arc::clone(stopped), patience: SILENCE })
    }

    /// How long reading waits for the first byte.
    pub fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience.unwrap_or(SILENCE);
    }

    /// Whether the peer has closed its side.
    pub fn closed(&self) -> bool {
        let _ = self.tcp.set_nonblocking(true);
        let closed = match self.tcp.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        let _ = self.tcp.set_nonblocking(false);
        closed
    }

    /// The peer gets a reset as soon as this socket is dropped.
    pub fn reset_on_drop(&self) {
        let _ = set_socket_linger(&self.tcp, Some(Duration::ZERO));
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        loop {
            match self.tcp.read(buffer) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                other => return other,
            }
            if self.stopped.load(Ordering::Relaxed) || start.elapsed() >= self.patience {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// The connection to a client.
pub enum Client {
    Plain(Socket),
    Tls(Box<StreamOwned<ServerConnection, Socket>>),
}

impl Client {
    pub fn new(socket: Socket, tls: Option<&Arc<ServerConfig>>) -> io::Result<BufReader<Client>> {
        let client = match tls {
            None => Client::Plain(socket),
            Some(config) => {
                let connection =
                    ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Client::Tls(Box::new(StreamOwned::new(connection, socket)))
            }
        };
        Ok(BufReader::with_capacity(1 << 16, client))
    }

    pub fn socket(&self) -> &Socket {
        match self {
            Client::Plain(socket) => socket,
            Client::Tls(stream) => &stream.sock,
        }
    }

    /// Says goodbye as the protocol has it.
    pub fn close(&mut self) {
        if let Client::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.socket().tcp.shutdown(Shutdown::Write);
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Client::Plain(socket) => socket.read(buffer),
            Client::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Client::Plain(socket) => socket.write(bytes),
            Client::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Client::Plain(socket) => socket.flush(),
            Client::Tls(stream) => stream.flush(),
        }
    }
}
