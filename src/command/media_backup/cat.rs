//! `media-backup cat`: the content of one file, proved. Where one repository has it damaged the next one gives it. Raw bytes
//! would disturb a terminal.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgMatches, Command};

use super::entries::{Snapshots, by_wholeness, path as path_of};
use super::{of_set, with_set};
use crate::backup::damaged;
use crate::cli::text::{not_written, plain_bytes, size};
use crate::cli::{flags, guard, screen};
use crate::codec::{Digest, read_failed};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{Entry, EntryPath, FileContent, FileKind};

const AFTER: &str = "\
  media-backup cat latest /etc/redis/redis.conf | diff - /etc/redis/redis.conf
  media-backup cat 20261122 /srv/uploads/a.jpg > /tmp/a.jpg

A file of up to 8 MiB is checked before its first byte is written, a longer file while it is \
written. If the file is damaged in every repository, the exit status is 5: throw the output away. \
Binary data are not written to a terminal.";

pub fn command() -> Command {
    let command = Command::new("cat")
        .about("Writes a file of a snapshot to standard output")
        .arg(Arg::new("id").value_name("ID").required(true).help(super::WHICH))
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .required(true)
                .value_parser(clap::value_parser!(OsString))
                .help("The whole path of the file, from / on"),
        )
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let id = matches.get_one::<String>("id").map_or("", String::as_str);
    let path = matches.get_one::<OsString>("path").map_or(&b""[..], |path| path.as_bytes());
    guard::stream(|out| cat(&config, id, path, out))
}

/// Content up to this length is proved before its first byte is written. Longer content is proved while it is written.
const HELD_BYTES_MAX: u64 = 8 << 20;

const BUFFER_BYTES: usize = 256 << 10;

/// Bytes that move the cursor of a terminal, or worse, are looked for among so many.
const LOOKED_AT: usize = 8 << 10;

const PATHS: &str = "Paths are those that the files had, from / on. `media-backup find NAME` looks into all snapshots.";

fn cat(config: &Config, id: &str, path: &[u8], out: &mut dyn Write) -> Result<()> {
    let snapshots = Snapshots::open(config)?;
    let backup = snapshots.choose(Some(id))?;
    let mut entries = snapshots.entries(backup);
    let entry = find(path, &backup.id, &mut || entries.next())?;
    let content = entry.content().ok_or_else(|| no_file(&entry, &backup.id))?;
    let mut writing = Writing {
        out,
        content,
        is_terminal: screen::is_terminal(),
        written: 0,
        hasher: blake3::Hasher::new(),
        goes_nowhere: false,
    };
    let mut failure: Option<Error> = None;
    for at in by_wholeness(backup) {
        let Some(stored) = snapshots.stored(&backup.id, at) else { continue };
        let name = stored.repository.name();
        if let Some(error) = failure.take() {
            tracing::warn!("going on with repository {name}: {error}");
        }
        let read = stored.content(&entry, &content.digest, &mut |plain| writing.copy(plain));
        match read {
            Ok(()) => return Ok(()),
            // That is no fault of the repository.
            Err(error) if matches!(error.class(), Class::Usage | Class::Input) => {
                return Err(error);
            }
            Err(error) if writing.goes_nowhere => return Err(error),
            Err(error) => {
                let doing = format!("could not read {} from repository {name}", path_of(&entry));
                failure = Some(error.while_doing(doing));
            }
        }
    }
    let failure = failure.unwrap_or_else(|| {
        Error::new(Class::Gap, format!("no repository has snapshot {}", backup.id))
    });
    Err(match writing.written {
        0 => failure,
        _ => failure.hint("What was written is not the file that was stored. Throw it away."),
    })
}

