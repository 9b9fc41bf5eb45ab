use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::by_hand::ByHand;
use crate::support::run::Run;
use crate::support::user::{hand_over, server_account};

const VARIABLE: &str = "SEAWALL_STATIC_BINARIES";

/// A root directory: `/bin` with the programs, `/etc` with what a network needs, and two folders
/// that would be mounted, `/data` with a data directory and `/disk` for a repository.
pub struct Root<'a> {
    host: &'a ByHand,
    path: PathBuf,
}

impl Root<'_> {
    #[track_caller]
    pub fn new(host: &ByHand) -> Root<'_> {
        let path = host.place.folder("root");
        for folder in ["bin", "data/global", "data/pg_wal", "disk", "etc/ssl/certs"] {
            fs::create_dir_all(path.join(folder)).expect("our own folder");
        }
        fs::write(path.join("etc/resolv.conf"), "nameserver 127.0.0.1\n").expect("our own folder");
        fs::write(path.join("data/global/pg_control"), &host.wal.control).expect("our own folder");
        fs::write(path.join("data/pg_wal").join(host.name(0)), host.bytes(0)).expect("our own");
        hand_over(&path);
        for name in ["wal-push", "wal-fetch"] {
            let program = binaries().join(name);
            let copied = fs::copy(&program, path.join("bin").join(name));
            copied.unwrap_or_else(|error| panic!("cannot copy {program:?}: {error}"));
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(path.join("bin").join(name), mode).expect("our own file");
        }
        Root { host, path }
    }

    /// One of the programs, about to be run in the root as the server user.
    pub fn run(&self, name: &str) -> Run {
        let program = format!("/bin/{name}");
        match server_account() {
            Some(account) => Run::new(&self.host.place, "chroot")
                .arg(format!("--userspec=+{}:+{}", account.uid, account.gid))
                .arg(&self.path)
                .arg(program),
            None => Run::new(&self.host.place, "unshare")
                .args(["--map-root-user", "chroot"])
                .arg(&self.path)
                .arg(program),
        }
    }

    /// A push of the first segment.
    pub fn push<N: AsRef<str>, V: AsRef<str>>(&self, variables: &[(N, V)]) -> Run {
        let name = self.host.name(0);
        let run = self.run("wal-push").args([format!("/data/pg_wal/{name}").as_str(), name]);
        run.envs(variables.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
    }

    /// Pushes the first segment, and panics unless it comes back as it was: as it would in recovery.
    #[track_caller]
    pub fn push_and_fetch<N: AsRef<str>, V: AsRef<str>>(&self, variables: &[(N, V)]) {
        self.push(variables).run().expect(0);
        let signal = self.path.join("data/recovery.signal");
        fs::write(&signal, "").expect("our own folder");
        let run = self.run("wal-fetch").args([self.host.name(0), "/data/pg_wal/RECOVERYXLOG"]);
        let run = run.envs(variables.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        run.run().expect(0);
        fs::remove_file(signal).expect("written above");
        let fetched = fs::read(self.path.join("data/pg_wal/RECOVERYXLOG")).expect("fetched");
        assert!(fetched == self.host.bytes(0), "other bytes came back");
    }

    /// Makes this the certificates of the system.
    pub fn trusts(&self, certificates: &Path) {
        let to = self.path.join("etc/ssl/certs/ca-certificates.crt");
        fs::copy(certificates, to).expect("our own folder");
    }

    /// Panics if anything else has come into being in the root.
    #[track_caller]
    pub fn holds_only(&self, names: &[&str]) {
        let entries = fs::read_dir(&self.path).expect("our own folder").flatten();
        let mut found: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        found.sort();
        assert_eq!(found, names);
    }
}

/// Where the static programs are.
#[track_caller]
fn binaries() -> PathBuf {
    const HINT: &str =
        "HINT: run scripts/build-static.sh, and set it to the folder that this prints";
    let folder = env::var_os(VARIABLE).filter(|folder| !folder.is_empty());
    PathBuf::from(folder.unwrap_or_else(|| panic!("{VARIABLE} is not set\n{HINT}")))
}
