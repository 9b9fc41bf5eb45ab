//! Encryption with age: who objects are encrypted to, and who can open them. A host that only pushes has recipients and
//! no identity, so that it cannot read what it has archived.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use age::stream::StreamWriter;
use age::{EncryptError, Recipient};
use age_core::format::{FileKey, Stanza};
use bytes::Bytes;

use super::label::{AGE_STANZA, Label};
use crate::error::{Class, Error, Result};
use crate::secrecy;

/// Each takes 98 bytes of an object's header, which has to stay within what a reader takes for one.
const RECIPIENTS_MAX: usize = 500;

/// The public keys that stored objects are encrypted to. Who pushes needs nothing else, so a
/// database host cannot read what it has archived.
pub struct Recipients(Vec<age::x25519::Recipient>);

impl Recipients {
    /// From texts like `age1…`, as `age-keygen` prints them.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let parse = |text: &str| {
            if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
                return Err(Error::new(
                    Class::Configuration,
                    "expected an age recipient like age1…, found a private key",
                )
                .hint("`age-keygen -y IDENTITY_FILE` prints its recipient; make a new pair, this one may be in logs."));
            }
            text.parse().map_err(|reason| {
                Error::new(
                    Class::Configuration,
                    format!("expected an age recipient like age1…, found {text:?}: {reason}"),
                )
                .hint("`age-keygen -y IDENTITY_FILE` prints the recipient of an identity.")
            })
        };
        let all: Vec<_> = texts.into_iter().map(parse).collect::<Result<_>>()?;
        if all.len() > RECIPIENTS_MAX {
            let message =
                format!("expected at most {RECIPIENTS_MAX} recipients, found {}", all.len());
            return Err(Error::new(Class::Configuration, message)
                .hint("Use one key pair for people who may read the same data."));
        }
        Ok(Self(all))
    }

    /// A writer that encrypts what is written to it. Its `finish` must be called, else the end is missing
    /// and a reader says so.
    pub fn wrap<W: Write>(&self, output: W) -> Result<StreamWriter<W>> {
        let all = self.0.iter().map(|recipient| recipient as &dyn Recipient);
        let encryptor = age::Encryptor::with_recipients(all).map_err(|error| failed(&error))?;
        encryptor.wrap_output(output).map_err(|error| failed(&error))
    }

    /// Tells these keys from others, whatever their order, without naming them.
    pub fn fingerprint(&self) -> String {
        let mut keys: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        keys.sort_unstable();
        blake3::hash(keys.join("\n").as_bytes()).to_hex().to_string()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The bytes of a `.zst.age` object from the label and the zstd frames of a `.zst` object.
pub fn encrypt(label: &Label, frames: &[Bytes], recipients: &Recipients) -> Result<Vec<u8>> {
    let front = Bytes::from(label.to_frame());
    let parts = || std::iter::once(&front).chain(frames);
    let length: usize = parts().map(Bytes::len).sum();
    let label = LabelStanza(label);
    // First of all, so that it lies within `LABEL_BYTES_MAX` whatever the number of recipients.
    let all = std::iter::once(&label as &dyn Recipient);
    let all = all.chain(recipients.0.iter().map(|recipient| recipient as &dyn Recipient));
    let encryptor = age::Encryptor::with_recipients(all).map_err(|error| failed(&error))?;
    // 64 KiB chunks grow by 16 bytes each; the header takes some 200 bytes and 100 a recipient.
    let room = length + length / 4096 + 1024 + 128 * recipients.0.len();
    let mut writer =
        encryptor.wrap_output(Vec::with_capacity(room)).map_err(|error| failed(&error))?;
    for part in parts() {
        writer.write_all(part).map_err(|error| failed(&error))?;
    }
    writer.finish().map_err(|error| failed(&error))
}

fn failed(reason: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Internal, format!("could not encrypt: {reason}"))
}

/// Not a recipient: it only puts the label into the header, as a stanza of a type that age and every
/// other reader skip, as the age specification asks of unknown types.
struct LabelStanza<'a>(&'a Label);

impl Recipient for LabelStanza<'_> {
    fn wrap_file_key(
        &self,
        _: &FileKey,
    ) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = Stanza {
            tag: AGE_STANZA.to_owned(),
            args: self.0.to_stanza_arguments(),
            body: Vec::new(),
        };
        Ok((vec![stanza], HashSet::new()))
    }
}

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
            return Err(not_identities("the file has no AGE-SECRET-KEY-1… line"));
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
