//! Reads a configuration file: TOML whose every key is known, with the line of each for messages.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::place;
use super::secrets::without_secrets;
use super::setting::{MEDIA, REPOSITORY, Setting, ValueKind, nearest_hint};
use super::settings::GLOBAL;
use super::value::Value;
use crate::error::{Class, Error, Result};

const READABLE: &str = "It must exist and the user that runs this must be able to read it.";

/// A value and the line it stands in.
pub(super) type Lined = (Value, usize);

/// What a configuration file says, checked key by key but not yet as a whole.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub values: BTreeMap<&'static str, Lined>,
    pub repositories: Vec<RepositoryTable>,
    /// By name.
    pub media: Vec<MediaTable>,
}

/// A set, `[media.NAME]`.
#[derive(Debug, Default)]
pub struct MediaTable {
    pub name: String,
    pub line: usize,
    pub values: BTreeMap<&'static str, Lined>,
}

#[derive(Debug, Default)]
pub struct RepositoryTable {
    pub line: usize,
    pub values: BTreeMap<&'static str, Lined>,
}

impl ConfigFile {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let said =
            |error: Error| error.while_doing(format!("could not use configuration {path:?}"));
        let text = std::fs::read_to_string(path).map_err(|error| {
            let closed = || place::who_may_read(path);
            let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
            let hint = denied.then(closed).flatten().unwrap_or_else(|| READABLE.to_owned());
            said(Error::new(Class::Configuration, error.to_string())).hint(hint)
        })?;
        Self::parse(&text).map_err(said)
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_of(text, span.start));
            wrong(line, error.message().to_owned())
        })?;
        let mut file = Self::default();
        for (key, value) in table.get_ref() {
            let line = line_of(text, key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("repository", DeValue::Array(tables)) => {
                    for table in tables {
                        file.repositories.push(repository(text, table)?);
                    }
                }
                ("repository", _) => {
                    return Err(wrong(line, "expected repository to be a list of tables".into())
                        .hint("Write [[repository]], with two brackets."));
                }
                ("media", DeValue::Table(sets)) => {
                    for (name, table) in sets {
                        file.media.push(media(text, name, table)?);
                    }
                }
                ("media", _) => {
                    return Err(wrong(line, "expected media to be a table of sets".into())
                        .hint("Write [media.NAME]."));
                }
                (key, DeValue::Table(inner)) => table_into(text, key, inner, &mut file.values)?,
                (key, _) => {
                    let setting = known(&GLOBAL, key, line)?;
                    file.values.insert(setting.key, (read(setting, value, line)?, line));
                }
            }
        }
        Ok(file)
    }
}

fn table_into(
    text: &str,
    table: &str,
    inner: &DeTable<'_>,
    values: &mut BTreeMap<&'static str, Lined>,
) -> Result<()> {
    for (key, value) in inner {
        let line = line_of(text, key.span().start);
        let setting = known(&GLOBAL, &format!("{table}.{}", key.get_ref()), line)?;
        values.insert(setting.key, (read(setting, value, line)?, line));
    }
    Ok(())
}

fn media(
    text: &str,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    table: &Spanned<DeValue<'_>>,
) -> Result<MediaTable> {
    let (line, name) = (line_of(text, name.span().start), name.get_ref());
    let DeValue::Table(inner) = table.get_ref() else {
        let found = table.get_ref().type_str();
        return Err(wrong(line, format!("expected a table for media.{name}, found {found}"))
            .hint("Write [media.NAME], with a name of the set."));
    };
    let mut values = BTreeMap::new();
    for (key, value) in inner {
        let line = line_of(text, key.span().start);
        let key = key.get_ref();
        let setting = MEDIA.iter().find(|setting| setting.key == *key).ok_or_else(|| {
            wrong(line, format!("unknown key media.{name}.{key}"))
                .hint(nearest_hint(key, MEDIA.iter().map(|setting| setting.key)))
        })?;
        let read = read_as(&format!("media.{name}.{key}"), setting.kind, value, line)?;
        values.insert(setting.key, (read, line));
    }
    Ok(MediaTable { name: name.to_string(), line, values })
}

