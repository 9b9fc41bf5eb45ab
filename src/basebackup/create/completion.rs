//! The end of a base backup in one repository: waits until its WAL is there, or says why that does not come, stores the
//! manifest, and then `backup.json`, with which the backup exists.
//!
//! Until then all that is there counts as unfinished, whenever the process ends.

use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::backup::{BackupFolder, StoredObject, create_once, hex, make_exist, withdraw};
use crate::basebackup::description::{check_manifest_length, manifest_name};
use crate::basebackup::restore::in_utc;
use crate::basebackup::{Description, Elsewhere, FORMAT, Part, Position, Tablespace};
use crate::codec::Identities;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{WalFileName, WalSegment};
use crate::replication::{ServerFacts, query};
use crate::repository::{Repository, WalFolder, WalRange};

/// Between two looks for WAL that is about to come: most often it is there in a moment.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Between two lines that say so.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// What the server says of its archiver. Times as `jiff` reads them.
const ARCHIVER: &str = "SELECT pg_is_in_recovery(), current_setting('archive_mode'), \
     current_setting('archive_command') || coalesce(current_setting('archive_library', true), ''), \
     coalesce(last_archived_wal, ''), failed_count, coalesce(last_failed_wal, ''), \
     last_failed_time > coalesce(last_archived_time, '-infinity'), \
     to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM pg_stat_archiver";

/// Until the WAL of a base backup is in a repository.
pub(super) struct WalWait<'a> {
    pub config: &'a Config,
    pub wal: &'a WalFolder,
    pub range: WalRange,
    pub identities: &'a Identities,
    pub until: Instant,
}

impl WalWait<'_> {
    fn wait_for_wal(&self, repository: &Repository) -> Result<()> {
        let (mut said, mut lines, mut pause) = (Instant::now(), 0, PAUSE_MIN);
        // What was read once is there.
        let mut range = self.range;
        while let Some(missing) = repository.first_missing(self.wal, range, self.identities)? {
            range.first = missing;
            if Instant::now() >= self.until {
                return Err(self.too_late(repository, missing));
            }
            if said.elapsed() >= BETWEEN_LINES {
                (said, lines) = (Instant::now(), lines + 1);
                let repository = repository.name();
                tracing::info!(segment = %missing, repository, "waiting for WAL");
                // What has not come by then has a reason.
                if lines == 2
                    && let Some(why) = self.why(missing)
                {
                    tracing::warn!(segment = %missing, repository, "the WAL does not arrive: {why}");
                }
            }
            std::thread::sleep(pause);
            pause = PAUSE_MAX.min(pause * 2);
        }
        Ok(())
    }

    fn too_late(&self, repository: &Repository, missing: WalSegment) -> Error {
        let why = self.why(missing).map_or(String::new(), |why| format!(": {why}"));
        let message = format!(
            "the WAL of the backup, from {} to {}, is not complete in repository {}: {missing} did not arrive in time{why}",
            self.range.first,
            self.range.last,
            repository.name()
        );
        Error::new(Class::Gap, message).hint(
            "Does archive_command archive there? See SELECT * FROM pg_stat_archiver. If the primary \
             of this standby is idle, run SELECT pg_switch_wal() there. If archiving is slow, \
             raise basebackup.wal_timeout.",
        )
    }

    /// Over an ordinary connection; a role that is for replication alone may have none.
    fn why(&self, missing: WalSegment) -> Option<String> {
        let connection = query::connect(&self.config.connection, self.config.limits.connect);
        let row = query::first_row(&mut connection.ok()?, ARCHIVER).ok()?;
        why(&row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>(), missing)
    }
}

fn why(row: &[String], missing: WalSegment) -> Option<String> {
    let [in_recovery, mode, command, archived, failures, failed, fails, failed_at] = row else {
        return None;
    };
    if in_recovery == "t" && mode != "always" {
        let why = "this standby archives nothing itself (archive_mode = always would)";
        return Some(format!("{why}, and its primary has not archived it into this repository"));
    }
    if mode == "off" {
        return Some("the server archives nothing: archive_mode is off".to_owned());
    }
    if command.is_empty() {
        return Some("the server archives nothing: archive_command is empty".to_owned());
    }
    if fails == "t" {
        let at = failed_at.parse().map_or(failed_at.clone(), in_utc);
        return Some(format!(
            "the server could not archive {failed} at {at}, the newest of {failures} failed \
             attempts; its log says why"
        ));
    }
    let last = match archived.parse() {
        // What has a longer name comes after the segment.
        Ok(WalFileName::Segment(it) | WalFileName::Backup { segment: it, .. }) => Some(it),
        _ => None,
    };
    match last {
        Some(last) if last.timeline == missing.timeline && last >= missing => Some(format!(
            "the server has archived everything up to {archived}, so its archive_command archives elsewhere"
        )),
        _ if archived.is_empty() => Some("the server has archived nothing yet".to_owned()),
        _ => Some(format!("the server has archived up to {archived} by now")),
    }
}

const NO_RESTORE: &str =
    "The cluster has too many files: a restore can't read the names of some millions of files.";

