//! What a repository is owed: where fewer repositories than all are needed (`needed`), one that is away gets its copy later.
//!
//! How the files go together: `note` is a debt as it is written down, beside the good copy; `quorum` says which repositories
//! are enough; `away` lets a host leave out one that just failed; `clear` lets a push of a host without debts ask nobody;
//! `paying` brings the WAL that a repository is owed, oldest first, each file from a `good_copy`; `stopped` remembers what could
//! not be paid, and why; `backups` notes that a repository is owed a backup; `ledger` counts what is owed to whom, and `comparing`
//! finds what nobody noted.
//!
//! A note is a claim: a debt is paid when the repository itself shows what was owed, not when the note is gone.

mod away;
mod backups;
mod clear;
mod comparing;
mod good_copy;
mod ledger;
mod note;
mod paying;
mod quorum;
mod stopped;

pub use away::AwayNotes;
pub use backups::{is_backup_owed, is_owed_any_wal, is_owed_segment, owe_backup};
pub use clear::ClearMark;
pub use comparing::{LackedWal, WalListings};
pub use good_copy::OwnFiles;
pub use ledger::{Ledger, OwedTo};
pub use note::{
    Debt, DebtNote, announced, creditor_of, give_up, is_owed_wal, note_of, owe, owed_anybody,
    owed_from, owed_wal, settled,
};
pub use paying::{OwedFile, Paid, Paying, PaymentStop, RefusedPayment};
pub use quorum::Quorum;
pub use stopped::{StopNotes, StoppedPayment};
