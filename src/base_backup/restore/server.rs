use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
        let status = Command::new(program)
            .args(["start", "--no-wait", "--silent", "-D"])
            .arg(data)
            .arg("-l")
            .arg(log)
            .arg("-o")
            .arg(options(data, &configuration(data)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| Error::file("run", program, &error))?;
        if status.success() {
            return Ok(());
        }
        let message = format!("expected {program:?} to start the server, it ended with {status}");
        Err(Error::new(Class::LocalFile, message).hint(format!("Its messages are in {log:?}.")))
    }
}

/// What counts more than the old server's configuration: that may name another data directory, and a file that another server
/// has now. `pg_ctl` hands it to a shell.
fn options(data: &Path, text: &str) -> String {
    let word = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let mut options = format!("-c data_directory={}", word(data));
    if setting(text, "external_pid_file").is_some_and(|value| leads_elsewhere(data, value)) {
        options += &format!(" -c external_pid_file={}", word(&data.join("external.pid")));
    }
    options
}

fn leads_elsewhere(data: &Path, value: &str) -> bool {
    value.starts_with('/') && !Path::new(value).starts_with(data)
}

/// The lines of the configuration that lies in the directory.
fn configuration(data: &Path) -> String {
    let files = ["postgresql.conf", "postgresql.auto.conf"];
    files.map(|name| fs::read_to_string(data.join(name)).unwrap_or_default()).join("\n")
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
        let message = format!("expected pg_ctl of PostgreSQL {major}{place}, found none");
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

/// Says what the old server's configuration has in it that leads elsewhere. A server that is started by other means goes by it.
pub fn warn_of_settings(data: &Path) {
    let text = configuration(data);
    let elsewhere = |value: &str| leads_elsewhere(data, value);
    for name in ["data_directory", "external_pid_file"] {
        if let Some(value) = setting(&text, name).filter(|value| elsewhere(value)) {
            tracing::warn!(
                "{data:?} has the setting {name} = '{value}': a server that is started with it uses that place"
            );
        }
    }
    if let Some(value) =
        setting(&text, "synchronous_standby_names").filter(|value| !value.is_empty())
    {
        tracing::warn!(
            "{data:?} has the setting synchronous_standby_names = '{value}': commits wait until such a standby follows this server"
        );
    }
}

/// The last value counts.
fn setting<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let value = |line: &'t str| {
        let rest = line.trim_start().strip_prefix(name)?;
        let value = rest.trim_start().strip_prefix('=').or(rest.strip_prefix([' ', '\t']))?.trim();
        match value.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').map(|(value, _)| value),
            None => value.split(['#', ' ', '\t']).next(),
        }
    };
    text.lines().filter_map(value).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_setting_counts() {
        let text = "#data_directory = '/no'\ndata_directory='/one' # old\n data_directory = '/two'\n\
                    data_directory_mode = '0700'\nport = 5432 # here\nwork_mem 4MB\n";
        assert_eq!(setting(text, "data_directory"), Some("/two"));
        assert_eq!([setting(text, "port"), setting(text, "work_mem")], [Some("5432"), Some("4MB")]);
        assert_eq!(setting(text, "hba_file"), None);
    }

    #[test]
    fn a_shell_gets_the_directory_as_one_word() {
        let data = Path::new("/it's $HOME");
        assert_eq!(options(data, ""), r"-c data_directory='/it'\''s $HOME'");
        assert_eq!(
            options(data, "external_pid_file = '/run/main.pid'"),
            r"-c data_directory='/it'\''s $HOME' -c external_pid_file='/it'\''s $HOME/external.pid'"
        );
    }

    #[test]
    fn programs_that_are_not_there_are_known_before_anything_is_done() {
        let said = pg_ctl(Some(Path::new("/nowhere")), 18).unwrap_err().to_string();
        assert_eq!(
            said,
            "expected pg_ctl of PostgreSQL 18 in \"/nowhere\", found none. HINT: Say where its programs are: --postgres-bin \
             FOLDER."
        );
    }
}
