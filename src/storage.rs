//! Bytes under keys, on a disk or in an S3 bucket. One contract, tested by one suite on every back end
//! (`tests/suite/storage_contract.rs`).
//!
//! Here is the contract; `local` and `s3` keep it, `deadline` puts a time limit on either, `bandwidth` says when bytes may go
//! to them and come from them, and `volume` counts what a listing shows.

mod bandwidth;
mod deadline;
mod local;
mod s3;
mod volume;

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;

pub use bandwidth::{limit_bandwidth, pace};
pub use deadline::{DeadlineStorage, StillWanted};
pub use local::give_to_owner;
pub use s3::{Post, post};
pub use volume::Volume;

use crate::config::{Limits, Location, RepositoryConfig};
use crate::error::Result;

/// What became of an object that was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is there and durable.
    New,
    /// The key was taken, and what is there was left alone.
    Taken,
}

/// Small metadata kept beside an object where the store can do that: names in lower case, ASCII values.
pub type Metadata = BTreeMap<String, String>;

/// What [`Storage::head`] knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Length of the stored object in bytes.
    pub size: u64,
    /// Empty where the store keeps none.
    pub metadata: Metadata,
}

/// An object that is being written. Nobody sees anything of it before it is finished; dropped before
/// that, it never was.
pub trait NewObject {
    fn write(&mut self, content: Bytes) -> Result<()>;

    /// Ends it, with `front` before what was written, and does all that can be done before it has its key: on a
    /// disk the content is synced.
    fn complete<'a>(self: Box<Self>, front: Bytes) -> Result<Box<dyn WholeObject + 'a>>
    where
        Self: 'a;
}

/// An object that lacks nothing but its key. Nobody sees it; dropped, it never was.
pub trait WholeObject {
    /// Creates the object under its key if there is none. [`Created::New`] means durable: on a disk the file,
    /// its name and all new folders are synced; a bucket answered 2xx to a request with a checksum. Of several
    /// callers at the same instant one gets [`Created::New`], the others [`Created::Taken`] (on a store that
    /// ignores `If-None-Match` only if they are not closer together than a request).
    fn publish(self: Box<Self>, metadata: &Metadata) -> Result<Created>;
}

/// A large object that is being written, such as a part of a base backup: its content is on its way
/// while more of it is made. Nobody sees anything of it before it is finished; dropped before that, it
/// never was.
pub trait NewLargeObject: Send {
    fn write(&mut self, content: Bytes) -> Result<()>;

    /// Creates the object, as [`WholeObject::publish`] does. Should the answer of a bucket get lost, this
    /// finds out whether the object that is there now is this one.
    fn finish(self: Box<Self>, front: Bytes) -> Result<Created>;
}

/// One object of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    pub key: &'a str,
    /// Length of the stored object in bytes.
    pub size: u64,
    /// When it was created, by the clock of the store; `None` where that is not known. Copying a repository
    /// makes all young: good for an estimate, and for not deleting something yet.
    pub created: Option<Timestamp>,
}

/// A large object that is being sent, or was when its sender died. It takes room and is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingUpload {
    pub key: String,
    /// What the store calls it.
    pub id: String,
    /// By the clock of the store, where it says.
    pub begun: Option<Timestamp>,
}

/// A place in a store that can copy objects by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlace {
    /// What tells the store from others, and who asks it: endpoint, region, credentials.
    pub store: Vec<String>,
    pub bucket: String,
    /// What all keys begin with there.
    pub prefix: String,
}

/// What a bucket does by itself for the objects in it, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Whether deleted and overwritten objects stay as older versions.
    pub versioning: Stated,
    /// Whether objects can be kept from being deleted for a time, and the rule for new ones.
    pub object_lock: Stated,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stated {
    On(String),
    Off(String),
    /// It was not said, and why.
    Unknown(String),
}

/// What a store does with a PUT that has `If-None-Match: *`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionSupport {
    Honours,
    /// It takes it and overwrites all the same.
    Ignores,
    Refuses,
}

/// The hint of an error that says that the store keeps an object because of its lock.
pub const LOCKED: &str = "Wait until its object lock ends, or lift the lock.";

/// The hint of an error that says that an object is not what was stored.
pub const DAMAGED: &str = "Another repository may have it whole; look at the disk or the bucket, and let `verify` say what else is damaged.";

/// A store of objects that are created once, then read and, one day, deleted.
///
/// Keys are `/`-separated relative paths of printable ASCII, without empty, `.` or `..` components.
/// Every call is bounded in time by the limits the storage was opened with, retries included.
pub trait Storage: Send + Sync {
    /// Begins an object whose content comes in pieces. Its first `front` bytes are known last, such as a
    /// label with the digest of what follows it. A bucket gets it in one PUT, whatever its length, so all of
    /// it is kept in memory until it is finished.
    fn begin(&self, key: &str, front: usize) -> Result<Box<dyn NewObject + '_>>;

    /// Begins an object that may be large, of at most about `size_max` bytes; `front` is less than 8 MiB.
    /// A bucket gets it in parts of equal size, the shortest multiple of 8 MiB that makes at most 1,000 of
    /// `size_max`, because some stores take no more; one that fits into a part is sent in one PUT. Up to
    /// five parts are in memory (with [`crate::config::Checksum::Signature`] those on their way twice).
    /// `metadata` are kept beside it as in [`WholeObject::publish`]; what is known only at the end can't be.
    fn begin_large(
        &self,
        key: &str,
        front: usize,
        size_max: u64,
        metadata: &Metadata,
    ) -> Result<Box<dyn NewLargeObject + '_>>;

