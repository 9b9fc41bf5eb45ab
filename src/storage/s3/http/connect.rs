use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::super::names::Names;
use super::not_connected::NotConnected;
use super::proxy::{Proxies, Proxy};
use super::{deepest, find, tunnel};
use crate::error::{Error, Result};
use crate::tls::Trust;

/// Makes connections for `hyper`.
#[derive(Clone)]
pub struct Connect(Arc<Shared>);

struct Shared {
    tcp: HttpConnector<Names>,
    trust: Trust,
    /// Made for the first connection that needs it: reading the system's certificates takes longer than a push.
    tls: Mutex<Option<Arc<ClientConfig>>>,
    proxies: Proxies,
    limit: Duration,
}

impl Connect {
    pub fn new(trust: Trust, proxies: Proxies, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self(Arc::new(Shared { tcp, trust, tls: Mutex::default(), proxies, limit }))
    }
}

impl Service<Uri> for Connect {
    type Response = TokioIo<Stream>;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, NotConnected>> + Send>>;

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

impl Shared {
    async fn connect(
        &self,
        uri: &Uri,
        proxy: Option<&Proxy>,
        through: &str,
    ) -> Result<Stream, NotConnected> {
        let over_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let to = proxy.map_or(uri, Proxy::uri);
        let mut stream = self.tcp(to, through).await?;
        if proxy.is_some() && to.scheme() == Some(&Scheme::HTTPS) {
            stream = self.tls(stream, to, through).await?;
        }
        match proxy {
            Some(proxy) if over_tls => tunnel::open(&mut stream, uri, proxy).await?,
            Some(_) => return Ok(Stream { io: stream, forwarded: true }),
            None => {}
        }
        if over_tls {
            stream = self.tls(stream, uri, through).await?;
        }
        Ok(Stream { io: stream, forwarded: false })
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
        let mut made = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*made {
            return Ok(Arc::clone(config));
        }
        let mut config = self.trust.configuration("ca_file")?.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::clone(made.insert(Arc::new(config))))
    }
}

/// What bytes go over: TCP, TLS, or TLS in TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub type Io = Box<dyn Duplex>;

/// A connection to a store, or to a proxy that forwards requests to it.
pub struct Stream {
    io: Io,
    forwarded: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
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
