//! Puts the layers together: flag over environment over file over default.
//!
//! Repositories are named as a whole by the highest layer that names any; their tables in the file lend their
//! keys by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::file::{ConfigFile, RepositoryTable};
use super::place::usual_file;
use super::repository::default_name;
use super::resolved::{Resolved, ValueOrigin};
use super::secrets::without_secrets;
use super::setting::{Setting, nearest_hint};
use super::settings::GLOBAL;
use super::value::Value;
use crate::error::{Class, Error, Result};

/// What the command line said, as text.
#[derive(Clone, Debug, Default)]
pub struct FlagValues {
    pub config: Option<PathBuf>,
    /// URLs, or names from the file.
    pub repositories: Vec<String>,
    /// By the key of the setting.
    pub settings: BTreeMap<&'static str, String>,
}

pub(super) fn resolve(flags: &FlagValues, environment: &Environment) -> Result<Resolved> {
    let path = file_path(flags, environment);
    let file = path.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default();
    combine(flags, environment, file, path)
}

pub(super) fn of_text(text: &str) -> Result<Resolved> {
    let file = ConfigFile::parse(text)?;
    combine(&FlagValues::default(), &Environment::default(), file, Some(PathBuf::new()))
}

fn combine(
    flags: &FlagValues,
    environment: &Environment,
    mut file: ConfigFile,
    path: Option<PathBuf>,
) -> Result<Resolved> {
    let mut values = BTreeMap::new();
    for setting in GLOBAL.iter() {
        if let Some(found) = find(setting, flags, environment, &file, path.as_deref())? {
            values.insert(setting.key, found);
        }
    }
    let place = path.clone().unwrap_or_default();
    let media = std::mem::take(&mut file.media).into_iter().map(|table| {
        let origin = ValueOrigin::File(place.clone(), table.line);
        (table, origin)
    });
    let media = media.collect();
    let repositories = repositories(flags, environment, file, path.as_deref())?;
    let aws_endpoint = environment.endpoint();
    let others = environment.others().to_vec();
    Ok(Resolved { file: path, values, repositories, aws_endpoint, media, others })
}

fn file_path(flags: &FlagValues, environment: &Environment) -> Option<PathBuf> {
    let named =
        flags.config.clone().or_else(|| environment.get("SEAWALL_CONFIG").map(PathBuf::from));
    named.or_else(usual_file)
}

fn find(
    setting: &Setting,
    flags: &FlagValues,
    environment: &Environment,
    file: &ConfigFile,
    path: Option<&Path>,
) -> Result<Option<(Value, ValueOrigin)>> {
    if let Some(text) = flags.settings.get(setting.key) {
        let origin = ValueOrigin::Flag(setting.flag());
        let value = from_text(setting, text, &origin, Class::Usage)?;
        return Ok(Some((value, origin)));
    }
    let variable = setting.variable();
    if let Some(text) = environment.get(&variable) {
        let origin = ValueOrigin::Variable(variable);
        let value = from_text(setting, text, &origin, Class::Configuration)?;
        return Ok(Some((value, origin)));
    }
    if let (Some((value, line)), Some(path)) = (file.values.get(setting.key), path) {
        return Ok(Some((value.clone(), ValueOrigin::File(path.to_owned(), *line))));
    }
    let default = Value::from_text(setting.kind, setting.default);
    Ok(default.filter(|value| !value.is_empty()).map(|value| (value, ValueOrigin::Default)))
}

fn from_text(setting: &Setting, text: &str, origin: &ValueOrigin, class: Class) -> Result<Value> {
    Value::from_text(setting.kind, text).ok_or_else(|| {
        let expected = setting.kind.describe();
        let found = without_secrets(text);
        Error::new(class, format!("expected {expected} for {origin}, found {found:?}"))
    })
}

fn repositories(
    flags: &FlagValues,
    environment: &Environment,
    mut file: ConfigFile,
    path: Option<&Path>,
) -> Result<Vec<(RepositoryTable, ValueOrigin)>> {
    let in_file = |table: RepositoryTable| {
        let line = table.line;
        (table, ValueOrigin::File(path.unwrap_or(Path::new("")).to_owned(), line))
    };
    let variable = environment.get("SEAWALL_REPOSITORY").unwrap_or_default();
    let (named, origin): (Vec<&str>, ValueOrigin) = if flags.repositories.is_empty() {
        (variable.split_whitespace().collect(), ValueOrigin::Variable("SEAWALL_REPOSITORY".into()))
    } else {
        (
            flags.repositories.iter().map(String::as_str).collect(),
            ValueOrigin::Flag("repository".into()),
        )
    };
    if named.is_empty() {
        return Ok(file.repositories.into_iter().map(in_file).collect());
    }
    let (names, words) = (name_all(&mut file.repositories), named.len());
    let mut chosen = Vec::new();
    for name in named {
        let says = |table: &RepositoryTable| {
            let text =
                |key| matches!(table.values.get(key), Some((Value::Text(text), _)) if text == name);
            text("name") || text("url")
        };
        match file.repositories.iter().position(says) {
            Some(at) => chosen.push(in_file(file.repositories.remove(at))),
            None if names.iter().any(|known| known == name) => {
                let message = format!("{origin}: repository {name} is named twice");
                return Err(Error::new(Class::Configuration, message));
            }
            None if !name.contains('/') && !names.is_empty() => {
                let message = format!("{origin}: no repository in the file has the name {name:?}");
                let mut mend = nearest_hint(name, names.iter().map(String::as_str));
                if flags.repositories.is_empty() && words > 1 {
                    mend += " Spaces separate repositories here.";
                }
                return Err(Error::new(Class::Configuration, message).hint(mend));
            }
            None => chosen.push((bare(name), origin.clone())),
        }
    }
    Ok(chosen)
}

/// Gives those of the file that have no name the one that they are called by everywhere else.
fn name_all(tables: &mut [RepositoryTable]) -> Vec<String> {
    let text = |table: &RepositoryTable, key| match table.values.get(key) {
        Some((Value::Text(text), _)) => Some(text.clone()),
        _ => None,
    };
    let mut names: Vec<String> = Vec::new();
    for table in tables {
        let name = text(table, "name").unwrap_or_else(|| {
            let url = text(table, "url").unwrap_or_default();
            let name = default_name(&url, &|name| names.iter().any(|other| other == name));
            table.values.insert("name", (Value::Text(name.clone()), table.line));
            name
        });
        names.push(name);
    }
    names
}

fn bare(url: &str) -> RepositoryTable {
    let values = [("url", (Value::Text(url.to_owned()), 0))].into_iter().collect();
    RepositoryTable { line: 0, values }
}
