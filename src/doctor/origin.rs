//! Where a setting of the server has its value from, and with it what changes it: a statement, Patroni, or the hand of whoever
//! wrote the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::finding::{Mend, Restart};
use crate::error::Result;
use crate::replication::query::first_row;
use crate::replication::{PgConnection, ServerSettings, SettingOrigin};
use crate::words::shell_word;

/// Patroni keeps a session of this name.
const PATRONI: &str =
    "select exists (select from pg_stat_activity where application_name like 'Patroni %')";

/// Patroni's copy of what the whole cluster is told, in the data directory.
const DYNAMIC: &str = "patroni.dynamic.json";

/// Of all settings that are not left as they are by default.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    all: BTreeMap<String, SettingOrigin>,
    patroni: Option<Patroni>,
    /// Patroni gives its scope to the server as the name of the cluster.
    cluster_name: String,
}

#[derive(Debug, Clone, Default)]
struct Patroni {
    /// What the whole cluster is told, where it can be seen.
    dynamic: Option<Value>,
}

impl Origins {
    /// Those of the settings of a server, which is asked over a connection to a database whether Patroni has it.
    pub(crate) fn of(settings: &ServerSettings, connection: &mut PgConnection) -> Result<Self> {
        let row = first_row(connection, PATRONI)?;
        let patroni = row.into_iter().next().flatten().is_some_and(|it| it == "t");
        let all = settings.origins().map(|(name, origin)| (name.clone(), origin.clone()));
        Ok(Self {
            all: all.collect(),
            patroni: patroni.then(Patroni::default),
            cluster_name: settings.text("cluster_name").unwrap_or_default().to_owned(),
        })
    }

    /// Looks for Patroni in a data directory that can be seen from here.
    pub fn look(&mut self, data_directory: &Path) {
        if let Ok(bytes) = fs::read(data_directory.join(DYNAMIC)) {
            self.patroni = Some(Patroni { dynamic: serde_json::from_slice(&bytes).ok() });
        }
    }

    /// Whether Patroni has, or had, a server in this data directory.
    pub fn by_patroni_in(data_directory: &Path) -> bool {
        data_directory.join(DYNAMIC).exists()
    }

    /// `None` where it is the default, or not shown.
    pub fn set_in(&self, name: &str) -> Option<String> {
        let origin = self.all.get(name)?;
        let place = match (&origin.file, origin.source.as_str()) {
            (Some((file, line)), _) => format!("{file}, line {line}"),
            (None, "command line") => "the command line of the server".to_owned(),
            _ => return None,
        };
        Some(match self.patroni {
            None => place,
            Some(_) if self.by_alter_system(name) => {
                format!("{place}, which overrides Patroni's settings")
            }
            Some(_) if self.of_this_node(name) => {
                format!("{place}, by Patroni from this node's patroni.yml")
            }
            Some(_) => format!("{place}, by Patroni"),
        })
    }

    /// What gives it this value, and whether that takes a restart.
    pub fn set(&self, name: &str, value: &str, restart: bool) -> Mend {
        if self.patroni.is_some() {
            return self.by_patroni(name, Some(value), restart);
        }
        if self.on_the_command_line(name) {
            return Mend::Advice(format!(
                "The command line of the server overrides ALTER SYSTEM: write {name}={} there, in \
                 its unit or its container, and restart it.",
                shell_word(value)
            ));
        }
        Mend::alter_system(name, value, restart)
    }

    /// What takes it away.
    pub fn reset(&self, name: &str) -> Mend {
        if self.patroni.is_some() {
            return self.by_patroni(name, None, false);
        }
        match self.all.get(name).and_then(|it| it.file.as_ref()) {
            Some((file, line)) if !self.by_alter_system(name) => {
                Mend::Advice(format!("Remove {name} from {file}, line {line}, then reload."))
            }
            _ if self.on_the_command_line(name) => Mend::Advice(format!(
                "Remove {name} from the command line of the server, in its unit or its container, and restart it."
            )),
            _ => Mend::sql(format!("ALTER SYSTEM RESET {name}")),
        }
    }

    /// What has a value that is set already come into force.
    pub fn restart(&self, name: &str) -> Mend {
        Mend::Advice(match self.patroni {
            None => format!("Another value of {name} is set: restart the server."),
            Some(_) => format!("Another value of {name} is set: {}", self.patroni_restart()),
        })
    }

    /// `ALTER SYSTEM` would be out of Patroni's sight, on one node alone.
    fn by_patroni(&self, name: &str, value: Option<&str>, restart: bool) -> Mend {
        if self.by_alter_system(name) {
            let restart =
                if restart { Restart::By(self.patroni_restart()) } else { Restart::Needless };
            return Mend::Sql { statement: format!("ALTER SYSTEM RESET {name}"), restart };
        }
        let scope = shell_word(&self.cluster_name);
        if self.of_this_node(name) {
            let value = value.map_or("null".to_owned(), yaml);
            let then = restart.then(|| format!(", then {}", self.patroni_restart()));
            return Mend::Advice(format!(
                "{name}: {value} under postgresql.parameters in this node's patroni.yml, then patronictl reload {scope}{}",
                then.unwrap_or_default()
            ));
        }
        let pair = value.map_or_else(|| pair(name, "null"), |value| patroni_pair(name, value));
        let then = restart.then(|| format!(" && {}", self.patroni_restart()));
        Mend::Shell(format!("patronictl edit-config {scope} {pair}{}", then.unwrap_or_default()))
    }

    fn patroni_restart(&self) -> String {
        format!("patronictl restart {}", shell_word(&self.cluster_name))
    }

