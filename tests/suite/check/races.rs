//! While WAL is stored out of order and old backups are deleted, nothing is said to be missing but what is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use seawall::basebackup::Description;
use seawall::history::{RecordKind, RecordSubject};
use seawall::postgres::SystemIdentifier;

use super::laid_out::{HOUR, id};
use super::{Found, LIMIT, Watched, record};
use crate::archiving::commands::write_segments;
use crate::listing::laid::{Laid, OLD, described, object, segment_key};
use crate::scene::Store;
use crate::support::postgres::shell_word;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::wait::poll;

/// A check without a server that looks twice within a second.
fn check(laid: &Laid, status: i32) -> Found {
    let run = laid.seawall("check").args(["--format", "json"]).env("SEAWALL_WAL_GAP_WAIT", "1s");
    let run = run.args(["--objectives-rpo=1h", "--objectives-free-space=0"]);
    Found::of(&run.run(), status)
}

/// Ends the thread, also where an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two segments are stored, and only then the one before them: over and over, as fast as the holes may come.
fn store_out_of_order(laid: &Laid, next: &AtomicU32, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let number = next.load(Ordering::Relaxed);
        laid.wal("disk", OLD, 1, number + 1..=number + 2);
        sleep(Duration::from_millis(200));
        laid.wal("disk", OLD, 1, number..=number);
        next.store(number + 3, Ordering::Relaxed);
    }
}

#[test]
fn segments_that_come_out_of_order_are_no_gap_and_a_lost_one_is() {
    let laid = Laid::with_folder();
    let system = SystemIdentifier(OLD.parse().unwrap());
    laid.wal("disk", OLD, 1, 2..=9);
    laid.backup("disk", &described(&id(HOUR), 1, 2));
    record(laid.store("disk"), &RecordSubject::postgres("main", system), RecordKind::Drill, true);
    let (next, stop) = (AtomicU32::new(10), AtomicBool::new(false));
    scope(|scope| {
        let _until_the_end = Stop(&stop);
        scope.spawn(|| store_out_of_order(&laid, &next, &stop));
        for _ in 0..8 {
            check(&laid, 0).only(&[]);
        }
        // One that was stored a moment ago is lost for good.
        let lost = next.load(Ordering::Relaxed) - 2;
        laid.store("disk").delete(&segment_key(OLD, 1, lost));
        for _ in 0..3 {
            let found = check(&laid, 2);
            found.only(&["WAL"]);
            let text = format!(
                "0000000100000000{lost:08X} is missing: a recovery from the newest base backup ends at 0/{lost:X}000000"
            );
            let hint = "Take a base backup now (`basebackup create`)";
            found.says("postgresql main, WAL in disk", "critical", &text, hint);
        }
    });
}

/// Each sixteenth segment takes longer on its way than anybody would wait, and somebody else stores those behind it.
/// The server knows that it has not archived it yet.
#[test]
fn a_slow_segment_that_others_overtake_is_no_gap() {
    let watched = Watched::with_bucket();
    let proxy = Proxy::start(watched.s3.as_ref().unwrap().server().address());
    proxy.add(Rule::new(Fault::Delay(Duration::from_secs(6))).method("PUT").path("0.zst"));
    let config = std::fs::read_to_string(&watched.config).unwrap();
    let direct = watched.s3.as_ref().unwrap().server().endpoint();
    let past_proxy = watched.place.file("direct.toml", &config);
    let config = config.replace(&direct, &proxy.endpoint());
    crate::support::user::write_as_server_user(&watched.config, config);
    let (from, until) = (Instant::now(), Duration::from_secs(14));
    scope(|scope| {
        let last = scope.spawn(|| {
            let last = write_segments(&watched.server, 36);
            watched.server.wait_archived(&last, LIMIT);
            last
        });
        let mut overtaken = 0;
        while from.elapsed() < until || !last.is_finished() {
            overtake(&watched, &past_proxy);
            let holes = holes(&watched);
            hasty(&watched, 0).only(&[]);
            overtaken += usize::from(holes);
        }
        assert!(overtaken > 0, "a slow segment was overtaken");
    });
    let last = watched.archive();
    // What the server has archived has to be there, however new it is.
    let lost = watched.archive();
    watched.archive();
    watched.s3.as_ref().unwrap().delete(&watched.key(&lost));
    assert!(lost > last);
    let found = hasty(&watched, 2);
    found.only(&["WAL"]);
    let text = format!("{lost} is missing: a recovery from the newest base backup ends at 0/…");
    let hint = "Repository disk has it: copy it from there.";
    found.says("postgresql main, WAL in s3", "critical", &text, hint);
}

/// Stores what waits, all but the slow ones, as a standby with `archive_mode = always` would. One that is archived and
/// removed meanwhile can't be.
fn overtake(watched: &Watched, config: &Path) {
    let waiting = watched.server.ready_files();
    for name in waiting.iter().filter(|name| !name.ends_with('0')) {
        let push = watched.program(env!("CARGO_BIN_EXE_wal-push")).cwd(watched.server.data());
        let push = push.arg("--wal-look-ahead=0").arg("--config").arg(config);
        push.arg(Path::new("pg_wal").join(name)).arg(name).run();
    }
}

/// A check that hardly waits.
fn hasty(watched: &Watched, status: i32) -> Found {
    let run = watched.check().env("SEAWALL_WAL_GAP_WAIT", "100ms");
    Found::of(&run.args(["--format", "json"]).run(), status)
}

