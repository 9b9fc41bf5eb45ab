//! `media-backup`, as it is called by hand: a folder with a tree and an encrypted bucket with packs.

mod bad_input;
mod compared;
mod crashes;
mod damage;
mod fallen;
mod growing;
mod healing;
mod inside;
mod leavings;
mod looked_into;
mod moments;
mod owners;
mod pruned;
mod raced;
mod stories;
pub mod story;
