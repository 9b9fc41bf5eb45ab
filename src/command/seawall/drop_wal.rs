//! `seawall drop-wal`: a human lets PostgreSQL remove WAL that is archived nowhere.
//!
//! First the gap is written down in every repository that can be reached, then on this host for the others, and only then a
//! note makes `wal-push` answer for the files. Nothing in `pg_wal` is deleted here: PostgreSQL does that. `waiting` is what
//! waits on the server, and which of it repositories have; `debts` gives up what one repository is owed.

mod debts;
mod waiting;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};
use jiff::Timestamp;

use self::waiting::{HeldWal, WaitingWal};
use super::own_server::data_directory;
use crate::cli::text::{at_seconds, count, plain, table, whole_size};
use crate::cli::{asked, configure, flags, guard, verbs};
use crate::config::{self, Config, FlagValues, Value};
use crate::data_directory::{DataDirectory, DroppedFiles, StateFolder};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{WalFileName, WalSegment};
use crate::repository::{
    self, DroppedWal, REASON_MAX, Repository, WalFolder, bring_dropped, gaps_for_settle,
};

pub const NAME: &str = "drop-wal";

const ABOUT: &str = "Gives up WAL that can't be archived

For the case that pg_wal fills the disk, and the archive will not take WAL in time. The dropped segments \
     are lost: no recovery can pass this gap. drop-wal writes the gap down in every repository, and \
     wal-push then lets PostgreSQL remove the segments.

With --repository NAME, one repository gives up the WAL that it is owed: for the case that no good copy is left. The gap is
written down in that repository, and the notes of the debts are deleted. PostgreSQL is not concerned.";

const AFTER: &str = "\
Run it on the host of the server, as the user of the server. It deletes nothing itself. Take a base backup at once
afterwards: the base backups from before the gap reach only up to it. docs/runbooks/full-disk.md has each step.";

pub fn command() -> Command {
    let command = Command::new(NAME)
        .about(ABOUT.split_once('\n').map_or(ABOUT, |(first, _)| first))
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(
            Arg::new("until")
                .long("until")
                .value_name("SEGMENT")
                .required(true)
                .help("The last segment to drop, by its name in pg_wal; of its timeline, this and all before it that wait or are owed"),
        )
        .arg(
            Arg::new("reason")
                .long("reason")
                .value_name("TEXT")
                .help("Why; `basebackup list`, `seawall check`, `basebackup restore` and wal-fetch show it"),
        )
        .arg(
            Arg::new("data-directory")
                .long("data-directory")
                .value_name("DIRECTORY")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The server's data directory; default: as the running server says, else PGDATA"),
        )
        .arg(flags::switch("dry-run", "Show the plan and stop"))
        .arg(flags::switch("yes", "Do not ask"));
    flags::with_settings(command, &["postgres"])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let values = flags::values(matches);
    let (until, reason) = (until(matches)?, reason(matches)?);
    if let Some((config, creditor)) = one_of_several(&values)? {
        return debts::run(matches, &config, creditor, until, reason);
    }
    let config = configure(&values)?;
    let named = matches.get_one::<PathBuf>("data-directory");
    let data_directory = data_directory(named.map(PathBuf::as_path), &config)?;
    as_the_owner(&data_directory)?;
    let state = StateFolder::of(&data_directory)?;
    let folder = WalFolder::new(&config.cluster, data_directory.system_identifier()?);
    let repositories = repository::open_all(&config, Some(state.path()))?;
    if !matches.get_flag("dry-run") {
        bring_dropped(&DroppedFiles::waiting(&state), &folder, &repositories);
    }
    let mut waiting = WaitingWal::of(&data_directory, until)?;
    let held = waiting.held(&repositories, &folder);
    waiting.leave_out_archived(&held);
    if waiting.segments().next().is_none() {
        guard::print(&format!(
            "No segment up to {until} waits on this server to be archived: there is nothing to drop.\n"
        ));
        return Ok(());
    }
    let drop = WalDrop {
        config: &config,
        data_directory: &data_directory,
        state: &state,
        folder: &folder,
        repositories: &repositories,
        waiting: &waiting,
        held: &held,
    };
    if !asked::agreed(matches, &drop.plan(until))? {
        return Ok(());
    }
    let done = drop.carry_out(reason)?;
    guard::print(&verbs::for_people(&done));
    Ok(())
}

