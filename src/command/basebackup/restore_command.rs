//! The `restore_command` of a restored server.

use std::path::{Path, PathBuf};

use crate::basebackup::restore::{OwnWal, RecoveryTarget, RestorePlan};
use crate::config::{FlagValues, GLOBAL};
use crate::error::{Class, Error, Result};
use crate::words::shell_word;

/// For a server that has all WAL inside: nothing is to be fetched, and that is the end of it.
const NOTHING: &str = "/bin/false";

/// The `restore_command` by which the server finds the WAL where this program found the backup: the
/// `wal-fetch` beside it, told what it was told. What the backup has inside is not asked for: the archive need not have it.
pub fn restore_command(
    flags: &FlagValues,
    plan: &RestorePlan<'_>,
    target: &RecoveryTarget,
) -> Result<String> {
    Ok(match plan.own_wal(target) {
        OwnWal::All => NOTHING.to_owned(),
        OwnWal::None => of_the_archive(flags)?,
        OwnWal::Segments { first, end } => format!(
            "if [ ! \"%f\" \\< {first} ] && [ \"%f\" \\< {end} ]; then exit 1; fi; exec {}",
            of_the_archive(flags)?
        ),
    })
}

fn of_the_archive(flags: &FlagValues) -> Result<String> {
    let this = std::env::current_exe().map_err(|error| {
        Error::new(Class::Internal, format!("could not find out where this program is: {error}"))
    })?;
    let program = this.with_file_name("wal-fetch");
    if !program.exists() {
        return Err(Error::new(
            Class::Configuration,
            format!("there is no wal-fetch at {program:?}"),
        )
        .hint("Install it there, or say what the server is to call: --restore-command."));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Ok(command_line(&program, flags, variable))
}

/// What decides where WAL is looked for, be it a flag or a variable: the server need not have the latter.
fn command_line(
    program: &Path,
    flags: &FlagValues,
    variable: impl Fn(&str) -> Option<String>,
) -> String {
    let mut words = vec![program.display().to_string()];
    let mut say = |flag: &str, value: String| words.extend([format!("--{flag}"), value]);
    let config = flags.config.clone().or_else(|| variable("SEAWALL_CONFIG").map(PathBuf::from));
    if let Some(path) = config {
        say("config", std::path::absolute(&path).unwrap_or(path).display().to_string());
    }
    let mut repositories = flags.repositories.clone();
    if repositories.is_empty() {
        let text = variable("SEAWALL_REPOSITORY").unwrap_or_default();
        repositories.extend(text.split_whitespace().map(str::to_owned));
    }
    for url in repositories {
        say("repository", url);
    }
    if let Some(cluster) =
        flags.settings.get("cluster").cloned().or_else(|| variable("SEAWALL_CLUSTER"))
    {
        say("cluster", cluster);
    }
    for setting in GLOBAL.iter().filter(|it| ["encryption", "limits"].contains(&it.table())) {
        let said = flags.settings.get(setting.key).cloned();
        if let Some(value) = said.or_else(|| variable(&setting.variable())) {
            say(&setting.flag(), value);
        }
    }
    // `%` has a meaning of its own in `restore_command`.
    let words = words.iter().map(|word| shell_word(word).replace('%', "%%"));
    let words: Vec<String> = words.collect();
    format!("{} %f \"%p\"", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_what_this_program_was_told() {
        let program = Path::new("/opt/sea wall/wal-fetch");
        let none = |_: &str| None;
        assert_eq!(
            command_line(program, &FlagValues::default(), none),
            "'/opt/sea wall/wal-fetch' %f \"%p\""
        );
        let mut flags = FlagValues {
            config: Some(PathBuf::from("/etc/it's 100%.toml")),
            repositories: vec!["s3://bucket/prefix".to_owned(), "/backups".to_owned()],
            ..FlagValues::default()
        };
        flags.settings.insert("limits.attempts", "3".to_owned());
        flags.settings.insert("basebackup.parallel", "3".to_owned());
        assert_eq!(
            command_line(Path::new("/bin/wal-fetch"), &flags, none),
            "/bin/wal-fetch --config '/etc/it'\\''s 100%%.toml' --repository s3://bucket/prefix \
             --repository /backups --limits-attempts 3 %f \"%p\""
        );
        let variables = |name: &str| match name {
            "SEAWALL_REPOSITORY" => Some("/one /two".to_owned()),
            "SEAWALL_CLUSTER" => Some("shop".to_owned()),
            "SEAWALL_ENCRYPTION_IDENTITY_FILE" => Some("/keys/of the shop".to_owned()),
            "SEAWALL_LIMITS_ATTEMPTS" => Some("7".to_owned()),
            "SEAWALL_WAL_LOOK_AHEAD" => Some("3".to_owned()),
            _ => None,
        };
        let mut flags = FlagValues::default();
        flags.settings.insert("limits.attempts", "3".to_owned());
        assert_eq!(
            command_line(Path::new("/bin/wal-fetch"), &flags, variables),
            "/bin/wal-fetch --repository /one --repository /two --cluster shop --encryption-identity-file \
             '/keys/of the shop' --limits-attempts 3 %f \"%p\""
        );
    }
}
