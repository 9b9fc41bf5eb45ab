//! Whether a server runs on a data directory, or on anything that a restore would write to. What can't be ruled out
//! counts as running: a restore under a running server loses both.
//!
//! `processes` asks the kernel, and `pid_file` reads what a server has written into its directory.

mod pid_file;
mod processes;

use std::path::Path;

pub use self::processes::RunningServers;

use self::pid_file::PidFile;
use crate::error::{Class, Error, Result};

/// A directory with a server on it is never touched, nor one of which that can't be said.
pub fn refuse_running(data: &Path, servers: &RunningServers) -> Result<()> {
    if let Some(process) = servers.on(data) {
        return Err(running(data, process));
    }
    let path = data.join(pid_file::NAME);
    let Some(file) = PidFile::read(&path)? else { return Ok(()) };
    match file.attached() {
        // Whoever is attached is the server, or what it left running.
        Some(1..) => return Err(running(data, file.process())),
        Some(0) => return Ok(()),
        None => {}
    }
    if servers.would_show(data) {
        return Ok(());
    }
    let message = format!(
        "{data:?} has a postmaster.pid, which names process {}: whether that server runs can't be told from here",
        file.process()
    );
    Err(Error::new(Class::Input, message).hint(format!(
        "It may run in a container or on another host that has this directory: stop it there. If it crashed and runs nowhere, \
         remove the file: rm '{}'",
        path.display()
    )))
}

fn running(data: &Path, process: i64) -> Error {
    let message = format!("a server is running on {data:?}, process {process}");
    Error::new(Class::Input, message).hint("Stop it first, or let --before do it.")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn refused(data: &Path, servers: &RunningServers) -> String {
        refuse_running(data, servers).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_a_crash_left_is_dead_only_where_every_server_would_show() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        let all = RunningServers::default().seeing_all(true);
        let some = RunningServers::default().seeing_all(false);
        assert_eq!([refused(data, &all), refused(data, &some)], ["", ""]);
        let path = data.join("postmaster.pid");
        for (text, process) in [("1\n", "1"), ("999999999\n/data\n1732307400\n", "999999999")] {
            fs::write(&path, text).unwrap();
            assert_eq!(refused(data, &all), "");
            assert_eq!(
                refused(data, &some),
                format!(
                    "{data:?} has a postmaster.pid, which names process {process}: whether that server runs can't be \
                     told from here. HINT: It may run in a container or on another host that has this \
                     directory: stop it there. If it crashed and runs nowhere, remove the file: rm '{}'",
                    path.display()
                )
            );
        }
    }

    #[test]
    fn a_file_that_says_nothing_is_no_proof() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("postmaster.pid");
        for text in ["", "what?\n"] {
            fs::write(&path, text).unwrap();
            let said = refused(place.path(), &RunningServers::default().seeing_all(false));
            assert!(said.contains("which names process 0: whether"), "{said}");
        }
    }
}
