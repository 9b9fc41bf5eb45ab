//! Bringing a server back from a base backup and the WAL behind it.
//!
//! How the files go together: `plan` holds what a restore will do, found with `system`, `choose` and `locate` for a
//! `target` (`time`, `zone`); `described` and `outside` word it. `place`, `tablespaces`, `running`, `claim` and `owner`
//! guard the folders that `moves` and `lay_down` change. `settings` tells the server, `server` starts it, and `follow`
//! watches it (`answering`, `signs`, `server_log`).

mod answering;
mod choose;
mod claim;
mod described;
mod follow;
mod lay_down;
mod locate;
mod moves;
mod outside;
mod owner;
mod place;
mod plan;
mod running;
mod server;
mod server_log;
mod settings;
mod signs;
mod system;
mod tablespaces;
mod target;
mod time;
mod zone;

pub use choose::{BackupCandidate, Choice, RestoreTarget, choose};
pub use claim::FolderLocks;
pub use follow::{ProgressLog, Recovered, RecoveryEnd, RecoverySpan, follow};
pub use lay_down::{LayDown, Opened};
pub use locate::{Located, locate};
pub use moves::Moves;
pub use outside::{OutsideSetting, warn_of_settings};
pub use owner::refuse_root;
pub use place::{Occupied, RestoreDirectory, real, room};
pub use plan::{END_BEFORE_THE_GAP, OwnWal, RestorePlan, plan};
pub use running::{RunningServers, refuse_running};
pub use server::Starter;
pub use server_log::{Reason, ServerLog};
pub use settings::{
    RecoverySettings, add_settings, archiving_off, forget_recovery, leave_archiving, quoted,
    tell_server,
};
pub use signs::{Gone, Signs, WatchLimits};
pub use system::{choose_system, living_system};
pub use tablespaces::{TablespaceName, TablespacePlace, missing_above};
pub use target::{RecoveryTarget, TargetAction, TargetTimeline, in_utc, parse_name, past};
pub use time::parse_time;
pub use zone::local_zone;
