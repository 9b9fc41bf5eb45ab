//! Bringing a server back from a base backup and the WAL behind it.
//!
//! How the files go together, by the jobs of a restore:
//! - which backup: `recovery_target` (`target_time`) says what is asked for, `choice` takes system and base backup,
//!   `target_search` looks for the target in the WAL, and `plan` holds what is to be done (`plan_in_words`);
//! - where it goes: `directory` and `tablespaces` look, `in_use` (`running_servers`) refuses what others have, `lay_down` writes;
//! - what the server is told: `recovery_settings`; `starting` starts it;
//! - watching the recovery: `follow` goes by `server_signs`, and `server_log` says why it failed.

mod choice;
mod directory;
mod follow;
mod in_use;
mod lay_down;
mod plan;
mod plan_in_words;
mod recovery_settings;
mod recovery_target;
mod running_servers;
mod server_log;
mod server_signs;
mod starting;
mod tablespaces;
mod target_search;
mod target_time;

pub use choice::{choose_system, living_system};
pub use directory::{Occupied, RestoreDirectory, real, refuse_root, room};
pub use follow::{ProgressLog, Recovered, RecoveryEnd, RecoverySpan, follow};
pub use in_use::{FolderLocks, refuse_running};
pub use lay_down::{LayDown, Moves, Opened};
pub use plan::{END_BEFORE_THE_GAP, OwnWal, RestorePlan, plan};
pub use recovery_settings::{
    RecoverySettings, add_settings, archiving_off, forget_recovery, leave_archiving, quoted,
    tell_server,
};
pub use recovery_target::{
    RecoveryTarget, RestoreTarget, TargetAction, TargetTimeline, in_utc, parse_name, past,
};
pub use running_servers::RunningServers;
pub use server_log::{Reason, ServerLog};
pub use server_signs::{Signs, WatchLimits};
pub use starting::{OutsideSetting, Starter, warn_of_settings};
pub use tablespaces::{TablespaceName, TablespacePlace, missing_above};
pub use target_search::{Located, locate};
pub use target_time::{local_zone, parse_time};
