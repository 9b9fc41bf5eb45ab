//! What concerns the page for people.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const REPORT: &[Setting] = &[setting(
    "report.timezone",
    Kind::Text,
    "UTC",
    "Time zone of the report and of notify.summary_hour, by its IANA name such as Europe/Berlin",
)];
