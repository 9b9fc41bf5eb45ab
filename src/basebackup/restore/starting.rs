//! Starts the restored server with `pg_ctl` of its own version, for `--start`, in spite of the old server's configuration.
//!
//! What in that leads out of the restored directory is said: before anything is written, as the description tells it, and before
//! a server starts, as the files say it. What would lead to another data directory or to another server's file is overridden
//! on the command line, quoted for the shell that `pg_ctl` starts the server through.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::basebackup::elsewhere::{ConfigurationFiles, Elsewhere, elsewhere};
use crate::error::{Class, Error, Result};
use crate::postgres::settings_in;

/// The programs that start a server of one version.
pub struct Starter {
    pg_ctl: PathBuf,
}

impl Starter {
    /// Fails where no server could be started later, before anything is restored.
    pub fn find(bin: Option<&Path>, major: u32) -> Result<Self> {
        let pg_ctl = pg_ctl(bin, major)?;
        Ok(Self { pg_ctl })
    }

    /// Starts the server on a data directory, and returns when it was started, not when it takes connections. Its first
    /// messages go into `log`.
    pub fn start(&self, data: &Path, log: &Path) -> Result<()> {
        let program = &self.pg_ctl;
        let external = found_outside(data).iter().any(|it| it.setting == "external_pid_file");
        // `-D` would go through a shell, in double quotes.
        let status = Command::new(program)
            .args(["start", "--no-wait", "--silent", "-l"])
            .arg(in_double_quotes(log))
            .arg("-o")
            .arg(options(data, external))
            .env("PGDATA", data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| Error::file("run", program, &error))?;
        if status.success() {
            return Ok(());
        }
        let message = format!("{program:?} did not start the server: {status}");
        Err(Error::new(Class::LocalFile, message).hint(format!("Its messages are in {log:?}.")))
    }
}

/// What counts more than the old server's configuration: that may name another data directory, and an `external` file that
/// another server has now. `pg_ctl` hands it to a shell.
fn options(data: &Path, external: bool) -> OsString {
    let mut options = b"-c data_directory=".to_vec();
    options.extend(in_single_quotes(data));
    if external {
        options.extend(b" -c external_pid_file=");
        options.extend(in_single_quotes(&data.join("external.pid")));
    }
    OsString::from_vec(options)
}

fn in_single_quotes(path: &Path) -> Vec<u8> {
    let mut word = b"'".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'\'' => word.extend(br"'\''"),
            other => word.push(*other),
        }
    }
    word.push(b'\'');
    word
}

/// What `pg_ctl` writes between double quotes of a shell (`start_postmaster` in `pg_ctl.c`).
fn in_double_quotes(path: &Path) -> OsString {
    let mut text = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if b"$`\"\\".contains(byte) {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    OsString::from_vec(text)
}

/// `pg_ctl` of that version: where it was said to be, where distributions put it, or in the PATH.
fn pg_ctl(bin: Option<&Path>, major: u32) -> Result<PathBuf> {
    let known = [format!("/usr/lib/postgresql/{major}/bin"), format!("/usr/pgsql-{major}/bin")];
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let usual = || known.iter().map(PathBuf::from).chain(std::env::split_paths(&in_path)).collect();
    let folders: Vec<PathBuf> = bin.map_or_else(usual, |bin| vec![bin.to_owned()]);
    let programs = folders.iter().map(|folder| folder.join("pg_ctl"));
    programs.into_iter().find(|program| is_of(program, major)).ok_or_else(|| {
        let place = bin.map_or(String::new(), |bin| format!(" in {bin:?}"));
        let message = format!("there is no pg_ctl of PostgreSQL {major}{place}");
        Error::new(Class::Usage, message).hint("Say where its programs are: --postgres-bin FOLDER.")
    })
}

/// In the PATH there may be that of another version.
fn is_of(program: &Path, major: u32) -> bool {
    let asked = program.is_file().then(|| Command::new(program).arg("--version").output().ok());
    let text = asked.flatten().map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let version = text.as_deref().and_then(|text| text.split_once("(PostgreSQL) "));
    version.is_some_and(|(_, version)| {
        let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
        version[..digits].parse() == Ok(major)
    })
}

/// One that the restored server goes by.
pub struct OutsideSetting {
    pub setting: String,
    /// `SETTING = 'PATH': what that means`.
    pub text: String,
    /// Whether the server may not start with it, or harm another one.
    pub serious: bool,
}

impl OutsideSetting {
    /// `None` where it does not lead out of `data` after all.
    pub fn of(it: &Elsewhere, data: &Path) -> Option<Self> {
        let Elsewhere { setting, path } = it;
        let paths = path.split(',').map(str::trim).filter(|path| !path.starts_with('@'));
        let outside: Vec<PathBuf> = paths.filter_map(|path| outside(data, path)).collect();
        // One that can't be looked at may be there.
        let missing = outside.iter().any(|path| !path.try_exists().unwrap_or(true));
        let (serious, why) = match setting.as_str() {
            _ if outside.is_empty() => return None,
            "data_directory" | "external_pid_file" => {
                (true, "a server that is started with this setting uses that path")
            }
            "include_if_exists" if missing => return None,
            "log_directory" if missing => {
                (false, "it is not on this host; the server makes it, if it may")
            }
            _ if missing => (true, "it is not on this host; the server does not start without it"),
            "log_directory" => (false, "the server writes there"),
            "unix_socket_directories" => (false, "the server listens there"),
            _ => (false, "the server reads it there"),
        };
        let text = format!("{setting} = '{path}': {why}");
        Some(Self { setting: setting.clone(), text, serious })
    }
}

/// Without dots, where it is not within `data`.
fn outside(data: &Path, path: &str) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in data.join(path).components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    Some(plain).filter(|plain| !plain.starts_with(data))
}

