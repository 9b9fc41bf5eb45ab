//! Snapshots of media files in packs: in buckets and encrypted folders.

pub mod crashes;
mod damage;
mod pruning;
mod requests;
mod scene;
mod secrecy;
mod series;
mod sharing;
