//! `seawall init`: a first configuration, and what is left to do.
//!
//! `ask` asks for what no flag gives, and knows what is usual; `write` checks the answers and writes.

mod ask;
mod write;

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::ask::Questions;
use crate::cli::flags::{self, switch, text};
use crate::cli::guard;
use crate::config::{self, FlagValues, own_state};
use crate::doctor::Account;
use crate::error::{Class, Error, Result};
use crate::init::{Answers, Encryption, FoundServer, RepositoryPlace, connection_to, find_server};
use crate::{exit_status, log};

const NEEDED: &str = "needed-copies";

const SHORT: &str = "Writes a first configuration, and prints the remaining steps";

const ABOUT: &str = "Writes a first configuration, and prints the remaining steps

It asks for everything that no flag gives, writes a checked configuration and a new key pair, prints \
     the settings and units to install, and runs `seawall doctor`. It never overwrites a file.";

const AFTER: &str = "\
Without a terminal, give --repository and --encrypt:
  seawall init --repository /var/backups/seawall --repository s3://my-bucket/seawall \\
      --credentials-file /etc/seawall/s3.credentials --encrypt new";

const BEFORE_DOCTOR: &str = "
What `seawall doctor` finds now, before the steps below it are done:

";

pub fn command() -> Command {
    let path = |name, help| flags::path(name, "FILE", help);
    let many = |arg: Arg| arg.action(ArgAction::Append);
    Command::new("init")
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(path(
            "output",
            "The configuration to write; default: SEAWALL_CONFIG, else /etc/seawall/seawall.toml, with --container as an \
             ordinary user ~/.config/seawall/seawall.toml",
        ))
        .arg(path(
            "data-directory",
            "The server's data directory, - for none on this host; default: that of the server that runs here",
        ))
        .arg(text("cluster", "NAME", "Name of the cluster; default: its cluster_name, else main"))
        .arg(many(text("repository", "URL", "A path, or s3://BUCKET/PREFIX; may be repeated")))
        .arg(text("endpoint", "URL", "URL of the S3 server; default: AWS"))
        .arg(text("region", "NAME", "Region of the bucket"))
        .arg(path("credentials-file", "AWS credentials file for the bucket"))
        .arg(
            text("needed", "all|NUMBER", "How many repositories must have a WAL file before a push succeeds")
                .default_value("all")
            // The setting of this name is hidden in helps.
            .id(NEEDED),
        )
        .arg(text("encrypt", "WORD", "new: to a new key pair; none; or a public key, age1…"))
        .arg(path(
            "identity-file",
            "Where a new private key is written; default: seawall.key beside the configuration",
        ))
        .arg(text("rpo", "TIME", "How much may be lost").default_value("5m"))
        .arg(text("rto", "TIME", "How long a restore may take").default_value("30m"))
        .arg(
            text("reaches-back", "TIME", "How far back any second can be restored; sets the retention")
                .default_value("7d"),
        )
        .arg(text(
            "connection",
            "TEXT",
            "How to reach the server, for libpq; default: the PG… variables",
        ))
        .arg(text("redis-url", "URL", "A Redis or Valkey to back up: redis://HOST:PORT"))
        .arg(many(text("media", "NAME=PATH", "Files to back up as a set; may be repeated")))
        .arg(switch("container", "The server runs in a container of podman's, of root or of the user who calls this"))
        .arg(switch("no-doctor", "Do not run seawall doctor at the end"))
}

pub fn run(matches: &ArgMatches) -> Result<u8> {
    // The configuration is yet to be written: one that is named and not there is no error.
    let found = config::resolve(&FlagValues::default()).or_else(|_| config::of_text(""))?;
    log::start(&found.log());
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let found = find_server(&text("connection").unwrap_or_default());
    let given = given(matches, &found)?;
    let mut answers = if std::io::stdin().is_terminal() {
        write::ready(&given.output)?;
        Questions::new(matches, &found).complete(given)?
    } else {
        complete(given, matches)?
    };
    if answers.connection.is_none() {
        answers.connection = if answers.container {
            Some(ask::connection(&answers))
        } else {
            answers.data_directory.as_deref().and_then(connection_to)
        };
    }
    let outcome = write::run(&answers)?;
    guard::print(&outcome.written);
    if !matches.get_flag("no-doctor") {
        guard::print(BEFORE_DOCTOR);
        doctor(&answers.output, outcome.owner.as_ref());
    }
    guard::print(&format!("\n{}", outcome.next));
    Ok(exit_status::DONE)
}

