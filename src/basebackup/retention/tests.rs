//! Tests of retention: single rules in `cases`, and in `properties` what holds for all histories that `world` makes up.

mod cases;
mod properties;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::backup::{Attempt, PlanSubject};
use crate::basebackup::windows::{Needed, Point, Wal};
use crate::config::KeepConfig;
use crate::postgres::{
    Lsn, TimelineHistory, TimelineId, TimelineSwitch, WalSegment, WalSegmentSize,
};
use crate::retention::{Condition, Dates, RetentionVerdict};

const HOUR: Duration = Duration::from_secs(3600);

/// Nothing but what is never deleted.
fn nothing() -> RetentionConfig {
    RetentionConfig {
        keep: KeepConfig {
            within: Duration::ZERO,
            last: 0,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            unfinished: HOUR * 24,
        },
        wal_window: Duration::ZERO,
    }
}
