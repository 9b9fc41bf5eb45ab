//! `seawall copy`: what one repository has and another one lacks comes over.

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;
use serde_json::json;

use crate::basebackup::restore::{local_zone, parse_time};
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, document, plain, size, table};
use crate::cli::verbs::{Shown, print};
use crate::cli::{configure, flags};
use crate::config::{BANDWIDTH, Config, Location, RepositoryConfig};
use crate::error::{Class, Error, Result};
use crate::repository::{self, Repository};
use crate::transfer::{CopiedAmount, CopiedKind, CopyScope, RepositoryCopy, Transferred};

pub const NAME: &str = "copy";

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

const ABOUT: &str = "Copies into one repository what it lacks and another repository has

It copies WAL, base backups, backups of Redis, snapshots of media files in packs, and records. It checks each object on
the way, never replaces an object, and goes on where an earlier copy ended.";

const AFTER: &str = "\
It copies WAL in order, and the description of a backup last, so a copy that was cut short is never taken for whole. Run
it again until nothing is lacking. If both repositories encrypt, or neither does, objects are copied as they are, without
a private key. Otherwise objects are encrypted or decrypted on the way; what is encrypted then needs the private key
(--encryption-identity-file). To change the keys, set the new recipients and use --reencrypt.

Exit status 4: something was left out; 5: something is damaged; 7: the target has other content under the same name. Each
is a line, and the rest was copied.";

const KINDS: [(&str, CopiedKind); 5] = [
    ("wal", CopiedKind::Wal),
    ("basebackups", CopiedKind::BaseBackups),
    ("redis", CopiedKind::Redis),
    ("media", CopiedKind::Media),
    ("records", CopiedKind::Records),
];

pub fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new(NAME)
        .about(ABOUT.split_once('\n').map_or(ABOUT, |(first, _)| first))
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(text("from", "NAME", "Repository to copy from").required(true))
        .arg(text("to", "NAME", "Repository to copy into").required(true))
        .arg(
            text("only", "KIND", "Copy only this kind; may be repeated")
                .action(ArgAction::Append)
                .value_parser(KINDS.map(|(word, _)| word)),
        )
        .arg(text(
            "since",
            "TIME",
            "Copy only what restores this time and later ones, as in 30d or '2026-11-22 14:29:59+01'",
        ))
        .arg(switch("reencrypt", "Encrypt anew, to the present recipients, what is encrypted"))
        .arg(switch("dry-run", "Show what is lacking and stop"))
        .arg(switch("json", "Print the result as JSON"));
    flags::with_settings(command, &[BANDWIDTH])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let values = flags::values(matches);
    let cluster = values.settings.get("cluster").cloned();
    let config = configure(&values)?;
    let config = with_ends(&config, matches)?;
    let wanted =
        CopyScope { cluster, kinds: kinds(matches), since: since(matches)?, backups: None };
    let (as_json, dry_run) = (matches.get_flag("json"), matches.get_flag("dry-run"));
    let bar = SharedBar::new("copy");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let transferred = copy(&config, &wanted, matches.get_flag("reencrypt"), dry_run, &progress);
    drop(bar);
    let Transferred { lines, left_out, there, never, errors } = transferred?;
    let transferred =
        Transferred { errors: with_left_out(errors, &left_out), lines, left_out, there, never };
    let shown =
        if as_json { as_document(&transferred, dry_run)? } else { words(&transferred, dry_run) };
    print(Shown { text: shown, errors: transferred.errors })
}

