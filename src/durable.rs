//! The only code that creates, renames and syncs files. Two promises, kept apart: what a repository
//! acknowledges survives a power cut, and what lies in a data directory is whole or absent.

mod beneath;
mod beneath_file;
mod bulk;
mod create;
mod descent;
mod folders;
mod inode;
mod keep;
mod laid;
mod locked_folder;
mod notes;
mod open;
mod publish;
mod remove;
mod seen;
mod temporary;
mod writeback;

pub use beneath::{Beneath, Hand, names_in, split};
pub use beneath_file::{NewFile, remove_abandoned_in};
pub use bulk::Bulk;
pub use create::create_new;
pub use descent::{New, give_below, give_new, new_folder, open_below};
pub use folders::{create_folders, sync_folder};
pub use inode::{
    Owner, or_refused, remove_xattr, set_mode as set_mode_of, set_mtime, set_xattr, xattr,
    xattr_names,
};
pub use keep::keep;
pub use laid::{LaidFile, create_folder, give_group, lay_folder, lay_link, remove_all, set_mode};
pub use locked_folder::LockedFolder;
pub use notes::Notes;
pub use open::{empty, kind, open_to_read, read_small};
pub use publish::{Nameless, Publication, Published, settle};
pub use remove::remove;
pub use seen::Seen;
pub use temporary::{
    Temporary, hand_over, is_temporary, remove_abandoned, remove_abandoned_below, replace,
    replace_for_all, replace_synced, replace_with_mode,
};
