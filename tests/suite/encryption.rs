//! Encrypted to public keys: the host that archives holds no key that opens anything, and yet knows
//! what is its own.

use crate::scene::{KeyPair, Kind, SHORT_LIMITS, Scene, Store, altered, error};
use crate::support::place::Place;
use crate::support::s3;

const KINDS: [Kind; 3] = [Kind::Local, Kind::S3(s3::Kind::S3sFs), Kind::S3(s3::Kind::Rclone)];
const ALREADY: &str = "the same content is already archived";

/// A repository and two key pairs.
struct Vault {
    place: Place,
    store: Store,
    pairs: [KeyPair; 2],
}

impl Vault {
    fn new(kind: Kind) -> Vault {
        let place = Place::new();
        let store = Store::start(kind, &place);
        let pairs = [KeyPair::new(&place), KeyPair::new(&place)];
        Vault { place, store, pairs }
    }

    fn scene(&self, toml: &str) -> Scene {
        Scene::in_place(&self.place).with(toml).with(&self.store.table("vault"))
    }

    /// A host that can only encrypt, to both.
    fn encrypts(&self) -> Scene {
        self.scene(&KeyPair::recipients(&self.pairs.each_ref()))
    }

    fn encrypted_key(&self, scene: &Scene) -> String {
        scene.key(scene.name(0), ".zst.age")
    }
}

#[track_caller]
fn is_conflict(scene: &Scene) {
    scene.directory.put(scene.name(0), &altered(scene.bytes(0)));
    let outcome = scene.push(0).run();
    outcome.expect(7);
    assert!(error(&outcome).contains("; nothing was changed. HINT: "), "{outcome}");
}

#[test]
fn a_host_without_a_private_key_recognises_what_is_its_own() {
    for kind in KINDS {
        let vault = Vault::new(kind);
        let scene = vault.encrypts();
        scene.has(0).push(0).run().expect(0).does_not_say(ALREADY);
        let stored = vault.store.get(&vault.encrypted_key(&scene)).expect("archived");
        assert!(stored.starts_with(b"age-encryption.org/v1\n"));
        scene.push(0).run().expect(0).says(ALREADY);
        // So does another host of the same cluster, whose key list is shorter.
        let other = vault.scene(&KeyPair::recipients(&[&vault.pairs[0]]));
        other.has(0).push(0).run().expect(0).says(ALREADY);
        is_conflict(&scene);
        is_conflict(&other);
        assert_eq!(vault.store.keys(), [vault.encrypted_key(&scene)]);
        assert!(vault.store.get(&vault.encrypted_key(&scene)) == Some(stored), "{kind:?}");
    }
}

#[test]
fn it_does_so_where_the_store_has_lost_the_metadata() {
    let vault = Vault::new(Kind::S3(s3::Kind::Moto));
    let scene = vault.encrypts();
    scene.has(0).push(0).run().expect(0);
    let key = vault.encrypted_key(&scene);
    let stored = vault.store.get(&key).expect("archived");
    vault.store.put(&key, &stored);
    scene.push(0).run().expect(0).says(ALREADY);
    is_conflict(&scene);
    assert!(vault.store.get(&key) == Some(stored));
}

#[test]
fn each_recipient_opens_it_and_nobody_else() {
    for kind in KINDS {
        let vault = Vault::new(kind);
        let scene = vault.encrypts();
        scene.has(0).push(0).run().expect(0);
        for pair in &vault.pairs {
            vault.scene(&format!("[encryption]\nidentity_file = {:?}", pair.file)).fetches(0);
        }
        let stranger = KeyPair::new(&vault.place);
        let scene = vault.scene(&format!("[encryption]\nidentity_file = {:?}", stranger.file));
        let outcome = scene.fetch(0).run();
        outcome.expect(203);
        assert_eq!(
            error(&outcome),
            format!(
                "could not fetch {} from repository vault: none of the keys in the identity file decrypts it. HINT: \
                 Add the private key of one of its recipients.",
                scene.name(0)
            )
        );
        assert!(scene.take_fetched().is_none());
    }
}

