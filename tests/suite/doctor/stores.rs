use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use super::{about, complaints, doctor_of_stores, findings};
use crate::scene::{Kind as StoreKind, Store, side_by_side};
use crate::support::http::request;
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::Run;
use crate::support::s3::{Kind, NOT_SIGNED, S3Server, SECRET_KEY};

fn config(place: &Place, text: &str) -> PathBuf {
    place.file(&format!("seawall{}.toml", place.next_number()), text)
}

/// What a probe may leave in a bucket: nothing but the object that every push may write.
fn left(store: &Store) -> Vec<String> {
    store.keys()
}

#[test]
fn each_store_is_known_for_what_it_does_with_conditions() {
    side_by_side(&Kind::ALL, |kind| {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(*kind), &place);
        store.put("postgres/main/1/wal/keep", b"kept");
        let run = |more: &str| {
            let config = config(&place, &format!("{}{more}", store.table("bucket")));
            doctor_of_stores(&place, &config).arg("--json").run()
        };
        let honours = *kind != Kind::Rclone;
        let expect = |more: &str, status: i32, verdict: &str, mend: &str| {
            let outcome = run(more);
            outcome.expect(status);
            let all = findings(&outcome);
            let found = about(&all, "conditional write");
            assert_eq!((found.verdict.as_str(), found.mend.as_str()), (verdict, mend), "{outcome}");
            for what in
                ["write", "write once", "read", "read a range", "list", "large object", "delete"]
            {
                let good = about(&all, what).verdict == "ok";
                assert!(good || (what == "write once" && verdict == "problem"), "{outcome}");
            }
            for what in ["clock", "latency", "throughput", "cut-off uploads", "versioning"] {
                about(&all, what);
            }
        };
        if honours {
            expect("", 0, "ok", "");
            let auto = "conditional_put = \"auto\"";
            expect("conditional_put = \"look-first\"\n", 0, "note", auto);
        } else {
            let accept = "conditional_put = \"look-first\"  # if you accept that";
            expect("", 1, "warning", accept);
            expect("conditional_put = \"look-first\"\n", 0, "note", "");
            expect("conditional_put = \"trust\"\n", 2, "problem", "conditional_put = \"auto\"");
        }
        assert_eq!(left(&store), ["postgres/main/1/wal/keep"]);
        assert_eq!(store.get("postgres/main/1/wal/keep").unwrap(), b"kept");
    });
}

fn put_configuration(server: &S3Server, what: &str, xml: &str) {
    let headers = [("authorization".to_owned(), NOT_SIGNED.to_owned())];
    let path = format!("/{}?{what}", server.bucket());
    let answer = request(server.address(), "PUT", &path, &headers, xml.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{what}: {}", String::from_utf8_lossy(&answer.body));
}

#[test]
fn versioning_and_object_lock_are_said() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::Moto), &place);
    let config = config(&place, &store.table("bucket"));
    let run = || findings(&doctor_of_stores(&place, &config).arg("--json").run());
    let all = run();
    assert_eq!(about(&all, "versioning").found, "off: what is deleted is gone");
    assert_eq!(
        about(&all, "object lock").found,
        "off: whoever may delete objects can delete every backup"
    );
    put_configuration(
        store.server(),
        "versioning",
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    );
    let all = run();
    let versioning = about(&all, "versioning");
    assert_eq!((versioning.verdict.as_str(), versioning.found.as_str()), ("ok", "enabled"));
    put_configuration(
        store.server(),
        "versioning",
        "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    );
    assert_eq!(about(&run(), "versioning").found, "suspended: what is deleted is gone");
}

#[test]
fn a_bucket_with_object_lock_is_no_trouble() {
    let place = Place::new();
    let server = S3Server::start(Kind::Moto, &place);
    let headers = [("authorization", NOT_SIGNED), ("x-amz-bucket-object-lock-enabled", "true")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(request(server.address(), "PUT", "/locked", &headers, b"").unwrap().status, 200);
    let endpoint = server.endpoint();
    let text = format!("[[repository]]\nurl = \"s3://locked\"\nendpoint = {endpoint:?}\n");
    let config = config(&place, &text);
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(0);
    let all = findings(&outcome);
    assert_eq!(about(&all, "object lock").found, "on, no rule for new objects");
    assert_eq!(about(&all, "delete").verdict, "ok");
}

#[test]
fn what_is_denied_is_unknown_and_no_fault() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::Moto), &place);
    let proxy = Proxy::start(store.server().address());
    proxy.add(Rule::new(Fault::Answer(403)).method("GET").path("versioning"));
    proxy.add(Rule::new(Fault::Answer(403)).method("GET").path("object-lock"));
    let config = config(&place, &store.table_at("bucket", &proxy.endpoint()));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(0);
    let all = findings(&outcome);
    for (what, verb) in
        [("versioning", "GetBucketVersioning"), ("object lock", "GetObjectLockConfiguration")]
    {
        let found = about(&all, what);
        assert_eq!(found.verdict, "note");
        assert_eq!(found.found, format!("unknown: {verb} is denied"));
    }
}

#[test]
fn a_host_that_may_not_delete_is_fit_and_says_what_it_left() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let proxy = Proxy::start(store.server().address());
    proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    let config = config(&place, &store.table_at("bucket", &proxy.endpoint()));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(0);
    let all = findings(&outcome);
    let found = about(&all, "delete");
    let keys = left(&store);
    assert_eq!(found.verdict, "note");
    assert!(found.found.starts_with("this host may not: good for a database host (left behind: "));
    assert!(keys.len() == 3 && keys.iter().all(|key| found.found.contains(key)), "{keys:?}");
    let bytes: usize = keys.iter().map(|key| store.get(key).unwrap().len()).sum();
    assert!(bytes < 9 << 20, "{bytes}");
}

