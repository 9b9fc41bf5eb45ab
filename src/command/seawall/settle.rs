//! `seawall settle`: gives each repository what it is owed, where fewer repositories than all are needed: WAL first, and then
//! `backups`. A timer runs it; a push pays a few files too.
//!
//! `comparison` finds what nobody noted; `retained` says what no repository has to get any more, and `expired` takes that
//! from what is owed.

mod backups;
mod comparison;
mod expired;
mod retained;

use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::{Arg, ArgMatches, Command};
use jiff::Timestamp;
use serde::Serialize;

use self::backups::BackupPayments;
use self::comparison::{ComparedRow, Comparison};
use self::expired::ExpiredDebts;
use self::retained::LazyRetained;
use super::own_server::data_directory;
use crate::cli::progress::SingleBar;
use crate::cli::text::{count, document, plain, table};
use crate::cli::verbs::{Shown, print};
use crate::cli::{configure, flags};
use crate::codec::{Encoding, Identities};
use crate::config::{BANDWIDTH, Config};
use crate::debts::{Ledger, OwedTo, Paying, PaymentStop, StopNotes, StoppedPayment};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{
    self, Repository, RepositoryMemory, Source, WalFolder, bring_gaps_of_settle,
};

pub const NAME: &str = "settle";

const ABOUT: &str = "Gives each repository the WAL and the backups that it is owed

Where needed is a number, a push or a create succeeds with that many copies. A repository that was away is owed the rest.
Notes of that lie beside the good copies. This command copies what is owed, WAL first and then backups, each oldest first,
and removes the notes. limits.bandwidth holds for the backups.

Once a day, and when the last debt of a repository is paid, it also compares what the repositories hold. What one lacks and
nobody noted, as after a restore of the bucket from a snapshot, it notes and copies too.";

const AFTER: &str = "\
The timer seawall-settle.timer runs it every minute. Later pushes pay a few WAL files too. While one call copies backups,
another one pays WAL alone.
Exit status: 0 nothing is owed any more, else the status of what stood in the way; the next call goes on.";

pub fn command() -> Command {
    let command = Command::new(NAME)
        .about(ABOUT.split_once('\n').map_or(ABOUT, |(first, _)| first))
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(
            Arg::new("data-directory")
                .long("data-directory")
                .value_name("DIRECTORY")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The server's data directory, where WAL without a good copy is looked for; default: as the running server says, else PGDATA"),
        )
        .arg(flags::switch(
            "compare",
            "Compare what the repositories hold now, not only once a day, and note what one lacks",
        ))
        .arg(flags::switch("dry-run", "Show what is owed, and what a comparison would note, and stop"))
        .arg(flags::switch("quiet", "Print nothing where nothing is owed"))
        .arg(flags::switch("json", "Print as JSON").conflicts_with("quiet"));
    flags::with_settings(command, &["postgres", BANDWIDTH])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let config = configure(&flags::values(matches))?;
    let repositories = repository::open_all(&config, None)?;
    let identities = repository::identities(&config)?;
    let only_look = matches.get_flag("dry-run");
    let retained = LazyRetained::new(&config, &repositories);
    let comparison = Comparison::new(&config, &repositories, &identities, &retained, only_look);
    let settling = Settling {
        config: &config,
        repositories: &repositories,
        identities: &identities,
        only_look,
        data_directory: matches.get_one::<PathBuf>("data-directory").map(PathBuf::as_path),
        pg_wal: OnceCell::new(),
        retained: &retained,
    };
    let (mut rows, mut compared, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut ledger = Ledger::read(&repositories, &config.cluster);
    errors.extend(ledger.failures.iter().map(|(_, error)| error.clone()));
    let all_answer = ledger.failures.is_empty();
    // What `seawall drop-wal` could not tell a repository that was away. A disk that is not mounted would take it, too.
    if let Some(state) = config.state_directory.as_ref().filter(|_| all_answer && !only_look) {
        bring_gaps_of_settle(state, &config.cluster, &repositories);
    }
    let mut compares = all_answer && (matches.get_flag("compare") || comparison.is_due());
    if compares {
        compared = comparison.run(&ledger, &mut errors);
        if compared.iter().any(ComparedRow::is_noted) && !only_look {
            ledger = Ledger::read(&repositories, &config.cluster);
        }
    }
    rows.extend(ledger.accounts.iter().map(|account| settling.settle(account, &mut errors)));
    if !only_look {
        let paying = BackupPayments::new(&config, &repositories, &identities);
        paying.pay(&ledger.accounts, &mut rows, &mut errors);
    }
    // The end of an outage: what else does it lack? The next call pays that.
    compares = !compares && all_answer && rows.iter().any(SettledRow::is_over);
    if compares && errors.is_empty() {
        ledger = Ledger::read(&repositories, &config.cluster);
        compared = comparison.run(&ledger, &mut errors);
    }
    let text = match matches.get_flag("json") {
        true => document(&SettledDocument { seawall: 1, owed: &rows, compared: &compared })?,
        false => {
            let words: String = compared.iter().map(|row| row.words(only_look)).collect();
            let say_none = errors.is_empty() && words.is_empty() && !matches.get_flag("quiet");
            let expired: String = rows.iter().filter_map(expired_words).collect();
            words + &expired + &lines(&rows, only_look, say_none)
        }
    };
    print(Shown { text, errors })
}

struct Settling<'a> {
    config: &'a Config,
    repositories: &'a [Repository],
    identities: &'a Identities,
    only_look: bool,
    /// As it was named.
    data_directory: Option<&'a Path>,
    /// Where the server has its own files. Nobody asks it before a file is missed.
    pg_wal: OnceCell<Result<PathBuf>>,
    retained: &'a LazyRetained<'a>,
}

