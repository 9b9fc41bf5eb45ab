use std::path::Path;

use super::target::{RecoveryTarget, TargetAction, TargetTimeline};
use crate::durable;
use crate::error::{Error, Result};
use crate::failpoint;

/// What a restored server is told about its recovery.
#[derive(Debug, Clone)]
pub struct RecoverySettings {
    pub restore_command: String,
    pub target: RecoveryTarget,
    pub inclusive: bool,
    pub timeline: TargetTimeline,
    pub action: TargetAction,
    /// Whether the restored server archives again. If not, `archive_mode` is off, so that a test server can't
    /// push into the repository of the real one.
    pub archive: bool,
}

/// For a server that is to start without recovery settings.
pub const ARCHIVING_OFF: &str = "# Added by basebackup restore\narchive_mode = 'off'\n";

impl RecoverySettings {
    /// The lines for `postgresql.auto.conf`, behind what is there: the last line of a name counts.
    pub fn lines(&self) -> String {
        let mut lines = "# Added by basebackup restore\n".to_owned();
        // Of an older recovery there may be targets left; two of them are an error to the server.
        let cleared = [
            "recovery_target",
            "recovery_target_name",
            "recovery_target_time",
            "recovery_target_xid",
            "recovery_target_lsn",
        ];
        let target = self.target.settings(self.inclusive);
        let unset = cleared.iter().filter(|name| target.iter().all(|(key, _)| key != *name));
        let mut settings: Vec<(&str, String)> = unset.map(|name| (*name, String::new())).collect();
        settings.push(("restore_command", self.restore_command.clone()));
        settings.extend(target);
        settings.push(("recovery_target_timeline", self.timeline.setting()));
        if self.target != RecoveryTarget::Latest {
            settings.push(("recovery_target_action", self.action.setting().to_owned()));
        }
        if !self.archive {
            settings.push(("archive_mode", "off".to_owned()));
        }
        for (key, value) in settings {
            lines += &format!("{key} = '{}'\n", quoted(&value));
        }
        lines
    }
}

/// Settings, and the file that makes the server recover, as a standby or not. Both are made durable when the
/// control file gets its name.
pub fn tell_server(data: &Path, settings: &RecoverySettings, standby: bool) -> Result<()> {
    add_settings(data, &settings.lines())?;
    failpoint::reach("restore.settings-written");
    let [wanted, other] = match standby {
        true => ["standby.signal", "recovery.signal"],
        false => ["recovery.signal", "standby.signal"],
    };
    // A backup of a standby has the file of one, and with it no recovery would ever end.
    durable::remove(data, &data.join(other))?;
    durable::replace(&data.join(wanted), b"")?;
    failpoint::reach("restore.signal-written");
    Ok(())
}

/// Puts settings behind those that came with the backup. `pg_verifybackup` lets this file differ.
pub fn add_settings(data: &Path, lines: &str) -> Result<()> {
    let path = data.join("postgresql.auto.conf");
    let mut text = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| Error::file("read", &path, &error))?,
    };
    text.extend_from_slice(lines.as_bytes());
    durable::replace(&path, &text)
}

/// As between the quotes of a configuration file, which ends with its line (`guc-file.l`).
pub fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "''").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_replace_those_of_an_older_recovery() {
        let settings = RecoverySettings {
            restore_command: "wal-fetch --config '/a b.toml' %f \"%p\"".to_owned(),
            target: RecoveryTarget::Name("before\nit".to_owned()),
            inclusive: true,
            timeline: TargetTimeline::Latest,
            action: TargetAction::Promote,
            archive: false,
        };
        assert_eq!(
            settings.lines(),
            "# Added by basebackup restore\n\
             recovery_target = ''\n\
             recovery_target_time = ''\n\
             recovery_target_xid = ''\n\
             recovery_target_lsn = ''\n\
             restore_command = 'wal-fetch --config ''/a b.toml'' %f \"%p\"'\n\
             recovery_target_name = 'before\\nit'\n\
             recovery_target_timeline = 'latest'\n\
             recovery_target_action = 'promote'\n\
             archive_mode = 'off'\n"
        );
    }
}
