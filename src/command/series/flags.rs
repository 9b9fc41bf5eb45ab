//! The flags of the verbs that are the same for all backups that stand alone.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{Checked, Kind, delete, list, pin, prune, show, verify};
use crate::cli::progress::SharedBar;
use crate::cli::verbs::print;
use crate::cli::{asked, flags, screen};
use crate::command::deletion::Order;
use crate::command::pruning;
use crate::config::Config;
use crate::error::Result;

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn id() -> Arg {
    let id = Arg::new("id").value_name("ID").required(true);
    id.help("Id of the backup, or its beginning")
}

/// Of a verb that only looks, `latest` is one too.
fn id_or_latest() -> Arg {
    id().help("Id of the backup, or its beginning; latest is the newest whole one")
}

fn id_of(matches: &ArgMatches) -> String {
    matches.get_one::<String>("id").cloned().unwrap_or_default()
}

fn verb<D: Kind>(name: &'static str, about: String, own: Vec<Arg>) -> Command {
    flags::with_settings(Command::new(name).about(about).args(own), &[D::TABLE])
}

pub fn list_command<D: Kind>() -> Command {
    let about = format!("Shows every {} in every repository", D::WHAT);
    verb::<D>("list", about, vec![switch("json", "Print all of it as JSON")])
}

pub fn list<D: Kind>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(list::run::<D>(config, matches.get_flag("json"), screen::paper())?)
}

pub fn show_command<D: Kind>() -> Command {
    let about = format!("Shows everything about one {}", D::WHAT);
    verb::<D>("show", about, vec![id_or_latest(), switch("json", "Print as JSON")])
}

pub fn show<D: Kind>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(show::run::<D>(config, &id_of(matches), matches.get_flag("json"))?)
}

fn pinning() -> Vec<Arg> {
    vec![id(), switch("json", "Print what was done as JSON")]
}

pub fn pin_command<D: Kind>() -> Command {
    verb::<D>("pin", format!("Keeps a {} from being pruned", D::WHAT), pinning())
}

pub fn pin<D: Kind>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(pin::run::<D>(config, &id_of(matches), true, matches.get_flag("json"))?)
}

pub fn unpin_command<D: Kind>() -> Command {
    let about = format!("Leaves a {} to the rules of retention again", D::WHAT);
    verb::<D>("unpin", about, pinning())
}

pub fn unpin<D: Kind>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(pin::run::<D>(config, &id_of(matches), false, matches.get_flag("json"))?)
}

pub fn prune_command<D: Kind>() -> Command {
    let about = format!("Deletes each {} that no rule keeps any more", D::WHAT);
    let command = asked::with_plan(Command::new("prune").about(about)).after_help(
        "Never deleted: the newest good one in each repository, what is pinned, what is being taken now. In a \
         repository that can't be read whole nothing is deleted. Cut short anywhere, it goes on when it is run \
         again.",
    );
    flags::with_settings(command, &[D::TABLE])
}

pub fn prune<D: Kind>(config: &Config, matches: &ArgMatches) -> Result<()> {
    pruning::asked(D::PROGRAM, matches, |telling| prune::run::<D>(config, telling))
}

pub const DELETE_AFTER: &str = "\
Not deleted: what is pinned, and what is the only good one in a repository unless --even-the-last says so. With --repository
NAME it is deleted there alone. Cut short anywhere, `prune` removes the rest.";

/// What every `delete` is asked.
pub fn delete_words() -> Vec<Arg> {
    vec![
        id(),
        switch("even-the-last", "Also where no other good one is left"),
        switch("dry-run", "Show the plan and stop"),
        switch("yes", "Do not ask"),
    ]
}

pub fn delete_command<D: Kind>() -> Command {
    let about = format!("Deletes one {}, in every repository or in one", D::WHAT);
    verb::<D>("delete", about, delete_words()).after_help(DELETE_AFTER)
}

pub fn order<'a>(
    matches: &ArgMatches,
    agree: &'a mut dyn FnMut(&str) -> Result<bool>,
) -> Order<'a> {
    Order { id: id_of(matches), even_the_last: matches.get_flag("even-the-last"), agree }
}

pub fn delete<D: Kind>(config: &Config, matches: &ArgMatches) -> Result<()> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    print(delete::run::<D>(config, order(matches, &mut agree))?)
}

pub fn verify_command<D: Checked>() -> Command {
    let ids = Arg::new("id")
        .value_name("ID")
        .action(ArgAction::Append)
        .num_args(0..)
        .help("Ids of the backups, or their beginnings; default: all");
    let newest = switch("newest", "Only the newest one").conflicts_with("id");
    let own = vec![ids, newest, switch("quick", "Looks at names and sizes only")];
    verb::<D>("verify", format!("Reads every byte of each {}, in every repository", D::WHAT), own)
        .after_help("Exit status 5: something is damaged or missing; each fault is a line.")
}

pub fn verify<D: Checked>(config: &Config, matches: &ArgMatches) -> Result<()> {
    let ids: Vec<String> = matches.get_many("id").unwrap_or_default().cloned().collect();
    let which = match (matches.get_flag("newest"), ids.is_empty()) {
        (true, _) => verify::Which::Newest,
        (_, true) => verify::Which::All,
        _ => verify::Which::These(ids),
    };
    let bar = SharedBar::new("verification");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let shown = verify::run::<D>(config, &which, matches.get_flag("quick"), &progress);
    drop(bar);
    print(shown?)
}
