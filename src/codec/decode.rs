use std::io::{self, BufRead, BufReader, Read};

use super::digest::Digest;
use super::identities::Identities;
use super::label::{LABEL_BYTES_MAX, Label};
use crate::error::{Class, Error, Result};

const BUFFER_BYTES: usize = 1 << 18;

/// The plain content of a stored object. Reading it to its end proves length and digest against the
/// label; a reader that stops early has no proof of what it read.
pub struct Decoded<'a> {
    pub label: Label,
    plain: Box<dyn Read + 'a>,
    hasher: blake3::Hasher,
    total: u64,
}

/// Opens a stored object: decrypts it if it is `encrypted`, reads its label, and decompresses.
pub fn decode<'a>(
    stored: impl Read + 'a,
    encrypted: bool,
    identities: &'a Identities,
) -> Result<Decoded<'a>> {
    let stored = BufReader::with_capacity(BUFFER_BYTES, stored);
    if encrypted {
        return open(BufReader::with_capacity(BUFFER_BYTES, decrypt(stored, identities)?));
    }
    open(stored)
}

fn decrypt<'a>(stored: impl BufRead + 'a, identities: &'a Identities) -> Result<impl Read + 'a> {
    if identities.is_empty() {
        return Err(Error::new(
            Class::Configuration,
            "it is encrypted and there is no identity file",
        )
        .hint("Set encryption.identity_file to the file with the private key."));
    }
    let decryptor = age::Decryptor::new_buffered(stored).map_err(|error| not_opened(&error))?;
    decryptor.decrypt(identities.iter()).map_err(|error| not_opened(&error))
}

fn not_opened(error: &age::DecryptError) -> Error {
    match error {
        age::DecryptError::NoMatchingKeys => {
            Error::new(Class::Configuration, "no identity in the identity file opens it")
                .hint("Add the private key of a recipient it was encrypted to.")
        }
        age::DecryptError::Io(error) => read_failed(error),
        other => Error::new(Class::Damaged, format!("expected an age file, found damage: {other}")),
    }
}

fn open<'a>(mut stored: impl BufRead + 'a) -> Result<Decoded<'a>> {
    let mut front = Vec::with_capacity(LABEL_BYTES_MAX);
    let mut limited = stored.by_ref().take(8);
    limited.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
    if let Some(length) = front.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) {
        let length = u64::from(length).min(LABEL_BYTES_MAX as u64);
        let mut limited = stored.by_ref().take(length);
        limited.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
    }
    let (label, _) = Label::parse_frame(&front).map_err(|error| damaged(&error))?;
    let plain = zstd::stream::read::Decoder::with_buffer(stored);
    let plain = plain.map_err(|error| read_failed(&error))?;
    Ok(Decoded { label, plain: Box::new(plain), hasher: blake3::Hasher::new(), total: 0 })
}

impl Decoded<'_> {
    /// Reads the next bytes into `buffer`; 0 means the end, and that length and digest are right.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.plain.read(buffer).map_err(|error| read_failed(&error))?;
        if read == 0 {
            self.check_end()?;
            return Ok(0);
        }
        self.hasher.update(&buffer[..read]);
        self.total += read as u64;
        // A damaged frame may decompress to more than any disk holds.
        if self.total > self.label.size {
            return Err(self.wrong_length("more"));
        }
        Ok(read)
    }

    fn check_end(&self) -> Result<()> {
        if self.total != self.label.size {
            return Err(self.wrong_length(&self.total.to_string()));
        }
        let digest = Digest::of_hasher(&self.hasher);
        if digest != self.label.digest {
            return Err(damaged(&format!(
                "expected content with BLAKE3 {}, found {digest}",
                self.label.digest
            )));
        }
        Ok(())
    }

    fn wrong_length(&self, found: &str) -> Error {
        damaged(&format!("expected {} bytes of content, found {found}", self.label.size))
    }
}

fn damaged(reason: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Damaged, reason.to_string())
}

/// A reader of a repository passes its own error through `io::Error`; anything else that fails to
/// read was understood as bytes and is damage.
fn read_failed(error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.cloned().unwrap_or_else(|| damaged(&format!("it can't be unpacked: {error}")))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::super::{Encoding, Recipients, encode, encrypt, label_of_stored};
    use super::*;

    fn stored(plain: &[u8]) -> (Vec<u8>, Label) {
        let encoding = Encoding { level: 1, threads: NonZeroUsize::MIN };
        let encoded = encode("name", plain.len() as u64, &mut &plain[..], encoding).unwrap();
        (encoded.bytes, encoded.label)
    }

    fn read_all(stored: &[u8], encrypted: bool, identities: &Identities) -> Result<Vec<u8>> {
        let mut decoded = decode(stored, encrypted, identities)?;
        let (mut plain, mut buffer) = (Vec::new(), vec![0; 1000]);
        loop {
            match decoded.read(&mut buffer)? {
                0 => return Ok(plain),
                read => plain.extend(&buffer[..read]),
            }
        }
    }

    fn plain() -> Vec<u8> {
        (0..3_000_000_u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).take(3_000_000).collect()
    }

    #[test]
    fn gives_back_what_was_encoded() {
        for plain in [Vec::new(), b"short".to_vec(), plain()] {
            let (stored, _) = stored(&plain);
            assert_eq!(read_all(&stored, false, &Identities::default()), Ok(plain));
        }
    }

    #[test]
    fn encrypted_objects_open_with_the_identity_and_show_their_label_without() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        let identity = age::x25519::Identity::generate();
        use age::secrecy::ExposeSecret;
        std::fs::write(&path, identity.to_string().expose_secret()).unwrap();
        let recipients = Recipients::parse([identity.to_public().to_string().as_str()]).unwrap();
        let (compressed, label) = stored(&plain());
        let encrypted = encrypt(&compressed, &label, &recipients).unwrap();
        let identities = Identities::read(&path).unwrap();
        assert_eq!(read_all(&encrypted, true, &identities), Ok(plain()));
        assert_eq!(label_of_stored(&encrypted[..LABEL_BYTES_MAX], true), Ok(label));
        let error = read_all(&encrypted, true, &Identities::default()).unwrap_err();
        assert_eq!(error.class(), Class::Configuration);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        let (stored, _) = stored(&plain()[..200_000]);
        let none = Identities::default();
        for at in (0..stored.len()).step_by(stored.len() / 500 + 1) {
            let mut flipped = stored.clone();
            flipped[at] ^= 0x10;
            let read = read_all(&flipped, false, &none);
            // A flip inside the label's name decodes: whoever asked for another name notices.
            let harmless = at < 60 && read.is_ok();
            assert!(harmless || read.unwrap_err().class() == Class::Damaged, "flip at {at}");
            assert!(read_all(&stored[..at], false, &none).is_err(), "cut at {at}");
        }
    }
}
