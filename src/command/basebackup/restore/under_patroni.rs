//! A restore that Patroni calls, for a replica or for a new cluster. `archive_mode = 'off'` in `postgresql.auto.conf` would count
//! more than what Patroni writes, be carried to every node that is made of this one, and show only once it leads.

use std::fs;
use std::path::Path;

use super::shown::Archiving;
use crate::error::{Class, Error, Result};

/// More are not between Patroni and a command of its configuration.
const GENERATIONS: usize = 8;

/// A node of Patroni's archives as Patroni says, and never otherwise behind its back.
pub(super) fn refuse(archiving: Archiving) -> Result<()> {
    if archiving != Archiving::Off || !called_by_patroni() {
        return Ok(());
    }
    let message = "Patroni called this restore without --standby and without --archive: the new node would never archive, \
                   whatever Patroni says";
    let hint = "Write --standby into the command of a method in create_replica_methods, --archive into that of bootstrap. \
                Whether the node archives is up to archive_mode in Patroni's configuration then.";
    Err(Error::new(Class::Usage, message).hint(hint))
}

/// It runs commands as its children; a script may be in between.
fn called_by_patroni() -> bool {
    let mut process = rustix::process::getppid().map(|it| it.as_raw_pid());
    for _ in 0..GENERATIONS {
        let Some(id) = process.filter(|id| *id > 0) else { return false };
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        if is_patroni(&words) {
            return true;
        }
        process = parent(id);
    }
    false
}

/// `patroni FILE`, `python3 /usr/bin/patroni FILE`, `python3 -m patroni FILE`.
fn is_patroni(command_line: &[u8]) -> bool {
    let words = command_line.split(|byte| *byte == 0).take(3).map(String::from_utf8_lossy);
    let words: Vec<_> = words.collect();
    let named = |word: &str, name: &str| Path::new(word).file_name().is_some_and(|it| it == name);
    let begins = |word: &str, name: &str| {
        Path::new(word).file_name().is_some_and(|it| it.to_string_lossy().starts_with(name))
    };
    match words.as_slice() {
        [first, ..] if named(first, "patroni") => true,
        [first, second, ..] if begins(first, "python") => {
            let module = second == "-m" && words.get(2).is_some_and(|it| it == "patroni");
            module || named(second, "patroni") || named(second, "patroni.py")
        }
        _ => false,
    }
}

fn parent(id: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patroni_is_known_by_its_command_line() {
        let of = |words: &[&str]| is_patroni(words.join("\0").as_bytes());
        for words in [
            &["/usr/bin/python3", "/usr/bin/patroni", "/etc/patroni.yml"][..],
            &["/opt/bin/python3.11", "/opt/bin/patroni", "/etc/patroni.yml"],
            &["python3", "-m", "patroni", "/etc/patroni.yml"],
            &["python", "/patroni/patroni.py", "/etc/patroni.yml"],
            &["/usr/bin/patroni", "/etc/patroni.yml"],
        ] {
            assert!(of(words), "{words:?}");
        }
        for words in [
            &["/usr/bin/python3", "/usr/bin/patronictl", "list"][..],
            &["vi", "/etc/patroni"],
            &["python3", "-c", "patroni"],
            &["bash"],
            &[],
        ] {
            assert!(!of(words), "{words:?}");
        }
    }
}
