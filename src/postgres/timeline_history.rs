//! The two small files that are archived beside segments: the history of a timeline, and that of a base backup.
//!
//! A history decides which WAL belongs together after a promotion; it is read as the server reads it, and no
//! more leniently.

use super::{Lsn, Malformed, TimelineId};

/// Where a server left `timeline` for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineSwitch {
    pub timeline: TimelineId,
    pub at: Lsn,
}

/// The content of a timeline history file: the ancestors of a timeline, oldest first
/// (`readTimeLineHistory` in `timeline.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineHistory {
    pub timeline: TimelineId,
    pub ancestors: Vec<TimelineSwitch>,
}

impl TimelineHistory {
    /// Reads the history file of `timeline`. As in PostgreSQL, `#` starts a comment line, fields are
    /// separated by white space, ancestors must rise and must all be below `timeline`.
    pub fn parse(timeline: TimelineId, content: &[u8]) -> Result<Self, Malformed> {
        let content =
            str::from_utf8(content).map_err(|_| not_history("bytes that are not text"))?;
        let mut ancestors: Vec<TimelineSwitch> = Vec::new();
        for line in content.lines().map(str::trim_start) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let switch =
                parse_line(line).ok_or_else(|| not_history(&format!("the line {line:?}")))?;
            if ancestors.last().is_some_and(|last| last.timeline >= switch.timeline) {
                return Err(Malformed::new(format!(
                    "expected timelines in rising order, found {} after a later one",
                    switch.timeline.number()
                )));
            }
            ancestors.push(switch);
        }
        let Some(last) = ancestors.last() else {
            return Err(not_history("no timeline at all"));
        };
        if last.timeline >= timeline {
            return Err(Malformed::new(format!(
                "expected ancestors of timeline {} only, found timeline {}",
                timeline.number(),
                last.timeline.number()
            )));
        }
        Ok(Self { timeline, ancestors })
    }

    /// The timeline that this one branched off from.
    pub fn parent(&self) -> Option<TimelineId> {
        self.ancestors.last().map(|it| it.timeline)
    }

    /// The first timeline that the history of the parent has, and that is not in this one as it is there.
    pub fn lacks(&self, parent: &Self) -> Option<TimelineId> {
        let lost = parent.ancestors.iter().find(|it| !self.ancestors.contains(it));
        lost.map(|it| it.timeline)
    }

    /// Where `ancestor` was left on the way to this timeline; `None` where it is no ancestor.
    pub fn left(&self, ancestor: TimelineId) -> Option<Lsn> {
        self.ancestors.iter().find(|it| it.timeline == ancestor).map(|it| it.at)
    }
}

fn parse_line(line: &str) -> Option<TimelineSwitch> {
    let mut fields = line.split_whitespace();
    let timeline = TimelineId::new(fields.next()?.parse().ok()?)?;
    Some(TimelineSwitch { timeline, at: fields.next()?.parse().ok()? })
}

fn not_history(found: &str) -> Malformed {
    Malformed::new(format!("expected lines of a timeline, an LSN and a reason, found {found}"))
}

/// Whether `content` is a backup history file, which PostgreSQL writes at the end of a base backup
/// (`build_backup_content` in `xlogbackup.c`): it begins with the backup's first LSN.
pub fn check_backup_history(content: &[u8]) -> Result<(), Malformed> {
    const FIRST_LINE: &[u8] = b"START WAL LOCATION: ";
    if content.starts_with(FIRST_LINE) {
        return Ok(());
    }
    Err(Malformed::new(
        "expected a backup history file that begins with \"START WAL LOCATION: \", found other content",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(timeline: u32, content: &str) -> Result<TimelineHistory, Malformed> {
        TimelineHistory::parse(TimelineId::new(timeline).unwrap(), content.as_bytes())
    }

    #[test]
    fn reads_ancestors_oldest_first() {
        let history = parse(3, "1\t0/5000000\tno recovery target specified\n\n2\t0/7000060\tx\n");
        let ancestors = history.unwrap().ancestors;
        assert_eq!(ancestors[0].timeline.number(), 1);
        assert_eq!(ancestors[1].at, Lsn(0x700_0060));
    }

    #[test]
    fn a_history_begins_with_that_of_its_parent() {
        let parent = parse(2, "1\t0/5000000\tx\n").unwrap();
        let whole = parse(3, "1\t0/5000000\tx\n2\t0/7000060\tx\n").unwrap();
        let cut = parse(3, "2\t0/7000060\tx\n").unwrap();
        assert_eq!(whole.parent(), TimelineId::new(2));
        assert_eq!(whole.lacks(&parent), None);
        assert_eq!(cut.lacks(&parent), TimelineId::new(1));
        assert_eq!(whole.left(parent.timeline), Some(Lsn(0x700_0060)));
        assert_eq!(cut.left(TimelineId::new(1).unwrap()), None);
    }

    #[test]
    fn refuses_what_the_server_would_refuse() {
        for (timeline, content, expected) in [
            (2, "", "expected lines of a timeline, an LSN and a reason, found no timeline at all"),
            (2, "x\n", "expected lines of a timeline, an LSN and a reason, found the line \"x\""),
            (2, "2\t0/1\tx\n", "expected ancestors of timeline 2 only, found timeline 2"),
            (
                4,
                "2\t0/1\n1\t0/2\n",
                "expected timelines in rising order, found 1 after a later one",
            ),
        ] {
            assert_eq!(parse(timeline, content).unwrap_err().0, expected);
        }
    }

    #[test]
    fn only_the_first_words_decide() {
        assert!(check_backup_history(b"START WAL LOCATION: 0/2000028 (file 1)\n").is_ok());
        assert!(check_backup_history(b"").is_err());
    }
}
