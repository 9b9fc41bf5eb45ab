//! The end of a base backup in one repository: stores the manifest, and then `backup.json`, with which the backup
//! exists.
//!
//! Until then all that is there counts as unfinished, whenever the process ends.

use std::io::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::backup::{BackupFolder, StoredObject, create_once, hex, make_exist, withdraw};
use crate::basebackup::description::check_manifest_length;
use crate::basebackup::layout::manifest_name;
use crate::basebackup::{Description, Elsewhere, FORMAT, Part, Position, Tablespace};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::replication::ServerFacts;
use crate::repository::Repository;

const NO_RESTORE: &str =
    "A cluster of some millions of files is more than a restore can read the names of.";

/// What the descriptions of one backup have in common in all repositories.
pub struct DescriptionDraft<'a> {
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

/// Stores manifest and description. The parts are there already; where the manifest fails they are withdrawn.
pub fn describe(
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
        withdraw(repository, folder, &super::names(&parts));
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
