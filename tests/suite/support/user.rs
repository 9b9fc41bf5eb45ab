//! The user that servers run as. PostgreSQL refuses to run as root, and root ignores file modes, so
//! a test process that is root hands its servers and the programs they call to an ordinary user.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The user and group of a server.
#[derive(Clone, Copy)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// The account for servers: `postgres` where it exists, else `nobody`; `None` when the test process
/// is itself an ordinary user.
pub fn server_account() -> Option<Account> {
    static ACCOUNT: OnceLock<Option<Account>> = OnceLock::new();
    *ACCOUNT.get_or_init(|| {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let account = find(&passwd, "postgres").or_else(|| find(&passwd, "nobody"));
        Some(account.expect("root needs a user `postgres` or `nobody` to run servers as"))
    })
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map_while(|field| field.parse().ok());
    Some(Account { uid: numbers.next()?, gid: numbers.next()? })
}

/// Makes the command run as the server user; does nothing for an ordinary user.
pub fn as_server_user(command: &mut Command) {
    if let Some(account) = server_account() {
        command.uid(account.uid).gid(account.gid);
    }
}

/// Gives a file or a whole folder to the server user; does nothing for an ordinary user.
pub fn hand_over(path: &Path) {
    if server_account().is_none() {
        return;
    }
    hand_over_alone(path);
    if path.is_symlink() || !path.is_dir() {
        return;
    }
    for entry in fs::read_dir(path).expect("folder is readable") {
        hand_over(&entry.expect("folder is readable").path());
    }
}

/// The same, without what lies in a folder.
pub fn hand_over_alone(path: &Path) {
    if let Some(account) = server_account() {
        lchown(path, Some(account.uid), Some(account.gid)).expect("root may change the owner");
    }
}

/// Writes a file that the server user owns.
pub fn write_as_server_user(path: &Path, contents: impl AsRef<[u8]>) {
    fs::write(path, contents).unwrap_or_else(|error| panic!("cannot write {path:?}: {error}"));
    if let Some(account) = server_account() {
        chown(path, Some(account.uid), Some(account.gid)).expect("root may change the owner");
    }
}

/// Whether the server user can get at a program: a checkout below `/root` is closed to everybody else.
pub fn reachable(program: &Path) -> bool {
    let Some(account) = server_account() else {
        return true;
    };
    let open = |path: &Path| {
        fs::metadata(path).is_ok_and(|meta| {
            let own = meta.uid() == account.uid && meta.mode() & 0o100 != 0;
            own || meta.mode() & 0o001 != 0
        })
    };
    program.ancestors().filter(|path| !path.as_os_str().is_empty()).all(open)
}
