use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::patience::Patience;
use super::{ServerFile, open, persistence};
use crate::durable::{self, Seen};
use crate::error::{Class, Error, Result};
use crate::redis_server::refusal::refusal;
use crate::redis_server::server::Server;

/// Has the server save its data (`BGSAVE`), and opens the file. `folder` is the server's `dir` as it is
/// called here, where that differs. `waiting` is told about once a second for how long.
///
/// A finished save is known by its file: the server writes another one and renames it over the old one. Times
/// in whole seconds (`LASTSAVE`) miss one that ends within the second; `rdb_last_bgsave_status` stays `ok` when
/// a save is called off, by `FLUSHALL` for one; and a transfer to a replica looks like a save under way.
pub fn save(
    server: &mut Server,
    folder: Option<&Path>,
    timeout: Duration,
    waiting: &mut dyn FnMut(Duration),
) -> Result<ServerFile> {
    let persistence = persistence(server, folder)?;
    let path = persistence.dir.join(&persistence.dbfilename);
    let mut patience = Patience::new(timeout, waiting);
    let before = begin(server, &path, &mut patience)?;
    loop {
        let saving = is_saving(server)?;
        if let Some(file) = changed(&path, before.as_ref())? {
            let length =
                file.metadata().map_err(|error| Error::file("look at", &path, &error))?.len();
            return Ok(ServerFile::new(persistence.dbfilename, file, length));
        }
        if !saving {
            return Err(failed(server, &path)?);
        }
        patience.pause("the server's BGSAVE")?;
    }
}

/// Returns what the file was before the save that is now under way.
fn begin(server: &mut Server, path: &Path, patience: &mut Patience<'_>) -> Result<Option<Seen>> {
    loop {
        // A save that is under way is of an older moment.
        while is_saving(server)? {
            patience.pause("the end of the save that is under way")?;
        }
        let before = look(path)?;
        match server.connection().try_query::<String>(&["BGSAVE"])? {
            Ok(_) => return Ok(before),
            Err(text) if text.contains("in progress") || text.contains("child process") => {
                patience.pause("the end of what the server writes now")?;
            }
            Err(text) => {
                let what = format!("could not have {} save its data", server.address());
                return Err(refusal(&what, &text));
            }
        }
    }
}

fn is_saving(server: &mut Server) -> Result<bool> {
    Ok(server.info("persistence")?.get::<u8>("rdb_bgsave_in_progress") == Some(1))
}

fn look(path: &Path) -> Result<Option<Seen>> {
    match durable::open_to_read(path).and_then(|file| Seen::of(&file)) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(_) => open(path).map(|_| None),
    }
}

fn changed(path: &Path, before: Option<&Seen>) -> Result<Option<File>> {
    if look(path)?.is_none() {
        return Ok(None);
    }
    let file = open(path)?;
    let now = Seen::of(&file).map_err(|error| Error::file("look at", path, &error))?;
    Ok(before.is_none_or(|before| !before.is_same_file(&now)).then_some(file))
}

fn failed(server: &mut Server, path: &Path) -> Result<Error> {
    let status = server.info("persistence")?.get::<String>("rdb_last_bgsave_status");
    let address = server.address();
    if status.as_deref() == Some("ok") {
        let message = format!("{address} has saved, and {path:?} is the same file as before");
        return Ok(Error::new(Class::Unreachable, message).hint(
            "Is it the folder that the server has as dir? A save is also called off by FLUSHALL; then try again.",
        ));
    }
    let message = format!("could not have {address} save its data: its BGSAVE failed");
    Ok(Error::new(Class::Unreachable, message).hint(
        "The server's log says why: no room, a folder that is read-only, or no memory to fork.",
    ))
}
