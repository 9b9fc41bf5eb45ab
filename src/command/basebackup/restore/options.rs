//! The flags of `basebackup restore`, and what they say.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use crate::basebackup::restore::{Occupied, TablespaceName, TargetAction};
use crate::cli::flags::{switch, text};
use crate::cli::{asked, flags};
use crate::command::basebackup::target::{self, RecoveryWish};
use crate::config::{Config, FlagValues};
use crate::error::{Class, Error, Result};

const SHORT: &str = "Restores a server as it was at any moment";

const ABOUT: &str = "Restores a server as it was at any moment

Picks the newest base backup from which the target can be reached, restores its files, and writes the settings
with which PostgreSQL fetches the WAL that follows and stops at the target. It shows its plan before it changes
anything.";

const AFTER: &str = "\
Without a target PostgreSQL recovers to the end of the WAL. A time without a zone is the local time of this
host: TZ, else /etc/localtime; the plan shows it in UTC and in local time. The restored server does not archive
(archive_mode = off) unless you say --archive: a test server must not push into the repository of the real
server. With --standby the archiving settings stay as they were. If Patroni calls it, it needs one of these two
options, because Patroni sets archive_mode. It never touches a directory on which a server is running: stop the
server first, or stop it with --before. It never touches a folder with another server's tablespace; the plan
names every folder that it writes to. With --start or --follow it removes the settings of the recovery again
once the server takes writes.

Restore the state before an accident, and keep the old directory:
  basebackup restore /var/lib/postgresql/18/main --replace \\
      --target-time '2026-11-22 14:29:59' --start
Restore everything into a new directory, with a tablespace beside it, and start it on its own port:
  basebackup restore /srv/look --tablespace 16385=/srv/look-16385
  pg_ctl -D /srv/look -o '-p 5433' -l /srv/look.log start
If it was interrupted, run the same command again: it continues.";

pub fn command() -> Command {
    let command = Command::new("restore").about(SHORT).long_about(ABOUT).after_help(AFTER).arg(
        Arg::new("data")
            .value_name("DIRECTORY")
            .required(true)
            .value_parser(clap::value_parser!(PathBuf))
            .help("The data directory to write"),
    );
    let command = target::add(command)
        .arg(
            text("target-action", "WORD", "What the server does at the target: pause and accept readers; accept writes; shut down")
                .value_parser(["pause", "promote", "shutdown"])
                .default_value("promote"),
        )
        .next_help_heading("Restore")
        .args(target::which())
        .arg(
            text("tablespace", "WHICH=FOLDER", "Folder for a tablespace, named by its OID or its old folder (`show \
             ID` lists both); may be repeated")
                .action(ArgAction::Append),
        )
        .arg(switch("delta", "Keep files that equal those of the backup; write and remove the others"))
        .arg(switch("replace", "Move the old directory aside first, and keep it").conflicts_with("delta"))
        .arg(switch("standby", "Follow the archive as a standby").conflicts_with("target"))
        .arg(switch("no-recovery", "Only restore the files; do not set up a recovery").conflicts_with_all(["target", "standby"]))
        .arg(switch("archive", "Let the restored server archive"))
        .arg(text(
            "restore-command",
            "TEXT",
            "restore_command of the restored server; default: the wal-fetch beside this program, with the same repositories",
        ))
        .next_help_heading("Around it")
        .arg(text("before", "COMMAND", "Shell command to run first, such as one that stops the server; $1 is the directory"))
        .arg(text("after", "COMMAND", "Shell command to run at the end, such as one that starts the server; $1 is the directory"))
        .arg(switch("start", "Start the server, and watch its recovery to the end"))
        .arg(switch("follow", "Watch the recovery of a server that --after started").requires("after"))
        .group(ArgGroup::new("watched").args(["start", "follow"]).multiple(true))
        .arg(
            text("timeout", "TIME", "Fail if the server makes no progress for this long [default: \
             10min; until the server has started 30s with --start, 60s with --follow]")
                .value_parser(|text: &str| humantime::parse_duration(text))
                .requires("watched"),
        )
        .arg(
            Arg::new("postgres-bin")
                .long("postgres-bin")
                .value_name("FOLDER")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Folder with pg_ctl, for --start"),
        );
    let command = asked::with_plan(command);
    flags::with_settings(command, &["postgres", "basebackup"])
}

