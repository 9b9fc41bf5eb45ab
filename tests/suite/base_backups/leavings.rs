//! What a base backup leaves in a bucket when it is cut short: an upload that nobody ends, which costs money
//! and is in no listing of objects. `basebackup prune` ends it once no backup can be under way any more.

use std::mem::forget;
use std::thread::sleep;
use std::time::Duration;

use bytes::Bytes;
use seawall::config::Location;
use seawall::storage::Metadata;

use super::base_backup;
use crate::archiving::commands::Seawall;
use crate::listing::laid::{OLD, described, key, object, segment_key};
use crate::scene::{Kind as StoreKind, Store, warnings};
use crate::storage_contract::{LIMITS, PART_BYTES, bucket_config, open, pending_uploads};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::{Outcome, Run};
use crate::support::s3::{ACCESS_KEY, Kind, REGION, SECRET_KEY};

const LIMIT: Duration = Duration::from_secs(60);
const OLD_ID: &str = "20200104T030000Z-0000";

/// A bucket with a backup and its WAL, and the configuration of a host that prunes it.
struct Bucket {
    place: Place,
    store: Store,
    proxy: Proxy,
}

impl Bucket {
    fn new(kind: Kind) -> Bucket {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(kind), &place);
        let proxy = Proxy::start(store.server().address());
        place.file("seawall.toml", store.table_at("s3", &proxy.endpoint()));
        let bucket = Bucket { place, store, proxy };
        let backup = described("20260105T030000Z-0001", 1, 2);
        for part in backup.parts.iter().map(|part| &part.stored).chain([&backup.manifest]) {
            let size = usize::try_from(part.stored_size).expect("small");
            bucket.store.put(&object(&backup, &part.object), &vec![b'x'; size]);
        }
        let json = backup.to_json().expect("a description");
        bucket.store.put(&object(&backup, "backup.json"), &json);
        (2..4).for_each(|number| bucket.store.put(&segment_key(OLD, 1, number), b"not looked at"));
        bucket
    }

    /// Begins an upload, as a backup does that is being taken, and never ends it.
    fn begins(&self, key: &str) {
        let server = self.store.server();
        let config = bucket_config(server, &server.endpoint(), &self.place);
        let storage = Box::leak(open(Location::S3(Box::new(config)), LIMITS));
        let begun = storage.begin_large(key, 0, 1 << 20, &Metadata::new());
        let mut upload = begun.expect("begun");
        upload.write(Bytes::from(vec![7; PART_BYTES + 1])).expect("sent");
        forget(upload);
    }

    fn prune(&self, options: &[&str]) -> Outcome {
        let keys = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
        ];
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_basebackup")).server_user().envs(keys);
        let run = run.arg("prune").arg("--config").arg(self.place.join("seawall.toml"));
        run.args(["--log-format=text", "--limits-attempts=1"]).args(options).run()
    }

    fn pending(&self) -> usize {
        let pending = pending_uploads(self.store.server(), &self.place);
        pending.expect("this server shows them").len()
    }

    /// How often an upload was ended through the proxy.
    fn ended(&self) -> usize {
        self.proxy.count("DELETE", "uploadId=")
    }
}

/// Whatever the width of the columns.
#[track_caller]
fn shows(outcome: &Outcome, text: &str) {
    let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains(text), "no {text:?} in {outcome}");
}

fn part(id: &str, number: u32) -> String {
    key(OLD, &format!("{id}/part-{number:05}.tar.zst"))
}

#[test]
fn uploads_that_were_cut_short_are_shown_and_ended() {
    let bucket = Bucket::new(Kind::Moto);
    bucket.begins(&part(OLD_ID, 1));
    bucket.begins(&part(OLD_ID, 2));
    // None of these is what a backup of this system has left.
    bucket.begins(&part(OLD_ID, 1).replace("/main/", "/other/"));
    bucket.begins(&part(OLD_ID, 1).replace(OLD, "7"));
    bucket.begins(&part("notes", 1));
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ-1234").to_string();
    bucket.begins(&part(&now, 1));
    assert_eq!(bucket.pending(), 6);
    let dry = bucket.prune(&["--dry-run"]);
    for line in [
        &format!("delete s3 {OLD_ID} 2 unfinished uploads, and begun more than 1day ago"),
        &format!("keep s3 {now} 1 unfinished upload, and begun within 1day: may still be running"),
        "keep s3 notes 1 unfinished upload, and its name does not tell when it was begun",
    ] {
        shows(dry.expect(0), line);
    }
    assert_eq!(bucket.pending(), 6);
    let outcome = bucket.prune(&["--yes"]);
    assert!(
        outcome.expect(0).stdout.ends_with("Deleted 0 objects, 0 B. Ended 2 uploads.\n"),
        "{outcome}"
    );
    assert_eq!((bucket.pending(), bucket.ended()), (4, 2));
    let again = bucket.prune(&["--yes"]);
    assert!(again.expect(0).stdout.ends_with("Nothing is to be deleted.\n"), "{again}");
    assert_eq!((warnings(&outcome), warnings(&again)), (vec![], vec![]));
}

/// The clock of the host that takes the backup is years behind; the store's is not.
#[test]
fn an_upload_that_the_store_saw_begin_just_now_is_left_alone() {
    let bucket = Bucket::new(Kind::Rclone);
    bucket.begins(&part(OLD_ID, 1));
    let outcome = bucket.prune(&["--yes"]);
    let line = format!(
        "keep s3 {OLD_ID} 1 unfinished upload, and begun within 1day: may still be running"
    );
    shows(outcome.expect(0), &line);
    assert_eq!(bucket.ended(), 0);
}