/// What the flags say, and what was found for the rest.
fn given(matches: &ArgMatches, found: &FoundServer) -> Result<Answers> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let container = matches.get_flag("container");
    let rootless = container && !rustix::process::geteuid().is_root();
    let output = path("output").unwrap_or_else(|| ask::usual_output(rootless));
    let output = std::path::absolute(output);
    let output = output.map_err(|error| Error::new(Class::Usage, error.to_string()))?;
    let urls = matches.get_many::<String>("repository").unwrap_or_default();
    let place = |url: &String| RepositoryPlace {
        url: url.clone(),
        endpoint: text("endpoint"),
        region: text("region"),
        credentials_file: path("credentials-file"),
    };
    let media = matches.get_many::<String>("media").unwrap_or_default();
    let needed = needed(&text(NEEDED).unwrap_or_default(), urls.len())?;
    let beside = output.parent().unwrap_or(Path::new("/")).join("seawall.key");
    Ok(Answers {
        data_directory: data_directory(path("data-directory"), container, found),
        cluster: text("cluster").or_else(|| found.cluster.clone()).unwrap_or_else(|| "main".into()),
        repositories: urls.map(place).collect(),
        needed,
        encryption: text("encrypt").map_or(Encryption::None, |word| encryption(&word)),
        rpo: text("rpo").unwrap_or_default(),
        rto: text("rto").unwrap_or_default(),
        reaches_back: text("reaches-back").unwrap_or_default(),
        connection: text("connection"),
        redis_url: text("redis-url"),
        media: media.map(|text| set(text)).collect::<Result<_>>()?,
        identity_file: path("identity-file").unwrap_or(beside),
        output,
        container,
        rootless,
        state_directory: own_state().filter(|_| rootless),
    })
}

/// What lies in a volume of a container is not looked at from here.
fn data_directory(given: Option<PathBuf>, container: bool, found: &FoundServer) -> Option<PathBuf> {
    match given {
        Some(path) => Some(path).filter(|path| path != Path::new("-")),
        None if container => None,
        None => found.data_directory.clone(),
    }
}

/// As many as there are is all of them. Without repositories they are asked for yet.
fn needed(word: &str, repositories: usize) -> Result<Option<usize>> {
    let number = word.parse::<usize>().ok().filter(|number| *number > 0);
    if word == "all" || number.is_some_and(|number| number == repositories) {
        return Ok(None);
    }
    let most = if repositories == 0 { usize::MAX } else { repositories };
    number.filter(|number| *number < most).map(Some).ok_or_else(|| {
        let message =
            format!("expected all or a number of repositories for --needed, found {word:?}");
        Error::new(Class::Usage, message)
            .hint("It is at most the number of --repository. docs/needed.md tells of it.")
    })
}

fn encryption(word: &str) -> Encryption {
    match word {
        "new" => Encryption::NewKey,
        "none" => Encryption::None,
        keys => Encryption::To(keys.split_whitespace().map(str::to_owned).collect()),
    }
}

fn set(text: &str) -> Result<(String, PathBuf)> {
    let (name, path) = text.split_once('=').ok_or_else(|| {
        Error::new(Class::Usage, format!("expected NAME=PATH for --media, found {text:?}"))
    })?;
    Ok((name.to_owned(), path.into()))
}

/// Whether to encrypt is nobody's to guess.
fn complete(answers: Answers, matches: &ArgMatches) -> Result<Answers> {
    let missing = |flag: &str| {
        Error::new(Class::Usage, format!("{flag} is missing, and there is no terminal to ask on"))
            .hint("Run it on a terminal, or see --help for what to give.")
    };
    if answers.repositories.is_empty() {
        return Err(missing("--repository"));
    }
    if matches.get_one::<String>("encrypt").is_none() {
        return Err(missing("--encrypt"));
    }
    Ok(answers)
}

/// As the server's user where we may: it sees the server, and what that user sees. What it finds is printed,
/// and no failure of ours.
fn doctor(config: &Path, owner: Option<&Account>) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = std::process::Command::new(program);
    command.arg("doctor").arg("--config").arg(config);
    if let Some(owner) = owner.filter(|_| rustix::process::geteuid().is_root()) {
        command.uid(owner.uid).gid(owner.gid).current_dir("/");
    }
    if let Err(error) = command.status() {
        tracing::warn!("could not run seawall doctor: {error}");
    }
}
