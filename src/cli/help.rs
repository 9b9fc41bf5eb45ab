//! What `--help` prints: as wide as the terminal, the verb's own options, and the settings only when all were asked for.
//! Man pages and completions are made of the same declarations, and have everything.
//!
//! And what `--version` prints: after the version of Seawall, the libraries in C that are linked in. An advisory against
//! one of them concerns the program that has it, whatever the system has. All libraries stand in the file NOTICES of the
//! packages.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use super::screen;
use crate::config::GLOBAL;
use crate::{codec, replication};

const OURS: &str = env!("CARGO_PKG_VERSION");

/// Of a program that asks no PostgreSQL server.
pub fn version_without_libpq() -> String {
    format!("{OURS}\nzstd {}", codec::zstd_version())
}

/// Of one that does. OpenSSL is there for libpq; the stores are spoken to through rustls.
pub fn version_with_libpq() -> String {
    let (libpq, openssl) = (replication::libpq_version(), replication::openssl_version());
    format!("{}\nlibpq {libpq}\n{openssl}", version_without_libpq())
}

/// Where nothing says how wide it is, and the widest that is read well.
const WIDTH: usize = 80;
const WIDTH_MAX: usize = 100;

const ALL: &str = "help-all";

/// The one setting that says which of the things that were configured is meant.
const SHOWN: &str = "cluster";

const POINTER: &str = "Every setting of the configuration is also an option: --help-all lists the \
options of this verb, and `seawall config show` shows the values.";

/// The option that lists the settings too.
pub fn all() -> Arg {
    let all = Arg::new(ALL).long(ALL).action(ArgAction::HelpShort);
    all.help("Print help with every setting of the configuration")
}

/// The command as its help is to be shown, where these words ask for help; else as it is.
pub fn dressed(command: Command, words: &[OsString]) -> Command {
    let asks = |wanted: &[&str]| words.iter().any(|word| wanted.iter().any(|it| word == it));
    if !asks(&["-h", "--help", "--help-all", "help"]) {
        return command;
    }
    let width = screen::width().unwrap_or(WIDTH).min(WIDTH_MAX);
    dress(command, words, asks(&["--help-all"])).term_width(width)
}

fn dress(command: Command, words: &[OsString], all: bool) -> Command {
    let name = command.get_name().to_owned();
    let about = command.get_long_about().map(|text| flowing(&text.to_string()));
    let after = command.get_after_help().map(|text| flowing(&text.to_string()));
    let has_settings = command.get_arguments().any(|arg| arg.get_id() == ALL);
    let pointer = (has_settings && !all).then(|| POINTER.to_owned());
    let after: Vec<String> = after.into_iter().chain(pointer).collect();
    let mut command = command.after_help(after.join("\n\n"));
    // The short form has one line an option. In the list of all verbs their first line is enough.
    if let Some(about) = about
        && words.iter().any(|word| *word == *name)
    {
        command = command.about(about).long_about(None);
    }
    if !all {
        let hidden = |arg: &Arg| GLOBAL.iter().any(|it| arg.get_id() == it.key && it.key != SHOWN);
        command = command.mut_args(|arg| if hidden(&arg) { arg.hide(true) } else { arg });
    }
    command.mut_subcommands(|verb| dress(verb, words, all))
}

/// The lines of a paragraph as one, to be broken anew. Those that are indented stay as they are.
fn flowing(text: &str) -> String {
    let mut flowing = String::new();
    let mut joins = false;
    for line in text.lines() {
        let plain = !line.is_empty() && !line.starts_with(' ');
        if !flowing.is_empty() {
            flowing.push(if joins && plain { ' ' } else { '\n' });
        }
        flowing += line;
        joins = plain;
    }
    flowing
}

#[cfg(test)]
mod tests {
    use super::flowing;

    #[test]
    fn paragraphs_flow_and_lists_stay() {
        for (text, expected) in [
            ("One\ntwo.\n\nThree", "One two.\n\nThree"),
            ("Write:\n  a = b\n  c\nand\nsay", "Write:\n  a = b\n  c\nand say"),
            ("", ""),
        ] {
            assert_eq!(flowing(text), expected);
        }
    }
}