/// What became of what one repository is owed.
#[derive(Serialize)]
struct SettledRow {
    repository: String,
    /// WAL files that were owed, those that were paid now, and those that still are owed.
    owed: usize,
    paid: usize,
    /// Those that no rule of retention keeps any more: they are not copied, and the gap is written down.
    expired: usize,
    left: usize,
    /// The same of backups.
    owed_backups: usize,
    paid_backups: usize,
    left_backups: usize,
    /// How much was stored, in bytes.
    stored_bytes: u64,
    /// When the first one became owed.
    since: Option<Timestamp>,
}

#[derive(Serialize)]
struct SettledDocument<'a> {
    seawall: u32,
    owed: &'a [SettledRow],
    /// What was found when the repositories were compared, if they were.
    compared: &'a [ComparedRow],
}

impl SettledRow {
    /// Whether the last debt of a repository was paid now.
    fn is_over(&self) -> bool {
        self.paid > 0 && self.left == 0
    }
}

impl Settling<'_> {
    fn settle(&self, account: &OwedTo, errors: &mut Vec<Error>) -> SettledRow {
        let owed = account.wal.len();
        let mut row = SettledRow {
            repository: account.name.clone(),
            owed,
            paid: 0,
            expired: 0,
            left: owed,
            owed_backups: account.backups.len(),
            paid_backups: 0,
            left_backups: account.backups.len(),
            stored_bytes: 0,
            since: account.since(),
        };
        let Some(place) = account.payee(self.repositories) else {
            errors.push(not_configured(account));
            return row;
        };
        let creditor = &self.repositories[place];
        let expired = |system| ExpiredDebts {
            config: self.config,
            repositories: self.repositories,
            retained: self.retained,
            account,
            creditor: place,
            system,
        };
        if self.only_look {
            row.expired = account.systems().into_iter().map(|it| expired(it).find().len()).sum();
            return row;
        }
        let mut stopped = Vec::new();
        for system in account.systems() {
            match expired(system).drop() {
                Ok(expired) => {
                    row.expired += expired;
                    row.left = row.left.saturating_sub(expired);
                }
                Err(error) => errors.push(error),
            }
            match self.pay(creditor, account, system, &mut row) {
                Ok((stop, bad)) => {
                    stopped.extend(stop.refused.iter().map(|it| StoppedPayment::of(system, it)));
                    errors.extend(bad);
                    errors.extend(stop.refused.into_iter().map(|refused| refused.error));
                    if let Some(error) = stop.away {
                        errors.push(error);
                        break;
                    }
                }
                Err(error) => {
                    errors.push(error);
                    break;
                }
            }
        }
        StopNotes::new(self.config.state_directory.as_deref()).keep(creditor, &stopped);
        row
    }

    fn pg_wal(&self) -> Result<PathBuf> {
        let find = || Ok(data_directory(self.data_directory, self.config)?.pg_wal());
        self.pg_wal.get_or_init(find).clone()
    }

    fn pay(
        &self,
        creditor: &Repository,
        account: &OwedTo,
        system: SystemIdentifier,
        row: &mut SettledRow,
    ) -> Result<(PaymentStop, Vec<Error>)> {
        let folder = WalFolder::new(&self.config.cluster, system);
        let (identities, limits) = (self.identities, self.config.limits);
        let source = Source { folder: &folder, identities, limits };
        let holders: Vec<&Repository> = self.repositories.iter().collect();
        let memory = memory(self.config.state_directory.as_deref());
        let paying = Paying {
            holders: &holders,
            creditor,
            id: &account.id,
            source: &source,
            memory: memory.as_ref(),
            own: &|| self.pg_wal(),
            encoding: Encoding {
                level: self.config.wal.compression_level,
                threads: NonZeroUsize::MIN,
            },
        };
        let mut bad = Vec::new();
        let owed = paying.owed()?;
        paying.announce(&owed)?;
        let (mut bar, mut done) = (SingleBar::new("what is owed"), 0);
        let stop = paying.pay(&owed, &|_| true, &mut |paid| {
            done += paid.bytes.unwrap_or(0);
            bad.extend_from_slice(&paid.bad);
            bar.at(done, None);
            tracing::debug!(segment = %paid.name, repository = creditor.name(), "paid");
        });
        row.paid += stop.paid;
        row.left = row.left.saturating_sub(stop.paid);
        row.stored_bytes += done;
        if stop.left == 0 {
            paying.announce(&[])?;
        }
        Ok((stop, bad))
    }
}

