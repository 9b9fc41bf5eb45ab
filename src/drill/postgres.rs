//! A PostgreSQL server of a drill's own: its programs, its settings, its recovery, and whether what came out
//! of that is sound.
//!
//! `programs` finds what is installed, `drill_settings` writes what the server goes by, `drill_server` starts it and waits
//! for its recovery, for which `errands` fetches the WAL; `checks` looks at what came out.

mod checks;
mod drill_server;
mod drill_settings;
mod errands;
mod programs;

pub(crate) use checks::{Checks, DrillCheck, DrillOutcome};
pub(crate) use drill_server::{Address, DrillServer, RecoveryEnded};
pub(crate) use drill_settings::{ControlData, DrillSettings};
pub(crate) use errands::Errands;
pub(crate) use programs::Programs;
