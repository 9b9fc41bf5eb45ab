//! Two repositories in folders, and all that one may keep otherwise than the other.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use age::secrecy::ExposeSecret as _;

use super::*;
use crate::codec::{Encoder, Encoding, Recipients};
use crate::config::{Limits, Location};
use crate::postgres::SystemIdentifier;
use crate::repository::WalFolder;
use crate::storage;

const SEGMENT: &str = "000000020000000100000003";
const HISTORY: &str = "00000002.history";

/// Two folders, and who may read what is in them.
struct Scene {
    root: tempfile::TempDir,
    folder: WalFolder,
    key: age::x25519::Identity,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = WalFolder::new("main", SystemIdentifier(7));
        Self { root, folder, key: age::x25519::Identity::generate() }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn repository(&self, name: &str, encrypts: bool) -> Repository {
        let key = self.key.to_public().to_string();
        self.encrypting(name, encrypts.then_some(key.as_str()))
    }

    fn encrypting(&self, name: &str, key: Option<&str>) -> Repository {
        fs::create_dir_all(self.place(name)).unwrap();
        let storage = storage::folder(&Location::Folder(self.place(name))).unwrap();
        Repository {
            name: name.to_owned(),
            identity: self.place(name).display().to_string(),
            storage: Box::new(storage),
            recipients: key.map(|key| Recipients::parse([key]).unwrap()),
        }
    }

    fn keys(&self) -> Identities {
        Identities::parse(self.key.to_string().expose_secret()).unwrap()
    }

    fn source<'a>(&'a self, identities: &'a Identities) -> Source<'a> {
        let second = Duration::from_secs(1);
        let limits = Limits { connect: second, request: second, total: second, attempts: 1 };
        Source { folder: &self.folder, identities, limits }
    }

    fn path(&self, repository: &str, name: &str, encrypted: bool) -> PathBuf {
        self.place(repository).join(self.folder.key(parsed(name), encrypted))
    }

    fn memory(&self) -> RepositoryMemory {
        RepositoryMemory::new(self.root.path().to_owned(), self.place("state"))
    }

    /// Stores a file as a push does.
    fn put(&self, into: &Repository, name: &str, plain: &[u8]) {
        let object = object(name, plain);
        let label = Label::parse_frame(&object).unwrap().0;
        let content = match &into.recipients {
            Some(recipients) => {
                let frames = frames(&object).unwrap();
                Bytes::from(encrypt(&label, &[frames], recipients).unwrap())
            }
            None => object,
        };
        let key = self.folder.key(parsed(name), into.encrypts());
        into.storage.create(&key, content, &metadata(&label)).unwrap();
    }

    fn content(&self, of: &Repository, name: &str) -> Vec<u8> {
        let (keys, mut content) = (self.keys(), Vec::new());
        let found = of.show_wal(&self.source(&keys), parsed(name), &mut |piece| {
            content.extend_from_slice(piece);
            ControlFlow::Continue(())
        });
        assert!(found.unwrap(), "{name}");
        content
    }
}

fn parsed(name: &str) -> WalFileName {
    name.parse().unwrap()
}

fn object(name: &str, plain: &[u8]) -> Bytes {
    let mut encoder = Encoder::new(Encoding { level: 1, threads: NonZeroUsize::MIN });
    let mut object = Vec::new();
    let mut take = |frame: Bytes| object.extend_from_slice(&frame);
    let encoded = encoder.encode(name, plain.len() as u64, &mut &plain[..], &mut take).unwrap();
    Bytes::from([encoded.label.to_frame(), object].concat())
}

/// A segment of 1 MiB, as its header says.
fn segment(filler: u8) -> Vec<u8> {
    let mut bytes = vec![filler; 1 << 20];
    bytes[..40].fill(0);
    bytes[..2].copy_from_slice(&0xD110_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&2_u16.to_ne_bytes());
    bytes[4..8].copy_from_slice(&2_u32.to_ne_bytes());
    bytes[8..16].copy_from_slice(&0x1_0030_0000_u64.to_ne_bytes());
    bytes[24..32].copy_from_slice(&7_u64.to_ne_bytes());
    bytes[32..36].copy_from_slice(&(1_u32 << 20).to_ne_bytes());
    bytes
}

fn carrying<'a>(from: &'a Repository, to: &'a Repository, source: &'a Source<'a>) -> Carrying<'a> {
    Carrying { from, to, source, memory: None, anew: false }
}

fn carry(carrying: &Carrying<'_>) -> Result<Carried> {
    carrying.carry(parsed(SEGMENT), None)
}