/// Reads no further than it must.
fn find(wanted: &[u8], id: &str, next: &mut dyn FnMut() -> Result<Option<Entry>>) -> Result<Entry> {
    let wanted = wanted.strip_prefix(b"/").unwrap_or(wanted);
    let wanted = EntryPath::new(wanted.to_vec())
        .map_err(|error| Error::new(Class::Usage, error).hint(PATHS))?;
    while let Some(entry) = next()? {
        if entry.path == wanted {
            return Ok(entry);
        }
        if entry.path > wanted {
            break;
        }
    }
    let message = format!("snapshot {id} has nothing at /{}", plain_bytes(wanted.as_bytes()));
    Err(Error::new(Class::Usage, message).hint(PATHS))
}

fn no_file(entry: &Entry, id: &str) -> Error {
    let path = path_of(entry);
    match &entry.kind {
        FileKind::Symlink { target } => {
            let message =
                format!("expected a file, found {path}, a link to {}", plain_bytes(target));
            Error::new(Class::Usage, message).hint("Ask for the file that it leads to.")
        }
        _ => Error::new(Class::Usage, format!("expected a file, found the folder {path}")).hint(
            format!("`media-backup restore {id} --path PATH --to DIRECTORY` brings a folder back."),
        ),
    }
}

/// Where the bytes go, and which they were.
struct Writing<'a> {
    out: &'a mut dyn Write,
    content: &'a FileContent,
    /// Whether somebody reads along.
    is_terminal: bool,
    written: u64,
    hasher: blake3::Hasher,
    /// Whoever was to get them takes no more.
    goes_nowhere: bool,
}

impl Writing<'_> {
    fn copy(&mut self, plain: &mut dyn Read) -> Result<()> {
        if self.content.size > HELD_BYTES_MAX {
            return self.copy_long(plain);
        }
        let mut bytes = Vec::new();
        let read = plain.take(self.content.size + 1).read_to_end(&mut bytes);
        read.map_err(|error| read_failed(&error))?;
        self.check(bytes.len() as u64, Digest::of(&bytes))?;
        self.write(&bytes)
    }

    /// What an earlier repository gave before it failed is not written again, but must be the same here.
    fn copy_long(&mut self, plain: &mut dyn Read) -> Result<()> {
        let before = Digest::of_hasher(&self.hasher);
        let (mut known, mut left) = (blake3::Hasher::new(), self.written);
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut plain = plain.take(self.content.size.saturating_add(1));
        loop {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER_BYTES);
            let room = if left == 0 { BUFFER_BYTES } else { room };
            let read = plain.read(&mut buffer[..room]).map_err(|error| read_failed(&error))?;
            if read == 0 {
                return self.check(self.written, Digest::of_hasher(&self.hasher));
            }
            let bytes = &buffer[..read];
            if left == 0 {
                self.write(bytes)?;
                continue;
            }
            known.update(bytes);
            left -= read as u64;
            if left == 0 && Digest::of_hasher(&known) != before {
                return Err(damaged("expected what was written, found something else".into()));
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let first = &bytes[..bytes.len().min(LOOKED_AT)];
        if self.written == 0 && self.is_terminal && first.iter().any(|byte| is_for_machines(*byte))
        {
            let size = size(self.content.size);
            let message = format!("the output is a terminal, and this file of {size} is binary");
            return Err(Error::new(Class::Usage, message)
                .hint("Add `> FILE`, or `| less`: raw bytes would disturb the terminal."));
        }
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| {
            self.goes_nowhere = true;
            not_written(&error)
        })
    }

    fn check(&self, length: u64, found: Digest) -> Result<()> {
        let (size, expected) = (self.content.size, self.content.digest);
        if length != size {
            return Err(damaged(format!("expected {size} bytes of content, found {length}")));
        }
        if found != expected {
            return Err(damaged(format!("expected content with BLAKE3 {expected}, found {found}")));
        }
        Ok(())
    }
}

fn is_for_machines(byte: u8) -> bool {
    byte == 0x7f || (byte < b' ' && !b"\t\n\r".contains(&byte))
}
