//! Bringing a server back from a base backup and the WAL behind it.

mod choose;
mod follow;
mod lay_down;
mod owner;
mod place;
mod plan;
mod server;
mod server_log;
mod settings;
mod target;
mod zone;

pub use choose::{Candidate, Choice, Wish, choose};
pub use follow::{Recovered, Told, Until, Way, follow};
pub use lay_down::LayDown;
pub use owner::refuse_root;
pub use place::{Occupied, look, move_aside, refuse_running, room};
pub use plan::{RestorePlan, plan};
pub use server::{Watch, connection_of, start_server};
pub use server_log::{Reason, ServerLog};
pub use settings::{ARCHIVING_OFF, RecoverySettings, add_settings, quoted, tell_server};
pub use target::{
    RecoveryTarget, TargetAction, TargetTimeline, in_utc, parse_name, parse_time, past,
};
pub use zone::local_zone;