    fn on_the_command_line(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|it| it.source == "command line")
    }

    fn by_alter_system(&self, name: &str) -> bool {
        self.is_in(name, "postgresql.auto.conf")
    }

    /// Whether Patroni has it from the file of this node, and not from what the whole cluster is told.
    fn of_this_node(&self, name: &str) -> bool {
        let dynamic = self.patroni.as_ref().and_then(|it| it.dynamic.as_ref());
        let told = |it: &Value| {
            let of = |section: &str| !it["postgresql"][section][name].is_null();
            of("parameters") || of("recovery_conf")
        };
        dynamic.is_some_and(|it| !told(it)) && self.is_in(name, "postgresql.conf")
    }

    fn is_in(&self, name: &str, file: &str) -> bool {
        let origin = self.all.get(name).and_then(|it| it.file.as_ref());
        origin.is_some_and(|(path, _)| Path::new(path).file_name().is_some_and(|it| it == file))
    }
}

/// What `patronictl edit-config` takes for a setting.
pub fn patroni_pair(name: &str, value: &str) -> String {
    pair(name, &yaml(value))
}

fn pair(name: &str, yaml: &str) -> String {
    let recovers = name == "restore_command" || name.starts_with("recovery_target");
    let (option, prefix) = match recovers {
        true => ("-s", "postgresql.recovery_conf."),
        false => ("--pg", ""),
    };
    format!("{option} {}", shell_word(&format!("{prefix}{name}={yaml}")))
}

/// A value as Patroni reads it.
fn yaml(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=+,@%\" ".contains(c);
    let begins = value.starts_with(|c: char| c == '/' || c.is_ascii_alphanumeric());
    match begins && value.chars().all(plain) && !value.ends_with(' ') {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(settings: &[(&str, &str, &str)], dynamic: Option<&str>) -> Origins {
        let origin = |(name, source, file): &(&str, &str, &str)| {
            let file = (!file.is_empty()).then(|| ((*file).to_owned(), "7".to_owned()));
            ((*name).to_owned(), SettingOrigin { source: (*source).to_owned(), file })
        };
        let patroni = dynamic.map(|text| Patroni { dynamic: serde_json::from_str(text).ok() });
        let all = settings.iter().map(origin).collect();
        Origins { all, patroni, cluster_name: "shop".to_owned() }
    }

    #[test]
    fn what_changes_a_setting_depends_on_where_it_stands() {
        let file = "configuration file";
        let settings = [
            ("fsync", file, "/d/postgresql.conf"),
            ("archive_mode", file, "/d/postgresql.auto.conf"),
            ("archive_timeout", file, "/d/postgresql.base.conf"),
            ("wal_level", "command line", ""),
        ];
        let shown = |origins: &Origins, name: &str, value: &str, restart: bool| {
            format!(
                "{} | {}",
                origins.set_in(name).unwrap_or_default(),
                origins.set(name, value, restart).text()
            )
        };
        let plain = origins(&settings, None);
        for (name, value, restart, expected) in [
            ("fsync", "on", false, "/d/postgresql.conf, line 7 | ALTER SYSTEM SET fsync = 'on';"),
            (
                "archive_mode",
                "on",
                true,
                "/d/postgresql.auto.conf, line 7 | ALTER SYSTEM SET archive_mode = 'on';  -- restart needed",
            ),
            (
                "wal_level",
                "replica",
                true,
                "the command line of the server | The command line of the server overrides ALTER SYSTEM: write wal_level=replica \
                 there, in its unit or its container, and restart it.",
            ),
            ("archive_command", "a", false, " | ALTER SYSTEM SET archive_command = 'a';"),
        ] {
            assert_eq!(shown(&plain, name, value, restart), expected);
        }
        let patroni =
            origins(&settings, Some(r#"{"postgresql": {"parameters": {"archive_timeout": 0}}}"#));
        for (name, value, restart, expected) in [
            (
                "fsync",
                "on",
                false,
                "/d/postgresql.conf, line 7, by Patroni from this node's patroni.yml | fsync: on under postgresql.parameters in \
                 this node's patroni.yml, then patronictl reload shop",
            ),
            (
                "archive_mode",
                "on",
                true,
                "/d/postgresql.auto.conf, line 7, which overrides Patroni's settings | ALTER SYSTEM RESET \
                 archive_mode;  -- restart needed: patronictl restart shop",
            ),
            (
                "archive_timeout",
                "60s",
                false,
                "/d/postgresql.base.conf, line 7, by Patroni | patronictl edit-config shop --pg archive_timeout=60s",
            ),
            (
                "wal_level",
                "replica",
                true,
                "the command line of the server, by Patroni | patronictl edit-config shop --pg wal_level=replica && patronictl \
                 restart shop",
            ),
            (
                "restore_command",
                "f %f \"%p\"",
                false,
                " | patronictl edit-config shop -s 'postgresql.recovery_conf.restore_command=f %f \"%p\"'",
            ),
        ] {
            assert_eq!(shown(&patroni, name, value, restart), expected);
        }
        assert_eq!(
            plain.reset("fsync").text(),
            "Remove fsync from /d/postgresql.conf, line 7, then reload."
        );
        assert_eq!(plain.reset("archive_mode").text(), "ALTER SYSTEM RESET archive_mode;");
        assert_eq!(
            patroni.reset("recovery_target").text(),
            "patronictl edit-config shop -s postgresql.recovery_conf.recovery_target=null"
        );
        assert_eq!(
            patroni.restart("fsync").text(),
            "Another value of fsync is set: patronictl restart shop"
        );
    }

    #[test]
    fn what_yaml_would_read_as_something_else_is_quoted() {
        assert_eq!(yaml("/bin/a \"%p\" %f"), "/bin/a \"%p\" %f");
        assert_eq!(yaml("a: b"), "'a: b'");
        assert_eq!(yaml("'a' #"), "'''a'' #'");
        assert_eq!(yaml(""), "''");
    }
}
