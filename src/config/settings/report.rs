//! What concerns the page for people.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const REPORT: &[Setting] = &[setting(
    "report.timezone",
    Kind::Text,
    "UTC",
    "Time zone in which a report tells times, as IANA names it, like Europe/Berlin",
)];
