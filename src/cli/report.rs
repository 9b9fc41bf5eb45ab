//! The command line of `seawall report`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{configure, flags, verbs};
use crate::command::report;
use crate::config::FlagValues;
use crate::error::Result;

const ABOUT: &str = "Writes a page that says what can be restored, to when and how fast";

const AFTER: &str = "One file with pictures, for a browser, a phone or paper; it loads nothing when it is opened. \
     Nothing is read
but names, sizes, times and descriptions; the server is asked where it is if it answers. What can't be seen is said on the page and on
standard error, and the exit status is that of the trouble; the page is written all the same.
Times are UTC; --timezone Europe/Berlin tells local ones. Several --config put several clusters on one page.
docs/report.md says what each picture means.";

pub fn command() -> Command {
    let html = Arg::new("html")
        .long("html")
        .value_name("FILE")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help("File to write the page to, replacing an older one; - for standard output");
    let command = Command::new("report").about(ABOUT).after_help(AFTER).arg(html);
    flags::with_settings(command, &["postgres", "redis", "objectives", "report"])
        .mut_arg("report.timezone", |zone| zone.visible_alias("timezone"))
        .mut_arg("config", several)
}

/// Each names a cluster.
fn several(config: Arg) -> Arg {
    let help = config.get_help().map(ToString::to_string).unwrap_or_default();
    config
        .action(ArgAction::Append)
        .help(format!("{help}; may be repeated: the clusters follow one another on the page"))
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let flags = flags::values(matches);
    let files = matches.get_many::<PathBuf>("config").unwrap_or_default();
    let mut all: Vec<FlagValues> =
        files.map(|file| FlagValues { config: Some(file.clone()), ..flags.clone() }).collect();
    if all.is_empty() {
        all.push(flags);
    }
    let configs = all.iter().map(configure).collect::<Result<Vec<_>>>()?;
    let html = matches.get_one::<PathBuf>("html").filter(|path| path.as_os_str() != "-");
    verbs::print(report::run(&configs, html.map(PathBuf::as_path))?)
}
