//! The file of a damaged object is asked for.

use super::{Cluster, DAMAGES, Damage, File, inflict, whole};
use crate::scene::{Kind, SHORT_LIMITS, Store, error, side_by_side};
use crate::support::place::Place;
use crate::support::s3;

/// The exit status of a fetch: a gap, or damage.
fn status(damage: Damage) -> i32 {
    if damage == Damage::Deleted { 211 } else { 205 }
}

/// A history does not say whose it is, so another cluster's can't be told apart.
fn can_be_noticed(damage: Damage, file: File) -> bool {
    damage != Damage::Foreign || file == File::Segment
}

#[test]
fn a_damaged_object_in_a_folder_is_never_handed_over() {
    each_damage(Kind::Local);
}

#[test]
fn a_damaged_object_in_a_bucket_is_never_handed_over() {
    each_damage(Kind::S3(s3::Kind::S3sFs));
}

fn each_damage(kind: Kind) {
    side_by_side(&[File::Segment, File::History], |file| {
        let place = Place::new();
        let store = Store::start(kind, &place);
        let cluster = Cluster::archived_in(&store, &place);
        let whole = whole(&store);
        for damage in DAMAGES.into_iter().filter(|damage| can_be_noticed(*damage, *file)) {
            inflict(damage, *file, &store, &cluster);
            let case = format!("{kind:?} {file:?} {damage:?}");
            stops(&cluster, *file, status(damage), &case);
            whole.iter().for_each(|(key, bytes)| store.put(key, bytes));
            let outcome = cluster.scene.fetch_file(cluster.name(*file)).run();
            let fetched = cluster.scene.take_fetched();
            let right = fetched.as_deref() == Some(cluster.content(*file));
            assert!(outcome.status == Some(0) && right, "mended, {case}: {outcome}");
        }
    });
}

/// Neither a recovering server nor a standby gets the file; the standby asks again. So does a server that asks for a
/// history at the end of its promotion, when neither signal file is there any more.
fn stops(cluster: &Cluster, file: File, status: i32, case: &str) {
    // A copy of the history that was fetched before stands in for a damaged one.
    let _ = std::fs::remove_dir_all(cluster.scene.directory.path().join("pg_wal/seawall"));
    let promoted = if matches!(file, File::History) { status - 200 } else { status };
    for (signal, status) in [
        (Some("recovery.signal"), status),
        (Some("standby.signal"), status - 200),
        (None, promoted),
    ] {
        let signal = signal.map(|name| cluster.scene.directory.path().join(name));
        signal.iter().for_each(|path| std::fs::write(path, "").expect("root or owner"));
        let outcome = cluster.scene.fetch_file(cluster.name(file)).args(SHORT_LIMITS).run();
        signal.iter().for_each(|path| std::fs::remove_file(path).expect("root or owner"));
        assert_eq!(outcome.status, Some(status), "{case}: {outcome}");
        assert!(error(&outcome).contains(cluster.name(file)), "{case}: {outcome}");
        assert!(cluster.scene.take_fetched().is_none(), "{case}: {outcome}");
    }
}

#[test]
fn each_kind_of_damage_has_its_words() {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let cluster = Cluster::archived_in(&store, &place);
    let (name, next) = (cluster.scene.name(0), cluster.scene.name(1));
    let whole: Vec<Vec<u8>> = [cluster.key(File::Segment), cluster.next_key(File::Segment)]
        .map(|key| store.get(&key).expect("there"))
        .into();
    for (damage, words) in [
        (Damage::Flipped(500), "it can't be unpacked: ".to_owned()),
        (
            Damage::Emptied,
            "expected a Seawall label, found an object that ends before its label".to_owned(),
        ),
        (Damage::Cut(999), "it can't be unpacked: incomplete frame".to_owned()),
        (Damage::Swapped, format!("expected the object of {name}, found that of {next}. HINT: ")),
        (
            Damage::Foreign,
            format!(
                "expected WAL of system {}, found WAL of system ",
                cluster.scene.wal.system_identifier
            ),
        ),
    ] {
        inflict(damage, File::Segment, &store, &cluster);
        let outcome = cluster.scene.fetch(0).args(SHORT_LIMITS).run();
        outcome.expect(205);
        let expected = format!("could not fetch {name} from repository tested: {words}");
        assert!(error(&outcome).starts_with(&expected), "{damage:?}: {outcome}");
        store.put(&cluster.key(File::Segment), &whole[0]);
        store.put(&cluster.next_key(File::Segment), &whole[1]);
    }
}
