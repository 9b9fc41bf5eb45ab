//! `seawall init`: what it writes works, as it says, and nothing is overwritten.

mod asked;
mod containers;
mod told;

use crate::support::place::Place;
use crate::support::run::Run;

/// `seawall init`, run as the server's user, with the other programs beside it.
pub fn init(place: &Place) -> Run {
    for program in [env!("CARGO_BIN_EXE_wal-push"), env!("CARGO_BIN_EXE_basebackup")] {
        place.program(program);
    }
    let run = Run::new(place, env!("CARGO_BIN_EXE_seawall")).server_user().arg("init");
    run.arg("--output").arg(place.join("etc/seawall.toml"))
}
