//! Where the old server's configuration leads out of the restored directory, in words: before anything is written, as the
//! description tells it, and before a server starts, as the files say it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::basebackup::elsewhere::{ConfigurationFiles, Elsewhere, elsewhere};
use crate::postgres::settings_in;

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
                (true, "a server that is started with it uses that place")
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
pub fn found_outside(data: &Path) -> Vec<OutsideSetting> {
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
