//! One object of a backup comes over: as it is, or in another form. It has its name in the target only when the source was
//! proved.

use std::io::{self, Read, Write};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::session::CopySession;
use crate::backup::{ObjectSource, StoredObject, hex};
use crate::codec::{Recipients, decrypted_stream, read_failed};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::failpoint;
use crate::repository::Repository;
use crate::storage::{Created, Metadata, NewLargeObject};

const BUFFER_BYTES: usize = 1 << 20;

/// How a backup is stored in the target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyForm {
    /// As in the source.
    AsItIs,
    /// It is opened, where it is encrypted, and encrypted, where the target does that.
    Recoded,
}

/// An object that is in the target.
pub(super) struct CopiedObject {
    pub(super) stored: StoredObject,
    pub(super) new: bool,
}

impl CopyForm {
    pub(super) fn of(encrypted: bool, to: &Repository, anew: bool) -> Self {
        let same = encrypted == to.encrypts() && !(encrypted && anew);
        if same { Self::AsItIs } else { Self::Recoded }
    }
}

impl CopySession<'_> {
    /// Copies what `source` has below its prefix to the same place.
    pub(super) fn copy_object(
        &self,
        source: &ObjectSource<'_>,
        object: &StoredObject,
        form: CopyForm,
    ) -> Result<CopiedObject> {
        let copied = match form {
            CopyForm::AsItIs => self.copy_as_it_is(source, object),
            CopyForm::Recoded => self.recode(source, object),
        };
        self.advance(object.stored_size);
        copied.map_err(|error| {
            let (key, from) = (format!("{}{}", source.prefix, object.object), self.from().name());
            error.while_doing(format!("could not copy {key} from repository {from}"))
        })
    }

    fn copy_as_it_is(
        &self,
        source: &ObjectSource<'_>,
        object: &StoredObject,
    ) -> Result<CopiedObject> {
        let key = format!("{}{}", source.prefix, object.object);
        if self.is_there(source, object)? {
            return Ok(CopiedObject { stored: object.clone(), new: false });
        }
        if let Some(created) = self.copy_in_store(source, object, &key)? {
            failpoint::reach("copy.object-stored");
            return self.settled(created, source, object);
        }
        let storage = self.to().storage();
        let begin = || storage.begin_large(&key, 0, object.stored_size, &Metadata::new());
        let whole = source.stored_bytes(object, &mut |stored| {
            let mut sink = CopySink::new(begin()?, false);
            pump(stored, &mut sink)?;
            Ok(sink.object)
        })?;
        failpoint::reach("copy.object-read");
        let created = whole.finish(Bytes::new())?;
        failpoint::reach("copy.object-stored");
        self.settled(created, source, object)
    }

    /// Somebody else may have been there first, with the same object.
    fn settled(
        &self,
        created: Created,
        source: &ObjectSource<'_>,
        object: &StoredObject,
    ) -> Result<CopiedObject> {
        let new = created == Created::New;
        if !new && !self.is_there(source, object)? {
            return Err(in_the_way(&format!("{}{}", source.prefix, object.object)));
        }
        Ok(CopiedObject { stored: object.clone(), new })
    }

    /// Where one store has both. Nobody reads the object then: its length is what is known of it.
    fn copy_in_store(
        &self,
        source: &ObjectSource<'_>,
        object: &StoredObject,
        key: &str,
    ) -> Result<Option<Created>> {
        let Some(place) = source.storage.server_side() else { return Ok(None) };
        let theirs = self.to().storage().server_side();
        if theirs.is_none_or(|it| it.store != place.store) {
            return Ok(None);
        }
        let found = source.storage.head(key)?.map(|it| it.size);
        if found != Some(object.stored_size) {
            let (expected, found) = (object.stored_size, found.unwrap_or(0));
            let message = format!("expected {key} with {expected} bytes, found {found}");
            return Err(Error::new(Class::Damaged, message));
        }
        self.to().storage().copy_within(&place, key, key, object.stored_size)
    }

    /// Whether the target has this very object. Other content is an error.
    fn is_there(&self, source: &ObjectSource<'_>, object: &StoredObject) -> Result<bool> {
        let key = format!("{}{}", source.prefix, object.object);
        let Some(head) = self.to().storage().head(&key)? else { return Ok(false) };
        let there = self.objects(self.to(), source.prefix, source.encrypted);
        let proved = match head.size == object.stored_size {
            true => there.stored(object, &|_| {}),
            false => Err(in_the_way(&key)),
        };
        proved.map_err(|error| match error.class() {
            Class::Damaged => in_the_way(&key).adding(format_args!(": {}", error.message())),
            _ => error,
        })?;
        self.to().storage().settle(&key)?;
        Ok(true)
    }

    /// Decrypts, and encrypts to the keys of the target.
    fn recode(&self, source: &ObjectSource<'_>, object: &StoredObject) -> Result<CopiedObject> {
        let to = self.to();
        let name = name_in(&object.object, to.encrypts());
        let key = format!("{}{name}", source.prefix);
        if to.storage().head(&key)?.is_some() {
            return Err(in_the_way(&key));
        }
        // Encryption adds a thousandth, and a header of up to 100 bytes for each key.
        let size_max = object.stored_size + (object.stored_size >> 10) + (1 << 16);
        let identities = source.identities;
        let sink = source.stored_bytes(object, &mut |stored| {
            let begun = to.storage().begin_large(&key, 0, size_max, &Metadata::new())?;
            let mut sink = CopySink::new(begun, true);
            match source.encrypted {
                true => {
                    write(&mut decrypted_stream(stored, identities)?, &mut sink, to.recipients())?
                }
                false => write(stored, &mut sink, to.recipients())?,
            }
            Ok(sink)
        })?;
        let CopySink { object: whole, hasher, length } = sink;
        failpoint::reach("copy.object-read");
        if whole.finish(Bytes::new())? == Created::Taken {
            return Err(in_the_way(&key));
        }
        failpoint::reach("copy.object-stored");
        let (size, sha256) = (object.size, hex(hasher.unwrap_or_default()));
        let stored = StoredObject { object: name, size, stored_size: length, sha256 };
        Ok(CopiedObject { stored, new: true })
    }
}

