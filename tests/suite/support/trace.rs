//! What a program asks the kernel to do to files, in order, as `strace` sees it. A kill can't tell what a power
//! cut would leave: the page cache survives it. The order of writes, syncs and names can.

mod disk;
mod event;
mod line;

pub use disk::{Disk, is_temporary};
pub use event::Event;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::installed::HINT;
use line::{Call, calls};

/// Everything that changes a file, a name or what is on the disk. A question mark: not on every processor.
const CALLS: &str = "?open,openat,?openat2,?creat,?mkdir,mkdirat,?rename,?renameat,renameat2,?link,linkat,?symlink,\
                     symlinkat,?unlink,unlinkat,?rmdir,write,writev,pwrite64,pwritev,?pwritev2,?truncate,ftruncate,\
                     fallocate,copy_file_range,sendfile,splice,ioctl,fsync,fdatasync,syncfs,sync,fstatfs";

/// The calls of one program and its threads, as far as they succeeded.
pub struct Trace {
    calls: Vec<Call>,
    /// Where relative paths begin.
    folder: PathBuf,
    /// What was there before the program began.
    known: Vec<PathBuf>,
}

impl Trace {
    /// What `strace` wrote into a file about a program that was run in `folder`.
    pub fn read(file: &Path, folder: &Path, known: Vec<PathBuf>) -> Trace {
        let bytes = fs::read(file).expect("strace wrote it");
        let calls = calls(&String::from_utf8_lossy(&bytes));
        Trace { calls, folder: folder.to_owned(), known }
    }

    /// Goes through the events in order; `look` sees each before it happens, and the disk as it is then. Returns
    /// the disk as the program left it.
    pub fn replay(&self, mut look: impl FnMut(&Event, &Disk)) -> Disk {
        let mut disk = Disk::with(&self.known);
        for call in &self.calls {
            for event in Event::of(call, &self.folder) {
                look(&event, &disk);
                disk.happens(&event, call);
            }
        }
        disk
    }

    /// How often a call was made on a file or folder below a path.
    pub fn count(&self, name: &str, below: &Path) -> usize {
        let on = |call: &&Call| call.name == name && call.path(0).starts_with(below);
        self.calls.iter().filter(on).count()
    }
}

/// The command line that runs a program under `strace`. `tampering` are its expressions that make calls fail.
pub fn tracing(file: &Path, tampering: &[&str]) -> Vec<String> {
    let file = file.to_str().expect("paths of the tests are UTF-8");
    let mut words = vec!["-f", "-y", "-s", "0", "--seccomp-bpf", "-qq", "-o", file];
    let calls = format!("trace={CALLS}");
    words.extend(["-e", &calls, "-e", "signal=none"]);
    words.extend(tampering.iter().flat_map(|expression| ["-e", *expression]));
    words.into_iter().map(str::to_owned).collect()
}

/// The program, after a look whether this machine lets it do its work.
pub fn strace() -> &'static str {
    const PROGRAM: &str = "strace";
    static WORKS: OnceLock<Result<(), String>> = OnceLock::new();
    let tried = WORKS.get_or_init(|| {
        let tried = Command::new(PROGRAM).args(["-o", "/dev/null", "true"]).output();
        let tried = tried.map_err(|error| format!("{error}\n{HINT}"))?;
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        if tried.status.success() { Ok(()) } else { Err(said) }
    });
    if let Err(said) = tried {
        panic!(
            "strace can't trace a program of its own here, and these tests need it: {said}\n\
             In a container, allow ptrace: --cap-add=SYS_PTRACE, or a seccomp profile with it."
        );
    }
    PROGRAM
}

/// All files and folders below a path, and itself.
pub fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    if path.symlink_metadata().is_ok() {
        all.push(path.to_owned());
    }
    if !path.is_symlink() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            all.extend(files_below(&entry.path()));
        }
    }
    all
}
