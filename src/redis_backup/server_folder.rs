//! The folder where a server reads its data at its start, and which of its files: everything that a restore has
//! to know.
//!
//! `conf` reads the server's configuration, `open_folder` is the folder, open, `laying` prepares files in it, and
//! `rename_plan` puts them in place in steps. What reads the wrong file comes up empty and says nothing, so where
//! nothing tells, nothing is assumed.

mod conf;

mod laying;
mod open_folder;
mod rename_plan;

pub use conf::{matches, settings as settings_of_conf};
pub use laying::RestoredRedisFiles;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::conf_words::is_file_name;
use super::rdb::RdbVersion;
use super::server_info::Persistence;
use crate::error::{Class, Error, Result};
use conf::Conf;

/// The first version with the multi-part AOF. All of Valkey's are later.
const MULTI_PART: u32 = 7;

/// What a server will read at its start: everything that a restore has to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTarget {
    pub dir: PathBuf,
    pub dbfilename: String,
    pub aof: Aof,
    pub appendfilename: String,
    pub appenddirname: String,
    pidfile: Option<PathBuf>,
    /// The master whose data it would load instead.
    pub replica_of: Option<String>,
}

/// Whether the server reads an append-only file at its start, and ignores its RDB file then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aof {
    Off,
    /// Before Redis 7.0. A later server takes it over at its first start.
    Single,
    /// A folder of files with a manifest.
    MultiPart,
}

/// What is known better than from the server's configuration file.
#[derive(Debug, Clone, Default)]
pub struct TargetOverrides {
    pub dir: Option<PathBuf>,
    pub dbfilename: Option<String>,
    pub appendonly: Option<bool>,
    /// Whether it had one when it was backed up: where nothing else tells.
    pub likely: Option<bool>,
    /// Of the server that will read it, such as `7.0.15`.
    pub version: Option<String>,
}

impl RedisTarget {
    /// From the file that the server is started with, if there is one, and from what is known better. What
    /// both leave open is as the server has it by default.
    pub fn read(conf: Option<&Path>, overrides: &TargetOverrides) -> Result<Self> {
        let is_default = conf.is_none();
        let conf = conf.map(Conf::read).transpose()?.unwrap_or_default();
        let dir = match (&overrides.dir, conf.get("dir")) {
            (Some(dir), _) => dir.clone(),
            (None, Some(dir)) => PathBuf::from(dir),
            (None, None) => return Err(no_folder("none")),
        };
        if !dir.is_absolute() {
            return Err(no_folder(&format!("{dir:?}")));
        }
        let text = |key: &str, default: &str| conf.get(key).unwrap_or(default).to_owned();
        let said = overrides.appendonly.or(conf.get("appendonly").map(|word| word == "yes"));
        let mut target = Self {
            dbfilename: overrides.dbfilename.clone().unwrap_or(text("dbfilename", "dump.rdb")),
            aof: Aof::Off,
            appendfilename: text("appendfilename", "appendonly.aof"),
            appenddirname: text("appenddirname", "appendonlydir"),
            pidfile: conf.get("pidfile").map(PathBuf::from),
            replica_of: ["replicaof", "slaveof"]
                .iter()
                .find_map(|it| conf.get(it))
                .map(str::to_owned),
            dir,
        };
        for name in [&target.dbfilename, &target.appendfilename, &target.appenddirname] {
            if !is_file_name(name) {
                let message =
                    format!("expected a file name in the server's configuration, found {name:?}");
                return Err(Error::new(Class::Configuration, message));
            }
        }
        let appendonly = match (said, overrides.appendonly) {
            (_, Some(appendonly)) => appendonly,
            // A server may be told on its command line what its file does not say.
            (Some(said), None) => said || target.has_live_aof(),
            (None, None) => target.found_aof(overrides.likely, !is_default)?,
        };
        if appendonly {
            let named = conf.get("appenddirname").is_some();
            target.aof = target.kind_of_aof(overrides.version.as_deref(), named);
        }
        Ok(target)
    }

    /// Where neither its configuration nor anybody says whether it reads an append-only file: as its folder tells, or the
    /// backup. Where both are laid down, either server finds the data; with the RDB file alone one that reads the other
    /// comes up empty.
    fn found_aof(&self, likely: Option<bool>, conf: bool) -> Result<bool> {
        if self.newest_aof().is_some() {
            return Ok(true);
        }
        match likely {
            Some(likely) => Ok(likely),
            None if conf || self.dir.join(&self.dbfilename).is_file() => Ok(false),
            None => {
                let message = format!(
                    "expected to know whether the server reads an append-only file, found nothing in {:?} that tells",
                    self.dir
                );
                Err(Error::new(Class::Usage, message).hint(
                    "Say --conf redis.conf as the server is started with it, or --appendonly yes or no: without it the server \
                     could come up empty.",
                ))
            }
        }
    }

    /// Whether there is an append-only file that was written after the RDB file.
    fn has_live_aof(&self) -> bool {
        let changed = |path: PathBuf| fs::metadata(path).and_then(|it| it.modified()).ok();
        let rdb = changed(self.dir.join(&self.dbfilename));
        self.newest_aof().is_some_and(|aof| rdb.is_none_or(|rdb| rdb <= aof))
    }

