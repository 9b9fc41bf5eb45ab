//! `--help`: as wide as the terminal, the verb's own options, and the settings only where all are asked for.

use std::collections::BTreeSet;

use clap::Command;
use seawall::command;
use seawall::config::GLOBAL;

use crate::support::place::Place;
use crate::support::run::Run;

const POINTER: &str = "Every setting of the configuration is also an option: --help-all lists the \
                       options of this verb, and `seawall config show` shows the values.";

fn programs() -> [(&'static str, Command); 6] {
    [
        (env!("CARGO_BIN_EXE_basebackup"), command::basebackup::command()),
        (env!("CARGO_BIN_EXE_media-backup"), command::media_backup::command()),
        (env!("CARGO_BIN_EXE_redis-backup"), command::redis_backup::command()),
        (env!("CARGO_BIN_EXE_seawall"), command::seawall::command()),
        (env!("CARGO_BIN_EXE_wal-fetch"), command::wal_fetch::command()),
        (env!("CARGO_BIN_EXE_wal-push"), command::wal_push::command()),
    ]
}

/// Each command that does something, and the words that lead to it.
fn verbs(command: &Command, words: &[&str]) -> Vec<(Vec<String>, Command)> {
    if !command.has_subcommands() {
        return vec![(words.iter().map(|it| (*it).to_owned()).collect(), command.clone())];
    }
    let below = |verb: &Command| verbs(verb, &[words, &[verb.get_name()]].concat());
    command.get_subcommands().flat_map(below).collect()
}

/// Its options, as they are typed: its own, and the settings of the configuration.
fn options(command: &Command) -> (BTreeSet<String>, BTreeSet<String>) {
    let shown = command.get_arguments().filter(|it| !it.is_hide_set());
    let named = shown.filter_map(|it| Some((it.get_id(), format!("--{}", it.get_long()?))));
    let is_setting = |id: &str| GLOBAL.iter().any(|it| it.key == id && id != "cluster");
    let (settings, own): (Vec<_>, Vec<_>) = named.partition(|(id, _)| is_setting(id.as_str()));
    let names = |of: Vec<(_, String)>| of.into_iter().map(|(_, name)| name).collect();
    (names(own), names(settings))
}

/// The options that a help lists: the first or second word of lines that are indented.
fn listed(help: &str) -> BTreeSet<String> {
    let indented = help.lines().filter(|line| line.starts_with("  "));
    let option = |line: &str| {
        line.split_whitespace().take(2).find(|it| it.starts_with("--")).map(str::to_owned)
    };
    indented.filter_map(option).filter(|it| it != "--version" && it != "--help").collect()
}

fn widest(help: &str) -> usize {
    help.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn each_verb_shows_its_own_options_in_80_columns_and_the_settings_when_asked() {
    let place = Place::new();
    for (program, command) in programs() {
        for (words, verb) in verbs(&command, &[]) {
            let help = |flag: &str| Run::new(&place, program).args(&words).arg(flag).run();
            let (own, settings) = options(&verb);
            let outcome = help("--help");
            outcome.expect(0);
            let flat = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(listed(&outcome.stdout).is_superset(&own), "{own:?} {outcome}");
            assert!(listed(&outcome.stdout).is_disjoint(&settings), "{settings:?} {outcome}");
            assert!(widest(&outcome.stdout) <= 80, "{outcome}");
            assert_eq!(flat.ends_with(POINTER), !settings.is_empty(), "{outcome}");
            if settings.is_empty() {
                continue;
            }
            let outcome = help("--help-all");
            outcome.expect(0);
            let all = own.union(&settings).cloned().collect();
            assert!(listed(&outcome.stdout).is_superset(&all), "{all:?} {outcome}");
            assert!(widest(&outcome.stdout) <= 80, "{outcome}");
            assert!(!outcome.stdout.contains("--help-all lists"), "{outcome}");
        }
    }
}

#[test]
fn help_is_as_wide_as_it_is_read_well() {
    let place = Place::new();
    let help = |columns: &str| {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_basebackup")).env("COLUMNS", columns);
        widest(&run.args(["restore", "--help-all"]).run().expect(0).stdout)
    };
    assert!((81..=100).contains(&help("200")), "{}", help("200"));
    assert!((61..=72).contains(&help("72")), "{}", help("72"));
    // Neither a width nor none at all.
    assert_eq!((help("0"), help("wide")), (help("80"), help("80")));
}

/// Man pages and completions are made of these declarations.
#[test]
fn the_declarations_hide_no_setting() {
    for (program, command) in programs() {
        for (words, verb) in verbs(&command, &[]) {
            let hidden = verb.get_arguments().filter(|it| it.is_hide_set());
            let hidden: Vec<_> = hidden.map(|it| it.get_id().as_str()).collect();
            let ours = if program.ends_with("wal-fetch") { &["prefetch"][..] } else { &[] };
            assert_eq!(hidden, ours, "{program} {words:?}");
        }
    }
}