/// What an object is called where objects are encrypted, or in the clear.
pub(super) fn name_in(name: &str, encrypted: bool) -> String {
    let clear = name.strip_suffix(".age").unwrap_or(name);
    // A note is in the clear everywhere.
    if encrypted && !clear.ends_with(".json") { format!("{clear}.age") } else { clear.to_owned() }
}

fn write(
    content: &mut dyn Read,
    sink: &mut CopySink<'_>,
    recipients: Option<&Recipients>,
) -> Result<()> {
    let Some(recipients) = recipients else { return pump(content, sink) };
    let mut wrapped = recipients.wrap(sink)?;
    pump(content, &mut wrapped)?;
    wrapped.finish().map(drop).map_err(|error| read_failed(&error))
}

fn pump(content: &mut dyn Read, out: &mut dyn Write) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = content.read(&mut buffer).map_err(|error| read_failed(&error))?;
        if read == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..read]).map_err(|error| read_failed(&error))?;
    }
}

/// An object of the target that is being written, summed and measured.
struct CopySink<'a> {
    object: Box<dyn NewLargeObject + 'a>,
    /// Where nobody else sums it.
    hasher: Option<Sha256>,
    length: u64,
}

impl<'a> CopySink<'a> {
    fn new(object: Box<dyn NewLargeObject + 'a>, sum: bool) -> Self {
        Self { object, hasher: sum.then(Sha256::new), length: 0 }
    }
}

impl Write for CopySink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        self.length += bytes.len() as u64;
        self.object.write(Bytes::copy_from_slice(bytes)).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn in_the_way(key: &str) -> Error {
    let message = format!("something else is in the target at {key}; nothing was changed");
    Error::new(Class::Conflict, message).of(ErrorKind::InTheWay).hint(
        "Did somebody else store a backup under this id, or was a copy to other keys cut short? Look at that object, \
         and remove it if nobody needs it; then copy again.",
    )
}
