//! `seawall report`: the page for people who do not know PostgreSQL, into a file or onto standard output.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;

use crate::cli::verbs::Shown;
use crate::cli::{configure, flags, verbs};
use crate::config::{Config, FlagValues};
use crate::error::{Error, Result};
use crate::report::{ClusterFacts, PageZone, html};
use crate::{check, durable, repository};

const ABOUT: &str = "Writes a page that says what can be restored, to when and how fast";

const AFTER: &str =
    "The page is one file with pictures, for a browser, a phone or paper. It loads \
     nothing from the network. The report reads only names, sizes, times and descriptions, and \
     asks the server for its position if the server answers. If a repository can't be read, the \
     page and standard error say so, the page is still written, and the exit status is the status \
     of the first error. Times are UTC; --timezone Europe/Berlin shows local times. Several \
     --config put several clusters on one page.
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
    verbs::print(write(&configs, html.map(PathBuf::as_path))?)
}

/// The page names repositories, backups and sizes: whoever serves or mails it is in the group of the file,
/// and nobody else reads it.
const MODE: u32 = 0o640;

/// Writes the page of these clusters into a file. Without a file the page is the text to print.
fn write(configs: &[Config], file: Option<&Path>) -> Result<Shown> {
    let clusters = configs
        .iter()
        .enumerate()
        .map(|(number, config)| Ok(ClusterFacts { number, ..gathered(config)? }));
    let clusters = clusters.collect::<Result<Vec<ClusterFacts>>>()?;
    let page = html(&clusters);
    let text = match file {
        Some(file) => {
            durable::replace_with_mode(file, page.as_bytes(), MODE)?;
            String::new()
        }
        None => page,
    };
    let errors: Vec<Error> = clusters.into_iter().flat_map(|facts| facts.errors).collect();
    Ok(Shown { text, errors })
}

fn gathered(config: &Config) -> Result<ClusterFacts> {
    let zone = PageZone::named(&config.report_timezone)?;
    let server = check::ask(config);
    let repositories = repository::open_all(config, None)?;
    Ok(ClusterFacts::gather(config, &repositories, &server, Timestamp::now(), zone))
}
