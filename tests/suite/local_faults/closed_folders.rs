//! Folders that the user may not write to, or not even look into.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{OWNER, files_below};
use crate::by_hand::{ByHand, says_only};

const DENIED: &str = "Permission denied (os error 13)";

/// Gives a folder and all folders below it this mode.
fn set_mode(folder: &Path, mode: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("root or owner");
    for path in fs::read_dir(folder).expect("open now").flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            set_mode(&path, mode);
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("root or owner");
}

#[test]
fn a_repository_that_may_not_be_written_to_fails_a_push_and_serves_a_fetch() {
    let host = ByHand::new();
    host.archives(0);
    let (path, first, name) = (host.has(1), host.name(0), host.name(1));
    set_mode(&host.repository, 0o500);
    let text = format!(
        "ERROR could not archive {name} in repository local: could not create a file in \
         \"{}/.seawall-tmp\": {DENIED}. {OWNER}",
        host.repository.display()
    );
    let push = || host.push().args([path.as_str(), name]).run();
    says_only(&push(), 10, &text);
    host.fetch().args([first, "pg_wal/RECOVERYXLOG"]).run().expect(0);
    set_mode(&host.repository, 0o700);
    push().expect(0);
    assert_eq!(files_below(&host.repository), [format!("{first}.zst"), format!("{name}.zst")]);
}

#[test]
fn a_disk_whose_root_may_not_be_written_to_is_named() {
    let host = ByHand::new();
    let disk = host.repository.parent().expect("below the place");
    fs::set_permissions(disk, fs::Permissions::from_mode(0o500)).expect("root or owner");
    let (path, name) = (host.has(0), host.name(0));
    let text = format!(
        "ERROR could not archive {name} in repository local: could not create folder {:?}: {DENIED}. \
         {OWNER}",
        host.repository
    );
    says_only(&host.push().args([path.as_str(), name]).run(), 10, &text);
}

/// It must not pass for one that does not have the file.
#[test]
fn a_repository_that_may_not_be_looked_into_is_a_local_failure_of_a_fetch() {
    let host = ByHand::new();
    host.archives(0);
    set_mode(&host.repository, 0o000);
    let name = host.name(0);
    let fetch = || host.fetch().args([name, "pg_wal/RECOVERYXLOG"]).run();
    let outcome = fetch();
    let start = format!("could not fetch {name} from repository local: could not read \"");
    outcome.expect(210).says(&start).says(&format!("{DENIED}. {OWNER}"));
    host.directory.signal("standby.signal");
    fetch().expect(10);
    set_mode(&host.repository, 0o700);
    fetch().expect(0);
}

#[test]
fn a_stored_object_that_may_not_be_read_is_a_local_failure_and_not_damage() {
    let host = ByHand::new();
    host.archives(0);
    let key = host.stored().into_keys().next().expect("one object");
    let path = host.repository.join(key);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("root or owner");
    let name = host.name(0);
    let text = format!(
        "ERROR could not fetch {name} from repository local: could not read {path:?}: {DENIED}. {OWNER}"
    );
    says_only(&host.fetch().args([name, "pg_wal/RECOVERYXLOG"]).run(), 210, &text);
}

/// What a push of a full disk or a crash has left is removed by the next one; what another process is
/// still writing is not.
#[test]
fn leavings_of_a_dead_push_are_removed_and_those_of_a_living_one_are_not() {
    let host = ByHand::new();
    host.archives(0);
    let temporaries = host.repository.join(".seawall-tmp");
    for name in [".seawall-tmp-dead", ".seawall-tmp-alive", "somebody-elses"] {
        fs::write(temporaries.join(name), "half a segment").expect("our own folder");
    }
    crate::support::user::hand_over(&temporaries);
    let alive = fs::File::open(temporaries.join(".seawall-tmp-alive")).expect("there");
    alive.lock().expect("nobody else has it");
    host.archives(1);
    assert_eq!(files_below(&temporaries), [".seawall-tmp-alive", "somebody-elses"]);
}
