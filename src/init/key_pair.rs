use std::path::Path;

use age::secrecy::ExposeSecret;
use jiff::Timestamp;

use crate::durable;
use crate::error::{Class, Error, Result};

/// An age key pair (X25519).
pub struct KeyPair(age::x25519::Identity);

impl KeyPair {
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// The public half, `age1…`.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Writes the private half as `age-keygen` does, readable for its owner alone. Never over another file:
    /// that may be the only key to older backups.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = format!(
            "# created: {}\n# public key: {}\n{}\n",
            Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            self.recipient(),
            self.0.to_string().expose_secret()
        );
        match durable::create_new(path, text.as_bytes(), 0o600, None)? {
            true => Ok(()),
            false => Err(Error::new(
                Class::Usage,
                format!("{path:?} already exists: it may be the key to older backups"),
            )
            .hint(
                "Say --identity-file for another one, or --encrypt age1… to use its public key.",
            )),
        }
    }
}
