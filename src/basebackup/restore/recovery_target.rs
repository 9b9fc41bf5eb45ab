//! Where a recovery ends, which timeline it follows and what the server does then, as settings of PostgreSQL.
//!
//! A target that the server would refuse or could not reach is refused here, before anything is restored.

use jiff::Timestamp;

use crate::error::{Class, Error, Result};
use crate::postgres::Lsn;

/// Up to where a server recovers (PostgreSQL docs, "Recovery Target").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryTarget {
    /// As far as the WAL goes.
    Latest,
    /// The end of the base backup.
    Immediate,
    Time(Timestamp),
    Lsn(Lsn),
    /// A transaction, by its number.
    Xid(u32),
    /// A restore point (`pg_create_restore_point`).
    Name(String),
}

/// Which timeline recovery follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetTimeline {
    Latest,
    /// That of the base backup.
    Current,
    Number(u32),
}

/// What the server does when it has reached its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetAction {
    Pause,
    Promote,
    Shutdown,
}

/// What is asked of a restore.
#[derive(Debug, Clone)]
pub struct RestoreTarget<'a> {
    pub target: &'a RecoveryTarget,
    /// Whether recovery stops behind the target, or before it.
    pub inclusive: bool,
    pub timeline: TargetTimeline,
    /// A certain backup, by its id.
    pub backup: Option<&'a str>,
}

impl RecoveryTarget {
    /// The settings that say it to the server.
    pub fn settings(&self, inclusive: bool) -> Vec<(&'static str, String)> {
        let target = match self {
            Self::Latest => return Vec::new(),
            Self::Immediate => return vec![("recovery_target", "immediate".to_owned())],
            Self::Name(name) => return vec![("recovery_target_name", name.clone())],
            Self::Time(time) => ("recovery_target_time", in_utc(*time)),
            Self::Lsn(lsn) => ("recovery_target_lsn", lsn.to_string()),
            Self::Xid(xid) => ("recovery_target_xid", xid.to_string()),
        };
        let inclusive = if inclusive { "on" } else { "off" };
        vec![target, ("recovery_target_inclusive", inclusive.to_owned())]
    }
}

impl TargetTimeline {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "latest" => Ok(Self::Latest),
            "current" => Ok(Self::Current),
            _ => {
                text.parse().ok().filter(|number| *number > 0).map(Self::Number).ok_or_else(|| {
                    wrong("latest, current or the number of a timeline for --target-timeline", text)
                })
            }
        }
    }

    pub fn setting(self) -> String {
        match self {
            Self::Latest => "latest".to_owned(),
            Self::Current => "current".to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl TargetAction {
    pub fn setting(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Promote => "promote",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A server that finds nothing after its target does not start (`recovery ended before configured recovery
/// target was reached`), and of a time to come there is nothing.
pub fn past(time: Timestamp, now: Timestamp) -> Result<Timestamp> {
    if time <= now {
        return Ok(time);
    }
    let (expected, found) = (in_utc(now), in_utc(time));
    let message =
        format!("expected a time before now, {expected}, for --target-time, found {found}");
    Err(Error::new(Class::Usage, message)
        .hint("Without a target PostgreSQL recovers to the end of the WAL."))
}

/// A restore point. The server refuses names that are longer than those it makes (`MAXFNAMELEN` in
/// `xlog_internal.h`), and an empty one would be no target at all.
pub fn parse_name(text: &str) -> Result<RecoveryTarget> {
    if (1..64).contains(&text.len()) {
        return Ok(RecoveryTarget::Name(text.to_owned()));
    }
    Err(wrong("a name of 1 to 63 bytes for --target-name", text))
}

/// As PostgreSQL reads it whatever its `timezone` is.
pub fn in_utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.f+00").to_string()
}

pub(super) fn wrong(expected: &str, found: &str) -> Error {
    Error::new(Class::Usage, format!("expected {expected}, found {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_lies_in_the_past() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = time("2026-11-22T20:30:00Z");
        assert_eq!(past(now, now), Ok(now));
        assert_eq!(
            past(time("2030-01-01T00:00:00Z"), now).unwrap_err().to_string(),
            "expected a time before now, 2026-11-22 20:30:00+00, for --target-time, found 2030-01-01 \
             00:00:00+00. HINT: Without a target PostgreSQL recovers to the end of the WAL."
        );
    }

    #[test]
    fn a_restore_point_has_a_name() {
        let longest = "x".repeat(63);
        assert_eq!(parse_name(&longest), Ok(RecoveryTarget::Name(longest.clone())));
        for name in ["", &format!("{longest}x")] {
            let expected =
                format!("expected a name of 1 to 63 bytes for --target-name, found {name:?}");
            assert_eq!(parse_name(name).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn each_target_is_said_in_postgresql_s_settings() {
        let said = |target: RecoveryTarget| {
            let settings = target.settings(false);
            settings.iter().map(|(key, value)| format!("{key}={value} ")).collect::<String>()
        };
        assert_eq!(said(RecoveryTarget::Latest), "");
        assert_eq!(said(RecoveryTarget::Immediate), "recovery_target=immediate ");
        assert_eq!(
            said(RecoveryTarget::Lsn(Lsn(0x16_B374_D848))),
            "recovery_target_lsn=16/B374D848 recovery_target_inclusive=off "
        );
        assert_eq!(said(RecoveryTarget::Name("it's".into())), "recovery_target_name=it's ");
        assert_eq!(TargetTimeline::parse("3").map(TargetTimeline::setting), Ok("3".to_owned()));
        assert!(TargetTimeline::parse("0").is_err());
    }
}
