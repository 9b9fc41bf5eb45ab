//! Tells the restored server how to recover, by lines at the end of `postgresql.auto.conf` and a signal file, and takes
//! the lines back when the server is promoted.
//!
//! The last line of a name counts, so these lines go behind those that came with the base backup.

use std::path::Path;

use super::recovery_target::{RecoveryTarget, TargetAction, TargetTimeline};
use crate::data_directory::{NOT_ARCHIVING, without_mark};
use crate::durable;
use crate::error::{Error, Result};
use crate::failpoint;
use crate::postgres::last_setting;

/// What a restored server is told about its recovery.
#[derive(Debug, Clone)]
pub struct RecoverySettings {
    pub restore_command: String,
    pub target: RecoveryTarget,
    pub inclusive: bool,
    pub timeline: TargetTimeline,
    pub action: TargetAction,
    /// Whether archiving stays as it was. If not, `archive_mode` is off, so that a test server can't push into the repository
    /// of the real one.
    pub archive: bool,
    /// Whether it goes on for ever, as a standby.
    pub standby: bool,
    /// The major version of the server.
    pub major: u32,
    /// Whether it may read WAL ahead of what it replays. Where recovery is to end before there is something that can't be
    /// fetched, such as a gap, it must not ask for it.
    pub reads_ahead: bool,
}

const ARCHIVING_OFF: &str = "archive_mode = 'off'\n";

/// For a server that is to start without recovery settings.
pub fn archiving_off() -> String {
    format!("{NOT_ARCHIVING}\n{ARCHIVING_OFF}")
}

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
        settings.push(("recovery_target_action", self.action.setting().to_owned()));
        settings.extend(self.of_the_old_server().map(|(key, value)| (key, value.to_owned())));
        if self.major >= 15 && !self.reads_ahead {
            settings.push(("recovery_prefetch", "off".to_owned()));
        }
        for (key, value) in settings {
            lines += &format!("{key} = '{}'\n", quoted(&value));
        }
        if !self.archive {
            lines += &archiving_off();
        }
        lines
    }

    /// What may have been set for the old server and would act on the recovery: a delay of hours, a command that removes files
    /// of an archive, one that moves an address, a file that ends it at once.
    fn of_the_old_server(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let always = [("archive_cleanup_command", "")];
        let to_the_end = [("recovery_min_apply_delay", "0"), ("recovery_end_command", "")];
        // No longer known to 16.
        let trigger = (self.major <= 15).then_some(("promote_trigger_file", ""));
        let to_the_end = to_the_end.into_iter().chain(trigger).filter(|_| !self.standby);
        always.into_iter().chain(to_the_end)
    }
}

/// Settings, and the file that makes the server recover, as a standby or not. Both are made durable when the
/// control file gets its name.
pub fn tell_server(data: &Path, settings: &RecoverySettings) -> Result<()> {
    add_settings(data, &settings.lines())?;
    if settings.archive {
        leave_archiving(data)?;
    }
    failpoint::reach("restore.settings-written");
    let [wanted, other] = match settings.standby {
        true => ["standby.signal", "recovery.signal"],
        false => ["recovery.signal", "standby.signal"],
    };
    // A backup of a standby has the file of one, and with it no recovery would ever end.
    durable::remove(data, &data.join(other))?;
    durable::replace(&data.join(wanted), b"")?;
    failpoint::reach("restore.signal-written");
    Ok(())
}

/// A backup of a server that was itself restored not to archive says so still. Who set it off otherwise meant it: that is said.
pub fn leave_archiving(data: &Path) -> Result<()> {
    let path = data.join("postgresql.auto.conf");
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|error| Error::file("read", &path, &error))?,
    };
    let text = characters(&bytes);
    let left = without_mark(&text);
    if left != text {
        durable::replace(&path, &bytes_of(&left))?;
    }
    if last_setting(&left, "archive_mode").is_some_and(|mode| mode == "off") {
        tracing::warn!(
            "the restored server will archive nothing: {path:?} has archive_mode = 'off' from the \
             backup, which overrides postgresql.conf. HINT: To archive, run ALTER SYSTEM RESET \
             archive_mode, and restart the server."
        );
    }
    Ok(())
}

/// Once the recovery is over: what it was told is of no use to the server, and would act on standbys that are made of it. What
/// came with the backup comes back, but for targets of older recoveries.
pub fn forget_recovery(data: &Path, settings: &RecoverySettings) -> Result<()> {
    let path = data.join("postgresql.auto.conf");
    let bytes = std::fs::read(&path).map_err(|error| Error::file("read", &path, &error))?;
    let (text, ours) = (characters(&bytes), characters(settings.lines().as_bytes()));
    durable::replace(&path, &bytes_of(&without_recovery(&text, &ours)))
}

