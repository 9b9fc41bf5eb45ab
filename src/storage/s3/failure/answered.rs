//! What an answer of the store means: its code and its status, and for one that sends us to another region or place,
//! which.

use std::fmt::Debug;

use aws_sdk_s3::error::ProvideErrorMetadata;

use super::{Class, Classified, S3Failure, deepest, status};

const NO_CODE: &str = "no error code";
pub(crate) const NO_STORE: &str = "Is it an S3 server that answers there?";
const LATER: &str = "The store is in trouble or overloaded; try again later.";
const CHANGED: &str = "The store received other bytes than were sent: something on the way changes them. Try again later.";
const RIGHTS: &str = "Are the access key and its secret right? They need s3:PutObject, s3:GetObject and, to be told \
     that an object is absent, s3:ListBucket.";

pub(super) fn classify<E>(error: &S3Failure<E>) -> Classified
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    let status = status(error).unwrap_or(0);
    let code = error.code().unwrap_or(NO_CODE);
    let message = error.message().map(|text| format!(": {}", text.trim_end_matches('.')));
    let message = message.unwrap_or_default();
    let mut reason = format!("HTTP status {status}, {code}{message}");
    if code == "RequestTimeTooSkewed" {
        reason += &time_there(error);
    }
    if code == NO_CODE && (200..300).contains(&status) {
        reason += &format!(" ({})", deepest(error));
    }
    let (class, hint) = of_code(code, error)
        .or_else(|| wants_tls(error))
        .unwrap_or_else(|| of_status(status, code, error));
    (class, reason, hint)
}

/// What S3 and its likes call it.
fn of_code<E>(code: &str, error: &S3Failure<E>) -> Option<(Class, String)>
where
    E: ProvideErrorMetadata,
{
    let (class, hint) = match code {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestNotValidYet" => {
            (Class::Refused, "Set this host's clock right, by NTP (timedatectl).")
        }
        "NoSuchBucket" | "InvalidBucketName" => {
            (Class::Refused, "Create the bucket, or mend the name in the url.")
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidSecurity" => {
            (Class::Refused, "The access key or its secret is wrong.")
        }
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => (
            Class::Refused,
            "The session token ran out: renew it together with its keys, or use keys that renew themselves (a role, \
             credential_process).",
        ),
        "InvalidToken" | "InvalidClientTokenId" => (
            Class::Refused,
            "The session token does not belong to these keys: set AWS_SESSION_TOKEN with them, or leave it out where \
             the keys are lasting ones.",
        ),
        "InvalidObjectState" => (
            Class::Refused,
            "The object is in an archive tier: bring it back first (aws s3api restore-object), and keep rules of the \
             bucket from moving it there.",
        ),
        "RequestTimeout" | "SlowDown" => (Class::Unreachable, LATER),
        "BadDigest" | "IncompleteBody" | "XAmzContentSHA256Mismatch" => {
            (Class::Unreachable, CHANGED)
        }
        "QuotaExceeded" | "QuotaExceededException" | "XMinioStorageFull" => {
            (Class::Refused, "Make room at the store, or raise its quota.")
        }
        "NoSuchUpload" => (
            Class::Unreachable,
            "Somebody or a rule of the bucket ended the upload; what was to be stored has to be sent anew.",
        ),
        "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "PermanentRedirect" => return Some((Class::Refused, set_region(error))),
        "TemporaryRedirect" => return Some((Class::Unreachable, new_bucket(error))),
        code if code.starts_with("KMS.") => (
            Class::Refused,
            "Look at kms_key_id and the rights on that key: kms:GenerateDataKey and kms:Decrypt.",
        ),
        _ => return None,
    };
    Some((class, hint.to_owned()))
}

