//! What a server in a container of podman's needs in the place of a service: its unit, its settings, and a drill in its image.

use std::path::{Path, PathBuf};

use super::hands::Hands;
use super::places::{credentials_of, folders_of};
use super::server::mends;
use super::{Answers, Encryption};
use crate::config::DEFAULT_FILE;
use crate::doctor::archive_command;

/// Of the official image that quadlets name.
const IMAGE: &str = "docker.io/library/postgres:18";
const NAME: &str = "postgres";

/// Archiving is not on the container's command line, which is stronger than what a restore sets.
pub fn server(answers: &Answers, hands: &Hands) -> String {
    let (from, to) = if answers.rootless {
        ("quadlet-user", "~/.config/containers/systemd")
    } else {
        ("quadlet", "/etc/containers/systemd")
    };
    let volumes = volumes(answers, &["wal-push", "wal-fetch", "seawall"]);
    let volumes: String = volumes.map(|volume| format!("    Volume={volume}\n")).collect();
    let secret = hands.host("podman secret create postgres-password -");
    let made = format!("    printf '%s' 'a long password' | {}", secret.trim_start());
    let copy = hands.host(&format!("cp /usr/share/doc/seawall/examples/{from}/{NAME}.* {to}/"));
    let command = archive_command(Some(Path::new(DEFAULT_FILE)));
    let settings: String =
        mends(answers, &command).iter().map(|mend| format!("    {}\n", mend.text())).collect();
    format!(
        "Make the container, whose unit has these lines, beside others (docs/containers.md tells of them):\n\n{volumes}\n\
         {made}{copy}{}{}\n\
         and tell PostgreSQL in it, with psql, before it is started again:\n\n{}{settings}    \\q\n{}",
        hands.systemctl("daemon-reload"),
        hands.systemctl(&format!("start {NAME}")),
        hands.host(&format!("podman exec -it -u postgres {NAME} psql")),
        hands.systemctl(&format!("restart {NAME}")),
    )
}

/// In the image of the server, because the host has no PostgreSQL.
pub fn drill(answers: &Answers, hands: &Hands) -> String {
    let who = if answers.rootless { "--userns keep-id:uid=999,gid=999" } else { "--user postgres" };
    // A restore out of a folder has no use for the network.
    let bucket = answers.repositories.iter().any(|place| place.is_bucket());
    let network = if bucket { "" } else { " --network none" };
    let key = matches!(answers.encryption, Encryption::NewKey)
        .then(|| answers.identity_file.display().to_string());
    let mut lines: Vec<String> = volumes(answers, &["basebackup", "wal-fetch"]).collect();
    lines.extend(key.iter().map(|key| format!("{key}:{key}:ro")));
    let lines: String = lines.iter().map(|volume| format!("        -v {volume} \\\n")).collect();
    let option = key.map_or(String::new(), |key| format!(" --encryption-identity-file {key}"));
    let run = hands.host(&format!("podman run --rm {who}{network} \\"));
    format!("{run}{lines}        {IMAGE} \\\n        basebackup drill{option}\n")
}

/// What the container is shown: programs, the configuration where all of them look, repositories, credentials.
fn volumes<'a>(answers: &'a Answers, programs: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    let programs = programs.iter().map(|name| {
        let path = beside(name);
        format!("{0}:{0}:ro", path.display())
    });
    let config = format!("{}:{DEFAULT_FILE}:ro", answers.output.display());
    let folders = folders_of(answers).map(|path| format!("{path}:{path}:z"));
    let secrets = credentials_of(answers).into_iter().map(|path| {
        let path = path.display();
        format!("{path}:{path}:ro")
    });
    programs.chain([config]).chain(folders).chain(secrets)
}

/// A program of ours, where this one is.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    own.filter(|path| path.exists()).unwrap_or_else(|| Path::new("/usr/bin").join(name))
}