    /// When the append-only file was last written, if there is one.
    fn newest_aof(&self) -> Option<SystemTime> {
        let folder = self.dir.join(&self.appenddirname);
        let manifest = folder.join(format!("{}.manifest", self.appendfilename));
        let set = manifest.is_file().then(|| fs::read_dir(&folder).ok()).flatten();
        let set = set.into_iter().flatten().flatten().map(|entry| entry.path());
        let files = set.chain([self.dir.join(&self.appendfilename)]);
        files.filter_map(|path| fs::metadata(path).ok()?.modified().ok()).max()
    }

    /// What wrote the RDB file that is there: whoever did reads the like.
    pub fn reader(&self) -> Option<RdbVersion> {
        let mut front = Vec::new();
        let file = crate::durable::open_to_read(&self.dir.join(&self.dbfilename)).ok()?;
        file.take(16).read_to_end(&mut front).ok()?;
        RdbVersion::of_file(&front)
    }

    /// As the server that runs there is set up: it will be when it is started again.
    pub fn like(&mut self, running: &Persistence) {
        let running = Self::of_server(running);
        if running.aof != Aof::Off || self.aof == Aof::Off {
            self.aof = running.aof;
            self.dbfilename = running.dbfilename;
            self.appendfilename = running.appendfilename;
            self.appenddirname = running.appenddirname;
        }
    }

    /// As a server says of itself that it is set up.
    pub fn of_server(persistence: &Persistence) -> Self {
        let aof = match (persistence.appendonly, &persistence.appenddirname) {
            (false, _) => Aof::Off,
            (true, None) => Aof::Single,
            (true, Some(_)) => Aof::MultiPart,
        };
        Self {
            dir: persistence.dir.clone(),
            dbfilename: persistence.dbfilename.clone(),
            aof,
            appendfilename: persistence.appendfilename.clone(),
            appenddirname: persistence.appenddirname.clone().unwrap_or("appendonlydir".to_owned()),
            pidfile: None,
            replica_of: None,
        }
    }

    /// Where nothing tells the version, a single file is right: servers of all versions read it, as long
    /// as there is no folder with a manifest.
    fn kind_of_aof(&self, version: Option<&str>, folder_is_named: bool) -> Aof {
        let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        let multi_part = match major {
            Some(major) => major >= MULTI_PART,
            None => folder_is_named || self.dir.join(&self.appenddirname).is_dir(),
        };
        if multi_part { Aof::MultiPart } else { Aof::Single }
    }

    /// An error when a server works in the folder. One in another container is seen only from the host; ask
    /// it over its connection, too ([`RedisTarget::is_of`]).
    pub fn refuse_used(&self) -> Result<()> {
        let dir = &self.dir;
        let Some(user) = open_folder::server_at_work(dir, self.pidfile.as_deref()) else {
            return Ok(());
        };
        Err(used(dir, &user))
    }

    /// Whether a server that answers has this very folder as its own.
    pub fn is_of(&self, persistence: &Persistence) -> bool {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or(path.to_owned());
        real(&self.dir) == real(&persistence.dir)
    }
}

fn used(dir: &Path, user: &str) -> Error {
    let message = format!("a server is running on {dir:?}, {user}");
    Error::new(Class::Input, message)
        .hint("Stop it first; at its end it would write its own data over them.")
}

fn no_folder(found: &str) -> Error {
    let message = format!("expected an absolute path as the server's dir, found {found}");
    Error::new(Class::Configuration, message)
        .hint("The server takes another one from where it is started; name the folder itself.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(conf: &str, overrides: &TargetOverrides) -> Result<RedisTarget> {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("redis.conf");
        fs::write(&file, conf).unwrap();
        RedisTarget::read(Some(&file), overrides)
    }

    #[test]
    fn the_defaults_are_those_of_a_server() {
        let target = target("dir /nowhere\n", &TargetOverrides::default()).unwrap();
        assert_eq!((target.dbfilename.as_str(), target.aof), ("dump.rdb", Aof::Off));
        assert_eq!(target.appendfilename, "appendonly.aof");
        assert_eq!(target.appenddirname, "appendonlydir");
    }

    #[test]
    fn what_kind_of_aof_it_reads_depends_on_its_version() {
        let aof = |conf: &str, version: Option<&str>| {
            let version = version.map(str::to_owned);
            let overrides = TargetOverrides { version, ..TargetOverrides::default() };
            target(&format!("dir /nowhere\nAppendOnly yes\n{conf}"), &overrides).unwrap().aof
        };
        assert_eq!(aof("", Some("6.2.14")), Aof::Single);
        assert_eq!(aof("", Some("7.0.15")), Aof::MultiPart);
        assert_eq!(aof("", Some("10.1")), Aof::MultiPart);
        assert_eq!(aof("", None), Aof::Single);
        assert_eq!(aof("appenddirname a", None), Aof::MultiPart);
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("appendonlydir")).unwrap();
        let overrides = TargetOverrides {
            dir: Some(place.path().to_owned()),
            appendonly: Some(true),
            ..TargetOverrides::default()
        };
        assert_eq!(RedisTarget::read(None, &overrides).unwrap().aof, Aof::MultiPart);
    }

    #[test]
    fn a_folder_or_a_name_that_is_none_is_an_error() {
        let said = |conf: &str| target(conf, &TargetOverrides::default()).unwrap_err().to_string();
        for (conf, found) in [("", "none"), ("dir ./\n", "\"./\"")] {
            assert_eq!(
                said(conf),
                format!(
                    "expected an absolute path as the server's dir, found {found}. HINT: The server \
                     takes another one from where it is started; name the folder itself."
                )
            );
        }
        assert_eq!(
            said("dir /a\ndbfilename ../b\n"),
            "expected a file name in the server's configuration, found \"../b\""
        );
    }
}
