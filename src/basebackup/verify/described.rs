//! Compares `backup.json` with what the server itself put into the base backup: manifest, label, version and tablespace
//! map.
//!
//! A description that says otherwise would have a restore fetch the wrong WAL or place files wrongly.

use std::fmt::Display;

use super::files::{BACKUP_LABEL, ManifestFiles, PG_VERSION, TABLESPACE_MAP};
use crate::basebackup::Description;
use crate::basebackup::catalogue::Facts;
use crate::postgres::{BackupLabel, BackupManifest, Lsn, TablespaceMap, TimelineId, WalSegment};
use crate::threads::lock;

/// What `backup.json` says otherwise than the backup itself.
pub(super) fn faults(
    facts: &Facts,
    description: &Description,
    manifest: &BackupManifest,
    files: &ManifestFiles<'_>,
) -> Vec<String> {
    let mut faults = by_manifest(facts, manifest);
    let kept = lock(&files.kept);
    match kept.get(BACKUP_LABEL).map(|content| BackupLabel::parse(content)) {
        None => faults.push(format!("{BACKUP_LABEL} is not in the backup")),
        Some(Err(error)) => faults.push(format!("{BACKUP_LABEL}: {error}")),
        Some(Ok(label)) => faults.extend(by_label(facts, &label)),
    }
    let version = kept.get(PG_VERSION).map(|content| String::from_utf8_lossy(content));
    let (expected, found) = (version.unwrap_or_default(), facts.postgres_version.major());
    faults.extend(differs("PostgreSQL", expected.trim(), PG_VERSION, found));
    let map = kept.get(TABLESPACE_MAP).map(Vec::as_slice).unwrap_or_default();
    match TablespaceMap::parse(map) {
        Err(error) => faults.push(format!("{TABLESPACE_MAP}: {error}")),
        Ok(map) => faults.extend(by_map(&map, description)),
    }
    faults
}

fn differs(
    what: &str,
    expected: impl Display,
    source: &str,
    found: impl Display,
) -> Option<String> {
    let (expected, found) = (expected.to_string(), found.to_string());
    let differs = expected != found;
    differs.then(|| format!("expected {what} {expected} as {source} says, found {found}"))
}

fn at(lsn: Lsn, timeline: TimelineId) -> String {
    format!("{lsn} on timeline {}", timeline.number())
}

/// The timelines that a backup passed through are in it with a range each (`AddWALInfoToBackupManifest` in
/// `backup_manifest.c`).
fn by_manifest(facts: &Facts, manifest: &BackupManifest) -> Vec<String> {
    let ranges = || manifest.wal_ranges.iter();
    let Some(first) = ranges().min_by_key(|range| range.timeline) else { return Vec::new() };
    let last = ranges().max_by_key(|range| range.timeline).unwrap_or(first);
    let (start, stop) = (&facts.start, &facts.stop);
    let found = [at(start.lsn, start.timeline), at(stop.lsn, stop.timeline)];
    let expected = [at(first.start, first.timeline), at(last.end, last.timeline)];
    let each = ["a start at", "a stop at"].into_iter().zip(expected).zip(found);
    each.filter_map(|((what, expected), found)| differs(what, expected, "backup_manifest", found))
        .collect()
}

fn by_label(facts: &Facts, label: &BackupLabel) -> Vec<String> {
    let start = &facts.start;
    let segment = WalSegment::at(start.lsn, start.timeline, facts.segment_size);
    let segment = segment.map_or("none".to_owned(), |segment| segment.to_string());
    let expected = at(label.start, label.segment.timeline);
    let side = |standby: bool| if standby { "standby" } else { "primary" };
    let (from, found) = (side(label.from_standby), side(facts.from_standby));
    // The label ends with its line there.
    let name = facts.label.lines().next().unwrap_or_default();
    let said = label.label.as_deref().unwrap_or_default();
    [
        differs("a start at", expected, BACKUP_LABEL, at(start.lsn, start.timeline)),
        differs("the first segment to be", label.segment, BACKUP_LABEL, segment),
        differs("a backup from a", from, BACKUP_LABEL, found),
        differs("the label", said, BACKUP_LABEL, name),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Tablespaces within the data directory are not in the map.
fn by_map(map: &TablespaceMap, description: &Description) -> Vec<String> {
    let locations = description.locations();
    let mapped = map.0.iter().filter_map(|(oid, path)| {
        let path = path.to_string_lossy();
        match locations.get(oid) {
            Some(found) => differs(&format!("tablespace {oid} at"), path, TABLESPACE_MAP, found),
            None => Some(format!(
                "tablespace {oid} at {path}, which {TABLESPACE_MAP} names, is missing"
            )),
        }
    });
    let mut faults: Vec<String> = mapped.collect();
    let unknown = description.tablespaces.iter();
    let unknown = unknown.filter(|it| it.location.starts_with('/') && !map.0.contains_key(&it.oid));
    faults.extend(
        unknown.map(|it| {
            format!("it has tablespace {}, which {TABLESPACE_MAP} does not name", it.oid)
        }),
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basebackup::description::tests::description;

    const LABEL: &str = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n\
        CHECKPOINT LOCATION: 0/2000080\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n\
        START TIME: 2026-11-22 20:27:38 UTC\nLABEL: nightly\nSTART TIMELINE: 1\n";

    #[test]
    fn what_the_label_says_otherwise_is_said() {
        let facts = Facts::of(&description()).unwrap();
        let faults = |from: &str, to: &str| {
            let label = BackupLabel::parse(LABEL.replacen(from, to, 1).as_bytes()).unwrap();
            by_label(&facts, &label)
        };
        assert_eq!(faults("nightly", "nightly"), [""; 0]);
        assert_eq!(
            faults("0/2000028", "0/2000060"),
            [
                "expected a start at 0/2000060 on timeline 1 as backup_label says, found 0/2000028 on timeline 1"
            ]
        );
        assert_eq!(
            faults("000000010000000000000002", "000000010000000000000020"),
            [
                "expected the first segment to be 000000010000000000000020 as backup_label says, found \
              000000010000000000000002"
            ]
        );
        assert_eq!(
            faults("primary", "standby"),
            ["expected a backup from a standby as backup_label says, found primary"]
        );
        assert_eq!(
            faults("nightly", "weekly"),
            ["expected the label weekly as backup_label says, found nightly"]
        );
    }

    #[test]
    fn tablespaces_are_those_of_the_map() {
        let faults =
            |map: &str| by_map(&TablespaceMap::parse(map.as_bytes()).unwrap(), &description());
        assert_eq!(faults("16385 /ts\n"), [""; 0]);
        assert_eq!(
            faults("16386 /other\n"),
            [
                "tablespace 16386 at /other, which tablespace_map names, is missing",
                "it has tablespace 16385, which tablespace_map does not name"
            ]
        );
    }
}
