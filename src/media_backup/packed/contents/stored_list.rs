//! The list of contents as it is stored: JSON lines in order of the digests, and an end that counts them. The reader
//! believes nothing: each content comes once, and lies within an object that the description names.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use super::{ContentPlace, Holder, PackedContents};
use crate::backup::damaged;
use crate::codec::{Digest, read_failed};
use crate::error::{Class, Error, Result};
use crate::media_backup::SnapshotDescription;
use crate::media_backup::packed::CONTENTS_FORMAT;

/// More than a line has.
const LINE_BYTES_MAX: u64 = 4096;

/// The level of zstd.
const LEVEL: i32 = 3;

#[derive(Serialize, Deserialize)]
struct ContentsHeader {
    seawall: u32,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct ContentsLine {
    blake3: String,
    snapshot: String,
    object: String,
    offset: u64,
    stored_size: u64,
    size: u64,
}

#[derive(Serialize, Deserialize)]
struct ContentsEnd {
    contents: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ContentsOrEnd {
    Line(ContentsLine),
    End { end: ContentsEnd },
}

impl PackedContents {
    /// Writes those that some file has, compressed; tells the plain length.
    pub fn write(&self, id: &str, out: impl Write) -> io::Result<u64> {
        let mut used: Vec<Digest> = Vec::with_capacity(self.places.len());
        used.extend(self.places.iter().filter(|(_, place)| place.used > 0).map(|(it, _)| *it));
        used.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        let mut encoder = zstd::Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        let mut out = Lines { out: io::BufWriter::with_capacity(1 << 16, encoder), length: 0 };
        out.line(&ContentsHeader { seawall: CONTENTS_FORMAT, id: id.to_owned() })?;
        for digest in &used {
            let (Some(place), blake3) = (self.places.get(digest), digest.to_string()) else {
                continue;
            };
            let Some(Holder { snapshot, object }) = self.holder(place.object).cloned() else {
                continue;
            };
            let ContentPlace { offset, stored_size, size, .. } = *place;
            out.line(&ContentsLine { blake3, snapshot, object, offset, stored_size, size })?;
        }
        out.line(&serde_json::json!({ "end": ContentsEnd { contents: used.len() as u64 } }))?;
        let encoder = out.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        encoder.finish()?.flush()?;
        Ok(out.length)
    }

    /// Reads a plain list. No file has any of its contents yet.
    pub fn read(plain: impl Read, description: &SnapshotDescription) -> Result<Self> {
        Self::read_those(plain, description, &|_| true)
    }

    /// The same, but keeps in memory only those that are wanted.
    pub fn read_those(
        plain: impl Read,
        description: &SnapshotDescription,
        wanted: &dyn Fn(&Digest) -> bool,
    ) -> Result<Self> {
        let mut lines = Numbered {
            reader: BufReader::with_capacity(1 << 16, plain),
            number: 0,
            line: Vec::new(),
        };
        let mut contents = Self::default();
        for (snapshot, stored) in description.all_objects() {
            let holder = Holder { snapshot: snapshot.to_owned(), object: stored.object.clone() };
            if contents.number(holder) as usize == contents.lengths.len() {
                contents.lengths.push(stored.stored_size);
            }
        }
        let header: ContentsHeader = lines.next()?;
        if header.seawall != CONTENTS_FORMAT {
            let message =
                format!("expected contents format {CONTENTS_FORMAT}, found {}", header.seawall);
            return Err(damaged(message).hint("A newer Seawall wrote it: use that one."));
        }
        if header.id != description.id {
            let message = format!(
                "expected the contents of {}, found those of {}",
                description.id, header.id
            );
            return Err(damaged(message));
        }
        let (mut last, mut found): (Option<Digest>, u64) = (None, 0);
        loop {
            match lines.next()? {
                ContentsOrEnd::End { end } if end.contents == found => break,
                ContentsOrEnd::End { end } => {
                    return Err(
                        lines.wrong(&format!("expected {} contents, found {found}", end.contents))
                    );
                }
                ContentsOrEnd::Line(line) => {
                    let (digest, place) =
                        contents.admit(&line).map_err(|error| lines.wrong(&error))?;
                    if last.is_some_and(|last| last.as_bytes() >= digest.as_bytes()) {
                        return Err(lines.wrong("expected a digest behind the last one"));
                    }
                    last = Some(digest);
                    found += 1;
                    if wanted(&digest) {
                        contents.add(digest, place);
                    }
                }
            }
        }
        Ok(contents)
    }

