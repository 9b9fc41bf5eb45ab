//! What `basebackup show` tells beside what every `show` does: the WAL that the base backup needs, and its tablespaces.

use super::json;
use crate::backup::{Described as _, StoredObject};
use crate::basebackup::catalogue::{Backup, Moment};
use crate::basebackup::windows::Needed;
use crate::basebackup::{Description, Part, Tablespace};
use crate::cli::text::{count, took, whole_size};
use crate::command::backups::show::{Shows, copies, line};
use crate::command::backups::{Seen, find};
use crate::error::{Error, Result};
use crate::postgres::{Lsn, WalSegment};

impl Shows for Description {
    const OBJECT_COLUMNS: &'static [&'static str] = &["ENTRIES", "TABLESPACE"];
    const OBJECT_CUT: usize = 4;

    fn shows() -> String {
        "Shows everything about one base backup, and whether all of it is there".to_owned()
    }

    fn one<'a>(seen: &Seen<'a, Self>, id: &str) -> Result<&'a Backup> {
        find(&seen.survey.catalogue, seen.repositories, id)
    }

    fn told(backup: &Backup) -> Vec<(&'static str, String)> {
        let facts = &backup.facts;
        let at = |moment: &Moment| {
            format!("{} at {} on timeline {}", moment.time, moment.lsn, moment.timeline.number())
        };
        let checksums = match facts.checksum_failures {
            true => "the server found pages with a wrong checksum; its log names them",
            false => "the server found none wrong",
        };
        let taken_from = if facts.from_standby { "a standby" } else { "a primary" };
        vec![
            ("System identifier", backup.system.to_string()),
            ("PostgreSQL", facts.postgres_version.to_string()),
            ("Began", at(&facts.start)),
            ("Ended", at(&facts.stop)),
            ("Took", took(facts.start.time, facts.stop.time)),
            ("Taken from", taken_from.to_owned()),
            ("Page checksums", checksums.to_owned()),
        ]
    }

    fn needed(seen: &Seen<'_, Self>, backup: &Backup) -> String {
        wal_lines(seen, backup)
    }

    /// As `restore --tablespace OID=FOLDER` takes them.
    fn of_copy(description: &Self) -> String {
        let tablespace = |it: &Tablespace| line(&format!("Tablespace {} ", it.oid), &it.location);
        description.tablespaces.iter().map(tablespace).collect()
    }

    fn objects_told(description: &Self) -> Vec<(&StoredObject, Vec<String>)> {
        // Where each tablespace lay on the server.
        let locations = description.locations();
        let part = |part: &Part| {
            let location = part.tablespace.and_then(|oid| locations.get(&oid).copied());
            vec![part.entries.to_string(), location.unwrap_or("").to_owned()]
        };
        let manifest = vec![String::new(), String::new()];
        let own = description.parts.iter().map(part).chain([manifest]);
        description.objects().zip(own).collect()
    }

    fn show_json(
        seen: &Seen<'_, Self>,
        backup: &Backup,
        errors: &mut Vec<Error>,
    ) -> Result<String> {
        let copies = copies(seen, backup, errors);
        json::show(seen, backup, wal_of(backup), &needed_in(seen, backup), copies)
    }
}

/// Whether each repository has the WAL of a backup.
fn needed_in(seen: &Seen<'_, Description>, backup: &Backup) -> Vec<Option<Needed>> {
    let wal = seen.survey.system(backup.system);
    let in_each = |number| wal.and_then(|wal| wal.needed_in(number, backup));
    (0..seen.repositories.len()).map(in_each).collect()
}

/// The first and the last segment that a backup needs. The last byte is before the stop.
fn wal_of(backup: &Backup) -> [Option<WalSegment>; 2] {
    let facts = &backup.facts;
    let last = Lsn(facts.stop.lsn.0.saturating_sub(1)).max(facts.start.lsn);
    [(facts.start.lsn, facts.start.timeline), (last, facts.stop.timeline)]
        .map(|(lsn, timeline)| WalSegment::at(lsn, timeline, facts.segment_size))
}

fn wal_lines(seen: &Seen<'_, Description>, backup: &Backup) -> String {
    let [Some(first), Some(last)] = wal_of(backup) else { return String::new() };
    let facts = &backup.facts;
    let bytes = facts.segment_size.bytes();
    let segments = facts.stop.lsn.0.saturating_sub(1) / bytes - facts.start.lsn.0 / bytes + 1;
    let (segments, size) = (count(segments, "segment"), whole_size(bytes));
    let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let mut text = line("WAL needed", &format!("{range}, {segments} of {size}"));
    if facts.standalone {
        text += &line("", "all of it inside the backup");
    }
    for (repository, needed) in seen.repositories.iter().zip(needed_in(seen, backup)) {
        let found = match needed {
            Some(Needed::Complete) if facts.standalone => continue,
            Some(Needed::Complete) => "all there".to_owned(),
            Some(Needed::Missing(segment)) => format!("{segment} is missing"),
            Some(Needed::Unknown) => "the order of its timelines is not known".to_owned(),
            None => "not known".to_owned(),
        };
        text += &line("", &format!("in repository {}: {found}", repository.name()));
    }
    text
}