/// By which a repository that was exchanged is noticed: it takes nothing.
fn memory(state: Option<&Path>) -> Option<RepositoryMemory> {
    let state = state.filter(|state| state.is_dir())?;
    Some(RepositoryMemory::new(state.to_owned(), state.join("settled-into")))
}

fn expired_words(row: &SettledRow) -> Option<String> {
    let (name, files) = (plain(&row.repository), count(row.expired as u64, "WAL file"));
    (row.expired > 0).then(|| {
        format!(
            "Repository {name} does not get {files} that it was owed: no rule of [retention] keeps that WAL any more. The gap is written \
             down there.\n"
        )
    })
}

fn not_configured(account: &OwedTo) -> Error {
    let (name, things) = (plain(&account.name), things(account.wal.len(), account.backups.len()));
    let message = format!("repository {name} is owed {things} and is not configured here");
    Error::new(Class::Configuration, message)
        .hint("Configure it again, or delete its notes below owed/ if it is gone for good.")
}

/// So many WAL files and backups.
fn things(files: usize, backups: usize) -> String {
    let [files_said, backups_said] =
        [count(files as u64, "WAL file"), count(backups as u64, "backup")];
    match (files, backups) {
        (_, 0) => files_said,
        (0, _) => backups_said,
        _ => format!("{files_said}, {backups_said}"),
    }
}

impl SettledRow {
    /// A number alone, where no backups were owed.
    fn amount(&self, files: usize, backups: usize) -> String {
        if self.owed_backups == 0 { files.to_string() } else { things(files, backups) }
    }
}

fn lines(rows: &[SettledRow], only_look: bool, say_none: bool) -> String {
    if rows.is_empty() {
        return if say_none { "Nothing is owed.\n".to_owned() } else { String::new() };
    }
    let mut lines = vec![
        ["REPOSITORY", "OWED", "SINCE", "PAID", "STORED", "STILL OWED"].map(str::to_owned).to_vec(),
    ];
    for row in rows {
        let since = row.since.map_or_else(|| "-".to_owned(), |since| format!("{since:.0}"));
        let (paid, stored) = match only_look {
            true => ("-".to_owned(), "-".to_owned()),
            false => {
                (row.amount(row.paid, row.paid_backups), ByteSize(row.stored_bytes).to_string())
            }
        };
        let cells = [
            plain(&row.repository).to_string(),
            things(row.owed, row.owed_backups),
            since,
            paid,
            stored,
            row.amount(row.left, row.left_backups),
        ];
        lines.push(cells.to_vec());
    }
    table(&lines, &[])
}
