//! Answers of a store that wants to be asked in another region, or at another place.

use aws_sdk_s3::error::ProvideErrorMetadata;

use super::Failure;

/// The region that the bucket is in, where the answer tells.
pub fn of_bucket<E: ProvideErrorMetadata>(error: &Failure<E>) -> Option<String> {
    let answer = error.raw_response()?;
    let header = answer.headers().get("x-amz-bucket-region").map(str::to_owned);
    let body = answer.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or("");
    let named = header.or_else(|| between(body, "<Region>", "</Region>"));
    let named = named.or_else(|| between(error.message()?, "expecting '", "'"));
    named.filter(|region| is_name(region))
}

/// The host that a redirection names, in its own element or in the header.
pub fn place<E>(error: &Failure<E>) -> Option<String> {
    let answer = error.raw_response()?;
    let body = answer.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or("");
    let named = between(body, "<Endpoint>", "</Endpoint>").filter(|host| is_name(host));
    let location = || answer.headers().get("location").map(shortened);
    named.or_else(location)
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.split_once(after)?;
    Some(found.trim().to_owned()).filter(|found| !found.is_empty())
}

/// It goes into a hint as if it were ours.
fn is_name(text: &str) -> bool {
    text.len() < 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

/// Scheme and host of a URL, or a path.
fn shortened(url: &str) -> String {
    let url = match url.split_once("://") {
        Some((scheme, rest)) => {
            format!("{scheme}://{}", rest.split(['/', '?']).next().unwrap_or_default())
        }
        None => url.to_owned(),
    };
    url.chars().take(100).collect()
}