    /// Creates an object whose content is at hand, see [`WholeObject::publish`].
    fn create(&self, key: &str, content: Bytes, metadata: &Metadata) -> Result<Created> {
        let mut object = self.begin(key, 0)?;
        object.write(content)?;
        object.complete(Bytes::new())?.publish(metadata)
    }

    /// Where this is in a store that can copy objects by itself; `None` where nobody can.
    fn server_side(&self) -> Option<StorePlace> {
        None
    }

    /// Has the store copy an object of `size` bytes that another place in it has, with its metadata, if the key is free.
    /// `None` where that is not possible: not the same store, not the same credentials, or too large for it.
    fn copy_within(
        &self,
        _from: &StorePlace,
        _from_key: &str,
        _key: &str,
        _size: u64,
    ) -> Result<Option<Created>> {
        Ok(None)
    }

    /// `None` when there is no such object, as far as the store says: enough to look before creating,
    /// not enough to tell PostgreSQL that the WAL ends. [`Storage::open`] is sure.
    fn head(&self, key: &str) -> Result<Option<ObjectHead>>;

    /// A reader of the object's first `limit` bytes, or of all; `None` when the store itself said that there
    /// is no such object.
    /// Its read errors carry an [`crate::error::Error`] inside.
    fn open(&self, key: &str, limit: Option<u64>) -> Result<Option<Box<dyn Read + Send>>>;

    /// A reader of `length` bytes, at least one, from `offset` on, of fewer where the object ends before, and of
    /// none where it ends at or before `offset`; `None` as with [`Storage::open`].
    fn open_range(
        &self,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>>;

    /// Visits the objects whose keys begin with `prefix` and are greater than `after`, in byte order of the
    /// keys, until there are no more or the visitor breaks. No object at all is not an error.
    fn list(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Removes an object; that there is none is fine. Of two objects that are deleted one after the other,
    /// the second is never gone while the first is there, power cuts included. A store that keeps an
    /// object because of its retention or a legal hold is an error of [`crate::error::Class::Refused`]
    /// that says so. (In a bucket with versions the object gets a delete marker, and the store keeps the
    /// bytes for as long as its rules say.)
    fn delete(&self, key: &str) -> Result<()>;

    /// Visits what was begun with [`Storage::begin_large`] under keys that begin with `prefix`, and is not
    /// finished, until there is no more or the visitor breaks. False where the store can't tell. In a folder
    /// there is none: who begins the next object there removes the temporary files of the dead.
    fn pending_uploads(
        &self,
        _prefix: &str,
        _visit: &mut dyn FnMut(PendingUpload) -> ControlFlow<()>,
    ) -> Result<bool> {
        Ok(true)
    }

    /// Has the store forget an upload; that there is none is fine. Its sender, if it lives, fails.
    fn end_upload(&self, _upload: &PendingUpload) -> Result<()> {
        Ok(())
    }

    /// Makes durable what somebody else's [`Storage::create`], cut short, may have left visible but
    /// not yet durable.
    fn settle(&self, key: &str) -> Result<()>;

    /// Finds out on an object under this key what the store does with a condition, whatever is configured or
    /// known of it. `None` for a folder: there it holds.
    fn try_condition(&self, _key: &str) -> Result<Option<ConditionSupport>> {
        Ok(None)
    }

    /// Asked when an object is not at all what is ever stored: an error where what answers is no store.
    fn doubt(&self) -> Result<()> {
        Ok(())
    }

    /// What the store does by itself for its objects; `None` for a folder, which does nothing.
    fn protection(&self) -> Option<Protection> {
        None
    }

    /// What time it is for the store: the clock by which [`Listed::created`] is told. `None` where it does not say.
    fn now(&self) -> Option<Timestamp>;

    /// Whether reading an object back whole costs next to nothing.
    fn reads_are_cheap(&self) -> bool;

    /// The place for messages: a path or `s3://bucket/prefix`.
    fn place(&self) -> String;

    /// What is lost as a whole: the file system of a folder, the bucket of a store.
    fn device(&self) -> String;
}

/// What besides its URL decides which store a location means, the environment included.
pub fn whereabouts(location: &Location) -> Vec<String> {
    match location {
        Location::Folder(_) => Vec::new(),
        Location::S3(s3) => s3::whereabouts(s3),
    }
}

/// Tells a place in a store from all others, whoever asks it: two stores may have buckets of the same name.
pub fn identity(config: &RepositoryConfig) -> String {
    match &config.location {
        Location::Folder(_) => config.url.clone(),
        Location::S3(s3) => {
            format!("{} {}", config.url, s3.endpoint.as_deref().unwrap_or_default())
        }
    }
}

/// The storage of a repository in a folder; `None` for a bucket.
pub fn folder(location: &Location) -> Option<impl Storage + use<>> {
    match location {
        Location::Folder(root) => Some(local::LocalStorage::new(root.clone())),
        Location::S3(_) => None,
    }
}

/// Opens the storage of a repository. `state` is a folder for what was found out about a store; with
/// none it is found out anew each time.
pub fn open(
    config: &RepositoryConfig,
    limits: Limits,
    state: Option<&Path>,
) -> Result<Box<dyn Storage>> {
    match &config.location {
        Location::Folder(root) => Ok(Box::new(local::LocalStorage::new(root.clone()))),
        Location::S3(s3) => Ok(Box::new(s3::S3Storage::open(s3, limits, state)?)),
    }
}
