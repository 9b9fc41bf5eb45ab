//! From the bytes of a stored object to the content, proved: length and digest are those of the label when the reader has
//! come to its end, and not before.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::encryption::Identities;
use super::frames::Frames;
use super::label::Digest;
use super::label::{LABEL_BYTES_MAX, Label};
use crate::error::{Class, Error, Result};

const BUFFER_BYTES: usize = 1 << 18;

/// A header takes some 300 bytes and 100 for each recipient. age's own parser reads on, all of an
/// object into memory, as long as what it has may be the beginning of a header.
const AGE_HEADER_BYTES_MAX: u64 = 1 << 16;
/// What lies between the header and the content.
const AGE_NONCE_BYTES: usize = 16;

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
    if encrypted {
        let stored = BufReader::with_capacity(BUFFER_BYTES, stored);
        return open(decrypt(stored, identities)?);
    }
    open(stored)
}

/// Opens an object that has no label, such as a part of a base backup: decrypts it if it is `encrypted`, and
/// decompresses. Who reads it proves its length and digest by other means. Read errors are what
/// [`read_failed`] takes.
pub fn decode_unlabelled<'a>(
    stored: impl Read + 'a,
    encrypted: bool,
    identities: &'a Identities,
) -> Result<impl Read + 'a> {
    let compressed: Box<dyn Read + 'a> = if encrypted {
        Box::new(decrypt(BufReader::with_capacity(BUFFER_BYTES, stored), identities)?)
    } else {
        Box::new(stored)
    };
    Frames::new(compressed).map_err(|error| read_failed(&error))
}

/// The bytes of an encrypted object as they would be in the clear: a label and zstd frames, of which nothing is proved
/// but that somebody encrypted them so.
pub fn decrypted(stored: &[u8], identities: &Identities) -> Result<Vec<u8>> {
    let mut clear = Vec::with_capacity(stored.len());
    let read = decrypt(stored, identities)?.read_to_end(&mut clear);
    read.map_err(|error| read_failed(&error)).map(|_| clear)
}

/// The same as a stream, of an object of any length.
pub fn decrypted_stream<'a>(
    stored: impl Read + 'a,
    identities: &'a Identities,
) -> Result<impl Read + 'a> {
    decrypt(BufReader::with_capacity(BUFFER_BYTES, stored), identities)
}

fn decrypt<'a>(
    mut stored: impl BufRead + 'a,
    identities: &'a Identities,
) -> Result<impl Read + 'a> {
    if identities.is_empty() {
        return Err(Error::new(
            Class::Configuration,
            "it is encrypted and there is no identity file",
        )
        .hint("Set encryption.identity_file to the file with the private key."));
    }
    let stored = Cursor::new(age_header(&mut stored)?).chain(stored);
    let decryptor = age::Decryptor::new_buffered(stored).map_err(|error| not_opened(&error))?;
    decryptor.decrypt(identities.iter()).map_err(|error| not_opened(&error))
}

/// The lines up to the one that ends an age header, which age's parser finds whole.
fn age_header(stored: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut limited = stored.take(AGE_HEADER_BYTES_MAX);
    let (mut header, mut line) = (Vec::new(), 0);
    while limited.read_until(b'\n', &mut header).map_err(|error| read_failed(&error))? > 0 {
        if header[line..].starts_with(b"---") && header.ends_with(b"\n") {
            return is_whole(&header).map(|()| header);
        }
        line = header.len();
    }
    Err(no_end())
}

fn is_whole(header: &[u8]) -> Result<()> {
    let alone = header.chain(&[0; AGE_NONCE_BYTES][..]);
    match age::Decryptor::new_buffered(alone) {
        Ok(_) => Ok(()),
        Err(age::DecryptError::Io(_)) => Err(no_end()),
        Err(error) => Err(not_opened(&error)),
    }
}

fn no_end() -> Error {
    damaged(&"expected an age file, found no end of its header")
}

fn not_opened(error: &age::DecryptError) -> Error {
    match error {
        age::DecryptError::NoMatchingKeys => {
            Error::new(Class::Configuration, "none of the keys in the identity file decrypts it")
                .hint("Add the private key of one of its recipients.")
        }
        age::DecryptError::Io(error) => read_failed(error),
        // Its advice is for users of age, in lines of its own.
        other => {
            let text = other.to_string();
            let reason = text.lines().next().unwrap_or_default().trim_end_matches('.');
            damaged(&format!("expected an age file, found damage: {reason}"))
        }
    }
}