/// A character for each byte: a value that is not UTF-8 stays as it is.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes_of(characters: &str) -> Vec<u8> {
    characters.chars().filter_map(|it| u8::try_from(it).ok()).collect()
}

/// The server writes its lines as we do. The last one of a name counts, so those of `ours` go from the end.
fn without_recovery(text: &str, ours: &str) -> String {
    let stays = |line: &str| {
        let of_archiving = line == NOT_ARCHIVING || line.starts_with("archive_mode ");
        line.starts_with(['#', '\n']) || of_archiving
    };
    let mut ours: Vec<&str> = ours.lines().filter(|line| !stays(line)).collect();
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines().rev() {
        let known = ours.iter().position(|it| *it == line);
        known.map(|at| ours.swap_remove(at));
        if known.is_none() && !line.starts_with("recovery_target") {
            kept.push(line);
        }
    }
    kept.iter().rev().map(|line| format!("{line}\n")).collect()
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
    fn what_a_recovery_was_told_is_forgotten_and_the_rest_stays() {
        let ours = "# Added by basebackup restore\nrecovery_target = ''\nrestore_command = 'fetch'\n\
                    recovery_target_lsn = '0/7'\nrecovery_min_apply_delay = '0'\nseawall.restored = 'archives nothing until archive_mode is set \
                    again, or reset'\narchive_mode = 'off'\n";
        let before = "# Do not edit this file manually!\nwork_mem = '4MB'\nrestore_command = 'fetch'\n\
                      recovery_min_apply_delay = '1h'\n";
        let old = "recovery_target_xid = '8'\n";
        assert_eq!(
            without_recovery(&format!("{before}{old}{ours}"), ours),
            format!(
                "{before}# Added by basebackup restore\n{NOT_ARCHIVING}\narchive_mode = 'off'\n"
            )
        );
        // As ALTER SYSTEM has written it anew in between.
        let anew =
            "# Do not edit this file manually!\nrestore_command = 'fetch'\narchive_mode = 'on'\n";
        assert_eq!(
            without_recovery(anew, ours),
            "# Do not edit this file manually!\narchive_mode = 'on'\n"
        );
    }

    #[test]
    fn the_mark_goes_whatever_the_other_settings_are_written_in() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("postgresql.auto.conf");
        leave_archiving(place.path()).unwrap();
        let other = b"cluster_name = 'caf\xe9'\n";
        std::fs::write(&path, [other, archiving_off().as_bytes()].concat()).unwrap();
        leave_archiving(place.path()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), other);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(leave_archiving(place.path()).is_err());
    }

    /// `restore --start` takes its settings back whatever the others are written in.
    #[test]
    fn a_recovery_is_forgotten_beside_what_is_not_utf_8() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("postgresql.auto.conf");
        let settings = RecoverySettings {
            restore_command: "wal-fetch --config '/grün.toml' %f \"%p\"".to_owned(),
            target: RecoveryTarget::Latest,
            inclusive: true,
            timeline: TargetTimeline::Latest,
            action: TargetAction::Promote,
            archive: false,
            standby: false,
            major: 18,
            reads_ahead: true,
        };
        let other = b"cluster_name = 'caf\xe9'\n";
        std::fs::write(&path, other).unwrap();
        add_settings(place.path(), &settings.lines()).unwrap();
        assert_ne!(std::fs::read(&path).unwrap(), other);
        forget_recovery(place.path(), &settings).unwrap();
        let left = std::fs::read(&path).unwrap();
        assert!(
            left.starts_with(other) && !left.windows(8).any(|it| it == b"recovery"),
            "{left:?}"
        );
    }

    #[test]
    fn settings_replace_those_of_an_older_recovery() {
        let settings = RecoverySettings {
            restore_command: "wal-fetch --config '/a b.toml' %f \"%p\"".to_owned(),
            target: RecoveryTarget::Name("before\nit".to_owned()),
            inclusive: true,
            timeline: TargetTimeline::Latest,
            action: TargetAction::Promote,
            archive: false,
            standby: false,
            major: 15,
            reads_ahead: false,
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
             archive_cleanup_command = ''\n\
             recovery_min_apply_delay = '0'\n\
             recovery_end_command = ''\n\
             promote_trigger_file = ''\n\
             recovery_prefetch = 'off'\n\
             seawall.restored = 'archives nothing until archive_mode is set again, or reset'\n\
             archive_mode = 'off'\n"
        );
        let (standby, archive) = (true, true);
        let standby =
            RecoverySettings { standby, archive, major: 16, reads_ahead: true, ..settings };
        let lines = standby.lines();
        assert!(lines.contains("archive_cleanup_command"), "{lines}");
        for name in [
            "min_apply_delay",
            "recovery_end_command",
            "promote_trigger_file",
            "prefetch",
            "archive_mode",
            NOT_ARCHIVING,
        ] {
            assert!(!lines.contains(name), "{lines}");
        }
    }
}
