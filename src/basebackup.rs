//! Base backups: how they are laid out in a repository, taken, found and restored.
//!
//! How the files go together: `create` cuts what the server sends (`tar_splitter`) and stores it with a
//! `description`; `catalogue` finds it; `windows` and `holes` say what the WAL makes of it. `restore` lays files down
//! with `unpack`, `verify` reads them by the same code. `retention` plans what is deleted, and `pruning` deletes it.

pub mod catalogue;
pub mod create;
mod description;
mod elsewhere;
pub mod holes;
pub mod pruning;
pub mod restore;
pub mod retention;
mod tar_splitter;
pub mod unpack;
pub mod verify;
pub mod windows;

pub use description::{Description, FORMAT, Part, Position, Tablespace, all_backups};
pub use elsewhere::Elsewhere;
pub use tar_splitter::{END_OF_ARCHIVE, TarSplitter, TarStretch};