fn of_status<E>(status: u16, code: &str, error: &S3Failure<E>) -> (Class, String)
where
    E: ProvideErrorMetadata,
{
    let named = code != NO_CODE;
    let (class, hint) = match status {
        // A bucket elsewhere, even where there are no words in the answer.
        400 if region_of_bucket(error).is_some() => (Class::Refused, set_region(error)),
        401 | 403 => (Class::Refused, RIGHTS.to_owned()),
        407 => (
            Class::Refused,
            "The proxy asks for a user and a password: http://USER:PASSWORD@HOST:PORT in its variable.".to_owned(),
        ),
        301 | 307 | 308 if named || region_of_bucket(error).is_some() => {
            (Class::Refused, set_region(error))
        }
        300..=399 => (Class::Refused, elsewhere(error)),
        501 | 405 if !named => (Class::Unreachable, NO_STORE.to_owned()),
        507 => (Class::Refused, "Make room at the store, or raise its quota.".to_owned()),
        408 | 409 | 429 | 500.. | 0 => (Class::Unreachable, LATER.to_owned()),
        // CompleteMultipartUpload says 200 before it begins, and may fail after that.
        200..=299 if named => (Class::Unreachable, LATER.to_owned()),
        200..=299 | 404 => (Class::Unreachable, NO_STORE.to_owned()),
        _ if !named => (
            Class::Refused,
            "Is it an S3 server that answers there? If so, look at the repository's settings, the region first."
                .to_owned(),
        ),
        _ => (
            Class::Refused,
            "The store does not take this request; look at the repository's settings.".to_owned(),
        ),
    };
    (class, hint)
}

fn set_region<E: ProvideErrorMetadata>(error: &S3Failure<E>) -> String {
    match region_of_bucket(error) {
        Some(region) => format!("Set region = {region:?}, the bucket's own."),
        None => "Set region to the bucket's own.".to_owned(),
    }
}

/// For some hours the world does not know where a bucket of AWS is.
fn new_bucket<E: ProvideErrorMetadata>(error: &S3Failure<E>) -> String {
    let there = match place_named(error) {
        Some(host) => format!(" (it says {host})"),
        None => String::new(),
    };
    match region_of_bucket(error) {
        Some(region) => {
            format!("The bucket is a new one: set region = {region:?}, or try again in some hours.")
        }
        None => format!(
            "The bucket is a new one: set region to its own, or endpoint to that of its region{there}; or try again \
             in some hours."
        ),
    }
}

/// A web server, a login page, or a reverse proxy that wants TLS.
fn elsewhere<E>(error: &S3Failure<E>) -> String {
    match place_named(error) {
        Some(place) => {
            format!(
                "The store redirects to {place}: is the endpoint right, its scheme too? {NO_STORE}"
            )
        }
        None => format!("The store redirects: is the endpoint right? {NO_STORE}"),
    }
}

/// A server with TLS that was spoken to without.
fn wants_tls<E>(error: &S3Failure<E>) -> Option<(Class, String)> {
    let answer = error.raw_response().filter(|answer| answer.status().as_u16() == 400)?;
    let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
    let words = ["HTTP request to an HTTPS server", "HTTP request was sent to HTTPS port"];
    let says = words.iter().any(|words| body.contains(words))
        || body.contains("speaking plain HTTP to an SSL-enabled server port");
    says.then(|| {
        (
            Class::Unreachable,
            "The server speaks TLS on that port: the endpoint must begin with https://.".to_owned(),
        )
    })
}

/// Which of the two clocks is wrong, one sees when both times are there.
fn time_there<E>(error: &S3Failure<E>) -> String {
    let date = error.raw_response().and_then(|response| response.headers().get("date"));
    date.map_or(String::new(), |date| {
        let here = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!("; it is {date} there, {here} here")
    })
}

/// The region that the bucket is in, where the answer tells.
fn region_of_bucket<E: ProvideErrorMetadata>(error: &S3Failure<E>) -> Option<String> {
    let answer = error.raw_response()?;
    let header = answer.headers().get("x-amz-bucket-region").map(str::to_owned);
    let body = answer.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or("");
    let named = header.or_else(|| between(body, "<Region>", "</Region>"));
    let named = named.or_else(|| between(error.message()?, "expecting '", "'"));
    named.filter(|region| is_name(region))
}

/// The host that a redirection names, in its own element or in the header.
fn place_named<E>(error: &S3Failure<E>) -> Option<String> {
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
