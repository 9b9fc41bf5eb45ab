//! Fetching WAL for a drill's server, which may not reach a repository itself.
//!
//! The server leaves a note of the file that it wants, and the drill runs `wal-fetch` for it, as long as the
//! server recovers and no longer.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::drill::Scratch;
use crate::durable;
use crate::error::{Error, Result};

/// A segment waits for this twice.
const POLL: Duration = Duration::from_millis(1);

/// What `restore_command` of PostgreSQL may name as the target.
const TARGETS: [&str; 2] = ["pg_wal/RECOVERYXLOG", "pg_wal/RECOVERYHISTORY"];

/// What the server of a drill may not do itself: to fetch WAL takes the repository, its keys and the network. The server
/// leaves a note of what it wants, and the drill runs the command for it, only as long as it recovers: until then
/// nothing runs in it that came with the backup.
pub(crate) struct Errands<'a> {
    scratch: &'a Scratch,
    /// The real one.
    restore_command: String,
}

impl<'a> Errands<'a> {
    pub(crate) fn prepare(scratch: &'a Scratch, restore_command: &str) -> Result<Self> {
        let errands = Self { scratch, restore_command: restore_command.to_owned() };
        let folder = errands.folder();
        fs::create_dir(&folder).map_err(|error| Error::file("create folder", &folder, &error))?;
        // Both names are made by the server: no name of a WAL file has a blank.
        let note = shell_quoted(&folder.display().to_string());
        let script = format!(
            "note={note}/\"$1.$$\"\n\
             echo \"$1 $2\" >\"$note.new\" && mv \"$note.new\" \"$note.wanted\" || exit 255\n\
             until [ -e \"$note.done\" ]; do sleep 0.003; done\n\
             read status <\"$note.done\"\n\
             rm \"$note.done\"\n\
             exit \"$status\"\n"
        );
        durable::replace(&errands.script(), script.as_bytes())?;
        Ok(errands)
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("errands")
    }

    fn script(&self) -> PathBuf {
        self.scratch.path().join("ask")
    }

    /// What the server has as `restore_command`.
    pub(crate) fn command(&self) -> String {
        let script = self.script().display().to_string().replace('%', "%%");
        format!("/bin/sh {} \"%f\" \"%p\"", shell_quoted(&script))
    }

    /// Runs what the server wants until it is told to stop.
    pub(crate) fn run(&self, log: &Path, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let notes = fs::read_dir(self.folder()).into_iter().flatten().flatten();
            let notes = notes.map(|entry| entry.path());
            let wanted = |path: &PathBuf| path.extension() == Some(OsStr::new("wanted"));
            for note in notes.filter(wanted) {
                let status = self.answer(&note, log, stop).unwrap_or(255);
                let done =
                    durable::replace(&note.with_extension("done"), status.to_string().as_bytes());
                if let Err(error) = done.and_then(|()| removed(&note)) {
                    tracing::warn!("{error}");
                    return;
                }
            }
            std::thread::sleep(POLL);
        }
    }

    fn answer(&self, note: &Path, log: &Path, stop: &AtomicBool) -> Option<i32> {
        let text = fs::read_to_string(note).ok()?;
        let (name, target) = text.trim_end().split_once(' ')?;
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if !plain(name) || !TARGETS.contains(&target) {
            return None;
        }
        let append = || File::options().append(true).open(log).ok();
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(replaced(&self.restore_command, name, target));
        command.current_dir(self.scratch.data()).stdin(Stdio::null());
        command.stdout(append()?).stderr(append()?);
        let mut process = command.spawn().ok()?;
        loop {
            if let Some(status) = process.try_wait().ok()? {
                return Some(as_the_shell_says(status));
            }
            if stop.load(Ordering::Relaxed) {
                let _ = process.kill();
                let _ = process.wait();
                return None;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// One word for the shell.
fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn removed(note: &Path) -> Result<()> {
    fs::remove_file(note).map_err(|error| Error::file("remove", note, &error))
}

fn as_the_shell_says(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(255)
}

/// As PostgreSQL does it (`BuildRestoreCommand`).
fn replaced(command: &str, name: &str, target: &str) -> String {
    let (mut done, mut rest) = (String::new(), command);
    while let Some((before, after)) = rest.split_once('%') {
        done += before;
        let (put, after) = match after.chars().next() {
            Some('f') => (name, &after[1..]),
            Some('p') => (target, &after[1..]),
            Some('%') => ("%", &after[1..]),
            _ => ("%", after),
        };
        done += put;
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_the_command() {
        let command = "wal-fetch --config '/100%%/a.toml' \"%f\" \"%p\" %x";
        let expected = "wal-fetch --config '/100%/a.toml' \"N\" \"pg_wal/RECOVERYXLOG\" %x";
        assert_eq!(replaced(command, "N", "pg_wal/RECOVERYXLOG"), expected);
    }
}
