//! The command line of `seawall report`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};

use super::{configure, flags, verbs};
use crate::command::report;
use crate::error::Result;

const ABOUT: &str = "Writes a page that says what can be restored, to when and how fast";

const AFTER: &str = "One file with pictures, for a browser, a phone or paper; it loads nothing when it is opened. Nothing is read
but names, sizes, times and descriptions; the server is asked where it is if it answers. What can't be seen is said on the page and on
standard error, and the exit status is that of the trouble; the page is written all the same.
docs/report.md says what each picture means.";

pub fn command() -> Command {
    let html = Arg::new("html")
        .long("html")
        .value_name("FILE")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help("Where to write the page, in the place of what is there; - for standard output");
    let command = Command::new("report").about(ABOUT).after_help(AFTER).arg(html);
    flags::with_settings(command, &["postgres", "redis", "objectives"])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let config = configure(&flags::values(matches))?;
    let html = matches.get_one::<PathBuf>("html").filter(|path| path.as_os_str() != "-");
    verbs::print(report::run(&config, html.map(PathBuf::as_path))?)
}
