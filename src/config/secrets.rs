use std::borrow::Cow;

/// A text from the configuration as it may be shown. Keys and passwords end up in places where they do
/// not belong, and messages about that end up in logs.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") {
        return "(a private key, not shown)".into();
    }
    if text.to_ascii_lowercase().replace(' ', "").contains("password=") {
        return "(a connection string with a password, not shown)".into();
    }
    match credentials_of_url(text) {
        Some((scheme, rest)) => format!("{scheme}://(not shown)@{rest}").into(),
        None => text.into(),
    }
}

/// The scheme of a URL with a user or password in it, and what follows them. An `@` behind the first
/// slash belongs to a path, unless a `:` before it says that the slash was part of a password.
pub fn credentials_of_url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (user, rest) = rest.rsplit_once('@')?;
    (user.contains(':') || !user.contains('/')).then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_keys_and_passwords_only() {
        for (text, shown) in [
            ("s3://bucket/prefix", "s3://bucket/prefix"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
            ("/backups/a@b", "/backups/a@b"),
            ("http://host:9000", "http://host:9000"),
            ("http://me:secret@host:9000/x", "http://(not shown)@host:9000/x"),
            ("s3://AKIA:sec/ret@bucket/x", "s3://(not shown)@bucket/x"),
            ("s3://secret@bucket", "s3://(not shown)@bucket"),
            ("AGE-SECRET-KEY-1QQQ", "(a private key, not shown)"),
            ("host=a password = b", "(a connection string with a password, not shown)"),
            ("x age-secret-key-1qqq", "(a private key, not shown)"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
