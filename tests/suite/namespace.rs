//! Mounts that only one shell script sees: small disks, read-only ones, other files in `/run`.

use std::sync::OnceLock;

use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::user::server_account;

/// How this machine lets the test process have a mount namespace. Root has one for the asking, an
/// ordinary user becomes root of a user namespace first.
fn words() -> Option<&'static [&'static str]> {
    static WORDS: OnceLock<Option<&[&str]>> = OnceLock::new();
    *WORDS.get_or_init(|| {
        let words: &[&str] =
            if server_account().is_some() { &["--mount"] } else { &["--mount", "--map-root-user"] };
        let place = Place::new();
        let folder = place.folder("disk");
        let mount = format!("mount -t tmpfs -o size=1m tmpfs {}", folder.display());
        let tried = Run::new(&place, "unshare").args(words).args(["sh", "-c", &mount]).run();
        if tried.status != Some(0) {
            eprintln!("no mount namespace here, so less is tested: {tried}");
        }
        (tried.status == Some(0)).then_some(words)
    })
}

/// A shell script in a mount namespace of its own; `None` where the kernel allows none. A command
/// behind `$as` runs as the server user. `mount -o remount` needs `-t tmpfs tmpfs`: without them mount(8) hands back the
/// options that are there, with a uid that the user namespace lacks.
pub fn script(place: &Place, text: &str) -> Option<Run> {
    let as_user = match server_account() {
        Some(account) => {
            format!("setpriv --reuid={} --regid={} --clear-groups", account.uid, account.gid)
        }
        // Who became root of a user namespace is an ordinary user again in one of its own.
        None => {
            let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
            format!("unshare --map-user={} --map-group={}", uid.as_raw(), gid.as_raw())
        }
    };
    let run = Run::new(place, "unshare").args(words()?).args(["sh", "-euc", text]);
    Some(run.env("as", as_user))
}
