//! What of a server's configuration leads out of its data directory. A server that is restored goes by it too: it would read
//! files of another host, or write to those of the server that still runs there.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::postgres::settings_in;

/// Settings that say where something is, but for those of TLS.
const PLACES: [&str; 7] = [
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "krb_server_keyfile",
    "log_directory",
    "unix_socket_directories",
];
/// These count only while `ssl` is on.
const TLS: [&str; 6] = [
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_crl_dir",
    "ssl_crl_file",
    "ssl_dh_params_file",
    "ssl_key_file",
];
const INCLUDES: [&str; 3] = ["include", "include_dir", "include_if_exists"];

/// `CONF_FILE_MAX_DEPTH` in `conffiles.h`.
const DEPTH_MAX: u32 = 10;

/// A setting, and the path that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    pub setting: String,
    pub path: String,
}

/// Where the configuration lies. Paths are relative to the data directory, or absolute.
pub trait ConfigurationFiles {
    fn read(&self, path: &Path) -> Option<String>;

    /// The paths of the files in a folder.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;
}

/// What the server would go by, its `include` lines followed as far as they can be.
pub fn elsewhere(files: &dyn ConfigurationFiles) -> Vec<Elsewhere> {
    let mut walk = Walk { files, last: BTreeMap::new(), includes: Vec::new() };
    for name in ["postgresql.conf", "postgresql.auto.conf"] {
        walk.file(Path::new(name), 0);
    }
    let tls = walk.last.get("ssl").is_some_and(|value| is_on(value));
    let names = PLACES.iter().chain(TLS.iter().filter(|_| tls));
    let placed = names.filter_map(|name| Some(((*name).to_owned(), walk.last.get(*name)?.clone())));
    let found = placed.chain(walk.includes).filter(|(_, path)| leads_out(path));
    found.map(|(setting, path)| Elsewhere { setting, path }).collect()
}

struct Walk<'a> {
    files: &'a dyn ConfigurationFiles,
    /// The last value counts.
    last: BTreeMap<String, String>,
    includes: Vec<(String, String)>,
}

impl Walk<'_> {
    fn file(&mut self, path: &Path, depth: u32) {
        let Some(text) = self.files.read(path).filter(|_| depth < DEPTH_MAX) else { return };
        for setting in settings_in(&text) {
            if !INCLUDES.contains(&setting.name.as_str()) {
                self.last.insert(setting.name, setting.value);
                continue;
            }
            // Relative to the file that it stands in.
            let named = path.parent().unwrap_or(Path::new("")).join(&setting.value);
            if setting.name == "include_dir" {
                let hidden = |path: &PathBuf| {
                    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
                };
                let mut inside = self.files.list(&named);
                inside.retain(|it| it.extension().is_some_and(|it| it == "conf") && !hidden(it));
                inside.sort();
                inside.iter().for_each(|path| self.file(path, depth + 1));
            } else {
                self.file(&named, depth + 1);
            }
            self.includes.push((setting.name, named.display().to_string()));
        }
    }
}

fn is_on(value: &str) -> bool {
    ["on", "true", "yes", "1"].contains(&value.to_ascii_lowercase().as_str())
}

/// Whether one of the paths is no path within the data directory. An abstract socket is none on a disk.
fn leads_out(paths: &str) -> bool {
    paths.split(',').map(str::trim).any(|path| {
        let path = Path::new(path);
        path.is_absolute() || path.components().any(|it| it == Component::ParentDir)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files(BTreeMap<PathBuf, String>);

    impl ConfigurationFiles for Files {
        fn read(&self, path: &Path) -> Option<String> {
            self.0.get(path).cloned()
        }

        fn list(&self, folder: &Path) -> Vec<PathBuf> {
            let inside = self.0.keys().filter(|path| path.parent() == Some(folder));
            inside.cloned().collect()
        }
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        let found = elsewhere(&Files(files));
        found.iter().map(|it| format!("{}={}", it.setting, it.path)).collect()
    }

    #[test]
    fn what_leads_out_of_the_directory_is_found() {
        let own = "log_directory = 'log'\nhba_file = 'pg_hba.conf'\nssl_key_file = '/etc/key'\n\
                   unix_socket_directories = '@abstract'\n";
        assert_eq!(found(&[("postgresql.conf", own)]), [""; 0]);
        let text = "include_dir = 'conf.d'\ninclude '/etc/more.conf'\nssl = on\nssl_key_file = '/etc/key'\n\
                    hba_file = '/etc/hba'\nunix_socket_directories = '@a, /tmp'\nlog_directory = '../log'\n";
        let files = [
            ("postgresql.conf", text),
            ("conf.d/b.conf", "external_pid_file = '/run/pid'\ninclude_if_exists = 'c'\n"),
            ("conf.d/c", "ident_file = /etc/ident\n"),
            ("conf.d/.hidden.conf", "data_directory = '/hidden'\n"),
            ("postgresql.auto.conf", "hba_file = 'pg_hba.conf'\n"),
        ];
        assert_eq!(
            found(&files),
            [
                "external_pid_file=/run/pid",
                "ident_file=/etc/ident",
                "log_directory=../log",
                "unix_socket_directories=@a, /tmp",
                "ssl_key_file=/etc/key",
                "include=/etc/more.conf"
            ]
        );
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        assert_eq!(found(&[("postgresql.conf", "include 'postgresql.conf'\n")]), [""; 0]);
    }
}
