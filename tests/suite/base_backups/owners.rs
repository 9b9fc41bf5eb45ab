//! Who restores, and whose the files are then; and what a planted label does to the plan.

use std::fs;

use super::{backups_in, base_backup};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::Run;

fn restore(place: &Place) -> Run {
    let run = Run::new(place, env!("CARGO_BIN_EXE_basebackup")).arg("restore");
    run.arg("--yes").arg("--repository").arg(place.folder("archive"))
}

/// The server, which is not root, could read nothing of it, and who owns the folder could turn root's writing elsewhere.
/// Nobody else has this choice.
#[test]
fn root_restores_into_no_folder_of_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let user = Run::new(&place, "/usr/bin/stat").args(["-c", "%U"]).arg(place.path()).run();
    let user = user.expect(0).stdout.trim();
    let (new, there) = (place.join("new/data"), place.folder("there"));
    for (data, folder) in [(&new, place.path()), (&there, there.as_path())] {
        let outcome = restore(&place).arg(data).run();
        outcome.expect(2).says(&format!(
            "could not restore into {data:?}: root may not restore here: {folder:?} belongs to {user}. HINT: \
             The server could not read files of root: sudo -u {user} basebackup restore …"
        ));
        assert!(!new.exists() && fs::read_dir(&there).expect("a folder").count() == 0);
    }
    // Into one of root's own, for a look: this far it comes, and no further.
    let own = tempfile::tempdir().expect("a folder");
    let outcome = restore(&place).arg(own.path().join("data")).run();
    outcome.expect(11).says("there is no base backup");
    let outcome = restore(&place).arg(own.path().join("data")).arg("--start").run();
    outcome.expect(2).says("PostgreSQL does not run as root");
}

/// Whoever can write to the repository can write labels: on a terminal they are shown, not obeyed.
#[test]
fn a_planted_label_writes_no_line_of_the_plan() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut server = Server::builder(&place).segment_mib(1).archive_command(&seawall.push()).init();
    server.start();
    base_backup(&seawall, &server, "create").args(["--label", "planted"]).run().expect(0);
    let description = backups_in(&place.join("archive"))[0].join("backup.json");
    let text = fs::read_to_string(&description).expect("our own file");
    let planted = r"nightly)\n\u001b[2Jinto        /nowhere\rGo on";
    fs::write(&description, text.replace("planted", planted)).expect("root or owner");
    let outcome =
        seawall.base_backup_by_hand("restore").arg("--dry-run").arg(place.join("data")).run();
    let plan = &outcome.expect(0).stdout;
    assert!(plan.contains("(nightly)\\n\\u{1b}[2Jinto        /nowhere\\rGo on)"), "{outcome}");
    assert!(!plan.contains('\u{1b}') && !plan.contains('\r'), "{outcome}");
}
