//! What became of a request that failed: in which class it is, in which words, and what mends it. What the store itself
//! answered is `answered`; that there were no keys to sign a request with is told here.

mod answered;

use std::fmt::Debug;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::answer_limit::TooLong;
use super::http::{NotConnected, causes, deepest, find};
use crate::config::S3Config;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::storage::LOCKED;

pub(super) use answered::NO_STORE;

pub(super) type S3Failure<E> = SdkError<E, HttpResponse>;

/// Class, reason and hint; there may be no hint.
type Classified = (Class, String, String);

/// The HTTP status of an answer, if there was one.
pub(super) fn status<E>(error: &S3Failure<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// `Ok(None)` when the store itself said that there is no such object. A 404 alone does not say that: a
/// missing bucket, a proxy or a web server that happens to listen there answers it too.
pub(super) fn absent_or<E, T>(
    error: S3Failure<E>,
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
pub(super) fn head_says_absent(error: &S3Failure<HeadObjectError>) -> bool {
    status(error) == Some(404)
}

/// Whether a HEAD was refused, so that a GET would say why. After others the tries are used up.
pub(super) fn head_hides_reason(error: &S3Failure<HeadObjectError>) -> bool {
    matches!(status(error), Some(300..=407 | 410..=428 | 430..=499 | 507))
}

/// Whether the connection was made and broke: what the store did with the request is not known. One that refuses a PUT
/// before it has read the body may hang up, and then the reason is lost (RFC 9110, 10.1.1).
pub(super) fn hung_up<E: std::error::Error + 'static>(error: &S3Failure<E>) -> bool {
    let unknown =
        find::<NotConnected>(error).is_none() && find::<CredentialsError>(error).is_none();
    matches!(error, SdkError::DispatchFailure(failure) if failure.is_io()) && unknown
}

/// Says what went wrong, of which class, and what to do about it.
pub(super) fn of<E>(error: S3Failure<E>, verb: &str, config: &S3Config, key: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    let what = format!("{verb} {} failed", place(config, key));
    if let Some(ours) = find::<Error>(&error) {
        return ours.clone().while_doing(what);
    }
    let (class, reason, hint) = classify(&error);
    let message = format!("{what}: {reason}");
    let failure = Error::new(class, message);
    if hint.is_empty() { failure } else { failure.hint(hint) }
}

/// What messages call an object, or the objects whose keys begin so.
pub(super) fn place(config: &S3Config, key: &str) -> String {
    format!("s3://{}/{key}", config.bucket)
}

/// Whether the answer was cut off because of its length.
pub(super) fn too_long<E: std::error::Error + 'static>(error: &S3Failure<E>) -> bool {
    find::<TooLong>(error).is_some()
}

/// A DELETE that is refused because the store keeps the object: `lock` says by what.
pub(super) fn locked<E>(error: S3Failure<E>, lock: &str, config: &S3Config, key: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    let (_, reason, _) = classify(&error);
    let message = format!("DELETE {} failed: {lock} ({reason})", place(config, key));
    Error::new(Class::Refused, message).of(ErrorKind::ObjectLock).hint(LOCKED)
}

fn classify<E>(error: &S3Failure<E>) -> Classified
where
    E: ProvideErrorMetadata + std::error::Error + Debug + 'static,
{
    if let Some(failed) = find::<CredentialsError>(error) {
        return not_got(failed);
    }
    if let Some(not_connected) = find::<NotConnected>(error) {
        return (not_connected.class(), not_connected.to_string(), not_connected.mend());
    }
    if let Some(too_long) = find::<TooLong>(error) {
        return (Class::Unreachable, too_long.to_string(), NO_STORE.to_owned());
    }
    match error {
        SdkError::TimeoutError(_) => (
            Class::Unreachable,
            "no answer within the time limit".into(),
            "Look at the store and the network; limits.request_timeout and limits.total_timeout set the limits."
                .into(),
        ),
        SdkError::DispatchFailure(failure) if failure.is_user() => (
            Class::Configuration,
            deepest(error),
            "Look at the endpoint in the configuration.".into(),
        ),
        SdkError::DispatchFailure(_) if took_too_long(&deepest(error)) => {
            too_slow(&deepest(error))
        }
        SdkError::DispatchFailure(_) => (
            Class::Unreachable,
            deepest(error),
            "Is the endpoint right, the store running and the network up?".into(),
        ),
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => answered::classify(error),
        _ => (Class::Internal, deepest(error), String::new()),
    }
}

