//! `redis-backup drill`: its flags, made into a request. Root has to name a user first: a drill never runs as root.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::flags;
use super::super::progress::Shared;
use super::super::verbs::print;
use crate::command::redis_backup::drill::{Request, run as drill};
use crate::config::Config;
use crate::drill::{Confinement, become_user};
use crate::error::Result;

const ABOUT: &str = "Rehearses a restore with a server of its own, counts the keys, and records the result

Lays the newest backup down in a folder below drill.directory, starts redis-server or valkey-server on it, which
listens on a socket in that folder only, waits until it has loaded all, and compares its keys with those of the
backup. Folder and server are gone afterwards, and a record is in every repository.";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new("drill")
        .about(
            "Rehearses a restore with a server of its own, counts the keys, and records the result",
        )
        .long_about(ABOUT)
        .after_help("Exit status 5 says that the server did not load the backup, or not all of it.")
        .arg(
            Arg::new("id")
                .value_name("ID")
                .help("Id of the backup, or its beginning; default: the newest whole one"),
        )
        .arg(
            Arg::new("user")
                .long("user")
                .value_name("NAME")
                .help("Run as this user; required for root"),
        )
        .arg(switch(
            "unconfined",
            "Let the server change files outside its folder, as far as it may",
        ))
        .arg(switch("keep", "Leave the folder, with the server stopped"))
        .arg(switch("json", "Print the result as JSON"));
    flags::with_settings(command, &["redis", "drill", "objectives"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    become_user(text("user").as_deref(), "redis-backup")?;
    let bar = Shared::new("restore");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let unconfined = matches.get_flag("unconfined");
    let shown = drill(&Request {
        config,
        id: text("id"),
        confinement: if unconfined { Confinement::Unconfined } else { Confinement::Confined },
        keep: matches.get_flag("keep"),
        as_json: matches.get_flag("json"),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}
