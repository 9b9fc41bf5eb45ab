mod cases;
mod properties;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::base_backup::windows::{Needed, Point, Wal};
use crate::postgres::{
    Lsn, TimelineHistory, TimelineId, TimelineSwitch, WalSegment, WalSegmentSize,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Nothing but what is never deleted.
fn nothing() -> RetentionConfig {
    RetentionConfig {
        keep_within: Duration::ZERO,
        keep_last: 0,
        keep_daily: 0,
        keep_weekly: 0,
        keep_monthly: 0,
        keep_yearly: 0,
        wal_window: Duration::ZERO,
        keep_unfinished: HOUR * 24,
    }
}
