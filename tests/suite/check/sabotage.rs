//! What goes wrong in secret, on a real server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::{Watched, touch};
use crate::archiving::commands::write_segments;
use crate::base_backups::backups_in;
use crate::scene::Store;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::user::write_as_server_user;
use crate::support::wait::poll;

fn root(watched: &Watched) -> &PathBuf {
    let Store::Folder(root) = &watched.disk else { panic!("a folder") };
    root
}

/// For eleven days `archive_command` said yes, and nothing was archived.
#[test]
fn an_archive_command_that_does_nothing() {
    let watched = Watched::with_bucket();
    watched.server.sql("alter system set archive_command = '/bin/true'");
    watched.server.sql("select pg_reload_conf()");
    let last = {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let last = write_segments(&watched.server, 3);
        watched.server.wait_archived(&last, super::LIMIT);
        last
    };
    let found = watched.finds(2, &[]);
    found.only(&["archiving"]);
    let lacks = |name: &str| {
        format!(
            "PostgreSQL reports {last} as archived … ago, but repository {name} does not have it"
        )
    };
    found.says(
        "postgresql main, archiving",
        "critical",
        &format!(
            "archive_command = '/bin/true' archives nothing; {}; {}",
            lacks("disk"),
            lacks("s3")
        ),
        &watched.archives_again(),
    );
    // And what is lost grows until it is more than was promised.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let found = watched.finds(2, &["--objectives-rpo=1s"]);
    found.only(&["archiving", "RPO now"]);
    found.says(
        "postgresql main, RPO now in s3",
        "critical",
        "… would be lost: WAL is there up to 0/…, the server is at 0/…; expected at most 1s",
        "SELECT * FROM pg_stat_archiver",
    );
}

/// A wrapper script that swallows the failure is found by what is not there.
#[test]
fn a_script_that_swallows_the_failure() {
    let watched = Watched::with_folder();
    watched.server.sql("alter system set archive_command = 'test -n \"%f\" || echo failed'");
    watched.server.sql("select pg_reload_conf()");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let last = write_segments(&watched.server, 3);
    watched.server.wait_archived(&last, super::LIMIT);
    let found = watched.finds(2, &[]);
    found.only(&["archiving"]);
    found.says(
        "postgresql main, archiving",
        "critical",
        &format!(
            "PostgreSQL reports {last} as archived … ago, but repository disk does not have it"
        ),
        "Does archive_command call wal-push with this configuration? It is 'test -n \"%f\" || echo failed'. ALTER SYSTEM",
    );
}

#[test]
fn a_segment_in_the_middle_is_gone() {
    let watched = Watched::with_bucket();
    let lost = watched.archive();
    watched.archive();
    watched.disk.delete(&watched.key(&lost));
    let found = watched.finds(2, &[]);
    found.only(&["WAL"]);
    found.says(
        "postgresql main, WAL in disk",
        "critical",
        &format!("{lost} is missing: a recovery from the newest base backup ends at 0/…"),
        "Repository s3 has it: copy it from there.",
    );
    watched.s3.as_ref().unwrap().delete(&watched.key(&lost));
    let found = watched.finds(2, &[]);
    let text = format!("{lost} is missing: a recovery from the newest base backup ends at 0/…");
    for name in ["disk", "s3"] {
        let what = format!("postgresql main, WAL in {name}");
        found.says(&what, "critical", &text, "Take a base backup now (`basebackup create`)");
    }
    let found = watched.finds(2, &["--objectives-rpo=0s"]);
    let little =
        "… would be lost: WAL is there up to 0/…, the server is at 0/…; expected at most 0s";
    let hint = "There is newer WAL behind a gap, see WAL: take a base backup now";
    found.says("postgresql main, RPO now in disk", "critical", little, hint);
    // With a newer backup only points in time before it are lost.
    watched.base_backup();
    let found = watched.finds(1, &[]);
    found.only(&["WAL"]);
    let text = format!("{lost} is missing: a recovery from an older base backup ends there");
    let hint = "The newest base backup does not need it. To reach an earlier moment";
    found.says("postgresql main, WAL in s3", "warning", &text, hint);
}

/// The folder belongs to somebody else now.
#[test]
fn a_store_is_read_only() {
    let watched = Watched::with_bucket();
    let folders = [root(&watched).join(".seawall-tmp"), root(&watched).clone()];
    let mode = |mode| {
        for folder in &folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("our own folder");
        }
    };
    mode(0o555);
    let stuck = write_segments(&watched.server, 3);
    let failed = || {
        let count = watched.server.sql("select failed_count from pg_stat_archiver");
        (count != "0").then_some(())
    };
    poll(super::LIMIT, failed).expect("the archiver fails");
    let found = watched.finds(1, &[]);
    found.only(&["archiving"]);
    let text = "… was archived … ago; it fails: … could not be archived, last tried 20…Z";
    let hint = "The server's log has the message of wal-push.";
    found.says("postgresql main, archiving", "warning", text, hint);
    // As time passes it is more than was promised.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let found = watched.finds(2, &["--objectives-rpo=1s"]);
    found.only(&["archiving", "backlog", "RPO now"]);
    found.says("postgresql main, archiving", "critical", text, hint);
    found.says(
        "postgresql main, backlog",
        "warning",
        "… to be archived, the oldest for …s; expected at most 1s",
        "Is a store slow or down?",
    );
    mode(0o755);
    watched.server.wait_archived(&stuck, super::LIMIT);
}