/// Whether a store refused a PUT because it does not know `If-None-Match` on it, as far as one answer goes: it may be
/// that of a proxy, too.
pub(super) fn condition_not_known<E: ProvideErrorMetadata>(error: &S3Failure<E>) -> bool {
    let condition = error.message().is_some_and(|text| text.contains("If-None-Match"));
    status(error) == Some(501) || error.code() == Some("NotImplemented") || condition
}

const NOT_ENABLED: &str = "the credential provider was not enabled";
const NO_KEYS: &str = "the profile has no keys";
const NAME_SOME: &str =
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or credentials_file.";
const WRITE_SOME: &str = "Write aws_access_key_id = … and aws_secret_access_key = … into it, in credentials_file or in the files of AWS.";
const LOOK_AT_SOURCE: &str = "Look at what gives the keys: the profile and its credential_process, the role, or the \
     rights of this machine.";
const SOURCE_AWAY: &str = "The service that gives the keys can't be reached; try again later. Keys \
     in credentials_file need no service.";

pub(super) fn not_got(error: &CredentialsError) -> Classified {
    let reason = words(error);
    // The SDK says no more of a profile that was read and has none.
    let empty = reason == NOT_ENABLED;
    let reason = if empty { NO_KEYS.to_owned() } else { reason };
    match error {
        CredentialsError::CredentialsNotLoaded(_) if empty => {
            (Class::Refused, reason, WRITE_SOME.into())
        }
        CredentialsError::CredentialsNotLoaded(_) => (Class::Refused, reason, NAME_SOME.into()),
        CredentialsError::InvalidConfiguration(_) => {
            let (reason, hint) = of_profile(reason);
            (Class::Configuration, reason, hint)
        }
        CredentialsError::ProviderTimedOut(_) => (Class::Unreachable, reason, SOURCE_AWAY.into()),
        _ if find::<NotConnected>(error).is_some() || timed_out(error) => {
            (Class::Unreachable, format!("no keys could be got: {reason}"), SOURCE_AWAY.into())
        }
        _ => (Class::Refused, format!("no keys could be got: {reason}"), LOOK_AT_SOURCE.into()),
    }
}

/// The SDK gives such an error no type.
pub(super) fn took_too_long(reason: &str) -> bool {
    reason.starts_with("identity resolver timed out")
}

pub(super) fn too_slow(reason: &str) -> Classified {
    (Class::Unreachable, format!("no keys could be got: {reason}"), SOURCE_AWAY.into())
}

fn timed_out(error: &CredentialsError) -> bool {
    find::<ConnectorError>(error).is_some_and(|error| error.is_timeout() || error.is_io())
}

/// The deepest cause that says something. All places where there could be some keys would follow, each in a line.
fn words(error: &CredentialsError) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    let telling = texts.iter().rev().find(|text| !text.is_empty());
    let line = telling.and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    line.unwrap_or_default().trim_end_matches(". Attempted:").trim_end_matches('.').to_owned()
}

/// What is wrong with a profile, and what mends it. Of features of the SDK that are not built in, it speaks to those
/// who build.
fn of_profile(reason: String) -> (String, String) {
    for (feature, named) in [("sso", "SSO"), ("credentials-login", "a login of the AWS console")] {
        if reason.contains("cargo feature") && reason.contains(feature) {
            return (
                format!("the profile gets its keys by {named}, which Seawall does not do"),
                "Give it a credential_process: `aws configure export-credentials --profile NAME --format process` is one."
                    .to_owned(),
            );
        }
    }
    (reason, "Mend the profile in the files of AWS (~/.aws/config, credentials_file).".to_owned())
}