/// What the descriptions of one backup have in common in all repositories.
pub(super) struct DescriptionDraft<'a> {
    pub label: String,
    pub server: &'a ServerFacts,
    pub start: Position,
    pub stop: Position,
    pub checksum_failures: bool,
    pub standalone: bool,
    pub tablespaces: Vec<Tablespace>,
    pub elsewhere: Vec<Elsewhere>,
    pub manifest: Vec<u8>,
    /// zstd level.
    pub level: i32,
}

/// Makes the backup exist in a repository where all of its parts are. What can't be completed is withdrawn.
pub(super) fn complete(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &DescriptionDraft<'_>,
    waiting: &WalWait<'_>,
    parts: Vec<Part>,
) -> Result<Description> {
    if !draft.standalone {
        let waited = waiting.wait_for_wal(repository);
        waited.inspect_err(|_| withdraw(repository, folder, &names(&parts)))?;
    }
    describe(repository, folder, draft, parts)
}

fn names(parts: &[Part]) -> Vec<&str> {
    parts.iter().map(|part| part.stored.object.as_str()).collect()
}

/// Stores manifest and description. The parts are there already; where the manifest fails they are withdrawn.
fn describe(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &DescriptionDraft<'_>,
    parts: Vec<Part>,
) -> Result<Description> {
    let said = |error: Error| {
        error.while_doing(format!("could not store the backup in repository {}", repository.name()))
    };
    failpoint::reach("create.parts-done");
    let length = check_manifest_length(&parts, draft.manifest.len() as u64);
    let length = length.map_err(|reason| Error::new(Class::Refused, reason).hint(NO_RESTORE));
    let manifest = length.and_then(|()| store_manifest(repository, folder, draft));
    let manifest = manifest.map_err(said).inspect_err(|_| {
        withdraw(repository, folder, &names(&parts));
    })?;
    failpoint::reach("create.manifest-stored");
    let description = Description {
        seawall: FORMAT,
        id: folder.id().to_owned(),
        label: draft.label.clone(),
        system_identifier: draft.server.system.to_string(),
        postgres_version: draft.server.version.0,
        wal_segment_size: u32::try_from(draft.server.segment_size.bytes()).unwrap_or(0),
        start: draft.start.clone(),
        stop: draft.stop.clone(),
        from_standby: draft.server.in_recovery,
        checksum_failures: draft.checksum_failures,
        standalone: draft.standalone,
        encrypted: repository.encrypts(),
        tablespaces: draft.tablespaces.clone(),
        elsewhere: Some(draft.elsewhere.clone()),
        parts,
        manifest,
    };
    let json = Bytes::from(description.to_json()?);
    let parts = description.parts.iter().map(|part| &part.stored);
    let objects = parts.chain([&description.manifest]);
    make_exist(repository, folder, objects, json).map_err(said)?;
    failpoint::reach("create.described");
    Ok(description)
}

fn store_manifest(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &DescriptionDraft<'_>,
) -> Result<StoredObject> {
    let failed = |error: std::io::Error| {
        Error::new(Class::Internal, format!("could not compress the manifest: {error}"))
    };
    let mut stored = zstd::bulk::compress(&draft.manifest, draft.level).map_err(failed)?;
    if let Some(recipients) = repository.recipients() {
        let mut writer = recipients.wrap(Vec::new())?;
        writer.write_all(&stored).map_err(failed)?;
        stored = writer.finish().map_err(failed)?;
    }
    let sha256 = hex(Sha256::new_with_prefix(&stored));
    let object = StoredObject {
        object: manifest_name(repository.encrypts()),
        size: draft.manifest.len() as u64,
        stored_size: stored.len() as u64,
        sha256,
    };
    create_once(repository, folder, &object.object, Bytes::from(stored))?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_own_words_say_why() {
        let Ok(WalFileName::Segment(missing)) = "000000010000000000000005".parse() else {
            panic!("a segment")
        };
        let said = |row: [&str; 8]| why(&row.map(str::to_owned), missing).unwrap();
        let (old, new) = ("000000010000000000000003", "000000010000000000000005.00000028.backup");
        let time = "2026-11-22T13:29:59Z";
        for (row, expected) in [
            (["t", "on", "c", old, "0", "", "", ""], "this standby archives nothing itself"),
            (["f", "off", "", "", "0", "", "", ""], "archive_mode is off"),
            (["f", "on", "", "", "0", "", "", ""], "archive_command is empty"),
            (
                ["f", "on", "c", old, "9", missing.to_string().as_str(), "t", time],
                "could not archive 000000010000000000000005 at 2026-11-22 13:29:59+00, the newest of 9 failed",
            ),
            (
                ["f", "on", "c", new, "9", old, "f", time],
                "so its archive_command archives elsewhere",
            ),
            (["f", "on", "c", "", "0", "", "", ""], "the server has archived nothing yet"),
            (["t", "always", "c", old, "0", "", "", ""], "up to 000000010000000000000003 by now"),
        ] {
            assert!(said(row).contains(expected), "{row:?}: {}", said(row));
        }
        assert_eq!(why(&[], missing), None);
    }
}
