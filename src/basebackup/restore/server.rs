//! Starts the restored server with `pg_ctl` of its own version, for `--start`.
//!
//! The configuration is the old server's. What in it would lead to another data directory or to another server's file
//! is overridden on the command line, quoted for the shell that `pg_ctl` starts the server through.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::outside::found_outside;
use crate::error::{Class, Error, Result};

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
}
