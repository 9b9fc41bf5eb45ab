//! Base backups: how they are laid out in a repository, taken, found and restored.
//!
//! How the files go together: `create` cuts what the server sends (`splitter`) and stores it where `layout` says, with
//! a `description`; `catalogue` finds it; `windows` and `holes` say what the WAL makes of it. `restore` lays files down
//! with `unpack`, `verify` reads them by the same code. `retention` plans what `prune` deletes.

pub mod catalogue;
pub mod create;
mod description;
mod elsewhere;
pub mod holes;
mod layout;
pub mod prune;
pub mod restore;
pub mod retention;
mod splitter;
pub mod unpack;
pub mod verify;
pub mod windows;

pub use description::{Description, FORMAT, Part, Position, Tablespace};
pub use elsewhere::Elsewhere;
pub use layout::all_backups;
pub use splitter::{END_OF_ARCHIVE, TarSplitter, TarStretch};
