//! The files that profiles of AWS stand in, looked at before the SDK reads them: it does not say which one it missed
//! something in. And the variables of the AWS tools.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

use crate::config::S3Config;
use crate::error::{Class, Error, Result};
use crate::secrecy;

/// What editors of Windows put in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) struct Profiles {
    /// What the repository's `credentials_file` holds, when it has one.
    own: Option<String>,
    /// The file with the keys, there or not.
    credentials: Option<PathBuf>,
}

impl Profiles {
    /// Reads the files. That one is missing is an error where the repository names it, or a profile that would have to
    /// be in it.
    pub(super) fn look(config: &S3Config) -> Result<Self> {
        let named = config.credentials_file.as_deref();
        let own = named.map(read_named).transpose()?;
        let credentials = named.map_or_else(
            || usual("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            |path| Some(path.to_owned()),
        );
        let name = config.profile.clone().or_else(|| variable("AWS_PROFILE"));
        let Some(name) = name.or_else(|| named.map(|_| "default".to_owned())) else {
            return Ok(Self { own, credentials });
        };
        let files = [credentials, usual("AWS_CONFIG_FILE", "config")];
        let mut names = Vec::new();
        for path in files.iter().flatten() {
            let text = match &own {
                Some(text) if Some(path.as_path()) == named => text.clone(),
                _ => read_usual(path)?,
            };
            names.extend(profiles_in(&text));
        }
        if names.contains(&name) {
            let [credentials, _] = files;
            return Ok(Self { own, credentials });
        }
        Err(not_there(&name, &files, &names))
    }

    /// The files for the SDK, where they are not those that it would read by itself.
    pub(super) fn files(&self) -> Option<EnvConfigFiles> {
        let files = EnvConfigFiles::builder().include_default_config_file(true);
        let text = self.own.clone()?;
        Some(files.with_contents(EnvConfigFileKind::Credentials, text).build())
    }

    /// Warns where keys lie open.
    pub(super) fn look_at_mode(&self) {
        if let Some(path) = &self.credentials {
            secrecy::look("the keys in", path);
        }
    }
}

fn read_named(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("could not read credentials_file {path:?}: {error}");
        Error::new(Class::Configuration, message).hint(match error.kind() {
            ErrorKind::PermissionDenied => {
                "The user that runs this must be able to read it, and nobody else."
            }
            ErrorKind::NotFound => {
                "Write it there: [default], and below that aws_access_key_id = … and aws_secret_access_key = …."
            }
            _ => "It is a text as the AWS tools have it in ~/.aws/credentials.",
        })
    })?;
    Ok(text.trim_start_matches(BYTE_ORDER_MARK).to_owned())
}

/// One that is not there holds no profile.
fn read_usual(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => {
            let message = format!("could not read {path:?}, where profiles of AWS are: {error}");
            Err(Error::new(Class::Configuration, message)
                .hint("The user that runs this must be able to read it."))
        }
    }
}

/// Where the AWS tools look by themselves.
fn usual(name: &str, file: &str) -> Option<PathBuf> {
    let named = variable(name).map(PathBuf::from);
    named.or_else(|| Some(Path::new(&variable("HOME")?).join(".aws").join(file)))
}

/// The names in `[NAME]`, `[default]` and `[profile NAME]`.
fn profiles_in(text: &str) -> Vec<String> {
    let headers = text.trim_start_matches(BYTE_ORDER_MARK).lines().filter_map(|line| {
        let header = line.trim_start().strip_prefix('[')?.split_once(']')?.0.trim();
        let name = header.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']));
        Some(name.unwrap_or(header).trim().trim_matches(['"', '\'']).to_owned())
    });
    headers.collect()
}

fn not_there(name: &str, files: &[Option<PathBuf>; 2], names: &[String]) -> Error {
    let places: Vec<String> = files.iter().flatten().map(|path| format!("{path:?}")).collect();
    let places = if places.is_empty() { "any file".to_owned() } else { places.join(" or ") };
    let message = format!("there is no profile {name:?} in {places}");
    let mut known: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !name.contains(' ')).collect();
    known.dedup();
    let error = Error::new(Class::Configuration, message);
    match known[..] {
        [] => error.hint(format!(
            "Write [{name}] there, and below it aws_access_key_id = … and aws_secret_access_key = …."
        )),
        _ => error.hint(format!("There are: {}.", known.join(", "))),
    }
}

/// A variable of the AWS tools; an empty one counts as not set, as with them.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_profiles_are_read_as_both_files_write_them() {
        let text = "\u{feff}[default]\nkey = [x]\n [ prod ] # ours\n[profile dev]\r\n[profile \"a b\"]\n[profiles]\n";
        assert_eq!(profiles_in(text), ["default", "prod", "dev", "a b", "profiles"]);
    }
}
