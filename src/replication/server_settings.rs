//! The settings of a server, as it shows them to the role that asks: their values, whether another one waits for a
//! restart, and where they are set.

use std::collections::BTreeMap;

use super::PgConnection;
use super::query::{first_row, rows};
use crate::error::Result;

/// Who sees the data directory and the files is a superuser or has `pg_read_all_settings`; the others anybody sees.
const SETTINGS: &str = "SELECT name, coalesce(setting, ''), pending_restart, source, sourcefile, sourceline \
     FROM pg_settings";

/// Settings by their names.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings(BTreeMap<String, ServerSetting>);

#[derive(Debug, Clone, Default)]
struct ServerSetting {
    value: String,
    waits: bool,
    origin: SettingOrigin,
}

/// Where a setting has its value from (`pg_settings`).
#[derive(Debug, Clone, Default)]
pub struct SettingOrigin {
    pub source: String,
    /// The path, and the number of the line.
    pub file: Option<(String, String)>,
}

impl ServerSettings {
    /// All of them, over SQL.
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let all = rows(connection, SETTINGS)?.into_iter().filter_map(|row| {
            let mut row = row.into_iter();
            let (name, value) = (row.next()??, row.next()??);
            let (waits, source) = (row.next()?? == "t", row.next()??);
            let file = row.next().flatten().zip(row.next().flatten());
            let origin = SettingOrigin { source, file };
            Some((name, ServerSetting { value, waits, origin }))
        });
        Ok(Self(all.collect()))
    }

    /// These values, of which nobody knows where they are set.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let setting = |(name, value): (&str, String)| {
            (name.to_owned(), ServerSetting { value, ..ServerSetting::default() })
        };
        Self(values.into_iter().map(setting).collect())
    }

    /// As the server shows it, in its base unit; `None` where it has none of that name, or does not show it to this role.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|it| it.value.as_str())
    }

    /// Zero where it is no number, or not shown.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Whether another value is set and waits for a restart of the server.
    pub(crate) fn waits_for_restart(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|it| it.waits)
    }

    /// Of those that are not left as they are by default.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&String, &SettingOrigin)> {
        let set = self
            .0
            .iter()
            .filter(|(_, it)| !["default", "override"].contains(&it.origin.source.as_str()));
        set.map(|(name, it)| (name, &it.origin))
    }
}

/// A setting by `SHOW`, which the replication protocol has too; empty where it has no value.
pub(super) fn show(connection: &mut PgConnection, name: &str) -> Result<String> {
    let row = first_row(connection, &format!("SHOW {name}"))?;
    Ok(row.into_iter().next().flatten().unwrap_or_default())
}

/// As `SHOW` writes it: `16MB`, `1GB`.
pub(super) fn bytes_of(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let unit = match unit {
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// As `SHOW` writes it: `0`, `30s`, `1min`, `2h`, `1d`.
pub(super) fn seconds_of(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "" | "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_the_server_shows_them() {
        assert_eq!(
            ["0", "30s", "1min", "2h", "1d"].map(seconds_of),
            [Some(0), Some(30), Some(60), Some(7200), Some(86_400)]
        );
        assert_eq!(seconds_of("5ms"), None);
        assert_eq!(["16MB", "1GB"].map(bytes_of), [Some(16 << 20), Some(1 << 30)]);
        assert_eq!(["", "MB", "x", "16kB"].map(bytes_of), [None; 4]);
    }
}