fn copy(
    config: &Config,
    wanted: &CopyScope,
    anew: bool,
    dry_run: bool,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Transferred> {
    let opened = repository::open_all_limited(config)?;
    let identities = repository::identities(config)?;
    let two = <[Repository; 2]>::try_from(opened);
    let ends = two.map_err(|_| Error::new(Class::Internal, "expected two repositories"))?;
    let (ends, identities) = (&ends, &identities);
    let transfer = RepositoryCopy { ends, config, identities, wanted, anew, progress };
    if dry_run { transfer.look() } else { transfer.run() }
}

/// The configuration with these two repositories alone, in this order.
fn with_ends(config: &Config, matches: &ArgMatches) -> Result<Config> {
    let named = |flag: &str| {
        let name = matches.get_one::<String>(flag).map_or("", String::as_str);
        let found = config.repositories.iter().find(|it| it.name == name);
        found.cloned().ok_or_else(|| no_such(config, flag, name))
    };
    let (from, to) = (named("from")?, named("to")?);
    if from.url == to.url && from.location == to.location {
        let message = format!("expected two repositories, found {} and {}", from.name, to.name);
        return Err(Error::new(Class::Usage, message + ", which are one place"));
    }
    if let Location::Folder(root) = &to.location
        && !root.is_dir()
    {
        let message = format!("there is no folder {root:?} for repository {}", to.name);
        return Err(Error::new(Class::Unreachable, message).hint(
            "Is the disk mounted? For a new repository, make the folder as the user who archives.",
        ));
    }
    Ok(Config { repositories: vec![from, to], ..config.clone() })
}

fn no_such(config: &Config, flag: &str, name: &str) -> Error {
    let names: Vec<&str> =
        config.repositories.iter().map(|it: &RepositoryConfig| it.name.as_str()).collect();
    let message = format!("expected the name of a repository for --{flag}, found {name:?}");
    let names = if names.is_empty() { "no repository".to_owned() } else { names.join(", ") };
    Error::new(Class::Usage, message).hint(format!("The configuration has {names}."))
}

fn kinds(matches: &ArgMatches) -> std::collections::BTreeSet<CopiedKind> {
    let words: Vec<&String> = matches.get_many("only").unwrap_or_default().collect();
    let asked = |word: &str| words.is_empty() || words.iter().any(|it| *it == word);
    KINDS.iter().filter(|(word, _)| asked(word)).map(|(_, kind)| *kind).collect()
}

fn since(matches: &ArgMatches) -> Result<Option<Timestamp>> {
    let Some(text) = matches.get_one::<String>("since") else { return Ok(None) };
    match humantime::parse_duration(text) {
        Ok(age) => Ok(Some(Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN))),
        Err(_) => parse_time(text, local_zone).map(Some),
    }
}

fn with_left_out(errors: Vec<Error>, left_out: &[String]) -> Vec<Error> {
    let message =
        || format!("not all was copied: {} left out", count(left_out.len() as u64, "backup"));
    let left = (!left_out.is_empty()).then(|| Error::new(Class::Incomplete, message()));
    errors.into_iter().chain(left).collect()
}

fn words(transferred: &Transferred, dry_run: bool) -> String {
    let amount = |it: &CopiedAmount| [it.objects.to_string(), size(it.bytes)];
    let heads = ["WHAT", "LACKED", "SIZE"].into_iter().chain(["COPIED", "SIZE"]);
    let columns = if dry_run { 3 } else { 5 };
    let mut rows = vec![heads.take(columns).map(str::to_owned).collect::<Vec<_>>()];
    let mut total = CopiedAmount::default();
    for line in transferred.lines.iter().filter(|it| it.lacked.objects > 0) {
        let [lacked, stored] = [amount(&line.lacked), amount(&line.stored)];
        let row = [plain(&line.what)].into_iter().chain(lacked).chain(stored);
        rows.push(row.take(columns).collect());
        total += if dry_run { line.lacked } else { line.stored };
    }
    let mut text = String::new();
    if rows.len() > 1 {
        text += &(table(&rows, &[0]) + "\n");
    }
    for line in &transferred.left_out {
        text += &plain(&format!("Left out: {line}."));
        text += "\n";
    }
    let objects = count(total.objects, "object");
    text + &match (rows.len() > 1, dry_run) {
        (false, _) => "Nothing is lacking.\n".to_owned(),
        (true, true) => format!("To be copied: {objects}, {}.\n", size(total.bytes)),
        (true, false) => format!("Copied {objects}, {}.\n", size(total.bytes)),
    }
}

fn as_document(transferred: &Transferred, dry_run: bool) -> Result<String> {
    let amount = |it: CopiedAmount| json!({ "objects": it.objects, "bytes": it.bytes });
    let lines = transferred.lines.iter().map(|line| {
        json!({ "what": line.what, "lacked": amount(line.lacked), "copied": amount(line.stored) })
    });
    document(&json!({
        "version": VERSION,
        "dry_run": dry_run,
        "lines": lines.collect::<Vec<_>>(),
        "left_out": transferred.left_out,
        "errors": transferred.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