#[test]
fn comes_over_in_the_form_that_the_target_keeps_and_once_only() {
    for (encrypted, encrypts, has_key) in [
        (false, false, false),
        (false, true, false),
        (true, true, false),
        (true, true, true),
        (true, false, true),
    ] {
        let scene = Scene::new();
        let (from, to) = (scene.repository("a", encrypted), scene.repository("b", encrypts));
        let keys = if has_key { scene.keys() } else { Identities::default() };
        let source = scene.source(&keys);
        let carrying = carrying(&from, &to, &source);
        assert_eq!(carry(&carrying), Ok(Carried::Absent));
        scene.put(&from, SEGMENT, &segment(1));
        scene.put(&from, HISTORY, b"1\t0/B0A0E0\tx\n");
        let bytes = match carry(&carrying).unwrap() {
            Carried::New { bytes } => bytes,
            other => panic!("{other:?}"),
        };
        let stored = fs::read(scene.path("b", SEGMENT, encrypts)).unwrap();
        assert_eq!(stored.len() as u64, bytes);
        if encrypted == encrypts {
            assert_eq!(stored, fs::read(scene.path("a", SEGMENT, encrypted)).unwrap());
        }
        assert_eq!(scene.content(&to, SEGMENT), segment(1));
        assert_eq!(carry(&carrying), Ok(Carried::Already));
        assert!(matches!(carrying.carry(parsed(HISTORY), None), Ok(Carried::New { .. })));
    }
}

#[test]
fn keys_that_changed_are_taken_over_where_that_is_asked_for() {
    let scene = Scene::new();
    let other = age::x25519::Identity::generate();
    let (from, keys) = (scene.repository("a", true), scene.keys());
    let to = scene.encrypting("b", Some(&other.to_public().to_string()));
    scene.put(&from, SEGMENT, &segment(1));
    let source = scene.source(&keys);
    let carrying = Carrying { anew: true, ..carrying(&from, &to, &source) };
    assert!(matches!(carry(&carrying), Ok(Carried::New { .. })));
    let stored = fs::read(scene.path("b", SEGMENT, true)).unwrap();
    assert!(decrypted(&stored, &keys).is_err());
    let others = Identities::parse(other.to_string().expose_secret()).unwrap();
    assert_eq!(decrypted(&stored, &others).unwrap(), object(SEGMENT, &segment(1)));
}

#[test]
fn without_the_private_key_only_what_need_not_be_opened_comes_over() {
    let (scene, nobody) = (Scene::new(), Identities::default());
    let (from, to) = (scene.repository("a", true), scene.repository("b", false));
    scene.put(&from, SEGMENT, &segment(1));
    let source = scene.source(&nobody);
    let error = carry(&carrying(&from, &to, &source)).unwrap_err();
    assert_eq!(error.class(), Class::Configuration);
    assert_eq!(
        error.to_string(),
        format!(
            "could not copy {SEGMENT} from repository a to b: it is encrypted and there is no identity file; that \
             repository keeps its objects in the clear, so it has to be opened. HINT: Set encryption.identity_file to \
             the file with the private key."
        )
    );
    // A key that opens nothing is no worse than none, where nothing has to be opened.
    let other = age::x25519::Identity::generate();
    let others = Identities::parse(other.to_string().expose_secret()).unwrap();
    let (to, source) = (scene.repository("c", true), scene.source(&others));
    assert!(matches!(carry(&carrying(&from, &to, &source)), Ok(Carried::New { .. })));
}

#[test]
fn other_content_in_the_target_is_a_conflict_and_stays() {
    for encrypted in [false, true] {
        let (scene, nobody) = (Scene::new(), Identities::default());
        let (from, to) = (scene.repository("a", false), scene.repository("b", encrypted));
        let elsewhere = scene.repository("b", !encrypted);
        scene.put(&from, SEGMENT, &segment(1));
        // Also where the target has it under its other name.
        scene.put(&elsewhere, SEGMENT, &segment(2));
        let source = scene.source(&nobody);
        let error = carry(&carrying(&from, &to, &source)).unwrap_err();
        assert_eq!(error.class(), Class::Conflict);
        assert!(error.message().contains("nothing was changed"), "{error}");
        assert_eq!(scene.content(&elsewhere, SEGMENT), segment(2));
        assert!(!scene.path("b", SEGMENT, encrypted).exists());
    }
}

#[test]
fn an_unreadable_object_in_the_target_is_a_conflict_too() {
    let (scene, nobody) = (Scene::new(), Identities::default());
    let (from, to) = (scene.repository("a", false), scene.repository("b", false));
    scene.put(&from, SEGMENT, &segment(1));
    scene.put(&to, SEGMENT, &segment(1));
    fs::write(scene.path("b", SEGMENT, false), b"cut").unwrap();
    let source = scene.source(&nobody);
    let error = carry(&carrying(&from, &to, &source)).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.message().contains("is in the way and can't be read"), "{error}");
}

#[test]
fn a_damaged_source_is_not_carried_on_and_is_no_conflict() {
    for encrypted in [false, true] {
        let scene = Scene::new();
        let (from, to) = (scene.repository("a", encrypted), scene.repository("b", encrypted));
        scene.put(&from, SEGMENT, &segment(1));
        let (path, keys) = (scene.path("a", SEGMENT, encrypted), scene.keys());
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        let source = scene.source(&keys);
        let error = carry(&carrying(&from, &to, &source)).unwrap_err();
        assert_eq!(error.class(), Class::Damaged, "{error}");
        assert!(!scene.path("b", SEGMENT, encrypted).exists());
        if encrypted {
            continue;
        }
        scene.put(&to, SEGMENT, &segment(2));
        let error = carry(&carrying(&from, &to, &source)).unwrap_err();
        assert_eq!(error.class(), Class::Damaged, "{error}");
    }
}

