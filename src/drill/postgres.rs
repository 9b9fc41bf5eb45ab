//! A PostgreSQL server of a drill's own: its programs, its settings, its recovery, and whether what came out
//! of that is sound.

mod checks;
mod control;
mod errands;
mod log;
mod programs;
mod server;
mod settings;

pub use checks::{Checked, Checks, Outcome};
pub use control::Control;
pub use errands::Errands;
pub use programs::Programs;
pub use server::{Address, Ended, Server};
pub use settings::Private;
