//! Seawall as the command of a server: the repositories, and the lines for the configuration.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST, Server, shell_word};
use crate::support::run::Run;
use crate::support::s3::S3Server;

/// Where the objects lie in a bucket.
pub const PREFIX: &str = "some/prefix";

// These and no others are made tests of.
const _: () = assert!(OLDEST == 15 && NEWEST == 19);

/// Makes one test for each version of PostgreSQL, so that they run side by side.
macro_rules! each_version {
    ($check:ident) => {
        mod $check {
            #[test]
            fn on_15() {
                super::$check(15);
            }

            #[test]
            fn on_16() {
                super::$check(16);
            }

            #[test]
            fn on_17() {
                super::$check(17);
            }

            #[test]
            fn on_18() {
                super::$check(18);
            }

            #[test]
            fn on_19() {
                super::$check(19);
            }
        }
    };
}
pub(crate) use each_version;

/// Repositories, and the two programs with the options that lead to them.
#[derive(Clone)]
pub struct Seawall {
    place: Place,
    urls: Vec<String>,
    options: Vec<String>,
}

impl Seawall {
    /// No repository yet.
    pub fn new(place: &Place) -> Seawall {
        Seawall { place: place.clone(), urls: Vec::new(), options: Vec::new() }
    }

    /// One more repository, in a folder of the place.
    pub fn local(mut self, name: &str) -> Seawall {
        let folder = self.place.folder(name);
        self.urls.push(folder.to_str().expect("paths of the tests are UTF-8").to_owned());
        self
    }

    /// One more repository, in a bucket; the server needs the environment that leads there.
    pub fn s3(mut self, server: &S3Server) -> Seawall {
        self.urls.push(format!("s3://{}/{PREFIX}", server.bucket()));
        self
    }

    /// One more option for both programs.
    pub fn option(mut self, name: &str, value: &str) -> Seawall {
        self.options.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// The value for `archive_command`.
    pub fn push(&self) -> String {
        format!("{} %p %f", self.words(env!("CARGO_BIN_EXE_wal-push")))
    }

    /// The value for `restore_command`.
    pub fn fetch(&self) -> String {
        format!("{} %f %p", self.words(env!("CARGO_BIN_EXE_wal-fetch")))
    }

    /// `wal-push` by hand, in a data directory.
    pub fn push_by_hand(&self, data: &Path, path: &Path, name: &str) -> Run {
        self.by_hand(env!("CARGO_BIN_EXE_wal-push"), data).arg(path).arg(name)
    }

    /// `wal-fetch` by hand, in a data directory.
    pub fn fetch_by_hand(&self, data: &Path, name: &str, path: &Path) -> Run {
        self.by_hand(env!("CARGO_BIN_EXE_wal-fetch"), data).arg(name).arg(path)
    }

    /// A verb of `basebackup`, with the repositories.
    pub fn base_backup_by_hand(&self, verb: &str) -> Run {
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_basebackup")).server_user();
        run.arg(verb).args(self.arguments())
    }

    /// A verb of `seawall`, with the repositories.
    pub fn seawall_by_hand(&self, verb: &str) -> Run {
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_seawall")).server_user();
        run.arg(verb).args(self.arguments())
    }

    fn by_hand(&self, program: &str, data: &Path) -> Run {
        Run::new(&self.place, program).server_user().cwd(data).args(self.arguments())
    }

    fn arguments(&self) -> Vec<String> {
        let urls = self.urls.iter().flat_map(|url| ["--repository".to_owned(), url.clone()]);
        urls.chain(self.options.iter().cloned()).collect()
    }

    fn words(&self, program: &str) -> String {
        let program = shell_word(&self.place.program(program));
        let arguments = self.arguments().into_iter().map(|word| shell_word(Path::new(&word)));
        std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
    }
}

/// What both kinds of repository have: objects under keys.
pub trait Objects {
    fn object(&self, key: &str) -> Option<Vec<u8>>;
}

impl Objects for PathBuf {
    fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.join(key)).ok()
    }
}

impl Objects for S3Server {
    fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.get(&format!("{PREFIX}/{key}"))
    }
}

/// The key of a WAL file of this server.
pub fn key(server: &Server, name: &str) -> String {
    let folder =
        if name.ends_with(".history") { String::new() } else { format!("{}/", &name[..16]) };
    format!("postgres/main/{}/wal/{folder}{name}.zst", server.system_identifier())
}

/// The key as the bucket knows it.
pub fn s3_key(server: &Server, name: &str) -> String {
    format!("{PREFIX}/{}", key(server, name))
}

/// The plain content of a stored WAL file.
pub fn stored(objects: &impl Objects, server: &Server, name: &str) -> Option<Vec<u8>> {
    let object = objects.object(&key(server, name))?;
    Some(zstd::decode_all(object.as_slice()).expect("a stored object is a zstd file"))
}

/// The lines that the two programs wrote into a server's log at this level, `" WARN "` for example.
pub fn lines_of_level<'a>(log: &'a str, level: &str) -> Vec<&'a str> {
    let level = format!(" {level} ");
    // PostgreSQL writes a colon behind its levels.
    log.lines().filter(|line| line.contains(&level)).collect()
}

/// Panics unless every line that Seawall wrote into this log is an ordinary one.
#[track_caller]
pub fn nothing_but_information(log: &str) {
    let unexpected = [lines_of_level(log, "WARN"), lines_of_level(log, "ERROR")].concat();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert!(!log.contains("panicked"), "{log}");
}

/// The names in a folder that end so, without the ending.
pub fn names_in(folder: &Path, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("our own folder").flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

/// A copy of a whole folder with owners, modes and times, but other inodes.
#[track_caller]
pub fn copy_folder(place: &Place, from: &Path, to: &Path) {
    Run::new(place, "cp").args(["-a", "--"]).arg(from).arg(to).run().expect(0);
}

/// Writes at least so many segments full of WAL, with rows in each; gives the name of the last one,
/// which is finished.
#[track_caller]
pub fn write_segments(server: &Server, count: u32) -> String {
    server.sql("create table if not exists filler (round int, content text)");
    server.sql(&format!(
        "do $$
        declare bytes int := (select setting from pg_settings where name = 'wal_segment_size');
        begin
            for round in 2..{count} loop
                insert into filler select round, md5(n::text) from generate_series(1, 50) n;
                perform pg_logical_emit_message(true, 'filler', repeat('filler', bytes / 6));
                commit;
            end loop;
        end $$"
    ));
    server.switch_wal()
}
