use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::error::{Class, Error, Result};

/// Makes sure that this is not root, who may not run PostgreSQL: as root it starts this program again as the
/// user who was named, and does not return. All of a drill then runs as that user, so what works in it works
/// for the restored server too: reading the configuration, fetching WAL.
pub fn become_user(name: Option<&str>, program: &str) -> Result<()> {
    let here = rustix::process::geteuid();
    let Some(name) = name else {
        if !here.is_root() {
            return Ok(());
        }
        return Err(Error::new(Class::Usage, "a drill does not run as root").hint(format!(
            "Name the user that runs PostgreSQL: {program} drill --user postgres."
        )));
    };
    let (uid, gid) = (number(name, "-u")?, number(name, "-g")?);
    if here.as_raw() == uid {
        return if here.is_root() { become_user(None, program) } else { Ok(()) };
    }
    if !here.is_root() {
        let message = format!("only root can run a drill as user {name}");
        return Err(Error::new(Class::Usage, message).hint("Leave --user out."));
    }
    if uid == 0 {
        return become_user(None, program);
    }
    let this = std::env::current_exe().map_err(|error| {
        Error::new(Class::Internal, format!("could not find out where this program is: {error}"))
    })?;
    // Where root was, the user may not be allowed to be.
    let mut command = Command::new(&this);
    command.args(std::env::args_os().skip(1)).uid(uid).gid(gid).current_dir("/");
    let error = command.exec();
    Err(Error::file("run", &this, &error)
        .hint(format!("Is it where user {name} may read and run it?")))
}

/// As `id` says it, which knows the users of a directory service too.
fn number(name: &str, which: &str) -> Result<u32> {
    let output = Command::new("id").args([which, "--", name]).output();
    let output = output.map_err(|error| {
        Error::new(Class::LocalFile, format!("could not run the program id: {error}"))
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .ok()
        .filter(|_| output.status.success())
        .ok_or_else(|| Error::new(Class::Usage, format!("there is no user {name:?}")))
}
