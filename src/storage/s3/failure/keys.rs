//! Requests that were not sent because there were no keys to sign them with.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::{Class, Classified, NotConnected, causes, find};

const NOT_ENABLED: &str = "the credential provider was not enabled";
const NO_KEYS: &str = "the profile has no keys";
const NAME_SOME: &str =
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or credentials_file.";
const WRITE_SOME: &str = "Write aws_access_key_id = … and aws_secret_access_key = … into it, in credentials_file or in the files of AWS.";
const LOOK_AT_SOURCE: &str = "Look at what gives the keys: the profile and its credential_process, the role, or the \
     rights of this machine.";
const SOURCE_AWAY: &str = "The service that gives the keys can't be reached; later may be better. Keys in \
     credentials_file need none.";

pub fn not_got(error: &CredentialsError) -> Classified {
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
pub fn took_too_long(reason: &str) -> bool {
    reason.starts_with("identity resolver timed out")
}

pub fn too_slow(reason: &str) -> Classified {
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
