//! What is stored, and that a server comes back from it.

use std::path::Path;
use std::time::Duration;

use super::{backups_in, base_backup, unpack_by_hand};
use crate::archiving::commands::{Seawall, each_version};
use crate::support::place::Place;
use crate::support::postgres::{Installation, Load, Server};
use crate::support::s3::{Kind, S3Server};

const LIMIT: Duration = Duration::from_secs(60);

each_version!(a_backup_under_load_brings_every_row_back);

/// With a tablespace, into a folder and a bucket at once.
fn a_backup_under_load_brings_every_row_back(version: u32) {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let seawall = Seawall::new(&place).local("archive").s3(&s3);
    let builder = || Server::builder(&place).version(version).envs(s3.environment());
    let mut server = builder().archive_command(&seawall.push()).init();
    server.start();
    let location = place.folder("tablespace");
    server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
    server.sql("create table far tablespace elsewhere as select generate_series(1, 10000) i");
    server.pgbench_init(1);
    let load = server.pgbench_start(3, Load::Seconds(60));
    let outcome = base_backup(&seawall, &server, "create")
        .args(["--label", "it's nightly"])
        .envs(s3.environment())
        .limit(LIMIT)
        .run();
    outcome.expect(0).says("base backup done");
    drop(load);
    let contents = {
        server.wait_archived(&server.switch_wal(), LIMIT);
        server.contents()
    };
    server.kill_nine();
    server.lose_data();

    let backups = backups_in(&place.join("archive"));
    assert_eq!(backups.len(), 1);
    let data = unpack_by_hand(&place, &server, &backups[0], "restored");
    let mut restored = builder().setting("archive_mode", "off").over(data);
    restored.recover_with(&seawall.fetch());
    restored.start();
    restored.wait_promoted(LIMIT);
    assert_eq!(restored.contents(), contents, "{}", restored.log());

    // Who starts the server has to give it the keys, unless that is done here.
    let plan = |words: &[&str]| {
        let run = super::sound::restoring(&seawall, &place.join("new")).args(words);
        run.args([
            "--tablespace",
            &format!("{}={}", location.display(), place.join("ts").display()),
        ])
    };
    let beware = "beware      the server fetches its WAL with its own environment, \
    which must have these variables of this shell: AWS_ACCESS_KEY_ID, \
                  AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL. Or write ";
    plan(&["--dry-run"]).envs(s3.environment()).run().expect(0).shows(beware);
    let pg_ctl = Installation::of(version).program("pg_ctl");
    let bin = Path::new(&pg_ctl).parent().expect("a folder").display().to_string();
    let start =
        plan(&["--dry-run", "--start", "--postgres-bin", &bin]).envs(s3.environment()).run();
    assert!(!start.expect(0).stdout.contains("its own environment"), "{start}");

    // The bucket has the same objects, but for its own description.
    let id = backups[0].file_name().unwrap().to_str().unwrap().to_owned();
    let in_bucket: Vec<String> =
        s3.keys().into_iter().filter(|key| key.contains(&format!("basebackups/{id}/"))).collect();
    let in_folder = std::fs::read_dir(&backups[0]).unwrap().count();
    assert_eq!(in_bucket.len(), in_folder, "{in_bucket:?}");
}

/// Needs no archive, and starts from what is inside.
#[test]
fn a_standalone_backup_needs_no_archive() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut server = Server::builder(&place).init();
    server.start();
    server.sql("create table numbers as select generate_series(1, 1000) i");
    let contents = server.contents();
    let without = base_backup(&seawall, &server, "create").run();
    without.expect(3).says(
        "could not take a base backup: the server does not archive its WAL: archive_mode = off. \
         HINT: Set archive_mode and archive_command = 'wal-push %p %f', or take a backup that needs no \
         archive: --standalone.",
    );
    base_backup(&seawall, &server, "create").arg("--standalone").limit(LIMIT).run().expect(0);
    server.kill_nine();
    let backups = backups_in(&place.join("archive"));
    assert_eq!(backups.len(), 1);
    let data = unpack_by_hand(&place, &server, &backups[0], "restored");
    let mut restored = Server::builder(&place).over(data);
    restored.start();
    assert_eq!(restored.contents(), contents);
}

/// The password file, a URI and a wrong address are libpq's matter.
#[test]
fn connections_are_said_as_everywhere() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut server = Server::builder(&place).archive_command(&seawall.push()).init();
    server.start();
    let port = server.connection().into_iter().find(|(key, _)| key == "PGPORT").unwrap().1;
    let sockets = place.sockets().display().to_string();
    let conninfo = format!("host={sockets} port={port} user=postgres");
    let told = seawall.base_backup_by_hand("create").args(["--postgres-connection", &conninfo]);
    told.limit(LIMIT).run().expect(0);
    let secret = format!("postgresql://me:geheim@/?host={sockets}");
    for secret in [secret.as_str(), "host=a password=geheim"] {
        let told = seawall.base_backup_by_hand("create").args(["--postgres-connection", secret]);
        told.run().expect(3).does_not_say("geheim").says(
            "expected postgres.connection without a password, found one (not shown). HINT: Put it into a \
             password file (passfile=…, ~/.pgpass) or into PGPASSWORD.",
        );
    }
    let nobody = format!("host={sockets} port={port} user=nobody");
    let told = seawall.base_backup_by_hand("create").args(["--postgres-connection", &nobody]);
    told.run().expect(9).says("role \"nobody\" does not exist");
    let nowhere = format!("host={sockets} port=1 user=postgres");
    let told = seawall.base_backup_by_hand("create").args(["--postgres-connection", &nowhere]);
    told.run().expect(8).says("could not take a base backup: could not connect: ");
}

/// Only who has the private key reads it.
#[test]
fn an_encrypted_backup_opens_with_the_identity() {
    use crate::scene::KeyPair;
    let place = Place::new();
    let pair = KeyPair::new(&place);
    let seawall =
        Seawall::new(&place).local("archive").option("--encryption-recipients", &pair.recipient);
    let mut server = Server::builder(&place).archive_command(&seawall.push()).init();
    server.start();
    base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
    let backups = backups_in(&place.join("archive"));
    let part = backups[0].join("part-00001.tar.zst.age");
    let script = format!(
        "age -d -i '{}' '{}' | zstd -dc | tar -t | grep -qx PG_VERSION",
        pair.file.display(),
        part.display()
    );
    crate::support::run::Run::new(&place, "/bin/sh").args(["-euc", &script]).run().expect(0);
}
