//! `backup_label`: where recovery of a base backup begins.
//!
//! The label that the user gave may hold anything, lines like those of the server included; so what comes
//! behind it is looked for from the end.

use super::{Lsn, Malformed, TimelineId, WalFileName, WalSegment};

/// `backup_label`: where recovery of a base backup begins (`build_backup_content` in `xlogbackup.c`,
/// `read_backup_label` in `xlogrecovery.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupLabel {
    /// Where replay begins.
    pub start: Lsn,
    /// The segment that `start` lies in.
    pub segment: WalSegment,
    /// The checkpoint of the backup, at `start` or after it.
    pub checkpoint: Lsn,
    /// `streamed`, or `pg_rewind`.
    pub method: Option<String>,
    pub from_standby: bool,
    /// As the server wrote it, with the zone of its `log_timezone`.
    pub start_time: Option<String>,
    pub label: Option<String>,
    /// For an incremental backup, where the one it builds on began.
    pub incremental_from: Option<(Lsn, TimelineId)>,
}

impl BackupLabel {
    pub fn parse(content: &[u8]) -> Result<Self, Malformed> {
        let text = String::from_utf8_lossy(content);
        let mut lines = text.lines();
        let mut first = |name: &str| lines.next().and_then(|line| value_of(line, name));
        let start = first("START WAL LOCATION").and_then(parse_start);
        let (start, segment) = start.ok_or_else(|| not_label("START WAL LOCATION"))?;
        let checkpoint = first("CHECKPOINT LOCATION").and_then(|value| value.parse().ok());
        let checkpoint = checkpoint.ok_or_else(|| not_label("CHECKPOINT LOCATION"))?;
        // The user's label may hold anything, so what comes after it is looked for from the end.
        let rest: Vec<&str> = lines.collect();
        let early = |name| rest.iter().find_map(|line| value_of(line, name));
        let late = |name| rest.iter().rev().find_map(|line| value_of(line, name));
        if let Some(found) = late("START TIMELINE")
            && found.parse() != Ok(segment.timeline.number())
        {
            let expected = segment.timeline.number();
            return Err(Malformed::new(format!(
                "expected a backup label of timeline {expected} as its segment says, found timeline {found}"
            )));
        }
        let incremental_from = match (late("INCREMENTAL FROM LSN"), late("INCREMENTAL FROM TLI")) {
            (None, None) => None,
            (lsn, timeline) => Some(
                lsn.and_then(|lsn| lsn.parse().ok())
                    .zip(timeline.and_then(|it| TimelineId::new(it.parse().ok()?)))
                    .ok_or_else(|| not_label("INCREMENTAL FROM"))?,
            ),
        };
        let owned = |value: Option<&str>| value.map(str::to_owned);
        Ok(Self {
            start,
            segment,
            checkpoint,
            method: owned(early("BACKUP METHOD")),
            from_standby: early("BACKUP FROM") == Some("standby"),
            start_time: owned(early("START TIME")),
            label: owned(early("LABEL")),
            incremental_from,
        })
    }
}

fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.strip_prefix(": ")
}

/// `0/2000028 (file 000000010000000000000002)`
fn parse_start(value: &str) -> Option<(Lsn, WalSegment)> {
    let (start, file) = value.strip_suffix(')')?.split_once(" (file ")?;
    let Ok(WalFileName::Segment(segment)) = file.parse() else { return None };
    Some((start.parse().ok()?, segment))
}

fn not_label(line: &str) -> Malformed {
    Malformed::new(format!("the backup label has no line {line} that can be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 18 wrote it.
    const LABEL: &str = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n\
        CHECKPOINT LOCATION: 0/2000080\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n\
        START TIME: 2026-11-22 20:27:38 UTC\nLABEL: nightly\nSTART TIMELINE: 1\n";

    fn parse(text: &str) -> Result<BackupLabel, String> {
        BackupLabel::parse(text.as_bytes()).map_err(|error| error.0)
    }

    #[test]
    fn reads_all_lines() {
        let label = parse(LABEL).unwrap();
        assert_eq!((label.start, label.checkpoint), (Lsn(0x200_0028), Lsn(0x200_0080)));
        assert_eq!(label.segment.to_string(), "000000010000000000000002");
        assert_eq!((label.method.as_deref(), label.from_standby), (Some("streamed"), false));
        assert_eq!(label.start_time.as_deref(), Some("2026-11-22 20:27:38 UTC"));
        assert_eq!((label.label.as_deref(), label.incremental_from), (Some("nightly"), None));
        let more = "INCREMENTAL FROM LSN: 0/1000028\nINCREMENTAL FROM TLI: 1\n";
        let label = parse(&format!("{LABEL}{more}").replace("primary", "standby")).unwrap();
        let timeline = TimelineId::new(1).unwrap();
        assert_eq!(label.incremental_from, Some((Lsn(0x100_0028), timeline)));
        assert!(label.from_standby);
    }

    #[test]
    fn a_label_that_looks_like_a_line_misleads_nobody() {
        let label = parse(&LABEL.replace("nightly", "a\nSTART TIMELINE: 7\nBACKUP FROM: standby"));
        let label = label.unwrap();
        assert_eq!((label.label.as_deref(), label.from_standby), (Some("a"), false));
    }

    #[test]
    fn says_what_is_wrong() {
        let none = |line: &str| format!("the backup label has no line {line} that can be read");
        for (from, to, expected) in [
            ("0/2000028", "x", none("START WAL LOCATION")),
            ("02)", "02.partial)", none("START WAL LOCATION")),
            ("CHECKPOINT LOCATION: ", "CHECKPOINT: ", none("CHECKPOINT LOCATION")),
            ("START TIMELINE: 1", "INCREMENTAL FROM TLI: 1", none("INCREMENTAL FROM")),
            (
                "TIMELINE: 1",
                "TIMELINE: 2",
                "expected a backup label of timeline 1 as its segment says, found timeline 2"
                    .into(),
            ),
        ] {
            assert_eq!(parse(&LABEL.replace(from, to)).unwrap_err(), expected);
        }
        assert_eq!(parse("").unwrap_err(), none("START WAL LOCATION"));
    }
}
