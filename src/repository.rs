//! What a repository holds: which objects there are, how they are named and what they mean.
//! `docs/repository-format.md` is its description for people.
//!
//! How the files go together: a push goes through `names` (what is there already), `memory` (is it still the same
//! repository?), `archive` (store, compare, name) and `compare`, fed by `encoded_frames`; where a timeline was left,
//! `beyond` keeps both contents. `carrying` brings a file from one repository into another. A fetch is `reading`, `proof`
//! reads only to know; `listing` and `inventory` tell what there is, `dropped` what a human dropped, and `layout` how keys are made.

mod archive;
mod beyond;
mod carrying;
mod compare;
mod dropped;
mod encoded_frames;
mod inventory;
mod layout;
mod listing;
mod memory;
mod names;
mod proof;
mod reading;

use std::path::Path;

pub use archive::{Archived, NamedWalFile, UnnamedWalFile};
pub use beyond::{Fork, KeptBeside, Original, SourceServer, StoredBeyond, UpTo};
pub use carrying::{Carriage, Carried, Carrying};
pub use dropped::{
    DroppedWal, REASON_MAX, bring_dropped, bring_dropped_soon, bring_gaps_of_settle,
    gaps_for_settle,
};
pub use encoded_frames::{EncodedFrames, FrameFanout, fan_out};
pub use inventory::{Inventory, ListingVisitor};
pub use layout::WalFolder;
pub use listing::{Behind, StoredWal, WalBeyond, WalFiles, WalRange};
pub use memory::RepositoryMemory;
pub use names::NamesThere;
pub use reading::{DecodeTarget, FetchedFile, Source, check_content};

use crate::codec::{Identities, Recipients};
use crate::config::{Config, RepositoryConfig};
use crate::error::Result;
use crate::postgres::WalFileName;
use crate::storage::{self, DeadlineStorage, StillWanted, Storage};

pub struct Repository {
    name: String,
    /// Which store and which place in it, see [`storage::identity`].
    identity: String,
    storage: Box<dyn Storage>,
    /// The keys to encrypt to; `None` where objects are stored in the clear.
    recipients: Option<Recipients>,
}

impl Repository {
    fn open(config: &RepositoryConfig, all: &Config, state: Option<&Path>) -> Result<Self> {
        let encrypt = config.encrypt.unwrap_or(true) && !all.encryption.recipients.is_empty();
        let texts = all.encryption.recipients.iter().map(String::as_str);
        let recipients = encrypt.then(|| Recipients::parse(texts)).transpose()?;
        let storage = storage::open(config, all.limits, state)
            .map_err(|error| error.while_doing(format!("repository {}", config.name)))?;
        let (name, identity) = (config.name.clone(), storage::identity(config));
        Ok(Self { name, identity, storage, recipients })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which store and which place in it: what tells it from another one.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether it has a file under this name, encrypted or not.
    pub fn holds(&self, folder: &WalFolder, name: WalFileName) -> Result<bool> {
        for encrypted in [self.encrypts(), !self.encrypts()] {
            if self.storage.head(&folder.key(name, encrypted))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it stores objects encrypted.
    pub fn encrypts(&self) -> bool {
        self.recipients.is_some()
    }

    /// The keys it encrypts to; `None` where objects are stored in the clear.
    pub fn recipients(&self) -> Option<&Recipients> {
        self.recipients.as_ref()
    }

    pub fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// The same, of which objects are read only as long as they are still wanted.
    pub fn with_deadline(self, still_wanted: StillWanted) -> Self {
        Self { storage: Box::new(DeadlineStorage { inner: self.storage, still_wanted }), ..self }
    }

    /// Where it is, for messages.
    pub fn place(&self) -> String {
        self.storage.place()
    }
}

/// Opens every configured repository, in order.
pub fn open_all(config: &Config, state: Option<&Path>) -> Result<Vec<Repository>> {
    config.repositories.iter().map(|one| Repository::open(one, config, state)).collect()
}

/// The same for who takes a backup: what goes to them, and comes from them, keeps within `limits.bandwidth` together.
pub fn open_all_limited(config: &Config) -> Result<Vec<Repository>> {
    if let Some(rate) = config.bandwidth {
        storage::limit_bandwidth(rate, config.repositories.len());
    }
    open_all(config, None)
}

/// The private keys of this host, if it has any.
pub fn identities(config: &Config) -> Result<Identities> {
    let path = config.encryption.identity_file.as_deref();
    path.map_or_else(|| Ok(Identities::default()), Identities::read)
}

/// Whether each repository in a folder has a file under this name now, but for those that are owed it: the disk may not be
/// mounted any more. Of a bucket nothing is said.
pub fn folders_hold(
    config: &Config,
    folder: &WalFolder,
    name: WalFileName,
    owed: &[String],
) -> bool {
    let others = config.repositories.iter().filter(|one| !owed.contains(&one.name));
    let folders = others.filter_map(|one| storage::folder(&one.location));
    let mut folders = folders.map(|storage| {
        let is_there = |key: String| storage.head(&key).is_ok_and(|it| it.is_some());
        is_there(folder.key(name, false)) || is_there(folder.key(name, true))
    });
    folders.all(|holds| holds)
}

/// A name for "this cluster in these repositories", so that notes made for others are not believed. All that
/// decides where an object goes is in it, wherever it was said.
pub fn fingerprint(config: &Config) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in
        std::iter::once(&config.cluster).chain(config.repositories.iter().map(|one| &one.url))
    {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    for repository in &config.repositories {
        for part in storage::whereabouts(&repository.location) {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        hasher.update(&[u8::from(repository.encrypt.unwrap_or(true))]);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
