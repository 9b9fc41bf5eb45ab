//! A request that is none of S3, with the client of the store: its proxies, its TLS, its limits.

use ::http::{Request, Uri};
use aws_smithy_types::body::SdkBody;

use super::http::{Http, NotConnected, Proxies, causes, find};
use super::runtime::Runtime;
use crate::config::Limits;
use crate::error::{Class, Error, Result};
use crate::tls::Trust;

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
