//! A server that sees other files than the check does: it runs in a container, or the check is a unit whose files systemd hides.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Found, Watched};
use crate::namespace;
use crate::support::postgres::shell_word;

impl Watched {
    /// What the check finds behind these words, in a mount namespace of its own. `None` for an ordinary user, who has none in
    /// which he still is the server's user for the kernel.
    fn finds_behind(&self, words: &str, status: i32) -> Option<Found> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let script = format!("{words} $as $seawall check --config $config --format json");
        let run = namespace::script(&self.place, &script)?.env("config", &self.config);
        let run = run.env("seawall", self.place.program(env!("CARGO_BIN_EXE_seawall")));
        let run = run.env("folder", self.place.folder("programs")).envs(self.server.connection());
        Some(Found::of(&run.run(), status))
    }
}

#[test]
fn a_program_is_looked_for_where_the_server_finds_it() {
    let watched = Watched::with_folder();
    let folder = watched.place.folder("programs");
    let command = |program: &str| format!("{} %p %f", shell_word(&folder.join(program)));
    // There for the server alone, in a folder that it reaches over a link.
    let own = watched.place.file("programs/wal-push", "#!/bin/sh\nexec true\n");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&folder, watched.place.join("link")).unwrap();
    watched.archives_by(&format!("{}/wal-push %p %f", watched.place.join("link").display()));
    if let Some(found) = watched.finds_behind("mount -t tmpfs tmpfs $folder;", 0) {
        found.says("postgresql main, archiving", "ok", "000… was archived … ago", "");
    }
    // There for this check alone.
    watched.archives_by(&command("wal-pusch"));
    let words = "mount -t tmpfs tmpfs $folder; cp /bin/true $folder/wal-pusch;";
    if let Some(found) = watched.finds_behind(words, 2) {
        let program = folder.join("wal-pusch");
        found.says(
            "postgresql main, archiving",
            "critical",
            &format!(
                "archive_command = '{}' archives nothing: the server does not find {program:?}; …",
                command("wal-pusch")
            ),
            &watched.archives_again(),
        );
    }
}

/// Not "it can": nobody looked.
#[test]
fn what_was_not_looked_at_is_said() {
    let watched = Watched::with_folder();
    watched.archives_by("/usr/bin/wal-pusch %p %f");
    let text = "000… was archived … ago; its archive_command was not checked: the server runs on another \
                host or in a container";
    if let Some(found) = watched.finds_behind("unshare --pid --fork --mount-proc", 0) {
        found.says("postgresql main, archiving", "ok", text, "");
    }
}
