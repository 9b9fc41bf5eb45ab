//! The flags of `basebackup drill`, and what they say.

use clap::{ArgAction, ArgMatches, Command};

use crate::cli::flags;
use crate::cli::flags::{switch, text};
use crate::command::basebackup::target::{self, RecoveryWish};
use crate::config::{Config, FlagValues};
use crate::drill::Confinement;
use crate::error::Result;

const SHORT: &str = "Rehearses a restore with its own server, checks the result, and records it";

const ABOUT: &str = "Rehearses a restore with its own server, checks the result, and records it

Restores the newest base backup into a folder below drill.directory and starts PostgreSQL on it. Nobody else can
reach this server, and it archives nothing. It replays the WAL to its end. The drill reads every table of every
database, runs pg_amcheck, checks data checksums if the cluster has them, and runs the queries of drill.assert.
Then it removes the server and the folder.";

const AFTER: &str = "\
The drill records in every repository how long fetch and replay took, and the time of the last commit; `seawall
check` and `seawall report` read the record. Exit status 5: a check failed. The real server is not touched: the
server of the drill can't change any file outside its folder, read keys, or reach others by TCP (Landlock).

Run it as the user that runs PostgreSQL, not as root:
  basebackup drill --user postgres
Check that the newest restored order is at most ten minutes old:
  basebackup drill --drill-database shop \\
      --assert \"select max(placed) > now() - interval '10 minutes' from orders\"";

pub fn command() -> Command {
    let command = Command::new("drill").about(SHORT).long_about(ABOUT).after_help(AFTER);
    let command = target::add(command)
        .next_help_heading("Drill")
        .args(target::which())
        .arg(
            text(
                "assert",
                "SQL",
                "A query that must return true, in addition to those of drill.assert; may be repeated",
            )
            .action(ArgAction::Append),
        )
        .arg(text("user", "NAME", "Run as this user; required for root"))
        .arg(text(
            "role",
            "NAME",
            "Superuser of the restored server; default: postgres, or else PGUSER",
        ))
        .arg(switch(
            "unconfined",
            "Let the server change files outside its folder, as far as it may",
        ))
        .arg(switch("keep", "Leave the folder, with the server stopped"))
        .arg(switch("json", "Print the result as JSON"));
    flags::with_settings(command, &["basebackup", "drill", "objectives"])
}

pub(super) struct DrillOptions<'a> {
    pub config: &'a Config,
    pub wanted: RecoveryWish,
    /// Queries besides those of the configuration.
    pub assertions: Vec<String>,
    /// Superuser to connect as; looked for when not named.
    pub role: Option<String>,
    pub confinement: Confinement,
    /// Whether the folder stays.
    pub keep: bool,
    pub as_json: bool,
    /// With which `wal-fetch` finds the same repositories.
    pub flags: FlagValues,
    /// Is told how many bytes of the files are there, of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl<'a> DrillOptions<'a> {
    pub fn of(
        config: &'a Config,
        matches: &ArgMatches,
        progress: &'a (dyn Fn(u64, u64) + Sync),
    ) -> Result<Self> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let unconfined = matches.get_flag("unconfined");
        Ok(Self {
            config,
            wanted: RecoveryWish::of(matches)?,
            assertions: matches.get_many("assert").unwrap_or_default().cloned().collect(),
            role: text("role"),
            confinement: if unconfined { Confinement::Unconfined } else { Confinement::Confined },
            keep: matches.get_flag("keep"),
            as_json: matches.get_flag("json"),
            flags: flags::values(matches),
            progress,
        })
    }
}
