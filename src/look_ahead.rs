//! One `wal-push` takes further finished segments along, because PostgreSQL's archiver asks for one at
//! a time: what waits, in what order, and the notes by which the next calls answer at once.

mod note;
mod pool;
mod queue;
mod turns;

pub use note::Notes;
pub use pool::Pool;
pub use queue::{Queue, Room};
pub use turns::Turns;
