//! Bringing a server back from a base backup and the WAL behind it.

mod choose;
mod follow;
mod place;
mod plan;
mod server;
mod settings;
mod target;

pub use choose::{Candidate, Choice, Wish, choose};
pub use follow::{Recovered, Told, Until, Way, follow};
pub use place::{Occupied, look, move_aside, refuse_running};
pub use plan::{RestorePlan, plan};
pub use server::{Watch, connection_of, start_server};
pub use settings::{ARCHIVING_OFF, RecoverySettings};
pub use target::{
    RecoveryTarget, TargetAction, TargetTimeline, in_utc, parse_name, parse_time, past,
};
