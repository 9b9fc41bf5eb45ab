//! `seawall manuals`, which no help shows: the man pages and the completions for bash, zsh and fish, made from the declarations
//! that `--help` is made from. The packages are made with it. A verb and not a program of its own, which would have to be built
//! from all of the crate once more.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::command::{basebackup, media_backup, redis_backup, wal_fetch, wal_push};
use crate::durable;
use crate::error::{Error, Result};

pub const NAME: &str = "manuals";

/// Not among the verbs that `seawall --help`, the pages and the completions tell of.
pub fn command() -> Command {
    let folder = Arg::new("folder").value_name("FOLDER").required(true);
    let date = Arg::new("date").value_name("DATE").required(true);
    let about = "Writes FOLDER/man/man1/PAGE and FOLDER/completions/SHELL/NAME; these folders must be there";
    Command::new(NAME)
        .hide(true)
        .about(about)
        .arg(folder.value_parser(clap::value_parser!(PathBuf)))
        .arg(date.help("Stands in the pages as it is, such as 2026-11-30"))
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let (Some(folder), Some(date)) =
        (matches.get_one::<PathBuf>("folder"), matches.get_one::<String>("date"))
    else {
        return Ok(());
    };
    let pages = all(date).map_err(|error| Error::file("make pages for", folder, &error))?;
    pages.iter().try_for_each(|(path, text)| durable::replace_for_all(&folder.join(path), text))
}

/// A path below the folder that was asked for, and what to write there.
type ManualPage = (String, Vec<u8>);

const SOURCE: &str = concat!("Seawall ", env!("CARGO_PKG_VERSION"));

const FILES: &str = "/etc/seawall/seawall.toml
    The configuration; seawall config show prints what is in force.";

/// The declarations of all programs.
pub fn programs() -> [Command; 6] {
    [
        wal_push::command(),
        wal_fetch::command(),
        basebackup::command(),
        redis_backup::command(),
        media_backup::command(),
        super::command(),
    ]
}

/// All man pages and completions. The date is written into the pages as it is.
pub fn all(date: &str) -> io::Result<Vec<ManualPage>> {
    let mut pages = Vec::new();
    for program in programs() {
        completions(&program, &mut pages);
        // The verb `help` repeats what the others say, so it gets no pages.
        let mut program = program.disable_help_subcommand(true);
        program.build();
        man_pages(&program, program.get_name(), date, &mut pages)?;
    }
    Ok(pages)
}

/// A page for the program, and one for each verb: `basebackup.1`, `basebackup-create.1`.
fn man_pages(
    command: &Command,
    name: &str,
    date: &str,
    pages: &mut Vec<ManualPage>,
) -> io::Result<()> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        man_pages(verb, &format!("{name}-{}", verb.get_name()), date, pages)?;
    }
    let usage = command.clone().render_usage().to_string();
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let summary = about.lines().next().unwrap_or_default().to_owned();
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().display_name(name.to_owned()).about(summary));
    let man = man.date(date).source(SOURCE).manual("Seawall");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    // Ours where clap_mangen's synopsis lists every flag, and its paragraphs would break tables and examples.
    preformatted("SYNOPSIS", usage.trim_start_matches("Usage: "), &mut text)?;
    preformatted("DESCRIPTION", &about, &mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if !notes.is_empty() {
        preformatted("NOTES", &notes, &mut text)?;
    }
    preformatted("FILES", FILES, &mut text)?;
    pages.push((format!("man/man1/{name}.1"), text));
    Ok(())
}

/// A section of lines that are not filled. See groff(7): a line must not begin with a control character by
/// accident, and a plain `-` is a hyphen, which nobody can paste into a shell.
fn preformatted(heading: &str, lines: &str, text: &mut Vec<u8>) -> io::Result<()> {
    writeln!(text, ".SH {heading}\n.nf")?;
    for line in lines.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
        writeln!(text, "\\&{}", line.trim_end())?;
    }
    writeln!(text, ".fi")
}

/// Under the names by which each shell looks for them.
fn completions(program: &Command, pages: &mut Vec<ManualPage>) {
    let name = program.get_name();
    let places = [
        (Shell::Bash, format!("completions/bash/{name}")),
        (Shell::Zsh, format!("completions/zsh/_{name}")),
        (Shell::Fish, format!("completions/fish/{name}.fish")),
    ];
    for (shell, path) in places {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut program.clone(), name, &mut text);
        pages.push((path, text));
    }
}
