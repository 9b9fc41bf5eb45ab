//! `basebackup drill`: its flags, made into a request. Root has to name a user first: a drill never runs as root.

use std::sync::Mutex;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::flags;
use super::super::progress::Progress;
use super::super::verbs::print;
use super::target;
use crate::command::basebackup::drill::{Request, run as drill};
use crate::config::Config;
use crate::drill::{Confinement, become_user};
use crate::error::Result;
use crate::postgres::SystemIdentifier;
use crate::threads::lock;

const SHORT: &str =
    "Rehearses a restore with a server of its own, checks the result, and records it";

const ABOUT: &str = "Rehearses a restore with a server of its own, checks the result, and records it

Restores the newest base backup into a folder below drill.directory, starts PostgreSQL on it, which nobody else can
reach and which archives nothing, replays the WAL to its end, and reads every table of every database. pg_amcheck
and data checksums where there are any, and the queries of drill.assert. Folder and server are gone afterwards.";

const AFTER: &str = "\
How long fetching and replaying took, and up to when commits were there, is recorded in every repository; `seawall
check` and `seawall report` read it. Exit status 5 says that a check failed. The real server is not touched: the
one of the drill can't change any file outside its folder, read keys, or reach others by TCP (Landlock).

Not as root, but as the user that runs PostgreSQL:
  basebackup drill --user postgres
The newest order in what comes back is at most ten minutes older than now:
  basebackup drill --drill-database shop \\
      --assert \"select max(placed) > now() - interval '10 minutes' from orders\"";

pub fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new("drill").about(SHORT).long_about(ABOUT).after_help(AFTER);
    let command = target::add(command)
        .next_help_heading("Drill")
        .arg(text(
            "backup",
            "ID",
            "Id of the base backup; default: the newest from which the target can be reached",
        ))
        .arg(
            Arg::new("system")
                .long("system-identifier")
                .value_name("NUMBER")
                .value_parser(clap::value_parser!(u64))
                .help("System to use, if the cluster name holds several"),
        )
        .arg(
            text(
                "assert",
                "SQL",
                "A query that has to give true, besides those of drill.assert; may be repeated",
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

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    become_user(text("user").as_deref(), "basebackup")?;
    let bar: Mutex<Option<Progress>> = Mutex::default();
    let progress = |done: u64, of: u64| {
        let mut bar = lock(&bar);
        bar.get_or_insert_with(|| Progress::new("restore")).at(done, Some(of));
    };
    let unconfined = matches.get_flag("unconfined");
    let shown = drill(&Request {
        config,
        target: target::of(matches)?,
        inclusive: target::inclusive(matches),
        timeline: target::timeline(matches)?,
        backup: text("backup"),
        system: matches.get_one::<u64>("system").copied().map(SystemIdentifier),
        assertions: matches.get_many("assert").unwrap_or_default().cloned().collect(),
        role: text("role"),
        confinement: if unconfined { Confinement::Unconfined } else { Confinement::Confined },
        keep: matches.get_flag("keep"),
        as_json: matches.get_flag("json"),
        flags: flags::values(matches),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}
