//! `seawall config show`: every setting, its value and where that came from.

use clap::{ArgMatches, Command};

use crate::cli::{flags, guard};
use crate::codec::Recipients;
use crate::config::{self, BANDWIDTH, Config, Resolved, Value, ValueOrigin, proxy_without_secrets};
use crate::error::Result;

/// Keys that hold no secret are shown; a secret is said to be there.
const ENVIRONMENT: [(&str, bool); 18] = [
    ("AWS_ACCESS_KEY_ID", false),
    ("AWS_SECRET_ACCESS_KEY", true),
    ("AWS_SESSION_TOKEN", true),
    ("AWS_REGION", false),
    ("AWS_DEFAULT_REGION", false),
    ("AWS_ENDPOINT_URL", false),
    ("AWS_ENDPOINT_URL_S3", false),
    ("AWS_CA_BUNDLE", false),
    ("AWS_PROFILE", false),
    ("https_proxy", false),
    ("HTTPS_PROXY", false),
    ("http_proxy", false),
    ("HTTP_PROXY", false),
    ("all_proxy", false),
    ("ALL_PROXY", false),
    ("no_proxy", false),
    ("NO_PROXY", false),
    ("REDISCLI_AUTH", true),
];

pub fn command() -> Command {
    let show = Command::new("show").about(
        "Prints every setting with its value and the source of the value, and checks them as a whole",
    );
    flags::with_settings(show, &["wal", "postgres", "basebackup", BANDWIDTH])
}

/// What is printed is what is in force, also where it is wrong as a whole.
pub fn run(matches: &ArgMatches) -> Result<()> {
    let Some(("show", matches)) = matches.subcommand() else { return Ok(()) };
    let resolved = config::resolve(&flags::values(matches))?;
    guard::print(&lines(&resolved));
    let config = Config::from_resolved(&resolved)?;
    Recipients::parse(config.encryption.recipients.iter().map(String::as_str)).map(|_| ())
}

/// The lines, aligned: key, value, origin.
fn lines(resolved: &Resolved) -> String {
    let mut rows = Vec::new();
    let file = resolved.file.as_ref().map_or("none".to_owned(), |path| path.display().to_string());
    rows.push(("configuration file".to_owned(), file, String::new()));
    rows.extend(resolved.values().map(|(key, found)| match found {
        Some((value, origin)) => {
            (key.to_owned(), value.without_secrets().to_string(), origin.to_string())
        }
        None => (key.to_owned(), "(not set)".to_owned(), String::new()),
    }));
    for (number, (table, origin)) in resolved.repositories.iter().enumerate() {
        rows.extend(table.values.iter().map(|(key, (value, line))| {
            let key = format!("repository[{number}].{key}");
            (key, value.without_secrets().to_string(), at_line(origin, *line).to_string())
        }));
    }
    for (table, origin) in &resolved.media {
        rows.extend(table.values.iter().map(|(key, (value, line))| {
            let key = format!("media.{}.{key}", table.name);
            (key, value.without_secrets().to_string(), at_line(origin, *line).to_string())
        }));
    }
    rows.extend(environment());
    table(&rows)
}

fn at_line(origin: &ValueOrigin, line: usize) -> ValueOrigin {
    match origin {
        ValueOrigin::File(path, _) => ValueOrigin::File(path.clone(), line),
        other => other.clone(),
    }
}

fn environment() -> impl Iterator<Item = (String, String, String)> {
    ENVIRONMENT.iter().filter_map(|(name, secret)| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        let shown = if *secret {
            "(set, not shown)".to_owned()
        } else if name.to_ascii_lowercase().ends_with("_proxy") {
            Value::Text(proxy_without_secrets(&value).into_owned()).to_string()
        } else {
            Value::Text(value).without_secrets().to_string()
        };
        Some(((*name).to_owned(), shown, "environment".to_owned()))
    })
}

fn table(rows: &[(String, String, String)]) -> String {
    let width = |of: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0)
    };
    let (keys, values) = (width(|row| &row.0), width(|row| &row.1));
    let line = |(key, value, origin): &(String, String, String)| {
        format!("{key:keys$}  {value:values$}  {origin}").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
