//! Snapshots of media files in packs: in buckets and encrypted folders.

pub mod crashes;
mod damage;
mod failing;
mod long;
mod pruning;
mod requests;
pub mod scene;
mod secrecy;
mod series;
mod sharing;
