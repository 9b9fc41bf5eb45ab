use std::fmt::Debug;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::answer_limit::TooLong;
use crate::config::S3Config;
use crate::error::{Class, Error, NAMES, Result, is_of_a_name};
use crate::storage::LOCKED;

const NO_CODE: &str = "no error code";
const NO_STORE: &str = "Is it an S3 server that answers there?";
const LATER: &str = "The store is in trouble or overloaded; later may be better.";

pub type Failure<E> = SdkError<E, HttpResponse>;

/// The HTTP status of an answer, if there was one.
pub fn status<E>(error: &Failure<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// `Ok(None)` when the store itself said that there is no such object. A 404 alone does not say that: a
/// missing bucket, a proxy or a web server that happens to listen there answers it too.
pub fn absent_or<E, T>(
    error: Failure<E>,
    verb: &str,
    config: &S3Config,
    key: &str,
) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    if status(&error) == Some(404) && error.code() == Some("NoSuchKey") {
        return Ok(None);
    }
    Err(of(error, verb, config, key))
}

/// A HEAD has no body, so a 404 is all it can say. That is enough before a PUT, which finds out the rest.
pub fn head_says_absent(error: &Failure<HeadObjectError>) -> bool {
    status(error) == Some(404)
}

/// Says what went wrong, of which class, and what to do about it.
pub fn of<E>(error: Failure<E>, verb: &str, config: &S3Config, key: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    let what = format!("{verb} {} failed", place(config, key));
    if let Some(ours) = deepest(&error).downcast_ref::<Error>() {
        return ours.clone().while_doing(what);
    }
    let (class, reason, hint) = classify(&error);
    let message = format!("{what}: {reason}");
    let failure = Error::new(class, message);
    if hint.is_empty() { failure } else { failure.hint(hint) }
}

/// What messages call an object, or the objects whose keys begin so.
pub fn place(config: &S3Config, key: &str) -> String {
    format!("s3://{}/{key}", config.bucket)
}

/// Whether the answer was cut off because of its length.
pub fn too_long<E: std::error::Error + 'static>(error: &Failure<E>) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<TooLong>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A DELETE that is refused because the store keeps the object: `lock` says by what.
pub fn locked<E>(error: Failure<E>, lock: &str, config: &S3Config, key: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    let (_, reason, _) = classify(&error);
    let message = format!("DELETE {} failed: {lock} ({reason})", place(config, key));
    Error::new(Class::Refused, message).hint(LOCKED)
}

type Classified = (Class, String, &'static str);

fn classify<E>(error: &Failure<E>) -> Classified
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    match error {
        SdkError::TimeoutError(_) => (
            Class::Unreachable,
            "no answer within the time limit".into(),
            "Look at the store and the network; limits.request_timeout and limits.total_timeout set the limits.",
        ),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            (Class::Configuration, innermost(error), "Look at the endpoint in the configuration.")
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            not_sent("no connection within the time limit".into())
        }
        SdkError::DispatchFailure(_) => not_sent(innermost(error)),
        SdkError::ResponseError(_) if too_long(error) => {
            (Class::Unreachable, innermost(error), NO_STORE)
        }
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => answered(error),
        _ => refused_before_sending(innermost(error)),
    }
}

/// The request never left: mostly for want of credentials.
fn refused_before_sending(reason: String) -> Classified {
    let hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or credentials_file.";
    let credentials = reason.contains("credentials") || reason.contains("identity");
    // All places where there could be some would follow, each in a line.
    let reason =
        reason.lines().next().unwrap_or_default().trim_end_matches(". Attempted:").to_owned();
    if credentials { (Class::Refused, reason, hint) } else { (Class::Internal, reason, "") }
}

fn not_sent(reason: String) -> Classified {
    let hint = if reason.contains("certificate") || reason.contains("UnknownIssuer") {
        "Set ca_file to the certificate that signed the store's."
    } else if reason.contains("InvalidContentType") {
        "It does not speak TLS there: is the endpoint one that begins with http://?"
    } else if is_of_a_name(&reason) {
        NAMES
    } else {
        "Is the endpoint right, the store running and the network up?"
    };
    if reason.contains("credentials") {
        return refused_before_sending(reason);
    }
    (Class::Unreachable, reason, hint)
}

fn answered<E>(error: &Failure<E>) -> Classified
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
    let (class, hint) = match (status, code) {
        (_, "RequestTimeTooSkewed") => {
            (Class::Refused, "Set this host's clock right, by NTP (timedatectl).")
        }
        (_, "NoSuchBucket" | "InvalidBucketName") => {
            (Class::Refused, "Create the bucket, or mend the name in the url.")
        }
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch") => {
            (Class::Refused, "The access key or its secret is wrong.")
        }
        (401 | 403, _) => (
            Class::Refused,
            "Are the access key and its secret right? They need s3:PutObject, s3:GetObject and, to be told \
             that an object is absent, s3:ListBucket.",
        ),
        (301 | 307, _) => (Class::Refused, "Set region to the bucket's own."),
        (501, NO_CODE) => (Class::Unreachable, NO_STORE),
        (408 | 409 | 429 | 500.., _) | (0, _) => (Class::Unreachable, LATER),
        (404, "NoSuchUpload") => (
            Class::Unreachable,
            "Somebody or a rule of the bucket ended the upload; what was to be stored has to be sent anew.",
        ),
        // CompleteMultipartUpload says 200 before it begins, and may fail after that.
        (200..=299, code) if code != NO_CODE => (Class::Unreachable, LATER),
        (200..=299 | 404, _) => (Class::Unreachable, NO_STORE),
        _ => (
            Class::Refused,
            "The store does not take this request; look at the repository's settings.",
        ),
    };
    (class, reason, hint)
}

/// Which of the two clocks is wrong, one sees when both times are there.
fn time_there<E>(error: &Failure<E>) -> String {
    let date = error.raw_response().and_then(|response| response.headers().get("date"));
    date.map_or(String::new(), |date| {
        let here = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!("; it is {date} there, {here} here")
    })
}

/// The deepest cause says most: `Connection refused` rather than `dispatch failure`.
fn innermost<E: std::error::Error + 'static>(error: &Failure<E>) -> String {
    deepest(error).to_string()
}

fn deepest<E: std::error::Error + 'static>(
    error: &Failure<E>,
) -> &(dyn std::error::Error + 'static) {
    let mut deepest: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}

/// Whether a store refused a PUT because it does not know `If-None-Match` on it.
pub fn condition_not_known<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    let condition = error.message().is_some_and(|text| text.contains("If-None-Match"));
    status(error) == Some(501) || error.code() == Some("NotImplemented") || condition
}
