//! The proxies that the environment names, read as curl and the AWS tools read it, and which hosts are reached without
//! one. A password in them is shown to nobody but the proxy.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use http::header::HeaderValue;
use http::uri::Scheme;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::super::profiles::variable;
use crate::config::proxy_without_secrets;
use crate::error::{Class, Error, Result};

/// The proxies that the environment names, as curl and the AWS tools read it: a variable in small letters counts
/// more than one in capitals.
#[derive(Clone, Default)]
pub(crate) struct Proxies(Arc<Named>);

#[derive(Default)]
struct Named {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// What is reached without one.
    without: String,
}

/// An HTTP proxy.
pub(crate) struct Proxy {
    /// Without user and password.
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Proxies {
    /// Variables that nobody needs to reach `store` may be wrong.
    pub(crate) fn of_environment(store: &Uri) -> Result<Self> {
        let without = first(["no_proxy", "NO_PROXY"]).map_or(String::new(), |(_, value)| value);
        let mut named = Named { http: None, https: None, without };
        let (needed, https) =
            (!named.reached_without(store), store.scheme() == Some(&Scheme::HTTPS));
        let variables = first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        named.https = read(variables, needed && https)?;
        let variables = first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]);
        named.http = read(variables, needed && !https)?;
        Ok(Self(Arc::new(named)))
    }

    /// The one to go through to reach this.
    pub(crate) fn of(&self, uri: &Uri) -> Option<&Proxy> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        let proxy = if https { &self.0.https } else { &self.0.http };
        proxy.as_ref().filter(|_| !self.0.reached_without(uri))
    }
}

fn first<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name)?)))
}

fn read(named: Option<(&'static str, String)>, needed: bool) -> Result<Option<Proxy>> {
    let Some((name, value)) = named else { return Ok(None) };
    match Proxy::parse(&value) {
        Some(proxy) => Ok(Some(proxy)),
        None if needed => {
            let found = proxy_without_secrets(&value);
            let message =
                format!("expected a proxy like http://HOST:PORT in {name}, found {found:?}");
            Err(Error::new(Class::Configuration, message)
                .hint("HTTP proxies are known, SOCKS is not; NO_PROXY names hosts that are reached without one."))
        }
        None => Ok(None),
    }
}

impl Proxy {
    fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
        let probe = Uri::from_static("http://store/");
        let found: Intercept = Matcher::builder().all(url).build().intercept(&probe)?;
        let uri = found.uri().clone();
        let http = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        let host = uri.host().is_some_and(|host| !host.is_empty());
        (http && host).then(|| Self { uri, authorization: found.basic_auth().cloned() })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether one speaks TLS with the proxy itself.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// User and password, ready for its header.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The same for a request that the proxy itself reads; to others it is none of its business.
    pub(crate) fn authorization_of_request(&self, uri: &Uri) -> Option<HeaderValue> {
        self.authorization.clone().filter(|_| uri.scheme() != Some(&Scheme::HTTPS))
    }
}

/// For messages.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or("http");
        write!(f, "{scheme}://{}", self.uri.authority().map_or("", |it| it.as_str()))
    }
}

impl Named {
    /// This host, the services of a cloud that answer on link-local addresses only, and what the variable names.
    fn reached_without(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let near = match address {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
            // The second are the metadata services of AWS.
            Ok(IpAddr::V6(address)) => {
                address.is_loopback() || address.segments()[..2] == [0xfd00, 0x0ec2]
            }
            Err(_) => {
                let name = host.to_ascii_lowercase();
                name == "localhost" || name.ends_with(".localhost")
            }
        };
        near || self.is_named(uri)
    }

    /// An entry with a port is for that port only.
    fn is_named(&self, uri: &Uri) -> bool {
        if self.without.is_empty() {
            return false;
        }
        let own = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(own);
        let entries = self.without.split([',', ' ']).map(str::trim).filter(|it| !it.is_empty());
        let entries: Vec<&str> = entries.filter_map(|entry| without_port(entry, port)).collect();
        let all = Matcher::builder().all("http://proxy").no(entries.join(",")).build();
        all.intercept(uri).is_none()
    }
}

/// The entry without its port, if that is this one or there is none.
fn without_port(entry: &str, port: u16) -> Option<&str> {
    let (name, number) = match entry.rsplit_once(':') {
        // More colons make an IPv6 address, unless it stands in brackets.
        Some((name, number)) if !name.contains(':') || name.ends_with(']') => (name, number),
        _ => (entry, ""),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    (number.is_empty() || number.parse() == Ok(port)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(entries: &str) -> impl Fn(&str) -> bool {
        let named = Named { without: entries.to_owned(), ..Named::default() };
        move |uri| named.reached_without(&uri.parse().unwrap())
    }

    #[test]
    fn this_host_and_metadata_services_need_none() {
        let reached = without("");
        for near in [
            "http://127.0.0.1:9000/",
            "https://127.8.9.1/",
            "http://localhost:9000/",
            "https://minio.localhost/",
            "http://[::1]:9000/",
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/latest",
        ] {
            assert!(reached(near), "{near}");
        }
        for far in ["http://10.0.0.1/", "https://s3.example.org/", "http://[fd00::1]/"] {
            assert!(!reached(far), "{far}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_networks_and_ports() {
        for (entries, reached, not) in [
            ("store", "http://store:9000/", "http://store.example/"),
            ("example.org", "https://s3.example.org/", "https://myexample.org/"),
            (".example.org", "https://s3.example.org/", "https://example.com/"),
            ("10.0.0.0/8, other", "http://10.1.2.3/", "http://11.1.2.3/"),
            ("store:9000", "http://store:9000/", "http://store:9001/"),
            ("store:443", "https://store/", "http://store/"),
            ("[fd00::1]:9000", "http://[fd00::1]:9000/", "http://[fd00::1]:9001/"),
            ("fd00::1", "http://[fd00::1]:9000/", "http://[fd00::2]/"),
        ] {
            let named = without(entries);
            assert!(named(reached) && !named(not), "{entries}");
        }
        assert!(without("*")("http://anything/") && !without("")("http://anything/"));
    }

    #[test]
    fn a_proxy_is_shown_without_what_opens_it() {
        let proxy = Proxy::parse("http://me:p%40ss@proxy:3128/").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy:3128");
        // `me:p@ss` in base64.
        assert_eq!(proxy.authorization().unwrap(), "Basic bWU6cEBzcw==");
        assert_eq!(Proxy::parse("proxy:3128").unwrap().to_string(), "http://proxy:3128");
        assert!(Proxy::parse("https://proxy").unwrap().authorization().is_none());
        for wrong in ["socks5://proxy:1080", "http://", "ftp://proxy", "http://pro xy", ":3128"] {
            assert!(Proxy::parse(wrong).is_none(), "{wrong}");
        }
    }
}