/// The configuration of all repositories, and the place of the one that was named, if others are configured: it gives up what
/// it is owed. A push answers for all repositories together, so what waits in `pg_wal` is dropped for all of them.
fn one_of_several(values: &FlagValues) -> Result<Option<(Config, usize)>> {
    if values.repositories.is_empty() {
        return Ok(None);
    }
    let all = FlagValues { repositories: Vec::new(), ..values.clone() };
    let all = config::resolve(&all).and_then(|resolved| Config::from_resolved(&resolved));
    // Without a file those that were named are all there are.
    let Some(all) = all.ok().filter(|all| all.repositories.len() > 1) else { return Ok(None) };
    let named = config::resolve(values)?.repositories;
    let names = named.iter().filter_map(|(table, _)| match table.values.get("name") {
        Some((Value::Text(name), _)) => Some(name),
        _ => None,
    });
    let place = |name: &String| all.repositories.iter().position(|it| it.name == *name);
    let places: Vec<usize> = names.filter_map(place).collect();
    match places[..] {
        [place] if named.len() == 1 => Ok(Some((all, place))),
        _ if places.len() == all.repositories.len() => Ok(None),
        _ => Err(Error::new(Class::Usage, "expected one configured repository for --repository").hint(
            "With --repository NAME one repository gives up what it is owed. To drop what waits in pg_wal, leave it out. To go on \
             without a repository, take it out of the configuration.",
        )),
    }
}

fn until(matches: &ArgMatches) -> Result<WalSegment> {
    let text = matches.get_one::<String>("until").cloned().unwrap_or_default();
    match text.parse() {
        Ok(WalFileName::Segment(segment)) => Ok(segment),
        _ => {
            let message = format!(
                "expected a WAL segment such as 0000000100000002000000A3 for --until, found {text:?}"
            );
            Err(Error::new(Class::Usage, message).hint(
                "The files in pg_wal/archive_status that end in .ready name those that wait.",
            ))
        }
    }
}

fn reason(matches: &ArgMatches) -> Result<Option<String>> {
    let reason = matches.get_one::<String>("reason").cloned();
    let length = reason.as_ref().map_or(0, |it| it.chars().count());
    if length > REASON_MAX {
        let message =
            format!("expected at most {REASON_MAX} characters for --reason, found {length}");
        return Err(Error::new(Class::Usage, message));
    }
    Ok(reason)
}

/// Notes of another user would be closed to `wal-push`.
fn as_the_owner(data_directory: &DataDirectory) -> Result<()> {
    let path = data_directory.path();
    let metadata = path.metadata().map_err(|error| Error::file("look at", path, &error))?;
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let owner = crate::accounts::user(metadata.uid());
    let message = format!("{path:?} belongs to {owner}, and this process runs as another user");
    Err(Error::new(Class::Usage, message)
        .hint(format!("Run it as the server's user: sudo -u {owner} seawall drop-wal …")))
}

/// What is going to be dropped.
struct WalDrop<'a> {
    config: &'a Config,
    data_directory: &'a DataDirectory,
    state: &'a StateFolder,
    folder: &'a WalFolder,
    repositories: &'a [Repository],
    waiting: &'a WaitingWal,
    held: &'a [HeldWal],
}