/// A restored directory as it lies there.
struct RestoredFiles<'a>(&'a Path);

impl ConfigurationFiles for RestoredFiles<'_> {
    fn read(&self, path: &Path) -> Option<String> {
        fs::read(self.0.join(path)).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

/// What leads out of the directory, as its own files say it.
fn found_outside(data: &Path) -> Vec<OutsideSetting> {
    let found = elsewhere(&RestoredFiles(data));
    found.iter().filter_map(|it| OutsideSetting::of(it, data)).collect()
}

/// Warns of what the files say. Of what the plan had `told` only what is serious is said again.
pub fn warn_of_settings(data: &Path, told: bool) {
    for it in found_outside(data).iter().filter(|it| it.serious || !told) {
        tracing::warn!("{data:?} has the setting {}", it.text);
    }
    let files = ["postgresql.conf", "postgresql.auto.conf"].map(Path::new);
    let text: String = files
        .iter()
        .filter_map(|path| RestoredFiles(data).read(path))
        .collect::<Vec<_>>()
        .join("\n");
    let standbys = settings_in(&text).filter(|it| it.name == "synchronous_standby_names").last();
    if let Some(standbys) = standbys.filter(|it| !it.value.is_empty()) {
        tracing::warn!(
            "{data:?} has the setting synchronous_standby_names = '{}': commits wait until such a standby follows this server",
            standbys.value
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_the_directory_as_one_word() {
        let data = Path::new("/it's $HOME");
        assert_eq!(options(data, false), r"-c data_directory='/it'\''s $HOME'");
        assert_eq!(
            options(data, true),
            r"-c data_directory='/it'\''s $HOME' -c external_pid_file='/it'\''s $HOME/external.pid'"
        );
        assert_eq!(
            in_double_quotes(Path::new("/a $b `c` \"d\" \\e")),
            "/a \\$b \\`c\\` \\\"d\\\" \\\\e"
        );
    }

    #[test]
    fn programs_that_are_not_there_are_known_before_anything_is_done() {
        let said = pg_ctl(Some(Path::new("/nowhere")), 18).unwrap_err().to_string();
        assert_eq!(
            said,
            "there is no pg_ctl of PostgreSQL 18 in \"/nowhere\". HINT: Say where its programs are: --postgres-bin \
             FOLDER."
        );
    }

    #[test]
    fn what_is_not_on_this_host_is_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let told = |setting: &str, path: &str| {
            let it = Elsewhere { setting: setting.to_owned(), path: path.to_owned() };
            OutsideSetting::of(&it, &data).map(|it| (it.text, it.serious))
        };
        let said = |text: &str, serious| Some((text.to_owned(), serious));
        assert_eq!(told("hba_file", &data.join("pg_hba.conf").display().to_string()), None);
        assert_eq!(
            told("ssl_key_file", "/nowhere/key"),
            said(
                "ssl_key_file = '/nowhere/key': it is not on this host; the server does not start without it",
                true
            )
        );
        assert_eq!(
            told("unix_socket_directories", "@x, /tmp"),
            said("unix_socket_directories = '@x, /tmp': the server listens there", false)
        );
        assert_eq!(told("log_directory", "../data/log"), None);
        assert_eq!(
            told("log_directory", "../log").unwrap().0,
            "log_directory = '../log': it is not on this host; the server makes it, if it may"
        );
        assert_eq!(told("include_if_exists", "/nowhere"), None);
    }
}