#[test]
fn without_a_private_key_a_fetch_is_a_matter_of_configuration() {
    let vault = Vault::new(Kind::Local);
    let scene = vault.encrypts();
    scene.has(0).push(0).run().expect(0);
    for scene in [scene, vault.scene("")] {
        let outcome = scene.fetch(0).run();
        outcome.expect(203);
        assert_eq!(
            error(&outcome),
            format!(
                "could not fetch {} from repository vault: it is encrypted and there is no identity file. \
                 HINT: Set encryption.identity_file to the file with the private key.",
                scene.name(0)
            )
        );
        assert!(scene.take_fetched().is_none());
        // What is absent is absent, whoever asks.
        scene.fetch(1).args(SHORT_LIMITS).run().expect(1);
    }
}

/// A name is taken, however its content is stored.
#[test]
fn switching_encryption_on_or_off_keeps_the_duplicate_rule() {
    for kind in KINDS {
        for encrypted_first in [true, false] {
            let vault = Vault::new(kind);
            let (clear, encrypted) = (vault.scene(""), vault.encrypts());
            let (first, then) =
                if encrypted_first { (&encrypted, &clear) } else { (&clear, &encrypted) };
            first.has(0).push(0).run().expect(0).does_not_say(ALREADY);
            let keys = vault.store.keys();
            let stored = vault.store.get(&keys[0]);
            then.has(0).push(0).run().expect(0).says(ALREADY);
            is_conflict(then);
            assert_eq!(vault.store.keys(), keys, "{kind:?}: one object for one name");
            assert!(vault.store.get(&keys[0]) == stored, "{kind:?}");
            // Whichever it is, who has the key reads it.
            let all = vault.pairs.each_ref();
            vault.scene(&vault.pairs[0].recipients_and_identity(&all)).fetches(0);
        }
    }
}

/// Of a whole batch only what is not there under the other setting is stored.
#[test]
fn after_switching_a_look_ahead_finds_what_is_there() {
    for kind in KINDS {
        for encrypted_first in [true, false] {
            let vault = Vault::new(kind);
            let (clear, encrypted) = (vault.scene(""), vault.encrypts());
            let (first, then) =
                if encrypted_first { (&encrypted, &clear) } else { (&clear, &encrypted) };
            for number in [0, 3, 5] {
                first.has(number).push(number).arg("--wal-look-ahead=0").run().expect(0);
            }
            let outcome = then.has_ready(6).push(0).run();
            assert_eq!(outcome.expect(0).stderr.matches(ALREADY).count(), 3, "{outcome}");
            assert_eq!(vault.store.keys().len(), 6, "{kind:?}: one object for one name");
        }
    }
}

#[test]
fn one_repository_may_be_encrypted_and_another_not() {
    let vault = Vault::new(Kind::S3(s3::Kind::S3sFs));
    let at_home = Store::start(Kind::Local, &vault.place);
    let tables = |scene: Scene| scene.with(&at_home.table("home")).with("encrypt = false");
    let scene = tables(vault.encrypts());
    scene.has(0).push(0).run().expect(0);
    assert_eq!(vault.store.keys(), [scene.key(scene.name(0), ".zst.age")]);
    assert_eq!(at_home.keys(), [scene.key(scene.name(0), ".zst")]);
    at_home.holds(&scene.clear_key(0), scene.bytes(0));
    scene.push(0).run().expect(0).says(ALREADY);
    scene.directory.put(scene.name(0), &altered(scene.bytes(0)));
    let outcome = scene.push(0).run();
    outcome.expect(7).says("in repository vault: expected").says("in repository home: expected");
    // The one that needs no key is enough for this host; the other one is passed over, with a warning.
    scene.fetches(0).says("it is encrypted and there is no identity file");
}

#[test]
fn encryption_that_is_asked_for_without_a_key_is_refused() {
    let vault = Vault::new(Kind::Local);
    let scene = vault.scene("").with("encrypt = true");
    let outcome = scene.has(0).push(0).run();
    outcome.expect(3);
    assert!(error(&outcome).contains("repository vault has encrypt = true"), "{outcome}");
    assert_eq!(vault.store.keys(), [""; 0]);
}