#[test]
fn a_backup_is_damaged() {
    let watched = Watched::with_bucket();
    let backup = backups_in(root(&watched)).remove(0);
    let id = backup.file_name().unwrap().to_str().unwrap().to_owned();
    fs::write(backup.join("part-00001.tar.zst"), "cut").unwrap();
    let found = watched.finds(2, &[]);
    found.only(&["base backup", "RPO now"]);
    let text = format!(
        "none can be restored; {id} is damaged: expected part-00001.tar.zst with … bytes, found 3"
    );
    found.says(
        "postgresql main, base backup in disk",
        "critical",
        &text,
        "`basebackup create` takes one.",
    );
    found.says("postgresql main, base backup in s3", "ok", "newest … old (…); 1 restorable", "");
    found.says(
        "postgresql main, RPO now in disk",
        "critical",
        "everything would be lost: no base backup can be restored",
        "`basebackup create` takes one.",
    );
    watched.base_backup();
    let found = watched.finds(2, &[]);
    found.only(&["base backup"]);
    let text = format!(
        "newest … old (…); 1 restorable; {id} is damaged: expected part-00001.tar.zst with … bytes, found 3"
    );
    let hint = "Take a new one with `basebackup create`, look at the disk or bucket";
    found.says("postgresql main, base backup in disk", "critical", &text, hint);
}

#[test]
fn a_clock_is_a_day_off() {
    let watched = Watched::with_folder();
    let last = watched.archive();
    touch(
        &root(&watched).join(watched.key(&last)),
        Timestamp::now() + SignedDuration::from_hours(24),
    );
    let found = watched.finds(2, &[]);
    found.only(&["clock"]);
    found.says(
        "repository disk, clock",
        "critical",
        "the newest object is dated … in the future: this host's clock or the store's is wrong",
        "Set the clocks by NTP",
    );
}

/// A real store refuses what this host signs.
#[test]
fn the_clock_of_this_host_is_a_day_behind() {
    let watched = Watched::with_bucket();
    let server = watched.s3.as_ref().unwrap().server();
    let proxy = Proxy::start(server.address());
    proxy.add(Rule::new(Fault::SignedADayAgo));
    let config = fs::read_to_string(&watched.config).unwrap();
    let config = config.replace(&server.endpoint(), &proxy.endpoint());
    write_as_server_user(&watched.config, config);
    let found = watched.finds(2, &[]);
    found.only(&["access"]);
    found.says(
        "repository s3, access",
        "critical",
        "could not list repository s3: LIST s3://seawall-tests/… failed: HTTP status 403, RequestTimeTooSkewed: …; it is \
         …, … GMT there, …, … GMT here",
        "Set this host's clock right, by NTP (timedatectl).",
    );
}

#[test]
fn a_drill_failed() {
    let watched = Watched::with_bucket();
    std::thread::sleep(std::time::Duration::from_secs(1));
    watched.drill(false);
    let found = watched.finds(2, &[]);
    found.only(&["drill"]);
    found.says(
        "postgresql main, drill",
        "critical",
        "the last one failed, 20…Z (assertion 1)",
        "Mend what it found, then run `basebackup drill` again.",
    );
}

#[test]
fn a_drill_took_longer_than_was_promised() {
    let watched = Watched::with_folder();
    let found = watched.finds(2, &["--objectives-rto=29s"]);
    found.only(&["drill"]);
    let text = "passed … ago; restored in 30s, expected at most 29s";
    found.says(
        "postgresql main, drill",
        "critical",
        text,
        "More frequent backups leave less to replay",
    );
}

#[test]
fn the_bucket_is_down() {
    let mut watched = Watched::with_bucket();
    let Some(Store::Bucket(server)) = &mut watched.s3 else { panic!("a bucket") };
    server.stop();
    let words = ["--limits-attempts=1", "--limits-connect-timeout=1s", "--limits-total-timeout=2s"];
    let found = watched.finds(2, &words);
    found.only(&["access"]);
    found.says(
        "repository s3, access",
        "critical",
        "could not list repository s3: …",
        "Is the endpoint right, the store running and the network up?",
    );
    found.says("postgresql main, RPO now in disk", "ok", "…", "");
}

#[test]
fn archiving_is_off() {
    let watched = Watched::with_folder();
    watched.server.sql("alter system set archive_mode = off");
    let mut watched = watched;
    watched.server.restart();
    let found = watched.finds(2, &[]);
    found.says(
        "postgresql main, archiving",
        "critical",
        "archive_mode = off: no WAL is archived",
        &format!(
            "ALTER SYSTEM SET archive_mode = on; {}",
            watched.archives_again().replace("SELECT pg_reload_conf()", "restart")
        ),
    );
}