/// Whether the bucket lacks a segment before others just now.
fn holes(watched: &Watched) -> bool {
    let keys = watched.s3.as_ref().unwrap().keys();
    let numbers = keys.iter().filter_map(|key| {
        let name = key.rsplit('/').next()?.strip_suffix(".zst")?;
        u64::from_str_radix(name.get(16..24)?, 16).ok()
    });
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.windows(2).any(|pair| pair[1] > pair[0] + 1)
}

/// Two base backups in a bucket whose listing of WAL takes long.
struct Slow {
    laid: Laid,
    old: Description,
    new: Description,
    proxy: Proxy,
    config: PathBuf,
}

const LISTING: &str = "wal%2F";

impl Slow {
    fn new(old: SignedDuration) -> Slow {
        let laid = Laid::with_folder_and_bucket();
        let (old, new) = (described(&id(old), 1, 2), described(&id(HOUR), 1, 8));
        laid.wal("s3", OLD, 1, 2..=9);
        [&old, &new].iter().for_each(|it| laid.backup("s3", it));
        let bucket = laid.store("s3");
        let proxy = Proxy::start(bucket.server().address());
        let rule = Rule::new(Fault::Delay(Duration::from_secs(2))).method("GET").path(LISTING);
        proxy.add(rule.times(1));
        let config = laid.place.file("through.toml", bucket.table_at("s3", &proxy.endpoint()));
        Slow { laid, old, new, proxy, config }
    }

    fn check(&self, status: i32) -> Found {
        let run = self.laid.program(env!("CARGO_BIN_EXE_seawall"), "check");
        let run = run.arg("--config").arg(&self.config).args(["--format", "json"]);
        Found::of(&run.arg("--objectives-rpo=1h").run(), status)
    }

    /// A check that finds nothing but that there was no drill, while the WAL is listed and this is done.
    fn check_while(&self, work: impl FnOnce(&Store)) -> Found {
        scope(|scope| {
            let check = scope.spawn(|| self.check(1));
            let asked = || (self.proxy.count("GET", LISTING) > 0).then_some(());
            poll(LIMIT, asked).expect("the WAL is listed");
            work(self.laid.store("s3"));
            let found = check.join().expect("a check");
            found.only(&["drill"]);
            found
        })
    }
}

const BACKUPS: &str = "postgresql main, base backup in s3";

/// `basebackup prune` deletes a backup and its WAL between the two listings.
#[test]
fn a_backup_that_is_pruned_meanwhile_is_not_damaged() {
    let slow = Slow::new(HOUR * 20);
    let (old, new) = (&slow.old, &slow.new);
    let found = slow.check_while(|bucket| {
        bucket.delete(&object(old, "backup.json"));
        (2..=7).for_each(|number| bucket.delete(&segment_key(OLD, 1, number)));
    });
    let text = format!("newest 1h… old ({}); 1 restorable", new.id);
    found.says(BACKUPS, "ok", &text, "");
    found.says("postgresql main, WAL in s3", "ok", "no gap from 0/8000028 on", "");
    // One that nobody pruned is damaged without its WAL.
    slow.laid.put("s3", &object(old, "backup.json"), &old.to_json().unwrap());
    let text = format!(
        "{text}; {} can't be restored: WAL segment 000000010000000000000002 is missing",
        old.id
    );
    let hint = "Take a new one with `basebackup create`";
    slow.check(2).says(BACKUPS, "critical", &text, hint);
}

/// `basebackup prune` is at work on the parts of a backup.
#[test]
fn a_backup_that_is_being_pruned_was_not_cut_short() {
    let slow = Slow::new(HOUR * 30);
    let (old, new) = (&slow.old, &slow.new);
    slow.laid.store("s3").delete(&object(old, "backup.json"));
    let found = slow.check_while(|bucket| bucket.delete(&object(old, "part-00001.tar.zst")));
    let text = format!("newest 1h… old ({}); 1 restorable", new.id);
    found.says(BACKUPS, "ok", &text, "");
    // Where nothing is deleted any more, it was.
    let text = format!("{text}; 1 backup cut short, the oldest {}", old.id);
    let hint = "`basebackup prune` removes what is left of it.";
    slow.check(1).says(BACKUPS, "warning", &text, hint);
}

/// The check comes between the promotion and the moment at which the history of the new timeline is in the repository.
#[test]
fn a_promotion_a_moment_ago_is_no_loss() {
    let mut watched = Watched::with_folder();
    let push = watched.server.sql("show archive_command");
    let slowly = format!("case %f in *.history) sleep 2;; esac; {push}");
    watched.server.set("archive_command", &slowly);
    let fetch = shell_word(&watched.place.program(env!("CARGO_BIN_EXE_wal-fetch")));
    let fetch = format!("{fetch} --config {} %f %p", shell_word(&watched.config));
    watched.server.stop(crate::support::postgres::Stop::Fast);
    watched.server.stand_by_with(&fetch);
    watched.server.start();
    watched.server.promote();
    let check = watched.check().args(["--format", "json"]).env("SEAWALL_WAL_GAP_WAIT", "5s");
    let found = Found::of(&check.run(), 0);
    found.only(&[]);
    assert_eq!(
        watched.server.sql("select pg_walfile_name(pg_current_wal_lsn())")[..8],
        *"00000002"
    );
}
