use std::io::{Read as _, Write as _};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Server;
use super::lane::taken;
use crate::base_backup::layout::{BackupFolder, DESCRIPTION, manifest_name};
use crate::base_backup::{Description, FORMAT, Part, Position, StoredObject, Tablespace};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::Repository;
use crate::storage::{Created, Facts};

/// What the descriptions of one backup have in common in all repositories.
pub struct Draft<'a> {
    pub label: String,
    pub server: &'a Server,
    pub start: Position,
    pub stop: Position,
    pub checksum_failures: bool,
    pub standalone: bool,
    pub tablespaces: Vec<Tablespace>,
    pub manifest: Vec<u8>,
    /// zstd level.
    pub level: i32,
}

/// Stores the manifest, and then the description: with it the backup exists there.
pub fn describe(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &Draft<'_>,
    parts: Vec<Part>,
) -> Result<Description> {
    let said = |error: Error| {
        error.while_doing(format!("could not store the backup in repository {}", repository.name()))
    };
    failpoint::reach("create.parts-done");
    let manifest = store_manifest(repository, folder, draft).map_err(said)?;
    failpoint::reach("create.manifest-stored");
    let description = Description {
        seawall: FORMAT,
        id: folder.id().to_owned(),
        label: draft.label.clone(),
        system_identifier: draft.server.system.to_string(),
        postgres_version: draft.server.version,
        wal_segment_size: u32::try_from(draft.server.segment_size.bytes()).unwrap_or(0),
        start: draft.start.clone(),
        stop: draft.stop.clone(),
        from_standby: draft.server.from_standby,
        checksum_failures: draft.checksum_failures,
        standalone: draft.standalone,
        encrypted: repository.encrypts(),
        tablespaces: draft.tablespaces.clone(),
        parts,
        manifest,
    };
    let json = Bytes::from(description.to_json()?);
    create_once(repository, folder, DESCRIPTION, json).map_err(said)?;
    failpoint::reach("create.described");
    Ok(description)
}

fn store_manifest(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &Draft<'_>,
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
    let sha256 = Sha256::digest(&stored).iter().map(|byte| format!("{byte:02x}")).collect();
    let object = StoredObject {
        object: manifest_name(repository.encrypts()),
        size: draft.manifest.len() as u64,
        stored_size: stored.len() as u64,
        sha256,
    };
    create_once(repository, folder, &object.object, Bytes::from(stored))?;
    Ok(object)
}

/// An object that is there already is ours when it has the very same bytes: the answer of a bucket may
/// have got lost.
fn create_once(
    repository: &Repository,
    folder: &BackupFolder,
    object: &str,
    content: Bytes,
) -> Result<()> {
    let (storage, key) = (repository.storage(), folder.key(object));
    if storage.create(&key, content.clone(), &Facts::new())? == Created::New {
        return Ok(());
    }
    let mut there = Vec::new();
    if let Some(mut reader) = storage.open(&key, Some(content.len() as u64 + 1))? {
        reader.read_to_end(&mut there).map_err(|error| read_failed(&error))?;
    }
    if there == content { Ok(()) } else { Err(taken(object)) }
}
