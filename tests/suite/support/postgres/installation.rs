//! Which PostgreSQL versions are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use seawall::postgres::SUPPORTED;

use crate::support::installed::{HINT, setting};

pub const OLDEST: u32 = *SUPPORTED.start();
pub const NEWEST: u32 = *SUPPORTED.end();

const COUNT: usize = (NEWEST - OLDEST + 1) as usize;

/// The versions that every test of server behaviour goes through: all that are supported.
pub const VERSIONS: [u32; COUNT] = {
    let mut versions = [OLDEST; COUNT];
    let mut at = 1;
    while at < COUNT {
        versions[at] = versions[at - 1] + 1;
        at += 1;
    }
    versions
};

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

    /// `postgres --version` says "postgres (PostgreSQL) 15.18 (Debian ...)", or 19rc1.
    fn at(folder: &Path) -> Option<Installation> {
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let number = text.split_whitespace().nth(2)?;
        let major: String = number.chars().take_while(char::is_ascii_digit).collect();
        Some(Installation { version: major.parse().ok()?, programs: folder.to_owned() })
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