#[test]
fn a_store_that_can_not_tell_is_no_failure() {
    let bucket = Bucket::new(Kind::S3sFs);
    bucket.begins(&part(OLD_ID, 1));
    let outcome = bucket.prune(&["--yes"]);
    outcome.expect(0).says(
        " INFO this store can't list uploads that were cut short; a rule of the bucket may end them \
         repository=\"s3\"\n",
    );
    assert_eq!(warnings(&outcome), [""; 0]);
}

const HINT: &str = "To abort unfinished uploads, Seawall needs s3:ListBucketMultipartUploads and \
                    s3:AbortMultipartUpload; or use a lifecycle rule of the bucket.";

#[test]
fn a_credential_that_may_not_is_said_once_and_is_no_failure() {
    let bucket = Bucket::new(Kind::Moto);
    bucket.begins(&part(OLD_ID, 1));
    bucket.begins(&part(OLD_ID, 2));
    let stay = |verb: &str, key: &str| {
        format!(
            "uploads that were cut short stay in repository s3: {verb} s3://seawall-tests/{key} failed: \
             HTTP status 403, AccessDenied: Access Denied. HINT: {HINT}"
        )
    };
    bucket.proxy.add(Rule::new(Fault::Answer(403)).method("DELETE").path("uploadId="));
    let outcome = bucket.prune(&["--yes"]);
    assert!(outcome.expect(0).stdout.ends_with("Deleted 0 objects, 0 B.\n"), "{outcome}");
    assert_eq!(warnings(&outcome), [stay("AbortMultipartUpload", &part(OLD_ID, 1))]);
    bucket.proxy.add(Rule::new(Fault::Answer(403)).method("GET").path("uploads"));
    let outcome = bucket.prune(&["--yes"]);
    assert!(outcome.expect(0).stdout.ends_with("Nothing is to be deleted.\n"), "{outcome}");
    assert_eq!(warnings(&outcome), [stay("ListMultipartUploads", &key(OLD, ""))]);
    assert_eq!(bucket.pending(), 2);
}

/// Trouble is trouble; what does not depend on it is done.
#[test]
fn a_store_in_trouble_is_a_failure() {
    let bucket = Bucket::new(Kind::Moto);
    bucket.begins(&part(OLD_ID, 1));
    bucket.store.put(&part(OLD_ID, 3), b"half");
    bucket.proxy.add(Rule::new(Fault::Answer(503)).method("GET").path("uploads"));
    // By the clock of the store it is young.
    sleep(Duration::from_millis(2100));
    let outcome = bucket.prune(&["--yes", "--retention-keep-unfinished=1s"]);
    outcome.expect(8).says(&format!(
        "could not list the uploads under way in repository s3: ListMultipartUploads s3://seawall-tests/{} \
         failed: HTTP status 503, SlowDown: Please reduce your request rate",
        key(OLD, "")
    ));
    assert!(outcome.stdout.ends_with("Deleted 1 object, 4 B.\n"), "{outcome}");
    bucket.proxy.clear();
    let outcome = bucket.prune(&["--yes"]);
    assert!(
        outcome.expect(0).stdout.ends_with("Deleted 0 objects, 0 B. Ended 1 upload.\n"),
        "{outcome}"
    );
}

/// A description that can't be read keeps what is its own.
#[test]
fn a_broken_description_keeps_no_uploads_of_others() {
    let bucket = Bucket::new(Kind::Moto);
    bucket.begins(&part(OLD_ID, 1));
    bucket.store.put(&key(OLD, "20260105T040000Z-0002/backup.json"), b"{");
    let outcome = bucket.prune(&["--yes"]);
    outcome.expect(5);
    assert_eq!((bucket.pending(), bucket.ended()), (0, 1));
}

/// With a real server and a real `kill -9`.
#[test]
fn a_backup_that_was_killed_while_it_sent_leaves_nothing_for_long() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::Moto), &place);
    let bucket = store.server();
    let seawall = Seawall::new(&place).s3(bucket);
    let mut server = Server::builder(&place).init();
    server.start();
    server.sql("create table t as select md5(i::text) from generate_series(1, 500000) i");
    let run =
        |verb: &str| base_backup(&seawall, &server, verb).envs(bucket.environment()).limit(LIMIT);
    let create = || run("create").arg("--standalone");
    let killed = create().env("SEAWALL_FAILPOINT", "s3.after-put").run();
    assert_eq!(killed.signal, Some(9), "{killed}");
    let pending = || pending_uploads(bucket, &place).expect("moto shows them").len();
    assert_eq!(pending(), 1, "{killed}");
    create().run().expect(0);
    let young = run("prune").arg("--yes").run();
    shows(young.expect(0), ": may still be running");
    assert_eq!(pending(), 1);
    sleep(Duration::from_secs(2));
    let outcome = run("prune").args(["--yes", "--retention-keep-unfinished=1s"]).run();
    assert!(
        outcome.expect(0).stdout.ends_with("Deleted 0 objects, 0 B. Ended 1 upload.\n"),
        "{outcome}"
    );
    assert_eq!(pending(), 0);
    let list = run("list").run();
    assert_eq!(list.expect(0).stdout.matches(" yes\n").count(), 1, "{list}");
}
