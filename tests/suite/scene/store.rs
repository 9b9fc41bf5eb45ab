use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::support::place::Place;
use crate::support::s3::{self, S3Server};
use crate::support::user::{hand_over_alone, write_as_server_user};

/// What kind of repository.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Local,
    S3(s3::Kind),
}

/// A repository seen from behind: what it holds, and means to damage it.
pub enum Store {
    Folder(PathBuf),
    Bucket(S3Server),
}

/// An object of Seawall's own, which says nothing of anybody's data.
const PROBE: &str = "seawall-conditional-put-probe";

impl Store {
    /// A new and empty one.
    pub fn start(kind: Kind, place: &Place) -> Store {
        match kind {
            Kind::Local => {
                let parent = place.folder(&format!("disk{}", place.next_number()));
                Store::Folder(parent.join("repository"))
            }
            Kind::S3(kind) => Store::Bucket(S3Server::start(kind, place)),
        }
    }

    /// Its part of the configuration.
    pub fn table(&self, name: &str) -> String {
        match self {
            Store::Folder(root) => format!("[[repository]]\nname = {name:?}\nurl = {root:?}\n"),
            Store::Bucket(server) => self.table_at(name, &server.endpoint()),
        }
    }

    /// The same for a bucket that is reached at another endpoint.
    pub fn table_at(&self, name: &str, endpoint: &str) -> String {
        let bucket = self.server().bucket();
        format!(
            "[[repository]]\nname = {name:?}\nurl = \"s3://{bucket}\"\nendpoint = \"{endpoint}\"\n"
        )
    }

    #[track_caller]
    pub fn server(&self) -> &S3Server {
        let Store::Bucket(server) = self else { panic!("a folder is no server") };
        server
    }

    #[track_caller]
    pub fn folder(&self) -> &Path {
        let Store::Folder(root) = self else { panic!("a bucket is no folder") };
        root
    }

    /// All objects, in order, but for Seawall's own probe.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = match self {
            Store::Folder(root) => files_below(root, root),
            Store::Bucket(server) => server.keys(),
        };
        keys.retain(|key| key != PROBE && !key.starts_with('.'));
        keys
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self {
            Store::Folder(root) => fs::read(root.join(key)).ok(),
            Store::Bucket(server) => server.get(key),
        }
    }

    /// Changes the bytes of an object behind everybody's back.
    #[track_caller]
    pub fn damage(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Store::Folder(root) => {
                let path = root.join(key);
                let mut bytes = fs::read(&path).unwrap_or_else(|error| panic!("{key}: {error}"));
                change(&mut bytes);
                fs::write(&path, bytes).expect("root or owner");
            }
            Store::Bucket(server) => server.damage(key, change),
        }
    }

    /// Plants an object.
    #[track_caller]
    pub fn put(&self, key: &str, bytes: &[u8]) {
        match self {
            Store::Folder(root) => {
                let path = root.join(key);
                let folder = path.parent().expect("below the root");
                fs::create_dir_all(folder).expect("a folder");
                write_as_server_user(&path, bytes);
                let ours = folder.ancestors().take_while(|it| it.starts_with(root));
                ours.for_each(hand_over_alone);
            }
            Store::Bucket(server) => server.put(key, bytes),
        }
    }

    /// Has all objects stored at a time, by the clock of the store: `when` gets their keys.
    pub fn date(&self, when: &dyn Fn(&str) -> SystemTime) {
        let root = match self {
            Store::Folder(root) => root.clone(),
            Store::Bucket(server) => server.files(),
        };
        for key in files_below(&root, &root) {
            let file = fs::File::options().write(true).open(root.join(&key)).expect("our file");
            file.set_modified(when(&key)).expect("a time");
        }
    }

    #[track_caller]
    pub fn delete(&self, key: &str) {
        match self {
            Store::Folder(root) => fs::remove_file(root.join(key)).expect("it is there"),
            Store::Bucket(server) => server.delete(key),
        }
    }

    /// What a push has left that is no object: temporary files of a folder.
    pub fn leftovers(&self) -> Vec<String> {
        let Store::Folder(root) = self else { return Vec::new() };
        let all = files_below(root, root);
        all.into_iter().filter(|path| path.split('/').any(|part| part.starts_with('.'))).collect()
    }

    /// Panics unless the object holds a file with this content, proved without Seawall's own code.
    #[track_caller]
    pub fn holds(&self, key: &str, content: &[u8]) {
        let stored = self.get(key).unwrap_or_else(|| panic!("no {key} in {:?}", self.keys()));
        let plain = zstd::decode_all(&stored[..]).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert!(plain == content, "{key} holds other content");
    }
}

/// Paths of all files, below `root`, in order.
fn files_below(root: &Path, folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(files_below(root, &path));
        } else {
            let below = path.strip_prefix(root).expect("below the root");
            files.push(below.to_str().expect("keys are UTF-8").to_owned());
        }
    }
    files.sort();
    files
}
