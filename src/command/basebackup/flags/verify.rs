//! `basebackup verify`: its flags, made into a request; a bar shows how far the reading has come.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::flags;
use crate::cli::progress::SharedBar;
use crate::cli::verbs::print;
use crate::command::basebackup::verify::{Request, Which, run as verify};
use crate::config::Config;
use crate::error::Result;

const SHORT: &str =
    "Reads every byte of base backups and of the WAL behind them, in every repository";

const ABOUT: &str = "Reads every byte of base backups and of the WAL behind them, in every repository

Parts, manifests, descriptions, WAL segments and histories are compared with their sums, with each other and with
their names; gaps in the WAL are looked for. Each fault is a line, with what can't be recovered because of it.";

const AFTER: &str = "\
Exit status 5: something is damaged or missing. A repository that does not answer is an error of its own; the others \
     are verified all the same. Without a private key (--encryption-identity-file) encrypted objects are checked as \
      far as possible; the output says what was not checked.";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let ids = Arg::new("id")
        .value_name("ID")
        .action(ArgAction::Append)
        .num_args(0..)
        .help("Ids of the backups, or their beginnings; default: all");
    let command = Command::new("verify")
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(ids)
        .arg(switch("newest", "Only the newest base backup").conflicts_with("id"))
        .arg(switch("quick", "Look only at names, sizes and gaps"))
        .arg(switch("json", "Print what was found as JSON"));
    flags::with_settings(command, &["basebackup"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let ids: Vec<String> = matches.get_many("id").unwrap_or_default().cloned().collect();
    let which = match (matches.get_flag("newest"), ids.is_empty()) {
        (true, _) => Which::Newest,
        (_, true) => Which::All,
        _ => Which::These(ids),
    };
    let bar = SharedBar::new("verification");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let shown = verify(&Request {
        config,
        which,
        quick: matches.get_flag("quick"),
        as_json: matches.get_flag("json"),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}
