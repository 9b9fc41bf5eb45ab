//! `media-backup find`: in which snapshots a file is, and how it was there. Hits are printed as they are found; what could not
//! be read is said after them.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::entries::{Snapshots, length, long, short, time};
use super::{of_set, with_set};
use crate::backup::Backup;
use crate::cli::flags::switch;
use crate::cli::text::{at_seconds, count, plain, write};
use crate::cli::verbs::Shown;
use crate::cli::{flags, guard, verbs};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{Entry, Exclude, FileKind, SnapshotDescription};

const AFTER: &str = "\
  media-backup find invoice.pdf               that name, wherever it is
  media-backup find '2026/*.jpg' --versions   each version of these once
  media-backup find /srv/uploads/a.jpg        this path alone

Patterns are those of a .gitignore file, except that a pattern with a slash in its middle also \
matches at any depth. The newest snapshot comes first. `media-backup restore ID --path PATH` \
restores a file, `media-backup cat ID PATH` prints it. Exit status 2: nothing was found. A \
snapshot that can't be read is an error, and the others are still searched.";

pub fn command() -> Command {
    let pattern = Arg::new("pattern")
        .value_name("PATTERN")
        .required(true)
        .value_parser(clap::value_parser!(OsString));
    let command = Command::new("find")
        .about("Shows in which snapshots a file is, and how it was there")
        .arg(pattern.help("A name, the end of a path, a path, or a pattern"))
        .arg(switch("ignore-case", "Ignore upper and lower case").short('i'))
        .arg(switch("versions", "Leave out files that are the same in the newer snapshot above"))
        .arg(switch("long", "With mode and owners too").short('l'))
        .arg(switch("json", "Print one JSON object a line").conflicts_with("long"))
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let Some(pattern) = matches.get_one::<OsString>("pattern") else { return Ok(()) };
    let options = FindOptions {
        config: &config,
        pattern,
        ignore_case: matches.get_flag("ignore-case"),
        versions: matches.get_flag("versions"),
        long: matches.get_flag("long"),
        json: matches.get_flag("json"),
    };
    let errors = guard::stream(|out| find(&options, out))?;
    verbs::print(Shown { text: String::new(), errors })
}

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

struct FindOptions<'a> {
    config: &'a Config,
    pattern: &'a OsStr,
    ignore_case: bool,
    /// Only where it is not as in the next newer snapshot that has it.
    versions: bool,
    long: bool,
    json: bool,
}

/// Shows what was found, the newest snapshot first. What kept it from looking into all of them is returned.
fn find(options: &FindOptions<'_>, out: &mut dyn Write) -> Result<Vec<Error>> {
    let wanted = NamePattern::new(options)?;
    let snapshots = Snapshots::look(options.config)?;
    let mut errors: Vec<Error> = snapshots.series.errors().cloned().collect();
    if options.json {
        let head = json!({ "version": VERSION, "pattern": options.pattern.to_string_lossy() });
        write(out, &format!("{head}\n"))?;
    }
    let mut finding =
        SnapshotSearch { options, wanted, out, known: HashMap::new(), matches: 0, of: 0 };
    for backup in snapshots.series.backups.iter().rev() {
        if let Err(error) = finding.look_into(&snapshots, backup)? {
            errors.push(error);
        }
    }
    let all = snapshots.series.backups.len() as u64;
    finding.end(all, &errors)?;
    if finding.matches == 0 && errors.is_empty() {
        return Err(finding.wanted.wrong.unwrap_or_else(|| nothing(all)));
    }
    Ok(errors)
}

fn nothing(all: u64) -> Error {
    let message = format!("nothing of that name is in {}", count(all, "snapshot"));
    Error::new(Class::Usage, message).hint(
        "'*.jpg' is a name, '2026/*.jpg' the end of a path, '/srv/uploads/2026/' \
         a folder from / on; -i ignores case. Is --set right?",
    )
}