    fn admit(&self, line: &ContentsLine) -> Result<(Digest, ContentPlace), String> {
        let digest: Digest = line.blake3.parse().map_err(|error| format!("{error}"))?;
        let holder = Holder { snapshot: line.snapshot.clone(), object: line.object.clone() };
        let object = self.number_of(&holder).ok_or_else(|| {
            format!(
                "expected an object that the description names, found {}/{}",
                line.snapshot, line.object
            )
        })?;
        let ContentsLine { offset, stored_size, size, .. } = *line;
        let length = self.length(object);
        if offset.checked_add(stored_size).is_none_or(|end| end > length) || stored_size == 0 {
            let message = format!("expected {stored_size} bytes at {offset} in {}", line.object);
            return Err(format!("{message}, which has {length}"));
        }
        Ok((digest, ContentPlace { object, offset, stored_size, size, used: 0 }))
    }
}

struct Lines<W: Write> {
    out: io::BufWriter<W>,
    length: u64,
}

impl<W: Write> Lines<W> {
    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
        text.push(b'\n');
        self.length += text.len() as u64;
        self.out.write_all(&text)
    }
}

struct Numbered<R> {
    reader: BufReader<R>,
    number: u64,
    line: Vec<u8>,
}

impl<R: Read> Numbered<R> {
    fn next<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T> {
        self.line.clear();
        self.number += 1;
        let mut limited = Read::take(&mut self.reader, LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut self.line);
        read.map_err(|error| read_failed(&error))?;
        if self.line.last() != Some(&b'\n') {
            return Err(self.wrong("expected a whole line, found one that is cut or too long"));
        }
        serde_json::from_slice(&self.line)
            .map_err(|error| self.wrong(&format!("expected a content: {error}")))
    }

    fn wrong(&self, what: &str) -> Error {
        Error::new(Class::Damaged, format!("line {} of the contents: {what}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_backup::samples::{described, stored};

    fn description() -> SnapshotDescription {
        let earlier = ("old", stored("data-00002.pack", 50));
        described("new", stored("data-00001.pack", 100), earlier)
    }

    fn some() -> PackedContents {
        let mut contents = PackedContents::default();
        let holder = |snapshot: &str, object: &str| Holder {
            snapshot: snapshot.into(),
            object: object.into(),
        };
        let new = contents.number(holder("new", "data-00001.pack"));
        let old = contents.number(holder("old", "data-00002.pack"));
        let place =
            |object, offset, used| ContentPlace { object, offset, stored_size: 10, size: 3, used };
        contents.add(Digest::of(b"a"), place(new, 0, 1));
        contents.add(Digest::of(b"b"), place(old, 40, 2));
        contents.add(Digest::of(b"c"), place(new, 10, 0));
        contents
    }

    fn plain(contents: &PackedContents) -> String {
        let mut compressed = Vec::new();
        let length = contents.write("new", &mut compressed).unwrap();
        let plain = zstd::stream::decode_all(&compressed[..]).unwrap();
        assert_eq!(plain.len() as u64, length);
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn what_is_used_is_written_and_read_back() {
        let read = PackedContents::read(plain(&some()).as_bytes(), &description()).unwrap();
        let known = |content: &[u8]| read.get(&Digest::of(content)).map(|it| (it.offset, it.used));
        assert_eq!((known(b"a"), known(b"b"), known(b"c")), (Some((0, 0)), Some((40, 0)), None));
        assert_eq!(some().holders_in_use().count(), 2);
        let holder = read.holder(read.get(&Digest::of(b"b")).unwrap().object).unwrap();
        assert_eq!((holder.snapshot.as_str(), read.length(0)), ("old", 100));
    }

    #[test]
    fn one_is_kept_of_all_that_are_read() {
        let text = plain(&some());
        let one = Digest::of(b"b");
        let read =
            PackedContents::read_those(text.as_bytes(), &description(), &|it| *it == one).unwrap();
        assert_eq!((read.places.len(), read.has(&one)), (1, true));
    }

    #[test]
    fn nothing_is_believed() {
        let text = plain(&some());
        let wrong = |text: &str| {
            PackedContents::read(text.as_bytes(), &description()).unwrap_err().to_string()
        };
        let change = |from: &str, to: &str| wrong(&text.replace(from, to));
        assert_eq!(
            change("\"offset\":40", "\"offset\":41"),
            "line 2 of the contents: expected 10 bytes at 41 in data-00002.pack, which has 50"
        );
        assert_eq!(
            change("\"old\"", "\"../x\""),
            "line 2 of the contents: expected an object that the description names, found \
             ../x/data-00002.pack"
        );
        assert_eq!(
            change("\"contents\":2", "\"contents\":3"),
            "line 4 of the contents: expected 3 contents, found 2"
        );
        assert_eq!(
            change("\"new\"}", "\"other\"}"),
            "expected the contents of new, found those of other"
        );
        assert_eq!(
            change("\"seawall\":1", "\"seawall\":2"),
            "expected contents format 1, found 2. HINT: A newer Seawall wrote it: use that one."
        );
        let lines: Vec<&str> = text.lines().collect();
        let swapped = [lines[0], lines[2], lines[1], lines[3], ""].join("\n");
        assert_eq!(
            wrong(&swapped),
            "line 3 of the contents: expected a digest behind the last one"
        );
        let cut = wrong(&text[..text.len() - 1]);
        assert_eq!(
            cut,
            "line 4 of the contents: expected a whole line, found one that is cut or too long"
        );
    }
}