#[test]
fn a_store_in_trouble_is_a_problem() {
    side_by_side(&[("PUT", "write"), ("GET", "read")], |(method, what)| {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(store.server().address());
        let rule = Rule::new(Fault::Answer(503)).method(method);
        proxy.add(rule.path(if *method == "GET" { "small" } else { "" }));
        let config = config(&place, &store.table_at("bucket", &proxy.endpoint()));
        let outcome = doctor_of_stores(&place, &config).arg("--json").run();
        outcome.expect(2);
        assert_eq!(about(&findings(&outcome), what).verdict, "problem", "{outcome}");
    });
}

/// What is wrong in a configuration has a mend of its own.
#[test]
fn mistakes_are_told_apart() {
    let place = Place::new();
    let server = S3Server::start(Kind::S3sFs, &place);
    let endpoint = server.endpoint();
    let tls = endpoint.replace("http://", "https://");
    let keys = ("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    for (bucket, endpoint, (key, value), found) in [
        (
            "bk",
            &endpoint,
            keys,
            "HTTP status 400, InvalidBucketName. HINT: Create the bucket, or mend the name in the url.",
        ),
        (
            server.bucket(),
            &tls,
            keys,
            "received corrupt message of type InvalidContentType. HINT: The server does not speak \
             TLS on that port: should the endpoint begin with http://?",
        ),
        (
            server.bucket(),
            &endpoint,
            ("AWS_SECRET_ACCESS_KEY", "other"),
            "HTTP status 403, SignatureDoesNotMatch. HINT: The access key or its secret is wrong.",
        ),
        (
            server.bucket(),
            &endpoint,
            ("AWS_ACCESS_KEY_ID", ""),
            "no credentials found in chain. HINT: Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or \
             credentials_file.",
        ),
    ] {
        let text = format!("[[repository]]\nurl = \"s3://{bucket}\"\nendpoint = {endpoint:?}\n");
        let config = config(&place, &text);
        let outcome = doctor_of_stores(&place, &config).env(key, value).arg("--json").run();
        outcome.expect(2);
        let all = findings(&outcome);
        let expected = format!("PUT s3://{bucket}/seawall-conditional-put-probe failed: {found}");
        assert_eq!(about(&all, "write").found, expected);
    }
}

#[test]
fn bytes_that_change_on_their_way_are_found() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let proxy = Proxy::start(store.server().address());
    proxy.add(Rule::new(Fault::FlipByte(1050)).method("GET").path("small"));
    let config = config(&place, &store.table_at("bucket", &proxy.endpoint()));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(2);
    let all = findings(&outcome);
    assert_eq!(complaints(&all), ["problem read"], "{outcome}");
    assert_eq!(about(&all, "read").found, "expected 4096 bytes as written, found other ones");
}

#[test]
fn a_folder_is_tried_and_left_as_it_was() {
    let place = Place::new();
    let store = Store::start(StoreKind::Local, &place);
    store.put("postgres/main/1/wal/keep", b"kept");
    let Store::Folder(root) = &store else { unreachable!() };
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let config = config(&place, &store.table("disk"));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(1);
    let all = findings(&outcome);
    assert_eq!(complaints(&all), ["warning permissions"], "{outcome}");
    assert_eq!(about(&all, "permissions").mend, format!("chmod 0700 {}", root.display()));
    fs::set_permissions(root, fs::Permissions::from_mode(0o700)).unwrap();
    doctor_of_stores(&place, &config).run().expect(0);
    assert_eq!(store.keys(), ["postgres/main/1/wal/keep"]);
    assert!(!root.join("seawall-doctor").exists() && store.leftovers().is_empty());
}

#[test]
fn root_leaves_nothing_of_its_own_in_a_folder() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let root = place.folder("repository");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    let config = config(&place, &format!("[[repository]]\nurl = {root:?}\n"));
    let seawall = || {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).arg("doctor");
        let run = run.arg("--config").arg(&config).arg("--objectives-free-space=0");
        run.args(["--without-server", "--json"]).run()
    };
    seawall().expect(0);
    let owner = fs::metadata(&root).unwrap().uid();
    for entry in fs::read_dir(&root).unwrap().flatten() {
        assert_eq!(entry.metadata().unwrap().uid(), owner, "{entry:?}");
    }
    // And it makes no folder: the first push would find it closed.
    fs::remove_dir_all(&root).unwrap();
    let outcome = seawall();
    outcome.expect(1);
    let all = findings(&outcome);
    assert_eq!(about(&all, "folder").found, "not there yet");
    assert!(about(&all, "folder").mend.starts_with("install -d -m 0700 -o postgres -g postgres /"));
    assert!(!root.exists());
}

#[test]
fn a_folder_that_takes_nothing_is_a_problem() {
    let place = Place::new();
    let root = place.folder("repository");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o500)).unwrap();
    let config = config(&place, &format!("[[repository]]\nurl = {root:?}\n"));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(2);
    assert_eq!(complaints(&findings(&outcome)), ["problem write"], "{outcome}");
    let missing = self::config(&place, "[[repository]]\nurl = \"/nowhere/at/all\"\n");
    let outcome = doctor_of_stores(&place, &missing).arg("--json").run();
    outcome.expect(2);
    assert_eq!(
        about(&findings(&outcome), "folder").found,
        "neither /nowhere/at/all nor the folder above it is there"
    );
}
