//! What every stored object says about itself, readable without decompressing or decrypting it.
//!
//! In a `.zst` object it is a skippable frame at the front, which `zstd -dc` passes over. In a
//! `.zst.age` object it is also a stanza of the age header, which `age -d` passes over: a host that
//! can only encrypt still tells whether what it pushes is what is there. (It tells anyone who holds
//! the object the length of the file and whether a guess at its whole content is right, no more.)

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::postgres::Malformed;

/// The first format, and the only one so far. A reader refuses a higher one.
const FORMAT: u32 = 1;

/// `ZSTD_MAGIC_SKIPPABLE_START` (zstd's `zstd_compression_format.md`), little-endian.
const SKIPPABLE_MAGIC: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();
const FRAME_HEADER_BYTES: usize = 8;

/// No label is longer, so that many bytes from the front of an object always hold it.
pub const LABEL_BYTES_MAX: usize = 4096;

const AGE_MAGIC: &str = "age-encryption.org/v1\n";
pub(super) const AGE_STANZA: &str = "seawall-label";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The file's own name, so that two objects that changed places are noticed.
    pub name: String,
    /// Length of the plain content in bytes.
    pub size: u64,
    pub digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct LabelJson {
    seawall: u32,
    name: String,
    size: u64,
    blake3: String,
}

impl Label {
    /// The label of a file with this content.
    pub fn of(name: &str, content: &[u8]) -> Self {
        Self { name: name.to_owned(), size: content.len() as u64, digest: Digest::of(content) }
    }

    /// The skippable frame. Its length depends on the name and the number of digits of the size only.
    pub fn to_frame(&self) -> Vec<u8> {
        let json = LabelJson {
            seawall: FORMAT,
            name: self.name.clone(),
            size: self.size,
            blake3: self.digest.to_string(),
        };
        let payload = serde_json::to_vec(&json).unwrap_or_default();
        let mut frame = SKIPPABLE_MAGIC.to_vec();
        frame.extend(u32::try_from(payload.len()).unwrap_or(0).to_le_bytes());
        frame.extend(payload);
        frame
    }

    /// How many bytes the frame of such a label takes, before its digest is known.
    pub fn frame_length(name: &str, size: u64) -> usize {
        Self { name: name.to_owned(), size, digest: Digest::of(b"") }.to_frame().len()
    }

    /// Reads the label at the front of a `.zst` object: the label and how many bytes it takes up.
    pub fn parse_frame(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            return Err(no_label("an object that ends before its label"));
        };
        if header[..4] != SKIPPABLE_MAGIC {
            return Err(no_label("other bytes"));
        }
        let length = u32::from_le_bytes(std::array::from_fn(|i| header[4 + i])) as usize;
        if FRAME_HEADER_BYTES + length > LABEL_BYTES_MAX {
            return Err(no_label(&format!("a frame of {length} bytes")));
        }
        let payload =
            rest.get(..length).ok_or_else(|| no_label("an object that ends in its label"))?;
        let json: LabelJson =
            serde_json::from_slice(payload).map_err(|error| no_label(&error.to_string()))?;
        check_format(json.seawall)?;
        let label = Self { name: json.name, size: json.size, digest: json.blake3.parse()? };
        Ok((label, FRAME_HEADER_BYTES + length))
    }

    /// The arguments of the stanza in an age header.
    pub(super) fn to_stanza_arguments(&self) -> Vec<String> {
        vec![FORMAT.to_string(), self.name.clone(), self.size.to_string(), self.digest.to_string()]
    }

    fn parse_age_header(bytes: &[u8]) -> Result<Self, Malformed> {
        let header = bytes.strip_prefix(AGE_MAGIC.as_bytes());
        let header = header.ok_or_else(|| no_label("no age header"))?;
        let lines =
            header.split(|byte| *byte == b'\n').map(|line| str::from_utf8(line).unwrap_or(""));
        let mut stanzas = lines.take_while(|line| !line.starts_with("---"));
        let stanza = stanzas.find_map(|line| line.strip_prefix("-> ")?.strip_prefix(AGE_STANZA));
        let stanza = stanza.ok_or_else(|| no_label("an age header without it"))?;
        let fields: Vec<&str> = stanza.split_ascii_whitespace().collect();
        let [format, name, size, digest] = fields[..] else {
            return Err(no_label(&format!("the stanza {stanza:?}")));
        };
        check_format(format.parse().map_err(|_| no_label(&format!("format {format:?}")))?)?;
        let size = size.parse().map_err(|_| no_label(&format!("size {size:?}")))?;
        Ok(Self { name: name.to_owned(), size, digest: digest.parse()? })
    }
}

/// The label of a stored object from its first bytes ([`LABEL_BYTES_MAX`] or all of a shorter one).
pub fn label_of_stored(front: &[u8], encrypted: bool) -> Result<Label, Malformed> {
    if encrypted {
        Label::parse_age_header(front)
    } else {
        Label::parse_frame(front).map(|(l, _)| l)
    }
}

fn check_format(found: u32) -> Result<(), Malformed> {
    if found == FORMAT {
        return Ok(());
    }
    Err(Malformed::new(format!(
        "expected object format {FORMAT}, found {found}: a newer Seawall wrote it"
    )))
}

fn no_label(found: &str) -> Malformed {
    Malformed::new(format!("expected a Seawall label, found {found}"))
}

/// BLAKE3 of the plain content of a file, 64 hexadecimal digits. Of the plain content, so that the
/// same file is recognised whatever it was compressed or encrypted with; BLAKE3, because hashing a
/// segment must not cost more than compressing it (3 ms for 16 MiB here, SHA-256 12 to 90 ms).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(blake3::Hash);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub fn of_hasher(hasher: &blake3::Hasher) -> Self {
        Self(hasher.finalize())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| {
            Malformed::new(format!("expected a digest of 64 hexadecimal digits, found {text:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        let name = "000000010000000000000001".to_owned();
        Label { name, size: 16_777_216, digest: Digest::of(b"x") }
    }

    #[test]
    fn reads_what_it_writes() {
        let mut frame = label().to_frame();
        let length = frame.len();
        frame.extend(b"more");
        assert_eq!(Label::parse_frame(&frame), Ok((label(), length)));
    }

    #[test]
    fn refuses_a_newer_format_and_damaged_bytes() {
        let text = String::from_utf8(label().to_frame()[8..].to_vec()).unwrap();
        let newer = text.replace("\"seawall\":1", "\"seawall\":2");
        let frame = [&label().to_frame()[..8], newer.as_bytes()].concat();
        assert_eq!(
            Label::parse_frame(&frame).unwrap_err().0,
            "expected object format 1, found 2: a newer Seawall wrote it"
        );
        for length in 0..label().to_frame().len() {
            assert!(Label::parse_frame(&label().to_frame()[..length]).is_err(), "{length}");
        }
    }
}
