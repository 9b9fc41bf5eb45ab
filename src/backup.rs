//! What all kinds of backups have in common: ids, folders, and how their objects get into every repository.
//!
//! How the files go together: `sending` stores objects in a `folder`, and `existence` adds the description, which makes
//! the backup exist; `catalogue` finds backups, and `reading` proves their objects. `series` and `uploads` plan what
//! `prune` deletes, and `deleting` does it. `known` and `memory` hold what this host saw in each repository.

mod catalogue;
pub mod deleting;
mod description;
mod existence;
mod fall;
mod folder;
mod known;
pub mod memory;
mod parallel;
pub mod pin;
mod reading;
mod sending;
pub mod series;
mod stored_object;
mod uploads;

pub use catalogue::{
    Contents, Described, Failure, Found, HowMany, NotDescribed, StoredBackup, Unfinished, describe,
    look,
};
pub use description::parse_description;
pub use existence::{make_exist, withdraw};
pub use fall::{DATABASE_KEYS, Fell, Measure, fallen};
pub use folder::{BackupFolder, begun, new_id};
pub use known::{Known, make_room};
pub use parallel::{in_parallel, in_threads};
pub use reading::{ObjectSource, damaged};
pub use sending::{End, Sending, Sent, Take, create_once};
pub use stored_object::{StoredObject, hex};
pub use uploads::{Uploads, later, uploads};

/// Written last: with it the backup exists.
pub const DESCRIPTION: &str = "backup.json";

/// It takes some 200 bytes for each part. A longer one is neither written nor read.
const DESCRIPTION_BYTES_MAX: u64 = 64 << 20;

/// What the names of notes begin with that say what a verification found damaged.
pub const DAMAGED: &str = "damaged-";

/// Beside the description of a backup that is to be kept whatever the policy says.
pub const PIN: &str = "pin.json";
