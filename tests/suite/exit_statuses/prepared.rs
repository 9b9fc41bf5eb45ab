//! A base backup, and the WAL that belongs to it in a folder and in a bucket.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archiving::commands::{Seawall, copy_folder, key};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::s3::{Kind, S3Server};

pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Prepared {
    pub place: Place,
    pub s3: S3Server,
    version: u32,
    /// The segments after the base backup, oldest first; the row in each is its number here.
    pub names: Vec<String>,
    /// The key of each, in any folder with a copy of the archive.
    pub keys: Vec<String>,
}

impl Prepared {
    pub fn new(version: u32) -> Prepared {
        let place = Place::with_odd_name();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let push = Seawall::new(&place).local("archive").s3(&s3).push();
        let mut server = Server::builder(&place)
            .version(version)
            .segment_mib(1)
            .archive_command(&push)
            .envs(s3.environment())
            .init();
        server.start();
        server.sql("create table t (row int)");
        server.base_backup(&place.join("backup"));
        let names: Vec<String> = (0..6)
            .map(|row| {
                server.sql(&format!("insert into t values ({row})"));
                server.switch_wal()
            })
            .collect();
        server.wait_archived(&names[5], LIMIT);
        let keys = names.iter().map(|name| key(&server, name)).collect();
        server.kill_nine();
        server.lose_data();
        Prepared { place, s3, version, names, keys }
    }

    /// A server on a copy of the base backup.
    pub fn server(&self, name: &str) -> Server {
        copy_folder(&self.place, &self.place.join("backup"), &self.place.join(name));
        Server::builder(&self.place)
            .version(self.version)
            .setting("archive_mode", "off")
            .setting("wal_retrieve_retry_interval", "100ms")
            .envs(self.s3.environment())
            .over(self.place.join(name))
    }

    /// A copy of the archive, and the command that fetches from it.
    pub fn archive_copy(&self, name: &str) -> (PathBuf, String) {
        let copy = self.place.join(name);
        copy_folder(&self.place, &self.place.join("archive"), &copy);
        (copy, quick(Seawall::new(&self.place).local(name)).fetch())
    }

    /// Fetches from the bucket.
    pub fn fetch_from_bucket(&self) -> String {
        quick(Seawall::new(&self.place).s3(&self.s3)).fetch()
    }

    /// Fetches from a port that nothing listens on.
    pub fn fetch_from_nowhere(&self) -> String {
        format!("AWS_ENDPOINT_URL=http://127.0.0.1:1 {}", self.fetch_from_bucket())
    }

    /// Fetches with a secret that the store does not know.
    pub fn fetch_with_wrong_secret(&self) -> String {
        format!("AWS_SECRET_ACCESS_KEY=wrong {}", self.fetch_from_bucket())
    }

    /// Fetches with a flag that does not exist.
    pub fn fetch_with_wrong_flag(&self) -> String {
        self.fetch_from_bucket().replace("--repository", "--repositry")
    }

    /// Fetches with a configuration file that has a mistake.
    pub fn fetch_with_wrong_configuration(&self) -> String {
        let file = self.place.file("wrong.toml", "[wal]\nlook_ahed = 3\n");
        let file = file.to_str().expect("paths of the tests are UTF-8");
        Seawall::new(&self.place).option("--config", file).fetch()
    }

    /// Removes the segment of this row from a copy of the archive.
    pub fn remove(&self, archive: &Path, row: usize) {
        fs::remove_file(archive.join(&self.keys[row])).expect("it was archived");
    }

    /// Puts the segment of this row back, in one step.
    pub fn restore(&self, archive: &Path, row: usize) {
        self.put(archive, row, &self.object(row));
    }

    /// Puts the segment of this row there with an inverted byte in its middle.
    pub fn damage(&self, archive: &Path, row: usize) {
        let mut object = self.object(row);
        let middle = object.len() / 2;
        object[middle] ^= 0xff;
        self.put(archive, row, &object);
    }

    fn object(&self, row: usize) -> Vec<u8> {
        fs::read(self.place.join("archive").join(&self.keys[row])).expect("it was archived")
    }

    fn put(&self, archive: &Path, row: usize, object: &[u8]) {
        let new = self.place.file("new-object", object);
        fs::rename(new, archive.join(&self.keys[row])).expect("our own file");
    }
}

/// With short limits, so that failures come soon.
fn quick(seawall: Seawall) -> Seawall {
    seawall.option("--limits-attempts", "1").option("--wal-gap-wait", "200ms")
}
