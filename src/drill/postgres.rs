//! A PostgreSQL server of a drill's own: its programs, its settings, its recovery, and whether what came out
//! of that is sound.

mod checks;
mod errands;
mod programs;
mod server;
mod settings;

pub(crate) use checks::{CheckOutcome, Checks, DrillCheck};
pub(crate) use errands::Errands;
pub(crate) use programs::Programs;
pub(crate) use server::{Address, DrillServer, RecoveryEnded};
pub(crate) use settings::{ControlData, DrillSettings};
