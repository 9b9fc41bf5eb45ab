//! The only code that creates, renames and syncs files. Two promises, kept apart: what a repository
//! acknowledges survives a power cut, and what lies in a data directory is whole or absent.

mod bulk;
mod folders;
mod laid;
mod open;
mod publish;
mod remove;
mod seen;
mod temporary;

pub use bulk::Bulk;
pub use folders::{create_folders, sync_folder};
pub use laid::{LaidFile, lay_folder, lay_link, remove_all, set_mode};
pub use open::{empty, kind, open_to_read};
pub use publish::{Publication, Published, settle};
pub use remove::remove;
pub use seen::Seen;
pub use temporary::{Temporary, hand_over, remove_abandoned, replace};
