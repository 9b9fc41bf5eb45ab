//! A set of pictures, a folder with trees and an encrypted bucket with packs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};
use crate::support::user::hand_over;

pub struct Story {
    pub place: Place,
    pub s3: S3Server,
    pub source: PathBuf,
    pub config: PathBuf,
    /// Whether programs run as the user of servers, or as the tests do.
    pub as_server_user: bool,
}

impl Story {
    pub fn new() -> Story {
        Story::with_files(30)
    }

    pub fn with_files(files: usize) -> Story {
        Story::of(files, true)
    }

    /// `encrypt`: whether the bucket is encrypted.
    pub fn of(files: usize, encrypt: bool) -> Story {
        let place = Place::new();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let pair = KeyPair::new(&place);
        let (source, archive) = (place.folder("uploads"), place.folder("archive"));
        let config = format!(
            "[[repository]]\nname = \"local\"\nurl = {:?}\nencrypt = false\n\
             [[repository]]\nname = \"s3\"\nurl = \"s3://{}/some\"\nencrypt = {encrypt}\n{}\n\
             [media.uploads]\npaths = [{:?}]\nexclude = [\"*.tmp\"]\n\
             [media_backup]\nstate_directory = {:?}\n",
            archive,
            s3.bucket(),
            pair.recipients_and_identity(&[&pair]),
            source,
            place.folder("state")
        );
        let config = place.file("seawall.toml", config);
        let story = Story { place, s3, source, config, as_server_user: true };
        for number in 0..files {
            story.write(&format!("{number}.jpg"), &format!("picture {number}"));
        }
        story
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.source.join(name);
        fs::write(&path, content).unwrap();
        hand_over(&path);
    }

    pub fn run(&self, words: &[&str]) -> Run {
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_media-backup"));
        let run = if self.as_server_user { run.server_user() } else { run };
        let run = run.arg(words[0]).arg("--config").arg(&self.config);
        run.args(&words[1..]).envs(self.s3.environment())
    }

    #[track_caller]
    pub fn listed(&self) -> Vec<Value> {
        let outcome = self.run(&["list", "--json"]).run();
        let list: Value = serde_json::from_str(&outcome.expect(0).stdout).unwrap();
        list["backups"].as_array().unwrap().clone()
    }

    /// All files with their content, below a folder.
    pub fn contents(folder: &Path) -> Vec<(String, String)> {
        let files = fs::read_dir(folder).unwrap().flatten();
        let read = |file: fs::DirEntry| {
            let content = fs::read_to_string(file.path()).unwrap();
            (file.file_name().into_string().unwrap(), content)
        };
        let mut all: Vec<_> = files.map(read).collect();
        all.sort();
        all
    }

    /// What a whole restore of one snapshot, or of the newest, from one repository brings.
    #[track_caller]
    pub fn restored_from(&self, repository: &str, id: Option<&str>) -> Vec<(String, String)> {
        let to = self.place.join(format!("to-{}", self.place.next_number()));
        let words = ["restore", "--repository", repository, "--yes", "--to"];
        self.run(&words).arg(&to).args(id).run().expect(0);
        Story::contents(&self.below(&to))
    }

    /// Where the files of the set are below a folder that was restored to, or in a tree.
    pub fn below(&self, folder: &Path) -> PathBuf {
        folder.join(self.source.strip_prefix("/").unwrap())
    }
}
