//! What all kinds of backups have in common: ids, folders, and how their objects get into every repository.
//!
//! How the files go together: `sending` stores objects in a `folder`, and `existence` adds the description, which makes
//! the backup exist; `catalogue` finds the backups of a `kind`, and `reading` proves their objects. `plan` and `uploads`
//! say what `prune` deletes, and `deleting` does it. `verification` is what a
//! verification found. `known` and `memory` hold what this host saw in each repository,
//! and `owed` says what stays because another repository lacks it.

mod catalogue;
pub mod deleting;
mod description;
mod existence;
mod fall;
mod folder;
mod kind;
mod known;
pub mod memory;
mod owed;
pub mod pins;
mod plan;
mod reading;
mod sending;
mod uploads;
mod verification;

pub use catalogue::{
    Backup, Broken, Catalogue, Contents, Described, Failure, HowMany, NotDescribed, StoredBackup,
    Unfinished, contents, describe,
};
pub use description::{StoredObject, hex, parse_description};
pub use existence::{make_exist, withdraw};
pub use fall::{DATABASE_KEYS, Fell, Measure, fallen};
pub use folder::{BackupFolder, begun, new_id};
pub use kind::{Configured, DescriptionHead, Kind, SelfContained};
pub use known::{Known, make_room, notes_folder};
pub use owed::is_owed_now;
pub use plan::{Attempt, Candidate, Holdings, PlanLine, PlanSubject, Verdicts, judge, plan};
pub use reading::{ObjectSource, damaged};
pub use sending::{
    CreateFailure, End, ObjectEnd, ObjectLane, ObjectMessage, Sending, Sent, Take, create_once,
    taken,
};
pub use uploads::{Uploads, later, uploads};
pub use verification::{
    Fault, FaultyCopy, ReadTotals, VerifyReport, broken_description, spoiled_copy,
};

/// Written last: with it the backup exists.
pub const DESCRIPTION: &str = "backup.json";

/// It takes some 200 bytes for each part. A longer one is neither written nor read.
pub const DESCRIPTION_BYTES_MAX: u64 = 64 << 20;

/// What the names of notes begin with that say what a verification found damaged.
pub const DAMAGED: &str = "damaged-";

/// Beside the description of a backup that is to be kept whatever the policy says.
pub const PIN: &str = "pin.json";
