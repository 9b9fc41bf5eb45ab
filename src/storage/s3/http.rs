//! The HTTP client under the SDK: HTTP/1.1 over TCP or TLS, straight or through a proxy. `hyper` speaks it; here is
//! how a connection comes about, and what we call a failure of it.

mod connect;
mod not_connected;
mod proxy;
mod tunnel;

use std::error::Error as _;
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::header::PROXY_AUTHORIZATION;
use http::{Request, StatusCode};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use connect::Connect;
pub use not_connected::NotConnected;
pub use proxy::{Proxies, Proxy};

use crate::tls::Trust;

/// Clones share their connections.
#[derive(Clone)]
pub struct Http {
    client: Client<Connect, SdkBody>,
    proxies: Proxies,
}

impl Http {
    /// `trust`: whom to believe over TLS. `limit`: how long a connection may take to come about.
    pub fn new(trust: Trust, proxies: Proxies, limit: Duration) -> Self {
        let connect = Connect::new(trust, proxies.clone(), limit);
        let mut builder = Client::builder(TokioExecutor::new());
        let client = builder.pool_timer(TokioTimer::new()).build(connect);
        Self { client, proxies }
    }

    /// One request as it is; the body of its answer is not read.
    pub async fn send(&self, mut request: Request<SdkBody>) -> Result<StatusCode, ConnectorError> {
        self.authorize(&mut request);
        self.client.request(request).await.map(|answer| answer.status()).map_err(failure)
    }

    /// A proxy that is told requests as they are wants its password in each.
    fn authorize(&self, request: &mut Request<SdkBody>) {
        let proxied = self.proxies.of(request.uri());
        let secret = proxied.and_then(|proxy| proxy.authorization_of_request(request.uri()));
        if let Some(secret) = secret {
            request.headers_mut().insert(PROXY_AUTHORIZATION, secret);
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http")
    }
}

impl HttpClient for Http {
    /// The one limit that the settings have is our own.
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        self.authorize(&mut request);
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || poisonable(&captured));
        }
        let sent = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let answer = sent.await.map_err(failure)?;
            let answer = answer.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The SDK gives a connection up after an answer that speaks of trouble.
fn poisonable(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    let connected = captured.connection_metadata().is_some();
    let captured = captured.clone();
    let poison = move || {
        if let Some(connection) = captured.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    connected.then(|| ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// What the SDK calls it: that decides whether there is another try.
fn failure(error: HyperError) -> ConnectorError {
    let Some(source) = error.source() else { return ConnectorError::other(error.into(), None) };
    if let Some(not_connected) = find::<NotConnected>(source) {
        let not_connected = not_connected.clone();
        return match not_connected {
            NotConnected::TimedOut { .. } => ConnectorError::timeout(not_connected.into()),
            NotConnected::NotSetUp { reason } => ConnectorError::other(reason.into(), None),
            _ if not_connected.may_pass() => ConnectorError::io(not_connected.into()),
            _ => ConnectorError::other(not_connected.into(), None),
        };
    }
    let Some(spoken) = find::<hyper::Error>(source) else {
        return ConnectorError::io(error.into());
    };
    if spoken.is_parse() {
        let no_http = NotConnected::NotHttp { reason: deepest(spoken) };
        return ConnectorError::other(no_http.into(), None);
    }
    let broken = find::<std::io::Error>(spoken).is_some();
    match (spoken.is_user(), spoken.is_incomplete_message()) {
        (true, _) if !broken => ConnectorError::user(error.into()),
        (_, true) => ConnectorError::other(error.into(), Some(ErrorKind::TransientError)),
        _ => ConnectorError::io(error.into()),
    }
}

/// The first error of this kind among an error and its causes. An `io::Error` hides the one that it was made of.
pub fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// An error and its causes, the deepest one last.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
        None => error.source(),
    })
}

/// The deepest cause says most: `Connection refused` rather than `dispatch failure`.
pub fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
