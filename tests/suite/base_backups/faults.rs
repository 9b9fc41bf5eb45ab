//! A backup that does not come to its end is no backup, and the server is left in peace.

use std::time::Duration;

use super::{backups_in, base_backup, folders_in};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// Every place where a base backup can die, in order.
pub const POINTS: [&str; 5] = [
    "create.part-begun",
    "create.part-stored",
    "create.parts-done",
    "create.manifest-stored",
    "create.described",
];

#[test]
fn killed_anywhere_it_does_not_exist_and_the_server_goes_on() {
    let place = Place::new();
    killed_anywhere(&place, &Seawall::new(&place).local("archive"), &[]);
}

#[test]
fn killed_on_its_way_into_a_bucket_it_does_not_exist_either() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    killed_anywhere(&place, &Seawall::new(&place).s3(&s3), &s3.environment());
}

fn killed_anywhere(place: &Place, seawall: &Seawall, environment: &[(String, String)]) {
    let builder = Server::builder(place).segment_mib(1).envs(environment.to_vec());
    let mut server = builder.archive_command(&seawall.push()).init();
    server.start();
    let run =
        |verb: &str| base_backup(seawall, &server, verb).envs(environment.to_vec()).limit(LIMIT);
    let listed = || run("list").run().expect(0).stdout.matches(" yes\n").count();
    for point in POINTS {
        let outcome = run("create").env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(outcome.signal, Some(9), "{point}: {outcome}");
        // The description is what makes it exist.
        assert_eq!(listed(), usize::from(point == "create.described"), "{point}");
        wait_until("the server to leave its backup mode", LIMIT, || {
            server.sql("select count(*) from pg_stat_progress_basebackup") == "0"
        });
    }
    run("create").run().expect(0);
    assert_eq!(listed(), 2);
}

/// The other repository gets it whole, and the exit status says what happened.
#[test]
fn a_repository_that_is_lost_does_not_cost_the_other_one() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let archived = Seawall::new(&place).local("archive");
    let both = archived.clone().s3(&s3);
    let mut server = Server::builder(&place).archive_command(&archived.push()).init();
    server.start();
    let environment = s3.environment();
    drop(s3);
    let outcome = base_backup(&both, &server, "create")
        .envs(environment)
        .args(["--limits-attempts=1", "--limits-total-timeout=5s"])
        .limit(LIMIT)
        .run();
    outcome
        .expect(8)
        .says("could not store the backup in repository s3: ")
        .says("base backup done");
    assert_eq!(backups_in(&place.join("archive")).len(), 1);
}

/// What the archive never got is named.
#[test]
fn without_its_wal_a_backup_does_not_exist() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut server = Server::builder(&place).archive_command("/bin/false").init();
    server.start();
    let outcome = base_backup(&seawall, &server, "create")
        .arg("--basebackup-wal-timeout=1s")
        .limit(LIMIT)
        .run();
    let outcome = outcome.expect(11).says(
        "the WAL of the backup, from 000000010000000000000002 to 000000010000000000000002, is not complete in repository local: 000000010000000000000002 did not arrive in time: the server could not archive ",
    );
    outcome.says("its log says why. HINT: Does archive_command archive there?");
    assert_eq!(backups_in(&place.join("archive")).len(), 0);
    // Who fails cleans up.
    assert_eq!(folders_in(&place.join("archive")).len(), 0);
}

/// The one in the clear, the other one encrypted, and down: each kind of stored bytes is made for its own.
#[test]
fn a_bucket_that_is_down_does_not_cost_the_folder_whatever_is_encrypted() {
    let place = Place::new();
    let pair = crate::scene::KeyPair::new(&place);
    let seawall = Seawall::new(&place).local("archive");
    let mut server = Server::builder(&place).segment_mib(1).archive_command(&seawall.push()).init();
    server.start();
    server.sql(&format!(
        "create tablespace elsewhere location '{}'",
        place.folder("tablespace").display()
    ));
    // More than a pipeline takes in before it notices; it does not compress.
    server.sql(
        "create table t tablespace elsewhere as select md5(i::text) || md5((i * 7)::text) a from generate_series(1, 400000) i",
    );
    let archive = place.join("archive");
    let recipients = crate::scene::KeyPair::recipients(&[&pair]);
    for (folder, bucket) in [("false", "true"), ("true", "false")] {
        let config = place.file(
            &format!("{folder}.toml"),
            format!(
                "{recipients}\n[[repository]]\nname = \"disk\"\nurl = {archive:?}\nencrypt = {folder}\n\
                 [[repository]]\nname = \"s3\"\nurl = \"s3://some\"\nendpoint = \"http://127.0.0.1:1\"\n\
                 encrypt = {bucket}\n"
            ),
        );
        let before = backups_in(&archive).len();
        let run = crate::support::run::Run::new(&place, env!("CARGO_BIN_EXE_basebackup"));
        let run = run.server_user().arg("create").arg("--config").arg(&config);
        let keys = [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", "us-east-1"),
        ];
        let run = run.envs(server.connection()).envs(keys).args(["--limits-attempts=1"]);
        let outcome = run.args(["--limits-total-timeout=5s", "--standalone"]).limit(LIMIT).run();
        outcome.expect(8).says("could not store the backup in repository s3: ");
        assert_eq!(backups_in(&archive).len(), before + 1, "{folder}: {outcome}");
        std::thread::sleep(Duration::from_millis(1100));
    }
}
