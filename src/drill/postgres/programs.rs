//! The programs of the PostgreSQL whose major version a backup is of.
//!
//! Several versions may be installed, and a server reads only its own: each place where packages put them is
//! looked at.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::drill::confine::{alone, readable};
use crate::error::{Class, Error, Result};

/// The programs of one major version of PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// Such as `18.6`.
    pub version: String,
}

impl Programs {
    /// In the folder that was named; else where packages put them, or on `PATH`.
    pub(crate) fn find(named: Option<&Path>, major: u32) -> Result<Self> {
        if let Some(folder) = named {
            let found = version_in(folder);
            return match found {
                Some(version) if is_of(&version, major) => {
                    Ok(Self { folder: folder.to_owned(), version })
                }
                found => Err(wrong(folder, major, found.as_deref())),
            };
        }
        let packages = [
            format!("/usr/lib/postgresql/{major}/bin"),
            format!("/usr/pgsql-{major}/bin"),
            "/usr/local/pgsql/bin".to_owned(),
        ];
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let folders = packages.iter().map(PathBuf::from).chain(std::env::split_paths(&on_path));
        let mut usable = folders.filter_map(|folder| {
            let version = version_in(&folder).filter(|version| is_of(version, major))?;
            Some(Self { folder, version })
        });
        usable.next().ok_or_else(|| {
            let looked = packages.join(", ");
            let message = format!(
                "there are no programs of PostgreSQL {major} in {looked} or on PATH"
            );
            Error::new(Class::Usage, message).hint(format!(
                "Install the server package of PostgreSQL {major}, or say where it is: --drill-postgres-bin FOLDER."
            ))
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of them; `None` when it was not installed.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|path| path.is_file())
    }

    /// One of them, about to be run with messages in English, and nothing of what this user's environment says: there
    /// may be keys in it, and what the backup holds may be code.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        alone(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// The folders that its server reads.
    pub(crate) fn readable(&self) -> Vec<PathBuf> {
        readable(&self.folder.join("postgres"))
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)`
fn version_in(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("postgres")).arg("-V").stdin(Stdio::null()).output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    text.split_whitespace().nth(2).map(str::to_owned)
}

/// `18.6`, `19beta1`
fn is_of(version: &str, major: u32) -> bool {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse() == Ok(major)
}

fn wrong(folder: &Path, major: u32, found: Option<&str>) -> Error {
    let message = match found {
        Some(found) => format!(
            "expected the programs of PostgreSQL {major} in {folder:?}, found version {found}"
        ),
        None => format!("the programs of PostgreSQL {major} are not in {folder:?}"),
    };
    Error::new(Class::Usage, message)
        .hint("The backup is of that version: mend drill.postgres_bin.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        assert!(is_of("18.6", 18) && is_of("19beta1", 19));
        assert!(!is_of("18.6", 1) && !is_of("devel", 18));
    }

    #[test]
    fn what_was_looked_for_is_said() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(
            Programs::find(Some(place.path()), 18).unwrap_err().to_string(),
            format!(
                "the programs of PostgreSQL 18 are not in {:?}. HINT: The backup is of that version: \
                 mend drill.postgres_bin.",
                place.path()
            )
        );
        assert_eq!(
            Programs::find(None, 7).unwrap_err().to_string(),
            "there are no programs of PostgreSQL 7 in /usr/lib/postgresql/7/bin, /usr/pgsql-7/bin, \
             /usr/local/pgsql/bin or on PATH. HINT: Install the server package of PostgreSQL 7, or say where it is: \
             --drill-postgres-bin FOLDER."
        );
    }
}
