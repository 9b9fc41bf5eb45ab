//! The end of a base backup in one repository: waits until its WAL is there, or says why that does not come, stores the
//! manifest, and then `backup.json`, with which the backup exists.
//!
//! Until then all that is there counts as unfinished, whenever the process ends.

use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
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
use crate::replication::{Archiver, ArchiverAttempt, ServerFacts, query};
use crate::repository::{Repository, WalFolder, WalRange};

/// Between two looks for WAL that is about to come: most often it is there in a moment.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Between two questions whether a repository is owed the segment that is missing.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(2);

/// Between two lines that say so.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Until the WAL of a base backup is in a repository.
pub(super) struct WalWait<'a> {
    pub config: &'a Config,
    pub wal: &'a WalFolder,
    pub range: WalRange,
    pub identities: &'a Identities,
    /// Whether a repository, by its name, gets this segment later.
    pub is_owed: &'a dyn Fn(&str, &WalFolder, WalSegment) -> bool,
    pub until: Instant,
}

impl WalWait<'_> {
    fn wait_for_wal(&self, repository: &Repository) -> Result<()> {
        let (mut said, mut lines, mut pause) = (Instant::now(), 0, PAUSE_MIN);
        let mut asked = None;
        // What was read once is there.
        let mut range = self.range;
        while let Some(missing) = repository.first_missing(self.wal, range, self.identities)? {
            range.first = missing;
            if asked.is_none_or(|at: Instant| at.elapsed() >= BETWEEN_QUESTIONS) {
                asked = Some(Instant::now());
                if (self.is_owed)(repository.name(), self.wal, missing) {
                    return Err(is_owed(repository, missing));
                }
            }
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
        let mut connection = connection.ok()?;
        let server = ServerFacts::over_sql(&mut connection).ok()?;
        Some(why(&server, &Archiver::ask(&mut connection).ok()?, missing))
    }
}

fn is_owed(repository: &Repository, missing: WalSegment) -> Error {
    let name = repository.name();
    let message = format!(
        "repository {name} is owed segment {missing}, which the backup needs, and gets that first"
    );
    Error::new(Class::Unreachable, message)
}

fn why(server: &ServerFacts, archiver: &Archiver, missing: WalSegment) -> String {
    if server.leaves_archiving_to_its_primary() {
        let why = "this standby archives nothing itself (archive_mode = always would)";
        return format!("{why}, and its primary has not archived it into this repository");
    }
    if server.archive_mode() == "off" {
        return "the server archives nothing: archive_mode is off".to_owned();
    }
    let set = |name: &str| server.settings.text(name).is_some_and(|it| !it.is_empty());
    if !set("archive_command") && !set("archive_library") {
        return "the server archives nothing: archive_command is empty".to_owned();
    }
    if let Some(ArchiverAttempt { file, at, .. }) = archiver.failure() {
        let at = Timestamp::from_second(at.as_second()).map_or(at.to_string(), in_utc);
        let failures = archiver.failures;
        return format!(
            "the server could not archive {file} at {at}, the newest of {failures} failed \
             attempts; its log says why"
        );
    }
    let Some(ArchiverAttempt { file: archived, .. }) = &archiver.archived else {
        return "the server has archived nothing yet".to_owned();
    };
    let last = match archived.parse() {
        // What has a longer name comes after the segment.
        Ok(WalFileName::Segment(it) | WalFileName::Backup { segment: it, .. }) => Some(it),
        _ => None,
    };
    match last {
        Some(last) if last.timeline == missing.timeline && last >= missing => format!(
            "the server has archived everything up to {archived}, so its archive_command archives elsewhere"
        ),
        _ => format!("the server has archived up to {archived} by now"),
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
    use crate::postgres::{Lsn, ServerVersion, SystemIdentifier, WalSegmentSize};
    use crate::replication::ServerSettings;

    #[test]
    fn the_server_s_own_words_say_why() {
        let Ok(WalFileName::Segment(missing)) = "000000010000000000000005".parse() else {
            panic!("a segment")
        };
        let attempt = |file: &str, at: &str| {
            let attempt = ArchiverAttempt {
                file: file.to_owned(),
                at: at.parse().unwrap(),
                shown: at.to_owned(),
            };
            (!file.is_empty()).then_some(attempt)
        };
        // In recovery? `archive_mode`, `archive_command`, the file that was archived last, and the one that failed later.
        let said =
            |(in_recovery, mode, command, archived, failed): (bool, &str, &str, &str, &str)| {
                let settings = [("archive_mode", mode), ("archive_command", command)];
                let settings = settings.map(|(name, value)| (name, value.to_owned()));
                let server = ServerFacts {
                    version: ServerVersion(180_000),
                    system: SystemIdentifier(1),
                    timeline: missing.timeline,
                    written: Lsn(0),
                    segment_size: WalSegmentSize::from_bytes(16 << 20).unwrap(),
                    in_recovery,
                    clock: None,
                    settings: ServerSettings::of(settings),
                };
                let archiver = Archiver {
                    archived: attempt(archived, "2026-11-22T13:00:00Z"),
                    failed: attempt(failed, "2026-11-22T13:29:59.7Z"),
                    failures: 9,
                };
                why(&server, &archiver, missing)
            };
        let (old, new) = ("000000010000000000000003", "000000010000000000000005.00000028.backup");
        for (row, expected) in [
            ((true, "on", "c", old, ""), "this standby archives nothing itself"),
            ((false, "off", "", "", ""), "archive_mode is off"),
            ((false, "on", "", "", ""), "archive_command is empty"),
            (
                (false, "on", "c", old, missing.to_string().as_str()),
                "could not archive 000000010000000000000005 at 2026-11-22 13:29:59+00, the newest of 9 failed",
            ),
            ((false, "on", "c", new, ""), "so its archive_command archives elsewhere"),
            ((false, "on", "c", "", ""), "the server has archived nothing yet"),
            ((true, "always", "c", old, ""), "up to 000000010000000000000003 by now"),
        ] {
            assert!(said(row).contains(expected), "{row:?}: {}", said(row));
        }
    }
}
