//! What is usual where the server runs in a container, of root's podman or of a user's own.

use std::path::PathBuf;

use crate::config::{DEFAULT_FILE, own_file};
use crate::init::Answers;

/// Where an ordinary user's programs look, if the server is his; else where all look.
pub fn usual_output(rootless: bool) -> PathBuf {
    let named = std::env::var_os("SEAWALL_CONFIG").filter(|name| !name.is_empty());
    let own = || own_file().filter(|_| rootless);
    named.map(PathBuf::from).or_else(own).unwrap_or_else(|| DEFAULT_FILE.into())
}

/// The socket of the quadlets, which is at the same place on both sides. A user's own podman makes him the server's
/// `postgres`, but his name is another one.
pub fn connection(answers: &Answers) -> String {
    let own = std::env::var("XDG_RUNTIME_DIR").ok().filter(|_| answers.rootless);
    match own {
        Some(folder) => format!("host={folder}/postgresql user=postgres"),
        None => "host=/run/postgresql".to_owned(),
    }
}

/// A folder for backups that the user who calls this may make.
pub fn usual_folder(rootless: bool) -> String {
    let home = std::env::var("HOME").ok().filter(|_| rootless);
    home.map_or_else(|| "/var/backups/seawall".to_owned(), |home| format!("{home}/backups"))
}
