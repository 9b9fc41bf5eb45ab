//! What a server beside us keeps on its disk: an RDB file saved now, or its append-only file as it is.

mod aof;
mod checked;
mod manifest;
mod patience;
mod save;
mod tail;

pub use aof::append_only;
pub use manifest::{Entry, Kind, Manifest};
pub use save::save;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::facts::Persistence;
use super::server::Server;
use crate::durable;
use crate::error::{Class, Error, Result};

/// A file of a server, to be read up to its length and no further.
pub struct ServerFile {
    /// As it is called in its folder.
    pub name: String,
    /// Bytes.
    pub length: u64,
    pub reader: Box<dyn Read + Send>,
}

impl ServerFile {
    fn new(name: String, file: File, length: u64) -> Self {
        Self { name, length, reader: Box::new(file.take(length)) }
    }

    fn of_text(name: String, text: String) -> Self {
        let length = text.len() as u64;
        Self { name, length, reader: Box::new(io::Cursor::new(text.into_bytes())) }
    }
}

/// Where the server keeps its files, seen from here.
fn persistence(server: &mut Server, folder: Option<&Path>) -> Result<Persistence> {
    match (server.persistence()?, folder) {
        (Some(found), None) => Ok(found),
        (Some(found), Some(folder)) => Ok(Persistence { dir: folder.to_owned(), ..found }),
        (None, Some(folder)) => server.persistence_in(folder),
        (None, None) => {
            let message = format!("{} does not say where its files are", server.address());
            Err(Error::new(Class::Refused, message).hint(
                "Allow CONFIG GET to the user (+config|get), name the folder (--folder), or take the data over the \
                 connection.",
            ))
        }
    }
}

fn open(path: &Path) -> Result<File> {
    durable::open_to_read(path).map_err(|error| {
        let failure = Error::file("open", path, &error);
        match error.kind() {
            io::ErrorKind::NotFound => failure.hint(
                "Is this the server's host, and the folder the one that the server has as dir?",
            ),
            io::ErrorKind::PermissionDenied => {
                failure.hint("Run it as the server's user, or take the data over the connection.")
            }
            _ => failure,
        }
    })
}
