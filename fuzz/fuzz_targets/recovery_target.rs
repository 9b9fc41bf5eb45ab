//! What a user asks a recovery to stop at: refused, or told to the server in lines that say what was asked.
//! The first line of the input is a time, the second an LSN, the third a timeline, the fourth the name of a
//! restore point, the rest a `restore_command`.
#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use seawall::basebackup::restore::{
    RecoverySettings, RecoveryTarget, TargetAction, TargetTimeline, in_utc, parse_name, parse_time,
};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.splitn(5, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (time, lsn, timeline, name, command) = (next(), next(), next(), next(), next());
    let timeline = TargetTimeline::parse(timeline).unwrap_or(TargetTimeline::Latest);
    let mut targets = vec![RecoveryTarget::Latest, RecoveryTarget::Immediate];
    for zone in [TimeZone::UTC, summer_time()] {
        if let Ok(time) = parse_time(time, || Ok(zone.clone())) {
            let again = parse_time(&in_utc(time), || Ok(zone.clone()));
            // Years before the first are written in many ways, and there was no server.
            assert!(again == Ok(time) || time.as_second() < 0, "{time}");
            targets.push(RecoveryTarget::Time(time));
        }
    }
    targets.extend(lsn.parse().map(RecoveryTarget::Lsn));
    targets.extend(parse_name(name));
    // A name is one argument, and may have more lines than one.
    targets.extend(parse_name(command));
    for target in targets {
        check(target, timeline, command);
    }
});

fn summer_time() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule")
}

fn check(target: RecoveryTarget, timeline: TargetTimeline, command: &str) {
    let expected = target.settings(true);
    let settings = RecoverySettings {
        restore_command: command.to_owned(),
        target,
        inclusive: true,
        timeline,
        action: TargetAction::Promote,
        archive: false,
        standby: false,
        major: 18,
        reads_ahead: false,
    };
    let lines = settings.lines();
    let (comments, settings): (Vec<&str>, Vec<&str>) =
        lines.lines().partition(|line| line.starts_with('#'));
    assert_eq!(comments.len(), 1, "{lines}");
    let read: Vec<(&str, String)> = settings.into_iter().map(setting).collect();
    let last = |key: &str| read.iter().rev().find(|(found, _)| *found == key);
    assert_eq!(last("restore_command").map(|it| it.1.as_str()), Some(command));
    for (key, value) in expected {
        assert!(!value.is_empty(), "{key} says nothing");
        assert_eq!(last(key).map(|it| &it.1), Some(&value));
    }
    let targets = ["", "_name", "_time", "_xid", "_lsn"].map(|it| format!("recovery_target{it}"));
    let set = |key: &&String| last(key).is_some_and(|it| !it.1.is_empty());
    assert!(targets.iter().filter(set).count() <= 1, "{lines}");
    assert_eq!(last("archive_mode").map(|it| it.1.as_str()), Some("off"));
}

/// A line as `guc-file.l` reads it, and `DeescapeQuotedString` in `guc-file.l` behind it.
fn setting(line: &str) -> (&str, String) {
    let (key, value) = line.split_once(" = ").expect("a setting");
    let quoted = value.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).expect("in quotes");
    let (mut value, mut rest) = (String::new(), quoted.chars());
    while let Some(next) = rest.next() {
        value.push(match next {
            '\\' => match rest.next().expect("something behind a backslash") {
                'n' => '\n',
                other => {
                    assert!(other == '\\', "{line}");
                    other
                }
            },
            '\'' => rest.next().filter(|it| *it == '\'').expect("a quote twice"),
            other => other,
        });
    }
    (key, value)
}
