//! A text from the configuration as it may be shown.
//!
//! Keys and passwords end up in places where they do not belong, and messages about that end up in logs: what
//! might be one is left out.

use std::borrow::Cow;

/// A text from the configuration as it may be shown. Keys and passwords end up in places where they do
/// not belong, and messages about that end up in logs.
pub(super) fn without_secrets(text: &str) -> Cow<'_, str> {
    if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") {
        return "(a private key, not shown)".into();
    }
    if names_password(text) || names_password(&decoded(text)) {
        return "(a connection string with a password, not shown)".into();
    }
    if let Some(host) = host_behind_credentials(text) {
        return format!("(not shown)@{host}").into();
    }
    match credentials_of_url(text) {
        Some((scheme, rest)) => format!("{scheme}://(not shown)@{rest}").into(),
        None => text.into(),
    }
}

/// `password=`, with any white space that libpq passes over.
fn names_password(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\u{b}').collect();
    let text = text.to_ascii_lowercase();
    ["password=", "password:", "passwd=", "secret="].iter().any(|it| text.contains(it))
}

/// With `%41` for `A`, as libpq takes the parameters of a URL. Once more, for who encoded it twice.
fn decoded(text: &str) -> String {
    let once = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, behind @ ..] = rest {
            let digits = behind.get(..2).and_then(|it| std::str::from_utf8(it).ok());
            let byte = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
            match (first, byte) {
                (b'%', Some(byte)) => {
                    bytes.push(byte);
                    rest = &behind[2..];
                }
                _ => {
                    bytes.push(*first);
                    rest = behind;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    once(&once(text))
}

/// Of `secret@host/db`, somebody's URL without a scheme.
fn host_behind_credentials(text: &str) -> Option<&str> {
    let (user, host) = text.rsplit_once('@')?;
    let is_plain = !user.is_empty() && !user.contains([' ', '/', '=', '\'', '"']);
    (is_plain && !text.contains("://") && !host.is_empty()).then_some(host)
}

/// The same of a proxy's URL, whose scheme may be left out.
pub fn proxy_without_secrets(text: &str) -> Cow<'_, str> {
    match text.rsplit_once('@') {
        Some((_, host)) if !text.contains("://") => format!("(not shown)@{host}").into(),
        _ => without_secrets(text),
    }
}

/// The scheme of a URL with a user or password in it, and what follows them. An `@` behind the first
/// slash belongs to a path, unless a `:` before that slash, and no port behind it, says that the slash was part
/// of a password.
pub(super) fn credentials_of_url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (user, host) = rest.rsplit_once('@')?;
    let authority = user.split('/').next().unwrap_or_default();
    if authority == user || authority.contains('@') {
        return Some((scheme, host));
    }
    // In brackets there is an IPv6 address.
    let name_ends = authority.rfind(']').map_or(0, |at| at + 1);
    let behind_colon = authority[name_ends..].split_once(':').map(|(_, behind)| behind);
    let port = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    behind_colon.is_some_and(|text| !port(text)).then_some((scheme, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_what_opens_a_proxy() {
        for (text, shown) in [
            ("http://me:secret@proxy:3128", "http://(not shown)@proxy:3128"),
            ("me:secret@proxy:3128", "(not shown)@proxy:3128"),
            ("me:sec@ret@proxy:3128", "(not shown)@proxy:3128"),
            ("proxy:3128", "proxy:3128"),
            ("http://proxy:3128", "http://proxy:3128"),
        ] {
            assert_eq!(proxy_without_secrets(text), shown);
        }
    }

    #[test]
    fn hides_keys_and_passwords_only() {
        for (text, shown) in [
            ("s3://bucket/prefix", "s3://bucket/prefix"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
            ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
            ("http://host:9000/a:b@c", "http://host:9000/a:b@c"),
            ("http://[::1]:9000/a@c", "http://[::1]:9000/a@c"),
            ("http://[::1]/a@c", "http://[::1]/a@c"),
            ("http://me:se/c@ret@host", "http://(not shown)@host"),
            ("http://me:p@ss/x@host", "http://(not shown)@host"),
            ("/backups/a@b", "/backups/a@b"),
            ("http://host:9000", "http://host:9000"),
            ("http://me:secret@host:9000/x", "http://(not shown)@host:9000/x"),
            ("s3://AKIA:sec/ret@bucket/x", "s3://(not shown)@bucket/x"),
            ("s3://secret@bucket", "s3://(not shown)@bucket"),
            ("AGE-SECRET-KEY-1QQQ", "(a private key, not shown)"),
            ("host=a password = b", "(a connection string with a password, not shown)"),
            ("x age-secret-key-1qqq", "(a private key, not shown)"),
            ("host=a password\t=\tb", "(a connection string with a password, not shown)"),
            ("host=a PASSWORD\n=b", "(a connection string with a password, not shown)"),
            ("postgres://h/d?pass%77ord=x", "(a connection string with a password, not shown)"),
            ("postgres://h/d?%70assword=x", "(a connection string with a password, not shown)"),
            ("postgres://h/d?pass%2577ord=x", "(a connection string with a password, not shown)"),
            ("secret@host/db", "(not shown)@host/db"),
            ("me:secret@host:5432/db", "(not shown)@host:5432/db"),
            ("mail me at a@b", "mail me at a@b"),
            ("100%", "100%"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
