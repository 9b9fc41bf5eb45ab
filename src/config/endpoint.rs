//! The URL of an S3 server in the one form that the rest compares and builds on.
//!
//! Notes and findings are bound to it, so two ways to write one place must not look like two places.

use super::secrets::without_secrets;
use crate::error::{Class, Error, Result};

/// Where the URL of an S3 server may come from when no repository says it; the first one that is there counts.
pub const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

/// The URL of an S3 server in the one form that the rest compares and builds on: scheme and host in lower case, a
/// path with one slash at its end.
pub fn endpoint(text: &str, origin: &str) -> Result<String> {
    let parts = UrlParts::of(text).map_err(|expected| {
        let found = without_secrets(text);
        wrong(&format!("expected {expected} for {origin}, found {found:?}"), text, origin)
    })?;
    let UrlParts { scheme, host, port, path } = parts;
    let path = path.trim_end_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    Ok(format!("{scheme}://{}{port}{path}{slash}", host.to_ascii_lowercase()))
}

/// The scheme is what is left out most often: nobody can tell which of the two it is, so it is asked for.
fn wrong(message: &str, text: &str, origin: &str) -> Error {
    let rest = text.trim().rsplit_once("://").map_or(text.trim(), |(_, rest)| rest);
    let rest = rest.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
    let meant = format!("https://{rest}");
    let error = Error::new(Class::Configuration, message);
    match UrlParts::of(&meant) {
        Ok(_) if text != meant => {
            // Each is written in its own way: the one in a shell, the other in the file.
            let line = match ENDPOINT_VARIABLES.contains(&origin) {
                true => format!("{origin}={meant}"),
                false => format!("{origin} = {meant:?}"),
            };
            error.hint(format!("Write {line}, or http:// where the store does not speak TLS."))
        }
        _ => error.hint("It looks like https://HOST:PORT, perhaps with a path."),
    }
}

struct UrlParts<'a> {
    scheme: &'static str,
    host: &'a str,
    /// With its colon; empty where it is the scheme's own.
    port: &'a str,
    /// With its slash, or empty.
    path: &'a str,
}

impl<'a> UrlParts<'a> {
    /// The error is what was expected.
    fn of(text: &'a str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let (scheme, own_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" => ("https", ":443"),
            "http" => ("http", ":80"),
            _ => return Err("a URL that begins with https:// or http://"),
        };
        if rest.contains(['?', '#']) {
            return Err("a URL without a query");
        }
        if rest.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err("a URL without spaces and letters outside ASCII");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // Behind the bracket of an IPv6 address, or behind the name.
        let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let (host, port) = authority.split_at(port_at.unwrap_or(authority.len()));
        if !is_host(host) {
            return Err("a URL with the name or address of a host");
        }
        let number = port.strip_prefix(':').map(str::parse::<u16>);
        if matches!(number, Some(Err(_) | Ok(0))) {
            return Err("a port from 1 to 65535");
        }
        Ok(Self { scheme, host, port: if port == own_port { "" } else { port }, path })
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_form_however_it_is_written() {
        for (text, form) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
            ("HTTPS://S3.Example.COM:443//", "https://s3.example.com"),
            ("http://store:80", "http://store"),
            ("http://store:443", "http://store:443"),
            ("https://x.co/storage/v1/s3", "https://x.co/storage/v1/s3/"),
            ("https://x.co/Storage/v1/s3//", "https://x.co/Storage/v1/s3/"),
            ("http://[::1]:21230/p", "http://[::1]:21230/p/"),
            ("http://my_store", "http://my_store"),
        ] {
            assert_eq!(endpoint(text, "endpoint").unwrap(), form, "{text}");
        }
    }

    #[test]
    fn what_can_be_none_is_said_with_what_was_meant() {
        let https = "a URL that begins with https:// or http://";
        let meant = |url: &str| {
            format!("Write endpoint = \"{url}\", or http:// where the store does not speak TLS.")
        };
        let looks = "It looks like https://HOST:PORT, perhaps with a path.".to_owned();
        for (text, expected, hint) in [
            ("minio:9000", https, meant("https://minio:9000")),
            ("minio", https, meant("https://minio")),
            ("//minio/x", https, meant("https://minio/x")),
            ("htps://minio", https, meant("https://minio")),
            ("s3://bucket", https, meant("https://bucket")),
            ("[::1]:9000", https, meant("https://[::1]:9000")),
            ("http://minio?x=1", "a URL without a query", meant("https://minio")),
            ("http://mi nio", "a URL without spaces and letters outside ASCII", looks.clone()),
            ("http://", "a URL with the name or address of a host", looks.clone()),
            ("http://:9000", "a URL with the name or address of a host", looks.clone()),
            ("http://[::1", "a URL with the name or address of a host", looks.clone()),
            ("http://minio:0", "a port from 1 to 65535", looks.clone()),
            ("http://minio:99999", "a port from 1 to 65535", looks.clone()),
            ("http://minio:", "a port from 1 to 65535", looks),
        ] {
            let error = endpoint(text, "endpoint").unwrap_err().to_string();
            let said = format!("expected {expected} for endpoint, found {text:?}. HINT: {hint}");
            assert_eq!(error, said);
        }
        let of_variable = endpoint("minio:9000", ENDPOINT_VARIABLES[1]).unwrap_err().to_string();
        assert_eq!(
            of_variable,
            format!(
                "expected {https} for AWS_ENDPOINT_URL, found \"minio:9000\". HINT: Write AWS_ENDPOINT_URL=https://minio:9000, or \
                 http:// where the store does not speak TLS."
            )
        );
    }
}
