//! Turns the texts of a description into LSNs, timelines and times, and refuses what no base backup has.
//!
//! Whoever asks the catalogue goes by these values; who needs the lists of parts and tablespaces reads the description
//! again.

use jiff::Timestamp;

use crate::basebackup::{Description, Position};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, ServerVersion, TimelineId, WalSegmentSize};

/// What a description says, checked, without its lists: there may be very many backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub label: String,
    pub postgres_version: ServerVersion,
    pub segment_size: WalSegmentSize,
    pub start: Moment,
    pub stop: Moment,
    pub from_standby: bool,
    /// Whether the server found pages with a wrong checksum.
    pub checksum_failures: bool,
    /// Whether the WAL that it needs is inside.
    pub standalone: bool,
    /// Length of the files in tar archives, before compression, in bytes.
    pub size: u64,
}

/// A place in the WAL, and when the backup was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub lsn: Lsn,
    pub timeline: TimelineId,
    pub time: Timestamp,
}

impl Facts {
    pub fn of(description: &Description) -> Result<Self> {
        let damaged = |error: &dyn std::fmt::Display| Error::new(Class::Damaged, error.to_string());
        let segment_size = WalSegmentSize::from_bytes(description.wal_segment_size);
        let (start, stop) = (moment(&description.start)?, moment(&description.stop)?);
        if start.lsn > stop.lsn {
            let found = format!("expected a stop at or after {}, found {}", start.lsn, stop.lsn);
            return Err(damaged(&found));
        }
        Ok(Self {
            label: description.label.clone(),
            postgres_version: ServerVersion(description.postgres_version),
            segment_size: segment_size.map_err(|error| damaged(&error))?,
            start,
            stop,
            from_standby: description.from_standby,
            checksum_failures: description.checksum_failures,
            standalone: description.standalone,
            size: description.size(),
        })
    }

    /// Whether both describe the same run of `basebackup create`.
    pub fn same_backup(&self, other: &Self) -> bool {
        (self.start, self.stop, &self.label) == (other.start, other.stop, &other.label)
    }
}

fn moment(position: &Position) -> Result<Moment> {
    let damaged = |error: &dyn std::fmt::Display| Error::new(Class::Damaged, error.to_string());
    let timeline = TimelineId::new(position.timeline);
    let time = position.time.parse().map_err(|_| {
        damaged(&format!("expected a time like 2026-11-22T20:30:00Z, found {:?}", position.time))
    });
    Ok(Moment {
        lsn: position.lsn.parse().map_err(|error| damaged(&error))?,
        timeline: timeline.ok_or_else(|| damaged(&"expected a timeline from 1 on, found 0"))?,
        time: time?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basebackup::description::tests::description;

    #[test]
    fn takes_what_a_description_says() {
        let facts = Facts::of(&description()).unwrap();
        assert_eq!((facts.start.lsn, facts.stop.lsn), (Lsn(0x200_0028), Lsn(0x200_0120)));
        assert_eq!(facts.stop.time.duration_since(facts.start.time).as_secs(), 5);
        assert_eq!((facts.size, facts.segment_size.bytes()), (300, 16 << 20));
    }

    #[test]
    fn refuses_what_no_backup_has() {
        let refused = |change: fn(&mut Description)| {
            let mut description = description();
            change(&mut description);
            let error = Facts::of(&description).unwrap_err();
            assert_eq!(error.class(), Class::Damaged);
            error.to_string()
        };
        assert_eq!(
            refused(|it| it.start.lsn = "0".to_owned()),
            "expected an LSN like 16/B374D848, found \"0\""
        );
        assert_eq!(
            refused(|it| it.stop.lsn = "0/1".to_owned()),
            "expected a stop at or after 0/2000028, found 0/1"
        );
        assert_eq!(refused(|it| it.stop.timeline = 0), "expected a timeline from 1 on, found 0");
        assert_eq!(
            refused(|it| it.start.time = "yesterday".to_owned()),
            "expected a time like 2026-11-22T20:30:00Z, found \"yesterday\""
        );
        assert!(refused(|it| it.wal_segment_size = 5).starts_with("expected a segment size"));
    }
}
