//! The HTTP client under the SDK: HTTP/1.1 over TCP or TLS, straight or through a proxy. `hyper` speaks it; here is
//! what the SDK asks of a client, and one request that is none of S3 (`post`), for who sends notices.
//!
//! `connect` makes a connection, `not_connected` says why there is none, `proxy` reads what the environment names.

mod connect;
mod not_connected;
mod proxy;

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
use connect::Connect;
use http::header::PROXY_AUTHORIZATION;
use http::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::paced::paced;
use super::runtime::Runtime;
use crate::config::Limits;
use crate::error::{Class, Error, Result};
use crate::tls::Trust;

pub(super) use not_connected::{NotConnected, causes, deepest, find};
pub(super) use proxy::{Proxies, Proxy};

/// Clones share their connections.
#[derive(Clone)]
pub(super) struct Http {
    client: Client<Connect, SdkBody>,
    proxies: Proxies,
}

impl Http {
    /// `trust`: whom to believe over TLS. `limit`: how long a connection may take to come about.
    pub(super) fn new(trust: Trust, proxies: Proxies, limit: Duration) -> Self {
        let connect = Connect::new(trust, proxies.clone(), limit);
        let mut builder = Client::builder(TokioExecutor::new());
        let client = builder.pool_timer(TokioTimer::new()).build(connect);
        Self { client, proxies }
    }

    /// One request as it is; the body of its answer is not read.
    pub(super) async fn send(
        &self,
        mut request: Request<SdkBody>,
    ) -> Result<StatusCode, ConnectorError> {
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
        // What creates an object, or a part of one.
        if request.method() == Method::PUT {
            request = request.map(paced);
        }
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

/// What is posted.
pub struct Post {
    /// A secret perhaps, which no error repeats.
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Posts it, and succeeds when the answer is 2xx.
pub fn post(post: &Post, limits: &Limits) -> Result<()> {
    let wrong = |what: &str| Error::new(Class::Configuration, format!("the {what} is not right"));
    let uri: Uri = post.url.parse().map_err(|_| wrong("URL"))?;
    let proxies = Proxies::of_environment(&uri)?;
    let mut request = Request::post(uri);
    for (name, value) in &post.headers {
        request = request.header(*name, value.as_str());
    }
    let body = SdkBody::from(post.body.clone());
    let request = request.body(body).map_err(|_| wrong("value of a header"))?;
    let http = Http::new(Trust::System, proxies, limits.connect);
    let runtime = Runtime::start()?;
    let sent =
        runtime.block_on(async { tokio::time::timeout(limits.request, http.send(request)).await });
    let unreachable = |reason: String| Error::new(Class::Unreachable, reason);
    match sent {
        Err(_) => Err(unreachable("no answer within the time limit".to_owned())
            .hint("limits.request_timeout is the wait.")),
        Ok(Err(error)) => {
            let connected = find::<NotConnected>(&error).map(ToString::to_string);
            let deepest = || causes(&error).last().map(ToString::to_string).unwrap_or_default();
            Err(unreachable(connected.unwrap_or_else(deepest)))
        }
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => {
            Err(Error::new(Class::Refused, format!("its answer is HTTP status {status}"))
                .hint("Is the URL of the webhook still right?"))
        }
    }
}
