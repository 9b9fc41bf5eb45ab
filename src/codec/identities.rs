use std::path::Path;

use crate::error::{Class, Error, Result};
use crate::secrecy;

/// The private keys that open encrypted objects. Only hosts that restore have them.
#[derive(Default)]
pub struct Identities(Vec<age::x25519::Identity>);

impl Identities {
    /// From an identity file as `age-keygen` writes it: one `AGE-SECRET-KEY-1…` a line, `#` comments.
    pub fn read(path: &Path) -> Result<Self> {
        let said =
            |error: Error| error.while_doing(format!("could not read identity file {path:?}"));
        let text = std::fs::read_to_string(path).map_err(|error| {
            said(Error::new(Class::Configuration, error.to_string()))
                .hint("The user that runs this must be able to read it.")
        })?;
        secrecy::look("the private keys in", path);
        Self::parse(&text).map_err(said)
    }

    /// From the text of an identity file.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim);
        let keys = lines.enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys = keys.map(|(number, line)| {
            // Neither the line nor the parser's reason is repeated: they may hold the key.
            line.parse::<age::x25519::Identity>().map_err(|_| {
                not_identities(&format!("expected an AGE-SECRET-KEY-1… in line {}", number + 1))
            })
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(not_identities("expected at least one AGE-SECRET-KEY-1… line, found none"));
        }
        Ok(Self(keys))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|identity| identity as &dyn age::Identity)
    }
}

fn not_identities(reason: &str) -> Error {
    Error::new(Class::Configuration, reason).hint("Make one with `age-keygen -o FILE`.")
}
