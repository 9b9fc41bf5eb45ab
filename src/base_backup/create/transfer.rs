use std::sync::mpsc;
use std::{io, thread};

use super::lane::{self, Message};
use super::parts::Parts;
use super::variant::{EndOfPart, make_variant};
use crate::base_backup::layout::{BackupFolder, part_name};
use crate::base_backup::{Part, Tablespace};
use crate::codec::{FrameStream, Output};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::replication::{BaseBackup, Connection, End, Options, Piece, Position};
use crate::repository::Repository;

/// So many pieces wait for each thread that takes them: enough that none idles, little enough that
/// memory stays bounded where a repository is slow.
const WAITING_MAX: usize = 8;

/// Parts of a small backup, and of a large one. In between there are about 64.
const PART_BYTES: std::ops::RangeInclusive<u64> = 32 << 20..=1 << 30;
const PARTS: u64 = 64;

/// What came from the server, and what became of its parts in each repository.
pub struct Transfer {
    pub start: Position,
    pub end: End,
    pub tablespaces: Vec<Tablespace>,
    /// `backup_manifest`, as the server sent it.
    pub manifest: Vec<u8>,
    pub outcomes: Vec<Result<Vec<Part>>>,
}

/// Sends the backup through the compressor into every repository at once. One that fails is left out;
/// the backup goes on as long as one is left.
pub fn transfer(
    config: &Config,
    repositories: &[Repository],
    folder: &BackupFolder,
    connection: &mut Connection,
    options: &Options,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Transfer> {
    let backup = BaseBackup::start(connection, options)?;
    let (start, listed) = (backup.start, backup.tablespaces.clone());
    let estimate: Option<u64> = listed.iter().map(|it| it.size.map(|kib| kib * 1024)).sum();
    let part_bytes = (estimate.unwrap_or(0) / PARTS).clamp(*PART_BYTES.start(), *PART_BYTES.end());
    thread::scope(|scope| {
        let (mut lanes, mut variants, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        for encrypted in [false, true] {
            let mut senders = Vec::new();
            for repository in repositories.iter().filter(|it| it.encrypts() == encrypted) {
                let (sender, messages) = mpsc::sync_channel::<Message>(WAITING_MAX);
                senders.push(sender);
                let name = move |number| part_name(number, encrypted);
                let store = move || lane::store(repository, folder, messages, name);
                lanes.push((repository.name(), scope.spawn(store)));
            }
            let recipients = repositories.iter().filter(|it| it.encrypts() == encrypted);
            let Some(recipients) = recipients.map(Repository::recipients).next() else { continue };
            let (input, outputs) = mpsc::sync_channel::<Output<EndOfPart>>(WAITING_MAX);
            inputs.push(input);
            variants.push(scope.spawn(move || make_variant(outputs, recipients, senders)));
        }
        let basebackup = &config.basebackup;
        let frames = FrameStream::start(scope, basebackup.compression_level, basebackup.parallel);
        let mut take = |output: Output<EndOfPart>| -> io::Result<()> {
            inputs.retain(|input| input.send(output.clone()).is_ok());
            if inputs.is_empty() {
                Err(io::Error::other("every repository failed"))
            } else {
                Ok(())
            }
        };
        let mut received = 0;
        let mut count = |bytes: usize| {
            received += bytes as u64;
            progress(received, estimate);
        };
        let read = read(backup, Parts::new(frames, part_bytes), &mut take, &mut count);
        drop(inputs);
        let made: Vec<Result<()>> =
            variants.into_iter().map(|it| it.join().unwrap_or_else(|_| Err(died()))).collect();
        let mut outcomes: Vec<(&str, Result<Vec<Part>>)> = Vec::new();
        for (name, lane) in lanes {
            outcomes.push((name, lane.join().unwrap_or_else(|_| Err(died()))));
        }
        // In the order of the configuration again.
        let place = |name: &str| repositories.iter().position(|it| it.name() == name);
        outcomes.sort_by_key(|(name, _)| place(name));
        let outcomes: Vec<Result<Vec<Part>>> = outcomes.into_iter().map(|(_, it)| it).collect();
        if outcomes.iter().all(Result::is_err) {
            // Why the rest failed is only an echo of it.
            return Err(outcomes.into_iter().find_map(Result::err).unwrap_or_else(died));
        }
        let (end, manifest) = read?;
        made.into_iter().collect::<Result<()>>()?;
        let tablespaces = listed
            .into_iter()
            .filter_map(|it| Some(Tablespace { oid: it.oid?, location: it.location? }));
        let tablespaces = tablespaces.collect();
        Ok(Transfer { start, end, tablespaces, manifest, outcomes })
    })
}

/// Reads all that the server sends.
fn read(
    backup: BaseBackup<'_>,
    mut parts: Parts<'_>,
    take: &mut dyn FnMut(Output<EndOfPart>) -> io::Result<()>,
    count: &mut dyn FnMut(usize),
) -> Result<(End, Vec<u8>)> {
    let mut manifest = Vec::new();
    let end = backup.read(&mut |piece| match piece {
        Piece::Archive(tablespace) => parts.begin_archive(tablespace, take),
        Piece::Data(data) => {
            count(data.len());
            parts.write(data, take)
        }
        Piece::Manifest(data) => {
            manifest.extend_from_slice(data);
            Ok(())
        }
    })?;
    parts.finish(take)?;
    Ok((end, manifest))
}

fn died() -> Error {
    Error::new(Class::Internal, "a thread of the backup died")
}
