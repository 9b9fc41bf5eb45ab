//! `seawall report`: what stands on the page, and how a real browser shows it.

mod browser;
mod many;
mod pasts;
mod requests;
pub mod scene;
mod told;
mod trouble;
mod zones;
