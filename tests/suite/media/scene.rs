//! A set, a repository and a place to restore to.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use seawall::config::MediaSet;
use seawall::error::Result;
use seawall::media_backup::local::{self, LocalContent, LocalSnapshot, TreeTaken};
use seawall::media_backup::{
    Destination, Existing, MediaRestore, MediaRestored, Selection, Verified,
};

pub const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

pub const DELTA: Existing = Existing::Delta { checksum: false };

/// How a test wants a snapshot restored.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub destination: Destination<'a>,
    pub selection: &'a Selection,
    pub existing: Existing,
    pub delete: bool,
}

pub struct Scene {
    place: tempfile::TempDir,
    pub set: MediaSet,
    /// How many snapshots were taken.
    taken: usize,
}

impl Scene {
    pub fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let set = MediaSet::new("uploads", &[place.path().join("srv/uploads")], &[]).unwrap();
        fs::create_dir_all(&set.paths[0]).unwrap();
        Self { place, set, taken: 0 }
    }

    /// The only path of the set.
    pub fn source(&self) -> PathBuf {
        self.set.paths[0].clone()
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    pub fn root(&self) -> PathBuf {
        self.join("repository")
    }

    pub fn id(number: usize) -> String {
        format!("20261122T2030{number:02}Z-0000")
    }

    /// Where the files of a snapshot lie in it.
    pub fn tree(&self, id: &str) -> PathBuf {
        let tree = local::snapshot_folder(&self.root(), "uploads", id).join("tree");
        below(&tree, &self.source())
    }

    pub fn latest(&self) -> PathBuf {
        below(&self.root().join("media/uploads/latest"), &self.source())
    }

    /// The next snapshot, which shares files with the one before.
    pub fn take(&mut self) -> TreeTaken {
        self.try_take(false).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_take(&mut self, checksum: bool) -> Result<TreeTaken> {
        let previous = (self.taken > 0).then(|| Self::id(self.taken));
        self.taken += 1;
        let id = Self::id(self.taken);
        take(&self.root(), &self.set, &id, previous.as_deref(), checksum)
    }

    /// The second in which the last snapshot began, as its index says.
    pub fn began(&self) -> i64 {
        let index = local::open_index(&self.root(), "uploads", &Self::id(self.taken)).unwrap();
        index.header().began.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    pub fn verify(&self, number: usize) -> Verified {
        let id = Self::id(number);
        local::verify_snapshot(&self.root(), "uploads", &id, THREADS, &|_| {}).unwrap()
    }

    /// Restores a snapshot into a folder.
    pub fn restore(&self, number: usize, to: &Path, existing: Existing) -> MediaRestored {
        let destination = Destination::Folder(to);
        let restored = self.restore_as(number, Wish { existing, ..self.wish(destination) });
        restored.unwrap_or_else(|error| panic!("{error}"))
    }

    /// To where it was.
    pub fn original(&self) -> Wish<'_> {
        self.wish(Destination::Original(&self.set.paths))
    }

    pub fn wish<'a>(&self, destination: Destination<'a>) -> Wish<'a> {
        Wish { destination, selection: &Selection::All, existing: Existing::Refuse, delete: false }
    }

    pub fn restore_as(&self, number: usize, wish: Wish<'_>) -> Result<MediaRestored> {
        let (root, id) = (self.root(), Self::id(number));
        let content = LocalContent::open(&root, "uploads", &id)?;
        MediaRestore {
            index: &|| local::open_index(&root, "uploads", &id),
            content: &content,
            destination: wish.destination,
            selection: wish.selection,
            existing: wish.existing,
            delete: wish.delete,
            leave_out: &[],
            numeric_owner: false,
            threads: THREADS,
            progress: &|_| {},
        }
        .run()
    }

    /// Where the files of the set are below a folder that was restored to.
    pub fn restored(&self, to: &Path) -> PathBuf {
        below(to, &self.source())
    }
}

pub fn take(
    root: &Path,
    set: &MediaSet,
    id: &str,
    previous: Option<&str>,
    checksum: bool,
) -> Result<TreeTaken> {
    let description = local::snapshot_folder(root, &set.name, id).join("backup.json");
    let snapshot = LocalSnapshot {
        root,
        set,
        id,
        began: jiff::Timestamp::now(),
        previous,
        checksum,
        damage: seawall::media_backup::Damage::default(),
        leave_out: &[],
        copy_of: None,
        is_copied: false,
        threads: THREADS,
        progress: &|_| {},
    };
    snapshot.take(|_| {
        fs::write(description, "{}").unwrap();
        Ok(())
    })
}

pub fn below(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix("/").unwrap())
}
