//! Reads `backup.json` of any kind of backup: first the number of its format, then the rest, then the names and lengths
//! of objects in it. `ls` and `sha256sum` can check these, without Seawall.
//!
//! The file lies in the clear, and who may add objects may forge it: a name in it must not lead out of the backup's
//! folder.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Described;
use crate::error::{Class, Error, Result};

/// Reads a description of a format up to now.
pub fn parse_description<D: Described + DeserializeOwned>(bytes: &[u8]) -> Result<D> {
    /// Read first: what else a newer format says may be written in another way.
    #[derive(Deserialize)]
    struct Version {
        seawall: u32,
    }
    let damaged = |error: serde_json::Error| {
        Error::new(Class::Damaged, format!("expected a description of a backup: {error}"))
    };
    let version: Version = serde_json::from_slice(bytes).map_err(damaged)?;
    if version.seawall != D::FORMAT {
        let message = format!("expected backup format {}, found {}", D::FORMAT, version.seawall);
        return Err(
            Error::new(Class::Damaged, message).hint("A newer Seawall wrote it: use that one.")
        );
    }
    let description: D = serde_json::from_slice(bytes).map_err(damaged)?;
    let shared = description.shared().map(|(_, stored)| stored);
    check(description.objects().chain(shared))?;
    Ok(description)
}

/// What must not lead a reader astray: names of objects are no paths, and lengths can be added up.
fn check<'a>(objects: impl Iterator<Item = &'a StoredObject>) -> Result<()> {
    let mut lengths = [0_u64; 2];
    for stored in objects {
        let name = &stored.object;
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            let message = format!("expected the name of an object beside it, found {name:?}");
            return Err(Error::new(Class::Damaged, message));
        }
        for (sum, length) in lengths.iter_mut().zip([stored.size, stored.stored_size]) {
            *sum = sum.checked_add(length).ok_or_else(|| {
                let message = format!("expected the length of {name}, found {length} bytes");
                Error::new(Class::Damaged, message)
            })?;
        }
    }
    Ok(())
}

/// An object of a backup, as its description names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    /// Its name beside `backup.json`.
    pub object: String,
    /// Length before compression, in bytes.
    pub size: u64,
    /// Length as stored, in bytes.
    pub stored_size: u64,
    /// SHA-256 of the stored bytes in hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
}

/// As `sha256sum` prints it.
pub fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
