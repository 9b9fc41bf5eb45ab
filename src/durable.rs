//! The only code that creates, renames and syncs files. Two promises, kept apart: what a repository
//! acknowledges survives a power cut, and what lies in a data directory is whole or absent.

mod folders;
mod open;
mod publish;
mod seen;
mod temporary;

pub use folders::{create_folders, sync_folder};
pub use open::{empty, kind, open_to_read};
pub use publish::{Publication, Published, settle};
pub use seen::Seen;
pub use temporary::{Temporary, hand_over, remove_abandoned, replace};
