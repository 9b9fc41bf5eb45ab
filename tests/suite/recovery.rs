//! Real servers that come back from what was archived, through `wal-fetch`.

mod always;
mod crash_under_load;
mod leftovers;
mod lines;
mod new_tablespaces;
mod promotions;
mod rewind;
mod segment_sizes;
mod targets;
mod timelines;
mod told_once;
