//! Verification of a snapshot in packs: every object is read once, those that it shares with earlier ones included, and
//! proved by its length and SHA-256. With a private key, or in the clear, the index, the list of contents and every
//! content are proved as well.

use std::cell::RefCell;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::super::index::IndexReader;
use super::super::problems::{MediaProgress, Verified};
use super::contents::{ContentPlace, Holder, PackedContents};
use super::source::{PackedSource, Proved, Resuming};
use crate::backup::{StoredObject, damaged, hex};
use crate::codec::{Digest, decode_unlabelled, read_failed};
use crate::error::{Class, Error, Result};
use crate::threads::in_threads;
use crate::threads::lock;

/// `folder` is for a file without a name. What is wrong is told.
pub fn verify_packed(
    source: &PackedSource<'_>,
    folder: &Path,
    threads: NonZeroUsize,
    progress: &(dyn Fn(MediaProgress) + Sync),
) -> Result<Verified> {
    let mut verified = Verified::default();
    let readable = !source.description.encrypted || !source.identities.is_empty();
    let contents = if readable { source.contents().map(Some) } else { Ok(None) };
    let contents = contents.unwrap_or_else(|error| {
        verified.problems.failed("verify", Path::new("the contents"), &error);
        None
    });
    if let Some(contents) = &contents
        && let Err(error) = check_index(source, folder, contents, &mut verified)
    {
        verified.problems.failed("verify", Path::new("the index"), &error);
    }
    let members = contents.as_ref().map(PackedContents::in_order).unwrap_or_default();
    let objects: Vec<(&str, &StoredObject)> = source.description.all_objects().collect();
    let verified = Mutex::new(verified);
    in_threads(threads, &objects, |(snapshot, object)| {
        let key = source.key(snapshot, &object.object);
        let members = contents
            .as_ref()
            .map_or(&[][..], |contents| of_object(contents, &members, snapshot, &object.object));
        let outcome = check(source, &key, object, members);
        let mut verified = lock(&verified);
        if let Err(error) = outcome {
            if error.class() == Class::Damaged {
                verified.damage.objects.insert(format!("{snapshot}/{}", object.object));
            }
            verified.problems.failed("verify", Path::new(&key), &error);
        }
        verified.seen.size += object.stored_size;
        progress(verified.seen);
    });
    Ok(verified.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Every file's content must be among the contents.
fn check_index(
    source: &PackedSource<'_>,
    folder: &Path,
    contents: &PackedContents,
    verified: &mut Verified,
) -> Result<()> {
    let index = source.index(folder)?;
    let mut index = IndexReader::open(index.reader())?;
    while let Some(entry) = index.next_entry()? {
        verified.seen.entries += 1;
        let Some(content) = entry.content() else { continue };
        let known = contents.get(&content.digest).is_some_and(|it| it.size == content.size);
        if !known {
            let reason =
                format!("the content with BLAKE3 {} is not among the contents", content.digest);
            verified.problems.failed("verify", entry.path.as_path(), &reason);
        }
    }
    Ok(())
}

/// Those in one object, in their order there.
fn of_object<'m>(
    contents: &PackedContents,
    members: &'m [(Digest, ContentPlace)],
    snapshot: &str,
    object: &str,
) -> &'m [(Digest, ContentPlace)] {
    let holder = Holder { snapshot: snapshot.to_owned(), object: object.to_owned() };
    let Some(number) = contents.number_of(&holder) else { return &[] };
    let first = members.partition_point(|(_, place)| place.object < number);
    let end = members.partition_point(|(_, place)| place.object <= number);
    &members[first..end]
}

/// Once through the object: its own bytes, and each content in it.
fn check(
    source: &PackedSource<'_>,
    key: &str,
    object: &StoredObject,
    members: &[(Digest, ContentPlace)],
) -> Result<()> {
    let stored = source.stored(key, 0, object.stored_size.saturating_add(1));
    let stored = RefCell::new(HashedReader { stored, sha256: Sha256::new(), length: 0 });
    let mut wrong: Option<Error> = None;
    for (digest, place) in members {
        skip(&stored, place.offset)?;
        let proved = prove(source, &stored, *digest, place);
        // Once one is damaged the others are none the better for being looked at.
        if let Err(error) = proved {
            wrong = Some(error.while_doing(format!("at {}", place.offset)));
            break;
        }
        skip(&stored, place.offset + place.stored_size)?;
    }
    skip(&stored, u64::MAX)?;
    let HashedReader { sha256, length, .. } = stored.into_inner();
    let and = wrong.as_ref().map_or_else(String::new, |error| format!("; {error}"));
    if length != object.stored_size {
        let found =
            if length > object.stored_size { "more".to_owned() } else { length.to_string() };
        let expected = object.stored_size;
        return Err(damaged(format!("expected an object of {expected} bytes, found {found}{and}")));
    }
    let found = hex(sha256);
    if !found.eq_ignore_ascii_case(&object.sha256) {
        let expected = &object.sha256;
        return Err(damaged(format!(
            "expected an object with SHA-256 {expected}, found {found}{and}"
        )));
    }
    wrong.map_or(Ok(()), Err)
}

fn prove(
    source: &PackedSource<'_>,
    stored: &RefCell<HashedReader<'_>>,
    digest: Digest,
    place: &ContentPlace,
) -> Result<()> {
    let at = stored.borrow().length;
    if at != place.offset {
        let message = format!("expected content at {}, found one that ends at {at}", place.offset);
        return Err(damaged(message));
    }
    let member = SharedReader(stored).take(place.stored_size);
    let plain = decode_unlabelled(member, source.description.encrypted, source.identities)?;
    let mut plain = Proved::new(plain, digest, place.size);
    io::copy(&mut plain, &mut io::sink()).map(drop).map_err(|error| read_failed(&error))
}

/// Reads on until this position, or the end.
fn skip(stored: &RefCell<HashedReader<'_>>, to: u64) -> Result<()> {
    let at = stored.borrow().length;
    let mut rest = SharedReader(stored).take(to.saturating_sub(at));
    io::copy(&mut rest, &mut io::sink()).map(drop).map_err(|error| read_failed(&error))
}

/// The stored bytes, counted and summed.
struct HashedReader<'a> {
    stored: Resuming<'a>,
    sha256: Sha256,
    length: u64,
}

struct SharedReader<'s, 'a>(&'s RefCell<HashedReader<'a>>);

impl Read for SharedReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let HashedReader { stored, sha256, length } = &mut *self.0.borrow_mut();
        let read = stored.read(buffer)?;
        sha256.update(&buffer[..read]);
        *length += read as u64;
        Ok(read)
    }
}
