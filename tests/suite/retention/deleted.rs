//! `delete`: one backup of each kind, whatever retention says, and what is refused.

use std::fs;

use super::{ONE, THREE, TWO, lay_out, says, shows};
use crate::listing::laid::{Laid, OLD, described, object, segment_key};
use crate::scene::Store;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;

fn delete(laid: &Laid, id: &str) -> Run {
    laid.basebackup("delete").arg(id)
}

/// Damages one part of a base backup.
fn damage(laid: &Laid, store: &str, id: &str) {
    let part = object(&described(id, 1, 1), "part-00001.tar.zst");
    laid.store(store).delete(&part);
    laid.put(store, &part, b"cut");
}

#[test]
fn one_base_backup_goes_and_its_wal_stays() {
    let laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    let before = ["disk", "s3"].map(|store| laid.store(store).keys());
    let plan = format!(
        "        IN    BASE BACKUP            WHY\n\
         delete  disk  {TWO}  asked for\n\
         delete  s3    {TWO}  asked for\n\n\
         To be deleted: 4.2 KiB in disk, 4.2 KiB in s3.\n"
    );
    let dry = delete(&laid, "20200106").arg("--dry-run").run();
    says(dry.expect(0), &plan);
    delete(&laid, TWO).run().expect(2).says("there is no terminal to ask on. HINT: Add --yes.");
    assert_eq!(["disk", "s3"].map(|store| laid.store(store).keys()), before);
    let outcome = delete(&laid, TWO).args(["--yes", "--repository", "disk"]).run();
    shows(outcome.expect(0), "Deleted 4 objects, ");
    assert_eq!(laid.store("s3").keys(), before[1], "it was left out");
    let gone = object(&described(TWO, 1, 5), "");
    let rest: Vec<String> =
        before[0].iter().filter(|key| !key.starts_with(&gone)).cloned().collect();
    assert_eq!(laid.store("disk").keys(), rest, "its WAL is for prune to judge");
    assert!(rest.contains(&segment_key(OLD, 1, 5)));
    delete(&laid, TWO).arg("--yes").run().expect(0);
    delete(&laid, TWO).arg("--yes").run().expect(2).says("The nearest are ");
}

#[test]
fn what_is_pinned_or_the_last_good_one_stays() {
    let laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    laid.backup("s3", &described(THREE, 1, 9));
    laid.wal("s3", OLD, 1, 9..=12);
    laid.basebackup("pin").arg(ONE).run().expect(0);
    delete(&laid, ONE).arg("--yes").run().expect(2).says(&format!(
        "{ONE} is pinned in repository disk, so it is not deleted. HINT: `basebackup unpin {ONE}` leaves it to be deleted."
    ));
    let keys = laid.store("s3").keys();
    delete(&laid, THREE).arg("--yes").run().expect(2).says(&format!(
        "{THREE} is the only base backup in repository s3 that can be restored. HINT: Take a new one first \
         (`basebackup create`), \
         name with --repository where it is to be deleted, or add --even-the-last."
    ));
    assert_eq!(laid.store("s3").keys(), keys);
    // Where others are left it may go, and a damaged one is no other.
    let disk = ["--yes", "--repository", "disk"];
    delete(&laid, THREE).args(disk).run().expect(0);
    damage(&laid, "disk", ONE);
    delete(&laid, TWO)
        .args(disk)
        .run()
        .expect(2)
        .says("is the only base backup in repository disk");
    let outcome = delete(&laid, THREE).args(["--yes", "--even-the-last"]).run();
    shows(outcome.expect(0), ", the last good one\n");
    assert!(!laid.store("s3").keys().iter().any(|key| key.contains(THREE)));
}

/// As `check` proposes it for a damaged one, also one whose description can't be read.
#[test]
fn a_damaged_one_goes_though_it_is_alone() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.wal("disk", OLD, 1, 2..=4);
    damage(&laid, "disk", ONE);
    let outcome = delete(&laid, ONE).arg("--yes").run();
    shows(outcome.expect(0), "asked for, damaged: expected part-00001.tar.zst");
    laid.put("disk", &object(&described(TWO, 1, 5), "backup.json"), b"{");
    let outcome = delete(&laid, TWO).arg("--yes").run();
    shows(outcome.expect(0), "asked for, damaged: its description can't be read\n");
    let left = laid.store("disk").keys();
    assert!(left.iter().all(|key| key.contains("/wal/")), "{left:?}");
}

