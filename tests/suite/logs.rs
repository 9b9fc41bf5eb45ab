//! What the commands log, and where.

mod formats;
mod journald;
mod streams;

use crate::by_hand::ByHand;
use crate::support::run::Run;

/// A push of the first segment, which is in `pg_wal`.
fn push(host: &ByHand) -> Run {
    let path = host.has(0);
    host.push().args([path.as_str(), host.name(0)])
}