fn open<'a>(mut stored: impl Read + 'a) -> Result<Decoded<'a>> {
    let mut front = Vec::with_capacity(LABEL_BYTES_MAX);
    let mut limited = stored.by_ref().take(8);
    limited.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
    if let Some(length) = front.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) {
        let length = u64::from(length).min(LABEL_BYTES_MAX as u64);
        let mut limited = stored.by_ref().take(length);
        limited.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
    }
    let (label, _) = Label::parse_frame(&front).map_err(|error| damaged(&error))?;
    let plain = Frames::new(stored).map_err(|error| read_failed(&error))?;
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
            let expected = self.label.digest;
            return Err(damaged(&format!(
                "expected content with BLAKE3 {expected}, found {digest}"
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
pub fn read_failed(error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.cloned().unwrap_or_else(|| damaged(&format!("it can't be unpacked: {error}")))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::num::NonZeroUsize;

    use bytes::Bytes;

    use super::super::{Encoder, Encoding, Recipients, encrypt, label_of_stored};
    use super::*;

    fn frames(plain: &[u8]) -> (Vec<Bytes>, Label) {
        let mut encoder = Encoder::new(Encoding { level: 1, threads: NonZeroUsize::MIN });
        let mut frames = Vec::new();
        let mut take = |frame| frames.push(frame);
        let encoded = encoder.encode("name", plain.len() as u64, &mut &plain[..], &mut take);
        (frames, encoded.unwrap().label)
    }

    fn stored(plain: &[u8]) -> (Vec<u8>, Label) {
        let (frames, label) = frames(plain);
        ([vec![Bytes::from(label.to_frame())], frames].concat().concat(), label)
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
        let identity = age::x25519::Identity::generate();
        use age::secrecy::ExposeSecret;
        let identities = Identities::parse(identity.to_string().expose_secret()).unwrap();
        // As many as there may be: their stanzas alone take up more than `LABEL_BYTES_MAX`.
        let others = (0..499).map(|_| age::x25519::Identity::generate().to_public());
        let keys: Vec<String> =
            others.chain([identity.to_public()]).map(|key| key.to_string()).collect();
        let recipients = Recipients::parse(keys.iter().map(String::as_str)).unwrap();
        let one_more = keys.iter().chain(&keys[..1]).map(String::as_str);
        let error = Recipients::parse(one_more).err().unwrap();
        let text = "expected at most 500 recipients, found 501. HINT: Use one key pair for people \
                    who may read the same data.";
        assert_eq!((error.class(), error.to_string().as_str()), (Class::Configuration, text));
        let (frames, label) = frames(&plain());
        let encrypted = encrypt(&label, &frames, &recipients).unwrap();
        assert_eq!(read_all(&encrypted, true, &identities), Ok(plain()));
        assert_eq!(label_of_stored(&encrypted[..LABEL_BYTES_MAX], true), Ok(label));
        let error = read_all(&encrypted, true, &Identities::default()).unwrap_err();
        assert_eq!(error.class(), Class::Configuration);
    }

    #[test]
    fn an_object_without_label_opens_encrypted_and_in_the_clear() {
        let key = age::x25519::Identity::generate();
        use age::secrecy::ExposeSecret;
        let identities = Identities::parse(key.to_string().expose_secret()).unwrap();
        let clear: Vec<u8> = frames(&plain()).0.concat();
        let encrypted = age::encrypt(&key.to_public(), &clear).unwrap();
        for (stored, is_encrypted) in [(&clear, false), (&encrypted, true)] {
            let read = |stored: &[u8]| {
                let mut content = Vec::new();
                let mut decoded = decode_unlabelled(stored, is_encrypted, &identities)?;
                let read = decoded.read_to_end(&mut content);
                read.map_err(|error| read_failed(&error)).map(|_| content)
            };
            assert_eq!(read(stored), Ok(plain()));
            let cut = read(&stored[..stored.len() - 1]).unwrap_err();
            assert_eq!(cut.class(), Class::Damaged);
            assert!(cut.to_string().starts_with("it can't be unpacked: "), "{cut}");
        }
        let nobody = Identities::default();
        let locked = decode_unlabelled(&encrypted[..], true, &nobody);
        assert_eq!(locked.err().unwrap().class(), Class::Configuration);
    }

    /// What was read of an object.
    struct Counted<'a, R> {
        inner: R,
        read: &'a Cell<usize>,
    }

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.inner.read(buffer)?;
            self.read.set(self.read.get() + read);
            assert!(self.read.get() < 1 << 24, "it reads on for ever");
            Ok(read)
        }
    }

    #[test]
    fn a_header_without_an_end_and_an_enormous_window_are_damage() {
        let key = age::x25519::Identity::generate();
        use age::secrecy::ExposeSecret;
        let identities = Identities::parse(key.to_string().expose_secret()).unwrap();
        // The last two lines would end a header, were they whole.
        for line in ["-> ", "--- ", "--- short\n"] {
            let front = format!("age-encryption.org/v1\n-> a\n\n{line}");
            let read = Cell::new(0);
            let mut endless =
                Counted { inner: front.as_bytes().chain(io::repeat(b'a')), read: &read };
            let error = decode(&mut endless, true, &identities).err().unwrap();
            assert_eq!(error.to_string(), "expected an age file, found no end of its header");
            assert!(
                read.get() <= front.len() + BUFFER_BYTES,
                "{line:?}: {} bytes read",
                read.get()
            );
        }
        let (mut object, label) = stored(b"");
        object.truncate(label.to_frame().len());
        // zstd's magic number, a descriptor without content size, and a window of 2^27 bytes.
        object.extend([0x28, 0xB5, 0x2F, 0xFD, 0x00, 17 << 3, 0x01, 0x00, 0x00]);
        let error = read_all(&object, false, &identities).unwrap_err();
        assert!(
            error.to_string().starts_with("it can't be unpacked: Frame requires too much memory"),
            "{error}"
        );
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