impl WalDrop<'_> {
    fn plan(&self, until: WalSegment) -> String {
        let waiting = self.waiting;
        let mut rows = vec![["FIRST", "LAST", "SEGMENTS", "SIZE", "FROM", "TO"].map(str::to_owned)];
        rows.extend(waiting.ranges().iter().map(|range| {
            [
                range.first.to_string(),
                range.last.to_string(),
                range.segments.to_string(),
                whole_size(range.bytes),
                at_seconds(range.oldest),
                at_seconds(range.newest),
            ]
        }));
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        let segments = waiting.segments().count() as u64;
        let mut text = format!(
            "System {}, data directory {}. {} up to {until} would be dropped, finished at these times:\n\n{}\n",
            self.folder.system(),
            plain(&self.data_directory.path().display().to_string()),
            count(segments, "segment"),
            table(&rows, &[])
        );
        for (repository, held) in self.repositories.iter().zip(self.held) {
            text += &format!("{}: {}\n", repository.name(), plain(&held.said(waiting)));
        }
        for name in waiting.before() {
            text += &format!(
                "Beware: PostgreSQL asks for {name} first, and asks for no later file until that is archived{}.\n",
                match name.segment() {
                    Some(segment) => format!(" or dropped (--until {segment})"),
                    None => String::new(),
                }
            );
        }
        text + "\nThe dropped segments are archived nowhere, and PostgreSQL removes them. No recovery can pass this gap: the base \
                backups from before it reach only up to its beginning. Take a new base backup at once (`basebackup create`). \
                Each repository gets a note on the gap.\n"
    }

    fn carry_out(&self, why: Option<String>) -> Result<String> {
        let when = now();
        let all: Vec<DroppedWal> = self
            .waiting
            .ranges()
            .iter()
            .map(|range| DroppedWal {
                first: range.first,
                last: range.last,
                when,
                host: host_name(),
                why: why.clone(),
                by_retention: false,
            })
            .collect();
        let mut told = Vec::new();
        let mut later = Vec::new();
        for (repository, held) in self.repositories.iter().zip(self.held) {
            // One that did not answer just now is not waited for again.
            let mut stored = held.answered();
            if stored.is_ok() {
                stored = all.iter().try_for_each(|it| repository.store_dropped(self.folder, it));
            }
            match stored {
                Ok(()) => told.push(repository.name()),
                Err(error) => {
                    tracing::warn!("{error}");
                    later.push(repository.name());
                }
            }
        }
        if !later.is_empty() {
            self.keep(&all).map_err(nothing_dropped)?;
        }
        failpoint::reach("drop.kept");
        let files: Vec<_> = self.waiting.files().collect();
        DroppedFiles::of(self.state).add(&files).map_err(nothing_dropped)?;
        failpoint::reach("drop.noted");
        let dropped = count(self.waiting.segments().count() as u64, "segment");
        for gap in &all {
            tracing::warn!("{gap}");
        }
        let mut text = format!("Dropped {dropped}.");
        if !told.is_empty() {
            text += &format!(" The gap is written down in {}.", told.join(", "));
        }
        if !later.is_empty() {
            text += &format!(
                " {} get it with the first push or settle that reaches them.",
                later.join(", ")
            );
        }
        text += " PostgreSQL asks wal-push for the files within a minute, and the next checkpoint removes them. Then take a base \
                 backup: basebackup create\n";
        Ok(text)
    }

    fn gaps_for_settle(&self, state: &Path) -> PathBuf {
        gaps_for_settle(state, &self.config.cluster, self.folder.system())
    }

    /// Where a repository was away, the next push brings it there, or `seawall settle`, which knows no data directory.
    fn keep(&self, all: &[DroppedWal]) -> Result<()> {
        let folder = DroppedFiles::waiting(self.state);
        keep_in(&self.data_directory.pg_wal(), &folder, all)?;
        if let Some(state) = &self.config.state_directory {
            let kept = match state.is_dir() {
                true => keep_in(state, &self.gaps_for_settle(state), all),
                false => Ok(()),
            };
            if let Err(error) = kept {
                tracing::debug!("seawall settle does not bring the gap: {error}");
            }
        }
        Ok(())
    }
}

fn keep_in(above: &Path, folder: &Path, all: &[DroppedWal]) -> Result<()> {
    durable::create_folders(above, folder)?;
    for dropped in all {
        durable::replace_synced(&folder.join(dropped.object()), &dropped.to_json()?)?;
    }
    Ok(())
}

fn nothing_dropped(error: Error) -> Error {
    error.while_doing("nothing was dropped").or_hint(
        "Make a little room on the file system of pg_wal, outside of it, and run the same command again.",
    )
}

/// To the second: it is for people.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn host_name() -> String {
    let name = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    Some(name.trim()).filter(|it| !it.is_empty()).unwrap_or("unknown").to_owned()
}
