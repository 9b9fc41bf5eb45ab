//! A server that was restored to be tried out must not write into the repository of the real one. Its own file says so, but the
//! command line that it is started with, as in a container, counts more to the server.

use std::fs;
use std::io;

use super::DataDirectory;
use crate::error::{Class, Error, Result};
use crate::postgres::last_setting;

/// Stands in `postgresql.auto.conf` above the `archive_mode = 'off'` of a restore. Nobody else writes it. It is a setting, since
/// the server leaves comments away when `ALTER SYSTEM` writes the file anew, and keeps a setting of a name with a dot.
pub const NOT_ARCHIVING: &str =
    "seawall.restored = 'archives nothing until archive_mode is set again, or reset'";

/// What stood there before.
const OLDER: &str =
    "# Added by basebackup restore: archives nothing until archive_mode is set again, or reset";

/// Fails on a directory that was restored not to archive, for as long as nobody has said otherwise.
pub fn refuse_restored(data_directory: &DataDirectory) -> Result<()> {
    let path = data_directory.path().join("postgresql.auto.conf");
    let text = match fs::read(&path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("read", &path, &error)),
    };
    if !is_marked(&text) || last_setting(&text, "archive_mode").is_none_or(|mode| mode != "off") {
        return Ok(());
    }
    let message = format!(
        "expected a server that is to archive, found one that was restored without: {path:?} has archive_mode = 'off', and \
         something that counts more, such as the command line, turns it on"
    );
    Err(Error::new(Class::Configuration, message).hint(
        "Is it the real server from now on: ALTER SYSTEM RESET archive_mode; what waits is archived then. Is it a test: start \
         it without -c archive_mode=on.",
    ))
}

/// The settings of a server that is to archive, whatever the one was that the backup was taken of.
pub fn without_mark(text: &str) -> String {
    if !is_marked(text) {
        return text.to_owned();
    }
    let of_the_mark = |line: &str| {
        line == OLDER || line.starts_with("seawall.restored ") || line == "archive_mode = 'off'"
    };
    text.lines().filter(|line| !of_the_mark(line)).map(|line| format!("{line}\n")).collect()
}

fn is_marked(text: &str) -> bool {
    last_setting(text, "seawall.restored").is_some() || text.lines().any(|line| line == OLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_restore_turned_off_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let data_directory = DataDirectory(place.path().to_owned());
        let refused = |text: &str| {
            fs::write(place.path().join("postgresql.auto.conf"), text).unwrap();
            refuse_restored(&data_directory).is_err()
        };
        assert_eq!(refuse_restored(&data_directory), Ok(()));
        for told in [NOT_ARCHIVING, OLDER] {
            assert!(refused(&format!("archive_mode = on\n{told}\narchive_mode = 'off'\n")));
            assert!(!refused(&format!("{told}\narchive_mode = 'off'\narchive_mode = 'on'\n")));
            assert!(!refused(&format!("{told}\n")));
        }
        for told in [NOT_ARCHIVING, OLDER] {
            let text = format!("port = 5\n{told}\narchive_mode = 'off'\n# Added\n");
            assert_eq!(without_mark(&text), "port = 5\n# Added\n");
        }
        assert_eq!(without_mark("archive_mode = 'off'\n"), "archive_mode = 'off'\n");
        // The owner of the server has said so, and then knows what counts more.
        assert!(!refused("archive_mode = 'off'\n"));
    }
}
