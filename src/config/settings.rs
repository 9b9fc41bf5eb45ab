//! Every setting that there is once: as flag, variable and in the file.

mod media;
mod notify;
mod objectives;
mod postgres;
mod process;
mod redis;
mod rehearsal;
mod report;

use std::sync::LazyLock;

use super::setting::{Kind, Setting};

pub(super) const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, kind, default, help }
}

/// How many backups of a kind are kept, or wanted.
const KEPT: Kind = Kind::Integer { min: 0, max: 10_000 };

/// In the order in which they are shown.
pub static GLOBAL: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    [
        postgres::POSTGRES,
        redis::REDIS,
        media::MEDIA,
        objectives::OBJECTIVES,
        notify::NOTIFY,
        rehearsal::DRILL,
        report::REPORT,
        process::PROCESS,
    ]
    .concat()
});
