use std::fs;
use std::path::Path;

use crate::data_directory::DataDirectory;
use crate::error::{Class, Error, Result};
use crate::postgres::{TablespaceCreation, WalFileName};

/// Fails where replaying the creation of a tablespace would lead this server into the files of another one.
///
/// The WAL holds the path at which it was created, and replaying goes there: whatever the folder has already
/// is taken for this server's own (`create_tablespace_directories` in `tablespace.c`). Beside the server that
/// the WAL is from, that are its tables.
pub(super) fn check(
    data_directory: &DataDirectory,
    name: WalFileName,
    creation: &TablespaceCreation,
) -> Result<()> {
    let TablespaceCreation { oid, location } = creation;
    let own = data_directory.path().join("pg_tblspc").join(oid.to_string());
    // Replayed before, and once more after a restart; or inside of the data directory.
    if own.symlink_metadata().is_ok() || location.as_os_str().is_empty() {
        return Ok(());
    }
    let Some(folder) = in_use(location, &major(data_directory)?) else { return Ok(()) };
    let message = format!(
        "could not fetch {name}: it creates tablespace {oid} at {location:?}, expected nothing of PostgreSQL there, \
         found {folder}: the files of another server, or what one has left"
    );
    Err(Error::new(Class::LocalFile, message).hint(
        "Replayed here, it would change them. Is a server using them, recover on another host, or from a base backup that \
         was taken after the tablespace was created; if none is, move the folder away.",
    ))
}

fn major(data_directory: &DataDirectory) -> Result<String> {
    let path = data_directory.path().join("PG_VERSION");
    let text = fs::read_to_string(&path).map_err(|error| Error::file("read", &path, &error))?;
    Ok(text.trim().to_owned())
}

/// The folder of that major version: a location is shared by servers of different ones.
fn in_use(location: &Path, major: &str) -> Option<String> {
    let beginning = format!("PG_{major}_");
    let names = fs::read_dir(location).ok()?.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).find(|name| name.starts_with(&beginning))
}
