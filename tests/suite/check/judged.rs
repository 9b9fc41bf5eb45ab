//! What a server may say that no test can have it say: judged by the library.

use jiff::{SignedDuration, Timestamp};
use seawall::check::{
    Archiver, Asked, Backlog, CheckState, Server, ServerFacts, ServerSettings, Verdict, run,
};
use seawall::config::Config;
use seawall::doctor::{Ability, Origins};
use seawall::postgres::{
    Lsn, SUPPORTED, SUPPORTED_IN_WORDS, ServerVersion, SystemIdentifier, TimelineId, WalSegmentSize,
};
use seawall::repository::open_all;

use crate::listing::laid::{
    Laid, OLD, described, encrypted_history, history, history_key, segment_key,
};
use crate::scene::KeyPair;

/// A primary of the old system that says that all is well.
fn server(timeline: u32, written: Lsn) -> Server {
    let now = Timestamp::now();
    let facts = ServerFacts {
        version: ServerVersion(180_006),
        system: SystemIdentifier(OLD.parse().unwrap()),
        timeline: TimelineId::new(timeline).unwrap(),
        segment_size: WalSegmentSize::from_bytes(16 << 20).unwrap(),
        in_recovery: false,
        written,
        clock: Some((now, now)),
        settings: archiving("on", "wal-push %p %f"),
    };
    Server {
        facts,
        origins: Origins::default(),
        ability: Ability::Able,
        archiver: Some(Archiver::default()),
        backlog: Some(Backlog::default()),
    }
}

fn archiving(mode: &str, command: &str) -> ServerSettings {
    let settings =
        [("archive_mode", mode), ("archive_command", command), ("archive_timeout", "60")];
    ServerSettings::of(settings.map(|(name, value)| (name, value.to_owned())))
}

/// The same, but for what it is said to be.
fn but(mut server: Server, change: impl FnOnce(&mut ServerFacts)) -> Server {
    change(&mut server.facts);
    server
}

/// A base backup in segment 2, and WAL up to the end of segment 4.
fn laid() -> Laid {
    let laid = Laid::with_folder();
    laid.backup("disk", &described("20261122T203000Z-4f2a", 1, 2));
    laid.wal("disk", OLD, 1, 2..=4);
    laid
}

fn judge(laid: &Laid, server: Server) -> Verdict {
    let resolved = seawall::config::of_text(&laid.store("disk").table("disk")).unwrap();
    let config = Config::from_resolved(&resolved).unwrap();
    let repositories = open_all(&config, None).unwrap();
    run(&config, &repositories, &Asked::Answered(Box::new(server)), Timestamp::now())
}

#[track_caller]
fn says(verdict: &Verdict, check: &str, state: CheckState, text: &str) {
    let found = verdict.findings.iter().find(|it| it.check == check);
    let found = found.unwrap_or_else(|| panic!("no {check} in {verdict:#?}"));
    assert!(super::like(&found.text, text), "expected {text:?}, found {:?}", found.text);
    assert_eq!(found.state, state, "{check}");
}

const END: Lsn = Lsn(0x500_0000);

#[test]
fn the_servers_clock_is_a_day_off() {
    let laid = laid();
    let verdict = |ahead: SignedDuration| {
        let now = Timestamp::now();
        judge(&laid, but(server(1, END), |it| it.clock = Some((now + ahead, now))))
    };
    let day = SignedDuration::from_hours(24);
    let text = "the server's clock is 1d ahead of that of this host";
    says(&verdict(day), "clock", CheckState::Critical, text);
    let text = "the server's clock is 1d behind that of this host";
    says(&verdict(-day), "clock", CheckState::Critical, text);
    let text = "the server's clock is 2m ahead of that of this host";
    says(&verdict(SignedDuration::from_mins(2)), "clock", CheckState::Warning, text);
    says(&verdict(SignedDuration::ZERO), "clock", CheckState::Ok, "the server's clock agrees");
}

#[test]
fn what_would_lose_nothing_little_and_much() {
    let laid = laid();
    let text = "nothing would be lost: all WAL up to 0/5000000 is there";
    says(&judge(&laid, server(1, END)), "RPO now", CheckState::Ok, text);
    let text =
        "…s and 4.0 KiB would be lost: WAL is there up to 0/5000000, the server is at 0/5001000";
    says(&judge(&laid, server(1, Lsn(END.0 + 4096))), "RPO now", CheckState::Ok, text);
}

/// After a fail-over the base backups of the old timeline lead on, as long as its history is there and can
/// be read.
#[test]
fn a_fail_over_needs_its_history() {
    let laid = laid();
    let failed_over = || server(2, Lsn(END.0 + (16 << 20)));
    laid.put("disk", &segment_key(OLD, 2, 5), b"not looked at");
    let text = "the server is on timeline 2, and no base backup in this repository can be recovered to that timeline: its WAL ends at \
    0/5000000 on another timeline";
    says(&judge(&laid, failed_over()), "RPO now", CheckState::Critical, text);
    let branch = "1\t0/5000000\tno recovery target specified\n";
    let pair = KeyPair::new(&laid.place);
    let key = history_key(OLD, 2, ".age");
    laid.put("disk", &key, &encrypted_history(2, branch, &pair));
    let text =
        "the server is on timeline 2, whose history can't be read here without a private key";
    says(&judge(&laid, failed_over()), "RPO now", CheckState::Unknown, text);
    laid.store("disk").delete(&key);
    laid.put("disk", &history_key(OLD, 2, ""), &history(2, branch));
    let text = "nothing would be lost: all WAL up to 0/6000000 is there";
    says(&judge(&laid, failed_over()), "RPO now", CheckState::Ok, text);
}

/// A standby does not archive, so nothing is expected of its archiver.
#[test]
fn a_server_that_is_not_supported_is_said() {
    let of = |major: u32| but(server(1, END), |it| it.version = ServerVersion(major * 10_000 + 1));
    let known = format!("system {OLD}, a primary on timeline 1");
    for major in SUPPORTED {
        says(&judge(&laid(), of(major)), "server", CheckState::Ok, &known);
    }
    for major in [SUPPORTED.start() - 1, SUPPORTED.end() + 1] {
        let text =
            format!("{known}; it is PostgreSQL {major}.1, supported is {SUPPORTED_IN_WORDS}");
        says(&judge(&laid(), of(major)), "server", CheckState::Warning, &text);
    }
}

#[test]
fn a_standby_is_not_asked_for_its_archive() {
    let standby = |mode: &str| {
        but(server(1, END), |it| {
            it.in_recovery = true;
            it.settings = archiving(mode, "");
        })
    };
    let verdict = judge(&laid(), standby("on"));
    assert!(verdict.findings.iter().all(|it| it.check != "archiving"), "{verdict:#?}");
    let text = "archive_command = '' archives nothing";
    says(&judge(&laid(), standby("always")), "archiving", CheckState::Critical, text);
}
