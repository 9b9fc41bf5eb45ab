//! A set, repositories of several kinds, and a place to restore to.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use seawall::codec::Identities;
use seawall::config::{Config, MediaSet, of_text};
use seawall::error::Result;
use seawall::media_backup::packed::{
    PackedContent, PackedSnapshot, PackedSource, PackedTaken, verify_packed,
};
use seawall::media_backup::{
    ContentSource, Destination, Existing, IndexReader, MediaRestore, MediaRestored, Selection,
    SnapshotDescription, Verified,
};
use seawall::repository::{self, Repository};

use crate::scene::{KeyPair, Kind, Store};
use crate::support::place::Place;
use crate::support::s3::{ACCESS_KEY, Kind as S3Kind, REGION, SECRET_KEY};

pub const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
pub const SET: &str = "uploads";
pub const ALL: &str = "media/uploads/";
pub const S3: Kind = Kind::S3(S3Kind::S3sFs);

/// A store, and whether objects are encrypted there.
pub const KINDS: [(Kind, bool); 4] =
    [(S3, false), (S3, true), (Kind::Local, true), (Kind::Local, false)];

pub struct Scene {
    pub place: Place,
    pub set: MediaSet,
    pub stores: Vec<Store>,
    pub config: Config,
    pub repositories: Vec<Repository>,
    pub identities: Identities,
    /// Where what can't be read back is remembered.
    pub state: Option<PathBuf>,
    taken: usize,
}

impl Scene {
    pub fn new(kind: Kind, encrypted: bool) -> Self {
        let place = Place::new();
        let store = Store::start(kind, &place);
        let table = store.table("first");
        Self::of(place, vec![(store, table, encrypted)])
    }

    /// Repositories with their tables, and whether each is encrypted.
    pub fn of(place: Place, stores: Vec<(Store, String, bool)>) -> Self {
        let pair = KeyPair::new(&place);
        let mut text = pair.recipients_and_identity(&[&pair]) + "\n";
        let credentials = place.file(
            "credentials",
            format!(
                "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
            ),
        );
        for (store, table, encrypted) in &stores {
            text += &format!("{table}encrypt = {encrypted}\n");
            if matches!(store, Store::Bucket(_)) {
                text += &format!("region = {REGION:?}\ncredentials_file = {credentials:?}\n");
            }
        }
        place.file("seawall.toml", &text);
        let Opened { config, repositories, identities, set } = Opened::in_place(place.path());
        fs::create_dir_all(&set.paths[0]).unwrap();
        let stores = stores.into_iter().map(|(store, ..)| store).collect();
        Self { place, set, stores, config, repositories, identities, state: None, taken: 0 }
    }

    pub fn source(&self) -> PathBuf {
        self.set.paths[0].clone()
    }

    pub fn store(&self) -> &Store {
        &self.stores[0]
    }

    pub fn repository(&self) -> &Repository {
        &self.repositories[0]
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.source().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn id(number: usize) -> String {
        format!("20261122T2030{number:02}Z-0000")
    }

    #[track_caller]
    pub fn take(&mut self) -> PackedTaken {
        let taken = self.try_take().unwrap_or_else(|error| panic!("{error}"));
        assert!(taken.failures.is_empty(), "{:?}", taken.failures);
        taken
    }

    pub fn try_take(&mut self) -> Result<PackedTaken> {
        self.taken += 1;
        self.take_as(&Self::id(self.taken), &self.identities)
    }

    /// On a host with no private key.
    pub fn take_blind(&mut self) -> PackedTaken {
        self.taken += 1;
        let taken = self.take_as(&Self::id(self.taken), &Identities::default());
        taken.unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn take_as(&self, id: &str, identities: &Identities) -> Result<PackedTaken> {
        let state = self.state.as_deref();
        take(&self.repositories, &self.set, id, identities, state)
    }

    pub fn description_in(&self, repository: usize, id: &str) -> SnapshotDescription {
        let key = format!("{ALL}{id}/backup.json");
        let bytes = self.stores[repository].get(&key).expect("a description");
        seawall::backup::parse_description(&bytes).unwrap()
    }

    pub fn description(&self, number: usize) -> SnapshotDescription {
        self.description_in(0, &Self::id(number))
    }

    pub fn packed<'a>(
        &'a self,
        repository: usize,
        description: &'a SnapshotDescription,
    ) -> PackedSource<'a> {
        PackedSource {
            storage: self.repositories[repository].storage(),
            all: ALL.to_owned(),
            description,
            identities: &self.identities,
            attempts: 2,
        }
    }

    pub fn restore(&self, number: usize, to: &Path) -> MediaRestored {
        let restored = self.try_restore(0, &Self::id(number), to, &Selection::All);
        restored.unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_restore(
        &self,
        repository: usize,
        id: &str,
        to: &Path,
        selection: &Selection,
    ) -> Result<MediaRestored> {
        let description = self.description_in(repository, id);
        let source = self.packed(repository, &description);
        let index = source.index(self.place.path())?;
        let content: PackedContent<'_> = source.content()?;
        MediaRestore {
            index: &|| IndexReader::open(index.reader()),
            content: &content as &dyn ContentSource,
            destination: Destination::Folder(to),
            selection,
            existing: Existing::Refuse,
            delete: false,
            leave_out: &[],
            numeric_owner: false,
            threads: THREADS,
            progress: &|_| {},
        }
        .run()
    }

    pub fn verify(&self, number: usize) -> Verified {
        self.try_verify(number, &self.identities).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_verify(&self, number: usize, identities: &Identities) -> Result<Verified> {
        let description = self.description(number);
        let source = PackedSource { identities, ..self.packed(0, &description) };
        verify_packed(&source, self.place.path(), THREADS, &|_| {})
    }

    /// Where the files of the set are below a folder that was restored to.
    pub fn restored(&self, to: &Path) -> PathBuf {
        to.join(self.source().strip_prefix("/").unwrap())
    }

    /// The packs in the first store.
    pub fn packs(&self) -> Vec<String> {
        self.store().keys().into_iter().filter(|key| key.ends_with(".pack")).collect()
    }
}

/// What another process has of a scene.
pub struct Opened {
    pub config: Config,
    pub repositories: Vec<Repository>,
    pub identities: Identities,
    pub set: MediaSet,
}

impl Opened {
    pub fn in_place(place: &Path) -> Self {
        let text = fs::read_to_string(place.join("seawall.toml")).unwrap();
        let config = of_text(&text).and_then(|resolved| Config::from_resolved(&resolved));
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        fs::create_dir_all(place.join("stores")).unwrap();
        let repositories = repository::open_all(&config, Some(&place.join("stores"))).unwrap();
        let identities = repository::identities(&config).unwrap();
        let set = MediaSet::new("uploads", &[place.join("srv/uploads")], &[]).unwrap();
        Self { config, repositories, identities, set }
    }
}

pub fn take(
    repositories: &[Repository],
    set: &MediaSet,
    id: &str,
    identities: &Identities,
    state: Option<&Path>,
) -> Result<PackedTaken> {
    let repositories: Vec<&Repository> = repositories.iter().collect();
    PackedSnapshot {
        repositories: &repositories,
        set,
        id,
        label: "",
        began: jiff::Timestamp::now(),
        checksum: false,
        accept_fewer: false,
        leave_out: &[],
        copy_of: None,
        level: 1,
        threads: THREADS,
        identities,
        state,
        attempts: 2,
        progress: &|_| {},
    }
    .take()
}
