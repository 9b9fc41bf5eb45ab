//! A temporary place for one test.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use super::process::tree;
use super::user::{hand_over, reachable, write_as_server_user};

/// Set this variable to keep the folders of the tests for a look at what they left.
const KEEP: &str = "SEAWALL_TESTS_KEEP";

/// A folder of one test, owned by the server user. Clones share it; when the last one goes, every
/// process that still works in the folder is killed and the folder removed.
#[derive(Clone)]
pub struct Place {
    shared: Arc<Shared>,
}

struct Shared {
    top: TempDir,
    path: PathBuf,
    next_number: AtomicU16,
}

impl Place {
    /// A place whose path is short and plain.
    pub fn new() -> Place {
        Place::below("files")
    }

    /// A place whose path holds a space and a letter outside ASCII, which scripts and URLs get wrong.
    pub fn with_odd_name() -> Place {
        Place::below("wäl files")
    }

    fn below(name: &str) -> Place {
        let made = tempfile::Builder::new().prefix("seawall-").tempdir();
        let mut top = made.expect("a temporary folder");
        top.disable_cleanup(std::env::var_os(KEEP).is_some());
        open_to_all(top.path());
        let path = top.path().join(name);
        fs::create_dir(&path).expect("our own folder");
        hand_over(top.path());
        Place { shared: Arc::new(Shared { top, path, next_number: AtomicU16::new(0) }) }
    }

    /// The folder for the files of the test.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The short folder above, for sockets: their paths hold at most 107 bytes.
    pub fn sockets(&self) -> &Path {
        self.shared.top.path()
    }

    /// A path in the place; nothing is made.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Makes a folder that the server user may write to.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.join(name);
        fs::create_dir_all(&folder).expect("our own folder");
        hand_over(&self.join(Path::new(name).iter().next().expect("a name")));
        folder
    }

    /// Writes a file that the server user owns.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        write_as_server_user(&path, contents);
        path
    }

    /// A number that no other part of this place has got: names and socket ports are made of it.
    pub fn next_number(&self) -> u16 {
        self.shared.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// The program under a path that the server user can reach: linked or copied into the place when
    /// the checkout is closed to other users. It stays root's: a link shares its owner with the
    /// original.
    pub fn program(&self, program: &str) -> PathBuf {
        let path = Path::new(program);
        if !program.contains('/') || reachable(path) {
            return path.to_owned();
        }
        let folder = self.join("programs");
        fs::create_dir_all(&folder).expect("our own folder");
        open_to_all(&folder);
        let copy = folder.join(path.file_name().expect("a program has a name"));
        let mode = fs::metadata(path).map_or(0, |meta| meta.mode());
        let linked = copy.exists() || (mode & 0o005 == 0o005 && fs::hard_link(path, &copy).is_ok());
        if !linked {
            fs::copy(path, &copy).unwrap_or_else(|error| panic!("cannot copy {program}: {error}"));
            open_to_all(&copy);
        }
        copy
    }

    /// A command in a clean environment: only `PATH`, and the place as its working folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // What a host remembers is of this place alone, and only where a test makes the folder.
        command.env("SEAWALL_STATE_DIRECTORY", self.join("state of the host"));
        command
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        tree::kill_in(self.top.path());
    }
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
}

/// A loopback port that nothing listens on and that no other caller gets. It lies below the range
/// the kernel takes for outgoing connections, so that it stays free between two starts of a server.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    // Processes that run side by side have numbers close together, and must begin far apart.
    let spread = std::process::id().wrapping_mul(2_654_435_761) >> 8;
    let start = u16::try_from(spread % u32::from(COUNT)).expect("small");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no loopback port is free between {FIRST} and {}", FIRST + COUNT);
}