#[derive(Clone)]
pub(super) struct RestoreOptions<'a> {
    pub config: &'a Config,
    /// The data directory to write.
    pub data: PathBuf,
    pub wanted: RecoveryWish,
    pub action: TargetAction,
    /// Where tablespaces go.
    pub tablespaces: Vec<(TablespaceName, PathBuf)>,
    pub occupied: Occupied,
    pub standby: bool,
    pub recovery: bool,
    pub archive: bool,
    pub restore_command: Option<String>,
    /// Commands of the user's, run before anything is touched and at the end.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Whether to start the server, or only to watch it.
    pub start: bool,
    pub follow: bool,
    /// For how long the server that is watched may show nothing of itself.
    pub timeout: Option<Duration>,
    pub postgres_bin: Option<PathBuf>,
    /// With which `wal-fetch` finds the same repositories.
    pub flags: FlagValues,
}

impl<'a> RestoreOptions<'a> {
    /// With absolute paths.
    pub fn of(config: &'a Config, matches: &ArgMatches) -> Result<Self> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let occupied = match (matches.get_flag("delta"), matches.get_flag("replace")) {
            (true, _) => Occupied::Delta,
            (_, true) => Occupied::Replace,
            _ => Occupied::Refuse,
        };
        Ok(Self {
            config,
            data: absolute(matches.get_one::<PathBuf>("data").cloned().unwrap_or_default())?,
            wanted: RecoveryWish::of(matches)?,
            action: action(&text("target-action").unwrap_or_default()),
            tablespaces: tablespaces(matches)?,
            occupied,
            standby: matches.get_flag("standby"),
            recovery: !matches.get_flag("no-recovery"),
            archive: matches.get_flag("archive"),
            restore_command: text("restore-command"),
            before: text("before"),
            after: text("after"),
            start: matches.get_flag("start"),
            follow: matches.get_flag("follow"),
            timeout: matches.get_one::<Duration>("timeout").copied(),
            postgres_bin: matches.get_one::<PathBuf>("postgres-bin").cloned(),
            flags: flags::values(matches),
        })
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    std::path::absolute(&path).map_err(|error| Error::file("use", &path, &error))
}

fn action(word: &str) -> TargetAction {
    match word {
        "pause" => TargetAction::Pause,
        "shutdown" => TargetAction::Shutdown,
        _ => TargetAction::Promote,
    }
}

fn tablespaces(matches: &ArgMatches) -> Result<Vec<(TablespaceName, PathBuf)>> {
    let all = matches.get_many::<String>("tablespace").unwrap_or_default();
    all.map(|text| {
        let (name, folder) = tablespace(text).ok_or_else(|| {
            let message =
                format!("expected OID=FOLDER or OLD=FOLDER for --tablespace, found {text:?}");
            Error::new(Class::Usage, message).hint("`basebackup show ID` lists the tablespaces.")
        })?;
        Ok((name, absolute(PathBuf::from(folder))?))
    })
    .collect()
}

/// By its number, or where it was: a path begins with a slash, so it may have `=` in it.
fn tablespace(text: &str) -> Option<(TablespaceName, &str)> {
    if text.starts_with('/') {
        let (was, folder) = text.rsplit_once("=/").map(|(was, _)| (was, &text[was.len() + 1..]))?;
        return Some((TablespaceName::Location(was.to_owned()), folder));
    }
    let (oid, folder) = text.split_once('=').filter(|(_, folder)| !folder.is_empty())?;
    Some((TablespaceName::Oid(oid.parse().ok()?), folder))
}
