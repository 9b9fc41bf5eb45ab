//! All programs say the same on every host: times are in UTC, days begin and end with it, and months have
//! English names. Only a time that somebody types without a zone is that of the host.

use super::scene::Past;
use super::told::text;

const DAY: u64 = 24 * 3600;

/// Hosts that are ahead of UTC by part of an hour, behind it, with summer time, and far beyond the date line. The rules
/// themselves (POSIX), so that it does not matter which zones are installed.
const HOSTS: [[(&str, &str); 2]; 4] = [
    [("TZ", "NPT-5:45"), ("LC_ALL", "ne_NP.UTF-8")],
    [("TZ", "EST5EDT,M3.2.0,M11.1.0"), ("LC_ALL", "en_US")],
    [("TZ", "CET-1CEST,M3.5.0,M10.5.0/3"), ("LC_ALL", "de_DE.UTF-8")],
    [("TZ", "LINT-14"), ("LC_ALL", "C")],
];

/// Backups of which each would fall on another day elsewhere, long enough ago that no age is told in seconds.
fn past() -> Past {
    let past = Past::new();
    let midnight = past.ago(0).as_second().unsigned_abs() % DAY;
    past.wal(1, 1..=60, DAY, midnight + 20 * DAY);
    for day in [21, 22, 23, 50, 51] {
        past.backup(1, 80 - day, midnight + day * DAY + 1800, "evening");
        past.backup(1, 80 - day, midnight + day * DAY - 1800, "morning");
        past.redis("main", midnight + day * DAY + 1800, 9000);
        past.media("uploads", midnight + day * DAY - 1800, 4000);
    }
    past.drill(midnight + 30 * DAY + 60, 400.0, true);
    past
}

/// What is told there, each with what it speaks of.
fn told(past: &Past, host: &[(&str, &str)]) -> Vec<String> {
    let of = |program: &str, words: &[&str], about: &str| {
        let run = past.laid.configured(program, words[0]).args(&words[1..]);
        let outcome = run.envs(host.iter().copied()).run();
        assert!(outcome.stdout.contains(about), "{outcome}");
        outcome.stdout
    };
    let [basebackup, redis, media, seawall] = [
        env!("CARGO_BIN_EXE_basebackup"),
        env!("CARGO_BIN_EXE_redis-backup"),
        env!("CARGO_BIN_EXE_media-backup"),
        env!("CARGO_BIN_EXE_seawall"),
    ];
    let prune = ["prune", "--dry-run"];
    vec![
        of(basebackup, &["list"], "evening"),
        of(basebackup, &["list", "--json"], "evening"),
        of(basebackup, &prune, "newest of "),
        of(redis, &["list"], "-5e1f"),
        of(redis, &prune, "newest of "),
        of(media, &["list"], "-6a2b"),
        of(media, &prune, "newest of "),
        without_room(&of(seawall, &["check", "--objectives-free-space=0"], "PostgreSQL main")),
        without_room(&text(&of(seawall, &["report", "--html", "-"], "<main>"))),
    ]
}

/// How much room is left on the disk is no matter of zones: others write there.
fn without_room(text: &str) -> String {
    let mut parts = text.split(" % of the file system free (");
    let first = parts.next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    let rest = parts.map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    let rest = rest.map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
    [first].into_iter().chain(rest).collect()
}

#[test]
fn the_zone_and_the_language_of_the_host_change_nothing() {
    let past = past();
    past.laid.configure("[redis]\nkeep_daily = 9\n[media.uploads]\npaths = [\"/srv/uploads\"]\n");
    for host in HOSTS {
        // The minute may end meanwhile, which the page tells.
        let alike = (0..5).any(|_| told(&past, &[]) == told(&past, &host));
        assert!(alike, "{host:?}: {:#?} and here {:#?}", told(&past, &host), told(&past, &[]));
    }
}
