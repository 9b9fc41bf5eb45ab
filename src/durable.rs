//! The only code that creates, renames and syncs files. Two promises, kept apart: what a repository
//! acknowledges survives a power cut, and what lies in a data directory is whole or absent.
//!
//! How the files go together: `publish` gives a repository's files their names, by way of `temporary`, `folders` and
//! `descent`; `bulk` lays down thousands at once; `beneath` and `new_file` work in folders of somebody else;
//! `notes` keeps what this host remembers. `files`, `inode` and `abandoned` are what these have in common.

mod abandoned;
mod beneath;
mod bulk;
mod descent;
mod files;
mod folders;
mod inode;
mod new_file;
mod notes;
mod publish;
mod temporary;

pub use abandoned::{is_temporary, remove_abandoned_in};
pub use beneath::{Beneath, DirCursor, split};
pub use bulk::{
    Bulk, LaidFile, create_folder, give_group, lay_folder, lay_link, remove_all, set_mode,
};
pub use descent::{FolderOwner, give_below, give_new, new_folder, open_below};
pub use files::{FileStamp, create_new, empty, keep, kind, open_to_read, read_small, remove};
pub use folders::{LockedFolder, create_folders, lock_folder, sync_folder};
pub use inode::{
    Owner, names_in, or_refused, remove_xattr, set_mode as set_mode_of, set_mtime, set_xattr,
    xattr, xattr_names,
};
pub use new_file::NewFile;
pub use notes::Notes;
pub use publish::{Nameless, Publication, Published, settle};
pub use temporary::{
    Temporary, hand_over, remove_abandoned, remove_abandoned_below, replace, replace_for_all,
    replace_synced, replace_with_mode,
};
