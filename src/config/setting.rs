//! What a setting is: its key, its kind, its words, and how the tables of repositories and media declare
//! theirs.
//!
//! A name that is not known is answered with the nearest one, because most such names are misspelt.

use crate::error::{Class, Error, Result};

/// One setting, declared once.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `table.key` as in the file, or `key` alone.
    pub key: &'static str,
    pub kind: ValueKind,
    /// As it would be written in the environment; empty where there is none.
    pub default: &'static str,
    /// One sentence for `--help` and the reference.
    pub help: &'static str,
}

/// What a setting's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    Text,
    /// An absolute path: PostgreSQL calls us in its data directory.
    Path,
    Choice(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    /// `all`, or a whole number from 1 on.
    AllOrNumber {
        max: i64,
    },
    /// A length such as `64MiB`.
    Size,
    /// Bytes a second such as `10MiB`, at least `RATE_MIN`.
    Rate,
    /// A time to wait such as `5s` or `3m`.
    Duration,
    /// An age such as `12h` or `90d`.
    Age,
    Boolean,
    /// Texts separated by white space; in the file an array.
    List,
}

/// The least rate, in bytes a second. With less, a store would wait so long for the next piece that it gives up.
pub(super) const RATE_MIN: u64 = 64 << 10;

pub(super) const fn setting(
    key: &'static str,
    kind: ValueKind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, kind, default, help }
}

/// How many backups of a kind are kept, or wanted.
pub(super) const KEPT: ValueKind = ValueKind::Integer { min: 0, max: 10_000 };

impl Setting {
    /// The flag without its dashes: `wal.look_ahead` is `--wal-look-ahead`.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// The environment variable: `wal.look_ahead` is `SEAWALL_WAL_LOOK_AHEAD`.
    pub fn variable(&self) -> String {
        format!("SEAWALL_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// The table it stands in, empty for the top of the file.
    pub fn table(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(table, _)| table)
    }
}

impl ValueKind {
    /// What a person would call a value of this kind, for `--help` and errors.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Path => "an absolute path".into(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::AllOrNumber { max } => format!("all, or a whole number from 1 to {max}"),
            Self::Size => "a size like 64MiB".into(),
            Self::Rate => "a size (for each second) like 10MiB, at least 64KiB".into(),
            Self::Duration => "a time like 5s or 3m, at most 1 day".into(),
            Self::Age => "a time like 12h or 90d, at most 100 years".into(),
            Self::Boolean => "true or false".into(),
            Self::List => "a list of texts".into(),
        }
    }

    /// The word in capitals after a flag.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Path => "FILE",
            Self::Choice(_) => "WORD",
            Self::Integer { .. } => "NUMBER",
            Self::AllOrNumber { .. } => "all|NUMBER",
            Self::Size | Self::Rate => "SIZE",
            Self::Duration | Self::Age => "TIME",
            Self::Boolean => "BOOL",
            Self::List => "LIST",
        }
    }
}

/// Settings of one `[media.NAME]`: in the file only.
pub const MEDIA: &[Setting] = &[
    setting("paths", ValueKind::List, "", "Folders and files to back up together: absolute paths"),
    setting(
        "exclude",
        ValueKind::List,
        "",
        "What is left out: lines as in a .gitignore file that lies in each of the paths",
    ),
    setting(
        "one_file_system",
        ValueKind::Boolean,
        "",
        "Whether to leave out file systems mounted below a path; default: they are backed up too, as tar and rsync do",
    ),
];

/// Settings of one `[[repository]]`: in the file only.
pub const REPOSITORY: &[Setting] = &[
    setting(
        "name",
        ValueKind::Text,
        "",
        "Short name in messages; default: local or s3, perhaps with a number",
    ),
    setting("url", ValueKind::Text, "", "An absolute path, or s3://BUCKET/PREFIX"),
    setting(
        "encrypt",
        ValueKind::Boolean,
        "",
        "Whether to encrypt here; default: when there are recipients",
    ),
    setting(
        "required",
        ValueKind::Boolean,
        "",
        "Whether this repository must have each WAL file and backup, whatever needed says; default: false",
    ),
    setting(
        "endpoint",
        ValueKind::Text,
        "",
        "URL of the S3 server; default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS",
    ),
    setting(
        "region",
        ValueKind::Text,
        "",
        "Region; default: AWS_REGION, the profile's, else us-east-1",
    ),
    setting(
        "addressing",
        ValueKind::Choice(&["auto", "path", "virtual-host"]),
        "auto",
        "Bucket in the path or in the host name; auto: path where there is an endpoint",
    ),
    setting(
        "ca_file",
        ValueKind::Path,
        "",
        "PEM file with the certificates to trust; default: AWS_CA_BUNDLE, else the system's",
    ),
    setting(
        "checksum",
        ValueKind::Choice(&["auto", "crc32c", "sha256", "signature"]),
        "auto",
        "Checksum of a PUT that the store verifies; auto: crc32c over TLS, else sha256; signature: no header, the signed SHA-256 alone",
    ),
    setting(
        "conditional_put",
        ValueKind::Choice(&["auto", "trust", "look-first"]),
        "auto",
        "Whether the store honours If-None-Match: found out, taken for granted, or not relied on",
    ),
    setting(
        "storage_class",
        ValueKind::Text,
        "",
        "Storage class of new objects, such as STANDARD_IA",
    ),
    setting(
        "sse",
        ValueKind::Choice(&["none", "s3", "kms"]),
        "none",
        "Encryption at rest asked of the store",
    ),
    setting("kms_key_id", ValueKind::Text, "", "Key for sse = \"kms\""),
    setting("profile", ValueKind::Text, "", "Profile in the AWS credentials file"),
    setting(
        "credentials_file",
        ValueKind::Path,
        "",
        "AWS credentials file; default: the AWS credential chain",
    ),
];

/// The candidate that `wrong` was most likely meant to be, if one is near enough to be worth naming.
pub(super) fn nearest<'a>(
    wrong: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let score = |candidate: &str| (strsim::jaro_winkler(wrong, candidate) * 1000.0) as u32;
    let best = candidates.max_by_key(|candidate| score(candidate))?;
    (score(best) > 700).then_some(best)
}

/// A hint that names it, or all there are.
pub(super) fn nearest_hint<'a>(
    wrong: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> String {
    match nearest(wrong, candidates.clone()) {
        Some(best) => format!("Did you mean {best}?"),
        None => format!("There are: {}.", candidates.collect::<Vec<_>>().join(", ")),
    }
}

/// The name becomes a folder and part of every key.
pub(super) fn checked_name(key: &str, name: String) -> Result<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(valid) {
        return Ok(name);
    }
    Err(Error::new(
        Class::Configuration,
        format!("expected letters, digits, '.', '_' and '-' as {key}, found {name:?}"),
    ))
}
