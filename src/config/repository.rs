//! The repositories, each a folder or a bucket, checked as a whole: places, names, and keys that would have no
//! effect.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::endpoint::endpoint;
use super::file::{Lined, RepositoryTable};
use super::place::who_may_read;
use super::resolved::ValueOrigin;
use super::secrets::{credentials_of_url, without_secrets};
use super::setting::REPOSITORY;
use super::value::Value;
use crate::error::{Class, Error, Result};

/// One repository, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryConfig {
    pub name: String,
    pub url: String,
    pub location: Location,
    /// `None`: when there are recipients.
    pub encrypt: Option<bool>,
    /// Nothing counts as stored that this one does not have.
    pub required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Folder(PathBuf),
    S3(Box<S3Config>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Config {
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
    /// In the form that `config::endpoint` gives it, wherever it was said; `None` means AWS itself.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub addressing: Addressing,
    pub ca_file: Option<PathBuf>,
    pub checksum: Checksum,
    pub conditional_put: ConditionalPut,
    pub storage_class: Option<String>,
    pub sse: Sse,
    pub profile: Option<String>,
    pub credentials_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    Auto,
    Path,
    VirtualHost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    Auto,
    Crc32c,
    Sha256,
    Signature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionalPut {
    Auto,
    Trust,
    LookFirst,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sse {
    None,
    S3,
    Kms { key_id: Option<String> },
}

/// The variable that names the S3 server of a repository which does not, and its value.
type AwsEndpoint = (&'static str, String);

/// Checks the tables as a whole: places, names, keys that would have no effect.
pub(super) fn repositories(
    tables: &[(RepositoryTable, ValueOrigin)],
    aws_endpoint: Option<&AwsEndpoint>,
) -> Result<Vec<RepositoryConfig>> {
    let mut all: Vec<RepositoryConfig> = Vec::new();
    for (table, origin) in tables {
        let said = |error: Error| error.while_doing(format!("repository at {origin}"));
        let repository = repository(&table.values, aws_endpoint).map_err(said);
        let mut repository =
            repository.map_err(|error| of_one_word(error, origin, tables.len()))?;
        if repository.name.is_empty() {
            let taken = |name: &str| all.iter().any(|other| other.name == name);
            repository.name = default_name(&repository.url, &taken);
        }
        check_name(&repository.name).map_err(said)?;
        if all.iter().any(|other| other.name == repository.name) {
            let message = format!("a second repository has the name {:?}", repository.name);
            return Err(said(wrong(message)));
        }
        if let Some(other) = all.iter().find(|other| other.is_at(&repository.location)) {
            return Err(said(wrong(format!(
                "repository {} is at the same place, {:?}",
                other.name, other.url
            ))));
        }
        all.push(repository);
    }
    if all.is_empty() {
        return Err(wrong("no repository is configured".into()).hint(where_to_name_one()));
    }
    Ok(all)
}

/// In a folder that is closed to us, nobody knows whether there is a configuration.
fn where_to_name_one() -> String {
    let file = super::DEFAULT_FILE;
    match std::path::Path::new(file).try_exists() {
        Err(error) => {
            let closed = who_may_read(std::path::Path::new(file));
            let closed = closed.map_or(String::new(), |closed| format!(": {closed}"));
            format!("{file} could not be looked for: {error}{closed}")
        }
        Ok(_) => format!(
            "Set SEAWALL_REPOSITORY=/path or s3://bucket/prefix, or write a [[repository]] into {file}: \
             `seawall init` does."
        ),
    }
}

impl RepositoryConfig {
    /// Two stores may well have buckets of the same name.
    fn is_at(&self, location: &Location) -> bool {
        match (&self.location, location) {
            (Location::S3(one), Location::S3(other)) => {
                let place = |s3: &S3Config| {
                    (s3.endpoint.clone(), s3.region.clone(), s3.bucket.clone(), s3.prefix.clone())
                };
                place(one) == place(other)
            }
            (one, other) => one == other,
        }
    }
}

/// It stands in messages, and in lists of names separated by spaces.
fn check_name(name: &str) -> Result<()> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty() && name.chars().all(valid) {
        return Ok(());
    }
    Err(wrong(format!("expected letters, digits, '.', '_' and '-' as name, found {name:?}")))
}

/// That of a repository without a name of its own, behind others.
pub(super) fn default_name(url: &str, taken: &dyn Fn(&str) -> bool) -> String {
    let base = if url.starts_with("s3://") { "s3" } else { "local" };
    let numbered = (2..).map(|number| format!("{base}{number}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// Spaces part the words of the variable, also where they were meant to belong to a path.
fn of_one_word(error: Error, origin: &ValueOrigin, words: usize) -> Error {
    match origin {
        ValueOrigin::Variable(name) if words > 1 => error.hint(format!(
            "Spaces separate repositories in {name}; one with a space in it goes into the file, or behind \
             --repository."
        )),
        _ => error,
    }
}

fn repository(
    values: &BTreeMap<&'static str, Lined>,
    aws_endpoint: Option<&AwsEndpoint>,
) -> Result<RepositoryConfig> {
    let table = RepositoryKeys(values);
    let Some(url) = table.text("url") else {
        return Err(wrong("url is not set".into())
            .hint("Write url = \"/path\" or url = \"s3://bucket/prefix\"."));
    };
    let location = if let Some(rest) = url.strip_prefix("s3://") {
        Location::S3(Box::new(s3(rest, &table, aws_endpoint)?))
    } else {
        let path = PathBuf::from(url.strip_prefix("file://").unwrap_or(&url));
        if !path.is_absolute() {
            let found = without_secrets(&url);
            return Err(wrong(format!(
                "expected an absolute path or s3://BUCKET/PREFIX as url, found {found:?}"
            ))
            .hint("PostgreSQL runs the WAL commands in its data directory, so a path has to begin with /."));
        }
        only_for_s3(&table)?;
        Location::Folder(path)
    };
    let (encrypt, required) = (table.boolean("encrypt"), table.boolean("required"));
    Ok(RepositoryConfig {
        name: table.text("name").unwrap_or_default(),
        url,
        location,
        encrypt,
        required: required.unwrap_or(false),
    })
}

fn only_for_s3(table: &RepositoryKeys<'_>) -> Result<()> {
    let general = ["name", "url", "encrypt", "required"];
    let idle = |key: &&str| !general.contains(key) && table.get(key).is_some();
    match REPOSITORY.iter().map(|setting| setting.key).find(idle) {
        None => Ok(()),
        Some(key) => Err(wrong(format!("{key} has no effect on a folder"))
            .hint("It belongs to a repository whose url begins with s3://.")),
    }
}

fn s3(
    place: &str,
    table: &RepositoryKeys<'_>,
    aws_endpoint: Option<&AwsEndpoint>,
) -> Result<S3Config> {
    let named = table.text("endpoint").map(|url| ("endpoint", url));
    let named = named.or_else(|| aws_endpoint.cloned());
    let urls = [Some(format!("s3://{place}")), named.clone().map(|(_, url)| url)];
    if urls.iter().flatten().any(|url| credentials_of_url(url).is_some()) {
        return Err(wrong("expected a url without credentials, found one with".into()).hint(
            "Use credentials_file or the AWS variables; and change the key, it may be in logs.",
        ));
    }
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let valid = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if bucket.is_empty() || !bucket.chars().all(valid) {
        return Err(wrong(format!(
            "expected s3://BUCKET/PREFIX, found the bucket name {bucket:?}"
        )));
    }
    let sse = match (table.word("sse"), table.text("kms_key_id")) {
        ("kms", key_id) => Sse::Kms { key_id },
        (_, Some(_)) => return Err(wrong("kms_key_id has no effect without sse = \"kms\"".into())),
        ("s3", None) => Sse::S3,
        (_, None) => Sse::None,
    };
    Ok(S3Config {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        endpoint: named.map(|(origin, url)| endpoint(&url, origin)).transpose()?,
        region: table.text("region"),
        addressing: match table.word("addressing") {
            "path" => Addressing::Path,
            "virtual-host" => Addressing::VirtualHost,
            _ => Addressing::Auto,
        },
        ca_file: table.path("ca_file"),
        checksum: match table.word("checksum") {
            "crc32c" => Checksum::Crc32c,
            "sha256" => Checksum::Sha256,
            "signature" => Checksum::Signature,
            _ => Checksum::Auto,
        },
        conditional_put: match table.word("conditional_put") {
            "trust" => ConditionalPut::Trust,
            "look-first" => ConditionalPut::LookFirst,
            _ => ConditionalPut::Auto,
        },
        storage_class: table.text("storage_class"),
        sse,
        profile: table.text("profile"),
        credentials_file: table.path("credentials_file"),
    })
}

struct RepositoryKeys<'a>(&'a BTreeMap<&'static str, Lined>);

impl RepositoryKeys<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).map(|(value, _)| value)
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.get(key) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    fn boolean(&self, key: &str) -> Option<bool> {
        match self.get(key) {
            Some(Value::Boolean(on)) => Some(*on),
            _ => None,
        }
    }

    fn word(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        match self.get(key) {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        }
    }
}

fn wrong(message: String) -> Error {
    Error::new(Class::Configuration, message)
}