fn repository(text: &str, table: &Spanned<DeValue<'_>>) -> Result<RepositoryTable> {
    let line = line_of(text, table.span().start);
    let DeValue::Table(inner) = table.get_ref() else {
        return Err(wrong(line, "expected a table in repository".into()));
    };
    let mut values = BTreeMap::new();
    for (key, value) in inner {
        let line = line_of(text, key.span().start);
        let setting = known(REPOSITORY, key.get_ref(), line)?;
        values.insert(setting.key, (read(setting, value, line)?, line));
    }
    Ok(RepositoryTable { line, values })
}

fn known(settings: &'static [Setting], key: &str, line: usize) -> Result<&'static Setting> {
    let found = settings.iter().find(|setting| setting.key == key);
    found.ok_or_else(|| {
        wrong(line, format!("unknown key {key}"))
            .hint(nearest_hint(key, settings.iter().map(|setting| setting.key)))
    })
}

fn read(setting: &Setting, value: &Spanned<DeValue<'_>>, line: usize) -> Result<Value> {
    read_as(setting.key, setting.kind, value, line)
}

fn read_as(key: &str, kind: ValueKind, value: &Spanned<DeValue<'_>>, line: usize) -> Result<Value> {
    let read = match (kind, value.get_ref()) {
        (ValueKind::List, DeValue::Array(items)) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map(Value::List)
        }
        (ValueKind::Boolean, DeValue::Boolean(on)) => Some(Value::Boolean(*on)),
        (ValueKind::Boolean | ValueKind::List | ValueKind::Integer { .. }, DeValue::String(_)) => {
            None
        }
        // A number is written as one.
        (ValueKind::AllOrNumber { .. }, DeValue::String(text)) if text != "all" => None,
        (kind, DeValue::String(text)) => Value::from_text(kind, text),
        (kind, DeValue::Integer(number)) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
            parsed.and_then(|number| Value::from_integer(kind, number))
        }
        _ => None,
    };
    let found = match value.get_ref() {
        DeValue::String(text) => format!("{:?}", without_secrets(text)),
        DeValue::Integer(number) => number.as_str().to_owned(),
        other => other.type_str().to_owned(),
    };
    read.ok_or_else(|| {
        wrong(line, format!("expected {} for {key}, found {found}", kind.describe()))
    })
}

fn wrong(line: usize, message: String) -> Error {
    Error::new(Class::Configuration, format!("line {line}: {message}"))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_settings_with_their_lines() {
        let file = ConfigFile::parse(
            "cluster = \"shop\"\n[wal]\nlook_ahead = 8\n\n[[repository]]\nurl = \"/backups\"\n",
        )
        .unwrap();
        assert_eq!(file.values["cluster"], (Value::Text("shop".into()), 1));
        assert_eq!(file.values["wal.look_ahead"], (Value::Integer(8), 3));
        assert_eq!(file.repositories[0].line, 5);
        assert_eq!(file.repositories[0].values["url"], (Value::Text("/backups".into()), 6));
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        for (text, expected) in [
            ("clutser = \"a\"", "line 1: unknown key clutser. HINT: Did you mean cluster?"),
            (
                "\n[wal]\nlook-ahead = 1",
                "line 3: unknown key wal.look-ahead. HINT: Did you mean wal.look_ahead?",
            ),
            ("[[repository]]\nurll = \"\"", "line 2: unknown key urll. HINT: Did you mean url?"),
            (
                "[repository]\nurl = \"/a\"",
                "line 1: expected repository to be a list of tables. HINT: Write [[repository]], with two brackets.",
            ),
            (
                "[wal]\nparallel = 0",
                "line 2: expected a whole number from 1 to 64 for wal.parallel, found 0",
            ),
            (
                "[wal]\nparallel = \"4\"",
                "line 2: expected a whole number from 1 to 64 for wal.parallel, found \"4\"",
            ),
            (
                "[log]\nlevel = \"loud\"",
                "line 2: expected one of error, warn, info, debug for log.level, found \"loud\"",
            ),
            (
                "[limits]\ntotal_timeout = 60",
                "line 2: expected a time like 5s or 3m, at most 1 day for limits.total_timeout, found 60",
            ),
            (
                "[encryption]\nrecipients = \"age1\"",
                "line 2: expected a list of texts for encryption.recipients, found \"age1\"",
            ),
            (
                "[encryption]\nidentity_file = \"key\"",
                "line 2: expected an absolute path for encryption.identity_file, found \"key\"",
            ),
            ("cluster = ", "line 1: string values must be quoted, expected literal string"),
        ] {
            assert_eq!(ConfigFile::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
