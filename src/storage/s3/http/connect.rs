//! How a connection comes about: the name is looked up, TCP, a proxy that connects us (RFC 9110, 9.3.6), TLS. All of it
//! within one limit, and with a failure that says which of these it was.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::not_connected::{NotConnected, deepest, find};
use super::proxy::{Proxies, Proxy};
use crate::error::{Error, Result};
use crate::threads;
use crate::threads::lock;
use crate::tls::Trust;

/// Makes connections for `hyper`.
#[derive(Clone)]
pub(super) struct Connect(Arc<ConnectorState>);

struct ConnectorState {
    tcp: HttpConnector<HostNames>,
    trust: Trust,
    /// Made for the first connection that needs it: reading the system's certificates takes longer than a push.
    tls: Mutex<Option<Arc<ClientConfig>>>,
    proxies: Proxies,
    limit: Duration,
}

impl Connect {
    pub(super) fn new(trust: Trust, proxies: Proxies, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(HostNames);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self(Arc::new(ConnectorState { tcp, trust, tls: Mutex::default(), proxies, limit }))
    }
}

impl Service<Uri> for Connect {
    type Response = TokioIo<StoreStream>;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<StoreStream>, NotConnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let proxy = shared.proxies.of(&uri);
            let through = proxy.map(|proxy| format!(", through the proxy {proxy}"));
            let through = through.unwrap_or_default();
            let connecting = shared.connect(&uri, proxy, &through);
            let connected = tokio::time::timeout(shared.limit, connecting).await;
            connected.unwrap_or(Err(NotConnected::TimedOut { through })).map(TokioIo::new)
        })
    }
}

impl ConnectorState {
    async fn connect(
        &self,
        uri: &Uri,
        proxy: Option<&Proxy>,
        through: &str,
    ) -> Result<StoreStream, NotConnected> {
        let over_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let to = proxy.map_or(uri, Proxy::uri);
        let mut stream = self.tcp(to, through).await?;
        if proxy.is_some() && to.scheme() == Some(&Scheme::HTTPS) {
            stream = self.tls(stream, to, through).await?;
        }
        match proxy {
            Some(proxy) if over_tls => open_tunnel(&mut stream, uri, proxy).await?,
            Some(_) => return Ok(StoreStream { io: stream, forwarded: true }),
            None => {}
        }
        if over_tls {
            stream = self.tls(stream, uri, through).await?;
        }
        Ok(StoreStream { io: stream, forwarded: false })
    }

    async fn tcp(&self, to: &Uri, through: &str) -> Result<Io, NotConnected> {
        let connected = self.tcp.clone().call(to.clone()).await;
        let stream = connected.map_err(|error| match find::<Error>(&error) {
            Some(ours) => NotConnected::NotSetUp { reason: ours.clone() },
            None => {
                NotConnected::Unreached { reason: deepest(&error), through: through.to_owned() }
            }
        })?;
        Ok(Box::new(stream.into_inner()))
    }

    async fn tls(&self, stream: Io, to: &Uri, through: &str) -> Result<Io, NotConnected> {
        let config = self.tls_config().map_err(|reason| NotConnected::NotSetUp { reason })?;
        let host = to.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let unreached = |reason: &dyn std::fmt::Display| NotConnected::Unreached {
            reason: reason.to_string(),
            through: through.to_owned(),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unreached(&error))?;
        let shaken = TlsConnector::from(config).connect(name, stream).await;
        let stream = shaken.map_err(|error| match find::<rustls::Error>(&error) {
            Some(error) => {
                NotConnected::Handshake { error: error.clone(), through: through.to_owned() }
            }
            None => NotConnected::HandshakeBroken {
                reason: error.to_string(),
                through: through.to_owned(),
            },
        })?;
        Ok(Box::new(stream))
    }

    fn tls_config(&self) -> Result<Arc<ClientConfig>> {
        let mut made = lock(&self.tls);
        if let Some(config) = &*made {
            return Ok(Arc::clone(config));
        }
        let mut config = self.trust.configuration("ca_file")?.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::clone(made.insert(Arc::new(config))))
    }
}

/// What bytes go over: TCP, TLS, or TLS in TLS.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) type Io = Box<dyn Duplex>;

/// A connection to a store, or to a proxy that forwards requests to it.
pub(super) struct StoreStream {
    io: Io,
    forwarded: bool,
}

impl Connection for StoreStream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl AsyncRead for StoreStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for StoreStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// The head of a proxy's answer is a few hundred bytes; a page that explains a refusal may follow.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Has a proxy connect to the host of `uri`: what is said from then on is between that and us (RFC 9110, 9.3.6).
async fn open_tunnel(stream: &mut Io, uri: &Uri, proxy: &Proxy) -> Result<(), NotConnected> {
    let broken = |error: std::io::Error| NotConnected::NotProxy {
        proxy: proxy.to_string(),
        reason: error.to_string(),
    };
    let host = uri.host().unwrap_or_default();
    let to = format!("{host}:{}", uri.port_u16().unwrap_or(443));
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(secret) = proxy.authorization() {
        request.extend([b"Proxy-Authorization: ", secret.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head is no longer the proxy's.
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if head.is_empty() => return Err(broken(error)),
            Err(_) => break,
        }
    }
    understood(&head, proxy)
}

fn understood(head: &[u8], proxy: &Proxy) -> Result<(), NotConnected> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse::<u16>().ok());
    match status {
        Some(200..=299) if head.ends_with(b"\r\n\r\n") => Ok(()),
        Some(status) if !(200..=299).contains(&status) => Err(NotConnected::Proxy {
            proxy: proxy.to_string(),
            status,
            answer: line.chars().skip("HTTP/1.1 ".len()).take(80).collect(),
        }),
        _ => {
            let found: String = line.chars().take(40).collect();
            Err(NotConnected::NotProxy { proxy: proxy.to_string(), reason: format!("{found:?}") })
        }
    }
}

/// Looks names up as the C library does, in a thread of its own: there it may take as long as it likes. The usual
/// way to do the same panics where no thread can be had.
#[derive(Debug, Clone, Copy)]
struct HostNames;

impl Service<Name> for HostNames {
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
