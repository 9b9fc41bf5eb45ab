//! Every setting with its value and where that came from, before it is put into types.
//!
//! `config show` shows this, and messages name the place where a wrong value stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::file::{MediaTable, RepositoryTable};
use super::settings::GLOBAL;
use super::value::Value;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    Flag(String),
    Variable(String),
    File(PathBuf, usize),
    Default,
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Every setting with its value and where that came from, and the repositories as they were named.
#[derive(Debug)]
pub struct Resolved {
    pub file: Option<PathBuf>,
    pub(super) values: BTreeMap<&'static str, (Value, ValueOrigin)>,
    /// The tables of the file that are in use, or a bare URL.
    pub repositories: Vec<(RepositoryTable, ValueOrigin)>,
    /// A variable of AWS that says where the S3 server of a repository is which does not, and its value.
    pub(super) aws_endpoint: Option<(&'static str, String)>,
    /// The sets of the file, by name.
    pub media: Vec<(MediaTable, ValueOrigin)>,
    /// Variables that look like settings and are none: what Kubernetes makes of a Service.
    pub others: Vec<String>,
}

impl Resolved {
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|(value, _)| value)
    }

    /// Every setting, in the order of their declaration; `None` for one that has no value.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, Option<&(Value, ValueOrigin)>)> {
        GLOBAL.iter().map(|setting| (setting.key, self.values.get(setting.key)))
    }

    /// Whether any setting whose key begins so was set, wherever.
    pub(super) fn sets(&self, begin: &str) -> bool {
        self.values
            .iter()
            .any(|(key, (_, origin))| key.starts_with(begin) && *origin != ValueOrigin::Default)
    }
}

/// Every setting has a default or may be absent, and its kind was checked when it was read: what is
/// left here is to put it into the right type.
impl Resolved {
    pub(super) fn text(&self, key: &str) -> String {
        match self.value(key) {
            Some(Value::Text(text)) => text.clone(),
            None => String::new(),
            other => unreachable!("{key} is declared as a text, found {other:?}"),
        }
    }

    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        match self.value(key) {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        }
    }

    /// Callers narrow it with `as`: the declared range fits.
    pub(super) fn number(&self, key: &str) -> i64 {
        match self.value(key) {
            Some(Value::Integer(number)) => *number,
            other => unreachable!("{key} is declared as a number with a default, found {other:?}"),
        }
    }

    pub(super) fn size(&self, key: &str) -> u64 {
        match self.value(key) {
            Some(Value::Size(bytes)) => *bytes,
            other => unreachable!("{key} is declared as a size with a default, found {other:?}"),
        }
    }

    pub(super) fn optional_duration(&self, key: &str) -> Option<Duration> {
        self.value(key).map(|_| self.duration(key))
    }

    pub(super) fn duration(&self, key: &str) -> Duration {
        match self.value(key) {
            Some(Value::Duration(time)) => *time,
            other => unreachable!("{key} is declared as a time with a default, found {other:?}"),
        }
    }
}
