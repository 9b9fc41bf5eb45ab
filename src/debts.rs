//! What a repository is owed: where fewer repositories than all are needed (`needed`), one that is away gets its copy later.
//!
//! How the files go together: `note` is a debt as it is written down, beside the good copy; `quorum` says which repositories
//! are enough; `away` lets a host leave out one that just failed; `clear` lets a push of a host without debts ask nobody;
//! `paying` brings the WAL that a repository is owed, oldest first; `ledger` counts what is owed to whom.
//!
//! A note is a claim: a debt is paid when the repository itself shows what was owed, not when the note is gone.

mod away;
mod clear;
mod ledger;
mod note;
mod paying;
mod quorum;

pub use away::AwayNotes;
pub use clear::ClearMark;
pub use ledger::{Ledger, OwedTo};
pub use note::{
    Debt, DebtNote, announced, creditor_of, is_owed_wal, owe, owed_anybody, owed_from, owed_wal,
    settled,
};
pub use paying::{OwedFile, Paid, Paying, PaymentStop};
pub use quorum::Quorum;