/// A name or a pattern; the one may look like the other.
struct NamePattern<'a> {
    name: &'a [u8],
    pattern: Option<Exclude>,
    /// Why it is no pattern.
    wrong: Option<Error>,
}

impl<'a> NamePattern<'a> {
    fn new(options: &FindOptions<'a>) -> Result<Self> {
        let name = options.pattern.as_bytes();
        if name.is_empty() {
            let message = "expected a name or a pattern, found nothing";
            return Err(Error::new(Class::Usage, message).hint("'*' is everything."));
        }
        let glob = |text| Exclude::glob(text, options.ignore_case);
        let (pattern, wrong) = match options.pattern.to_str().map(glob) {
            Some(Ok(pattern)) => (Some(pattern), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        Ok(Self { name, pattern, wrong })
    }

    fn is(&self, entry: &Entry) -> bool {
        let path = entry.path.as_bytes();
        let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let named = self.name.strip_prefix(b"/").map_or(last == self.name, |name| path == name);
        let matches = |it: &Exclude| it.matches(path, entry.is_directory());
        named || self.pattern.as_ref().is_some_and(matches)
    }
}

struct SnapshotSearch<'a> {
    options: &'a FindOptions<'a>,
    wanted: NamePattern<'a>,
    out: &'a mut dyn Write,
    /// Of each path how it was in the last snapshot that has it, both hashed: where only versions are wanted.
    known: HashMap<[u8; 16], [u8; 16]>,
    matches: u64,
    /// Snapshots that have some.
    of: u64,
}

impl SnapshotSearch<'_> {
    /// Fails where nothing can be said any more, and returns what is wrong with this snapshot.
    fn look_into(
        &mut self,
        snapshots: &Snapshots<'_>,
        backup: &Backup<SnapshotDescription>,
    ) -> Result<Result<()>> {
        let mut entries = snapshots.entries(backup);
        let mut any = false;
        loop {
            let entry = match entries.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            };
            let implied = matches!(entry.kind, FileKind::Directory { implied: true });
            if implied || !self.wanted.is(&entry) || (self.options.versions && !self.is_new(&entry))
            {
                continue;
            }
            self.matches += 1;
            self.of += u64::from(!any);
            if !any && !self.options.json {
                let (id, began) = (plain(&backup.id), at_seconds(backup.began));
                write(self.out, &format!("{id}, of {began}:\n"))?;
            }
            any = true;
            let line = self.line(&entry, backup)? + "\n";
            write(self.out, &line)?;
        }
    }

    fn is_new(&mut self, entry: &Entry) -> bool {
        let begin = |bytes: &[u8]| {
            let mut begin = [0; 16];
            begin.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
            begin
        };
        let path = begin(entry.path.as_bytes());
        let version = format!("{:?} {}", entry.kind, entry.metadata.mtime);
        let version = begin(version.as_bytes());
        self.known.insert(path, version) != Some(version)
    }

    fn line(&self, entry: &Entry, backup: &Backup<SnapshotDescription>) -> Result<String> {
        if self.options.json {
            let mut value = entry.to_value()?;
            if let Value::Object(fields) = &mut value {
                fields.insert("snapshot".to_owned(), backup.id.as_str().into());
                fields.insert("began".to_owned(), backup.began.to_string().into());
            }
            return Ok(value.to_string());
        }
        Ok(match self.options.long {
            true => long(entry),
            false => format!("{:>10}  {}  {}", length(entry), time(entry), short(entry)),
        })
    }

    /// The last line.
    fn end(&mut self, all: u64, errors: &[Error]) -> Result<()> {
        let (matches, of) = (self.matches, self.of);
        if self.options.json {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            let end = json!({ "matches": matches, "snapshots": of, "of": all, "errors": errors });
            return write(self.out, &format!("{}\n", json!({ "end": end })));
        }
        if matches == 0 {
            return Ok(());
        }
        let found = match matches {
            1 => "1 match".to_owned(),
            _ => format!("{matches} matches"),
        };
        write(self.out, &format!("{found} in {of} of {}\n", count(all, "snapshot")))
    }
}
