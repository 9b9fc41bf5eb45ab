use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::support::installed::{HINT, setting};

/// A program that is a server.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub valkey: bool,
    /// Major and minor.
    pub version: (u32, u32),
}

static ALL: LazyLock<Vec<Program>> = LazyLock::new(|| {
    let name = "SEAWALL_REDIS_SERVERS";
    let paths = setting(name).unwrap_or_else(|| panic!("{name} is not set\n{HINT}"));
    paths.split(':').map(|path| Program::at(path.into())).collect()
});

impl Program {
    /// All that are installed: Redis 6 (where there is one for the machine) and later, and Valkey.
    pub fn all() -> &'static [Program] {
        &ALL
    }

    /// The first that is named: with `scripts/install-servers.sh` the same on every distribution.
    pub fn usual() -> &'static Program {
        &ALL[0]
    }

    /// Those whose AOF has several files, or one.
    pub fn with_multi_part(multi_part: bool) -> impl Iterator<Item = &'static Program> {
        ALL.iter().filter(move |program| program.is_multi_part() == multi_part)
    }

    pub fn is_multi_part(&self) -> bool {
        self.version.0 >= 7
    }

    fn at(path: PathBuf) -> Program {
        let output = Command::new(&path).arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("cannot run {path:?}: {error}\n{HINT}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split(" v=").nth(1).and_then(|rest| {
            let mut numbers = rest.split('.').map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        let version = version.unwrap_or_else(|| panic!("no version in {text:?}"));
        Program { path, valkey: text.starts_with("Valkey"), version }
    }
}
