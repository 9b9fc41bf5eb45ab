//! `media-backup cat`: its flags. The verb has to know whether it writes to a terminal, which raw bytes would disturb.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgMatches, Command};

use super::super::{flags, guard, screen};
use super::{of_set, with_set};
use crate::command::media_backup::cat::{Request, cat};
use crate::config::Config;
use crate::error::Result;

const AFTER: &str = "\
  media-backup cat latest /etc/redis/redis.conf | diff - /etc/redis/redis.conf
  media-backup cat 20261122 /srv/uploads/a.jpg > /tmp/a.jpg

A file of up to 8 MiB is proved before its first byte is written, a longer one while it is written: where it is damaged in every \
repository the exit status is 5, and what was written is to be thrown away. Bytes that are no text are not written to a terminal.";

pub fn command() -> Command {
    let command = Command::new("cat")
        .about("Writes a file of a snapshot to standard output")
        .arg(Arg::new("id").value_name("ID").required(true).help(super::WHICH))
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .required(true)
                .value_parser(clap::value_parser!(OsString))
                .help("Where the file was, from / on"),
        )
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let id = matches.get_one::<String>("id").map_or("", String::as_str);
    let path = matches.get_one::<OsString>("path").map_or(&b""[..], |path| path.as_bytes());
    let request = Request { config: &config, id, path, is_terminal: screen::is_terminal() };
    guard::stream(|out| cat(&request, out))
}
