//! `redis-backup restore`: its flags, made into a request; a bar shows how far the files have come.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::progress::Shared;
use super::super::{asked, flags, restored};
use crate::command::redis_backup::restore::{Request, restore};
use crate::config::Config;
use crate::error::Result;
use crate::redis_backup::TargetOverrides;

const SHORT: &str = "Restores a backup so that the server loads it";

const ABOUT: &str = "Restores a backup so that the server loads it

What the server reads at its start depends on its configuration: an RDB file that is put beside an append-only
file is ignored. So the configuration is looked at (--conf), and what it reads is written. What was there is kept
beside it under another name. The server must be stopped.";

pub fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let path =
        |name, value, help| option(name, value, help).value_parser(clap::value_parser!(PathBuf));
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new("restore")
        .about(SHORT)
        .long_about(ABOUT)
        .arg(
            Arg::new("id")
                .value_name("ID")
                .help("Id of the backup, or its beginning; default: the newest whole one"),
        )
        .arg(path("conf", "FILE", "The redis.conf that the server is started with"))
        .arg(path("dir", "DIRECTORY", "The server's folder, if it is not the one in --conf"))
        .arg(option("dbfilename", "NAME", "Name of the RDB file, if not as in --conf"))
        .arg(
            option(
                "appendonly",
                "WORD",
                "Whether the server reads an append-only file, if not as in --conf",
            )
            .value_parser(["yes", "no"]),
        )
        .arg(option("server-version", "VERSION", "Version of the server, if another than it was"))
        .arg(option(
            "before",
            "COMMAND",
            "Run before anything is touched, such as 'systemctl stop redis'",
        ))
        .arg(option(
            "after",
            "COMMAND",
            "Run at the end, such as 'systemctl start redis'; then keys are compared",
        ))
        .arg(switch(
            "compare",
            "Wait for the server to be started, and compare its keys with the backup's",
        ));
    let command = asked::with_plan(command);
    flags::with_settings(command, &["redis"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let request = Request {
        config,
        id: text("id"),
        conf: matches.get_one::<PathBuf>("conf").cloned(),
        overrides: TargetOverrides {
            dir: matches.get_one::<PathBuf>("dir").cloned(),
            dbfilename: text("dbfilename"),
            appendonly: text("appendonly").map(|word| word == "yes"),
            version: text("server-version"),
            likely: None,
        },
        before: text("before"),
        after: text("after"),
        compare: matches.get_flag("compare"),
    };
    let bar = Shared::new("restore");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let ending = restored::asking(matches, |asking| restore(&request, asking, &progress));
    drop(bar);
    restored::end(matches, ending, "could not restore Redis")
}
