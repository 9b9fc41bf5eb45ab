//! What a description says of one object. `ls` and `sha256sum` can check it, without Seawall.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
