//! `seawall report`: what stands on the page, and how a real browser shows it.

mod ahead;
mod browser;
mod first_days;
mod many;
mod pasts;
mod requests;
pub mod scene;
mod tiles;
mod told;
mod trouble;
mod zones;