#[test]
fn one_backup_of_a_redis_goes() {
    let laid = Laid::with_folder();
    let server = RedisServer::start(Program::usual(), &laid.place, &[]);
    server.run(&["SET", "a", "b"]);
    laid.configure(&format!("[redis]\nurl = \"redis://127.0.0.1:{}\"\n", server.port()));
    let redis = |verb: &str| laid.configured(env!("CARGO_BIN_EXE_redis-backup"), verb);
    redis("create").run().expect(0);
    let first = laid.store("disk").keys();
    let id = first[0].split('/').nth(2).unwrap().to_owned();
    redis("delete")
        .args([&id, "--yes"])
        .run()
        .expect(2)
        .says("the only Redis backup in repository");
    redis("create").run().expect(0);
    redis("pin").arg(&id).run().expect(0);
    redis("delete").args([&id, "--yes"]).run().expect(2).says("is pinned in repository disk");
    redis("unpin").arg(&id).run().expect(0);
    redis("delete").args([&id, "--dry-run"]).run().expect(0);
    assert!(first.iter().all(|key| laid.store("disk").keys().contains(key)));
    redis("delete").args([&id, "--yes"]).run().expect(0);
    assert!(!laid.store("disk").keys().iter().any(|key| key.contains(&id)));
    redis("verify").run().expect(0);
}

/// What the others need stays: files of a tree, and packs of a bucket.
#[test]
fn one_snapshot_of_media_goes_and_the_others_are_whole() {
    let laid = Laid::with_folder_and_bucket();
    let files = laid.place.folder("uploads");
    laid.place.file("uploads/one", "one");
    laid.configure(&format!("[media.uploads]\npaths = [{files:?}]\n"));
    let media = |verb: &str| laid.configured(env!("CARGO_BIN_EXE_media-backup"), verb);
    media("create").run().expect(0);
    let ids = || {
        let list = media("list").arg("--json").run();
        let json: serde_json::Value = serde_json::from_str(&list.expect(0).stdout).unwrap();
        let all = json["backups"].as_array().unwrap().clone();
        all.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = ids().remove(0);
    media("delete").args([&first, "--yes"]).run().expect(2).says("the only ");
    laid.place.file("uploads/two", "two");
    media("create").run().expect(0);
    let plan = media("delete").args([&first, "--yes"]).run();
    shows(
        plan.expect(0),
        &format!("delete  disk  {first}  asked for\ndelete  s3    {first}  asked for\n"),
    );
    let left = ids();
    assert!(left.len() == 1 && left[0] != first, "{left:?}");
    media("verify").run().expect(0);
    for store in ["disk", "s3"] {
        let to = laid.place.join(format!("back-{store}"));
        let run = media("restore").args(["--yes", "--repository", store, "--to"]).arg(&to);
        run.run().expect(0);
        let restored = to.join(files.strip_prefix("/").unwrap()).join("one");
        assert_eq!(fs::read_to_string(restored).unwrap(), "one");
    }
}

/// `latest` leads to a tree that is there, or is not there.
#[test]
fn the_link_to_the_newest_tree_does_not_lead_to_a_deleted_one() {
    let laid = Laid::with_folder();
    let files = laid.place.folder("uploads");
    laid.configure(&format!("[media.uploads]\npaths = [{files:?}]\n"));
    let media = |verb: &str| laid.configured(env!("CARGO_BIN_EXE_media-backup"), verb);
    let Store::Folder(root) = laid.store("disk") else { panic!("not a folder") };
    let set = root.join("media/uploads");
    let newest = || fs::read_link(set.join("latest")).ok();
    let mut trees = Vec::new();
    for number in 1..=3 {
        laid.place.file("uploads/one", number.to_string());
        media("create").run().expect(0);
        trees.push(newest().expect("a tree"));
    }
    let id = |tree: &std::path::Path| tree.parent().unwrap().to_str().unwrap().to_owned();
    media("delete").args([&id(&trees[1]), "--yes"]).run().expect(0);
    assert_eq!(newest().as_ref(), Some(&trees[2]), "another one was deleted");
    media("delete").args([&id(&trees[2]), "--yes"]).run().expect(0);
    assert_eq!(newest().as_ref(), Some(&trees[0]));
    assert_eq!(
        fs::read_to_string(set.join("latest").join(files.strip_prefix("/").unwrap()).join("one"))
            .unwrap(),
        "1"
    );
    media("delete").args([&id(&trees[0]), "--yes", "--even-the-last"]).run().expect(0);
    assert!(fs::symlink_metadata(set.join("latest")).is_err());
}
