//! Which PostgreSQL versions are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::installed::{HINT, setting};

/// The versions that every test of server behaviour goes through.
pub const VERSIONS: [u32; 4] = [15, 16, 17, 18];

/// The programs of one version.
#[derive(Clone)]
pub struct Installation {
    pub version: u32,
    programs: PathBuf,
}

impl Installation {
    /// The installation of a version; panics with a hint when there is none.
    #[track_caller]
    pub fn of(version: u32) -> Installation {
        let all = Installation::all();
        match all.iter().find(|installation| installation.version == version) {
            Some(found) => found.clone(),
            None => {
                let there: Vec<u32> = all.iter().map(|installation| installation.version).collect();
                panic!("PostgreSQL {version} is not installed, only {there:?}\n{HINT}");
            }
        }
    }

    /// The full path of one of its programs.
    pub fn program(&self, name: &str) -> String {
        self.programs.join(name).to_str().expect("paths are UTF-8").to_owned()
    }

    fn all() -> &'static [Installation] {
        static ALL: OnceLock<Vec<Installation>> = OnceLock::new();
        ALL.get_or_init(|| folders().iter().filter_map(|folder| Installation::at(folder)).collect())
    }

    /// `postgres --version` says "postgres (PostgreSQL) 15.18 (Debian ...)".
    fn at(folder: &Path) -> Option<Installation> {
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let number = text.split_whitespace().nth(2)?.split('.').next()?;
        Some(Installation { version: number.parse().ok()?, programs: folder.to_owned() })
    }
}

/// The folders that were named, else those of Debian's packages.
fn folders() -> Vec<PathBuf> {
    if let Some(named) = setting("SEAWALL_POSTGRES_BINDIRS") {
        return named.split(':').map(PathBuf::from).collect();
    }
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path().join("bin")).collect()
}