#[test]
fn what_was_expected_is_what_comes() {
    let (scene, nobody) = (Scene::new(), Identities::default());
    for encrypted in [false, true] {
        let (from, to) = (scene.repository("a", encrypted), scene.repository("b", encrypted));
        scene.put(&from, SEGMENT, &segment(1));
        let source = scene.source(&nobody);
        let carrying = carrying(&from, &to, &source);
        let (ours, other) = (Digest::of(&segment(1)), Digest::of(&segment(2)));
        let carry = |digest| carrying.carry(parsed(SEGMENT), Some((1 << 20, digest)));
        let error = carry(&other).unwrap_err();
        assert_eq!(error.class(), Class::Damaged);
        assert!(error.message().contains(&format!("with BLAKE3 {other}, found")), "{error}");
        assert!(matches!(carry(&ours), Ok(Carried::New { .. })));
        // The source may lose it: what the target has is compared with what was expected.
        fs::remove_file(scene.path("a", SEGMENT, encrypted)).unwrap();
        assert_eq!(carry(&ours), Ok(Carried::Already));
        assert_eq!(carry(&other).unwrap_err().class(), Class::Conflict);
        fs::remove_file(scene.path("b", SEGMENT, encrypted)).unwrap();
    }
}

#[test]
fn a_target_that_was_exchanged_takes_nothing() {
    let (scene, nobody) = (Scene::new(), Identities::default());
    let (from, to) = (scene.repository("a", false), scene.repository("b", false));
    scene.put(&from, SEGMENT, &segment(1));
    scene.put(&from, HISTORY, b"1\t0/B0A0E0\tx\n");
    let (source, memory) = (scene.source(&nobody), scene.memory());
    let carrying = Carrying { memory: Some(&memory), ..carrying(&from, &to, &source) };
    assert!(matches!(carry(&carrying), Ok(Carried::New { .. })));
    fs::remove_dir_all(scene.place("b").join("postgres")).unwrap();
    let error = carrying.carry(parsed(HISTORY), None).unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert!(error.message().contains("is not the one that took"), "{error}");
}

#[test]
fn content_that_the_target_keeps_beside_another_is_there() {
    let (scene, nobody) = (Scene::new(), Identities::default());
    let (from, to) = (scene.repository("a", false), scene.repository("b", false));
    scene.put(&from, SEGMENT, &segment(1));
    scene.put(&to, SEGMENT, &segment(2));
    let digest = Digest::of(&segment(1));
    let own = WalFolder::beyond_name(parsed(SEGMENT), &digest);
    let content = object(&own, &segment(1));
    let key = scene.folder.beyond_key(parsed(SEGMENT), &digest, false);
    to.storage.create(&key, content, &metadata(&Label::of(&own, &segment(1)))).unwrap();
    let source = scene.source(&nobody);
    assert_eq!(carry(&carrying(&from, &to, &source)), Ok(Carried::Already));
}

/// PostgreSQL uses its files again: what is there counts only as what was archived.
#[test]
fn the_file_of_the_server_is_taken_if_it_is_what_was_archived() {
    let encoding = Encoding { level: 1, threads: NonZeroUsize::MIN };
    for encrypts in [false, true] {
        let (scene, keys) = (Scene::new(), Scene::new().keys());
        let (from, to) = (scene.repository("a", false), scene.repository("b", encrypts));
        let source = scene.source(&keys);
        let carrying = carrying(&from, &to, &source);
        let (path, digest) = (scene.place(SEGMENT), Digest::of(&segment(1)));
        let carry = || carrying.carry_own(parsed(SEGMENT), &path, encoding, (1 << 20, &digest));
        assert_eq!(carry(), Ok(Carried::Absent));
        for other in [segment(2), segment(1)[1..].to_vec(), [segment(1), vec![0]].concat()] {
            fs::write(&path, other).unwrap();
            assert_eq!(carry(), Ok(Carried::Absent));
        }
        fs::write(&path, segment(1)).unwrap();
        assert!(matches!(carry(), Ok(Carried::New { .. })));
        assert_eq!(scene.content(&to, SEGMENT), segment(1));
        assert_eq!(carry(), Ok(Carried::Already));
        // What is in the target already is compared, whatever the server has by now.
        fs::remove_file(&path).unwrap();
        assert_eq!(carry(), Ok(Carried::Already));
        let other = Digest::of(&segment(2));
        let conflict = carrying.carry_own(parsed(SEGMENT), &path, encoding, (1 << 20, &other));
        assert_eq!(conflict.unwrap_err().class(), Class::Conflict);
    }
}
