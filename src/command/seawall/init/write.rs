//! Writes a first configuration and its key, once all of it is known to be right, and makes room for what jobs remember.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use rustix::fs::{Access, access};

use crate::backup::make_room;
use crate::codec::Recipients;
use crate::config::{self, Config, FlagValues};
use crate::doctor::Account;
use crate::durable::{self, Owner};
use crate::error::{Class, Error, Result};
use crate::init::{Answers, Encryption, KeyPair, next_steps, owner_of, text, usual_owner};

/// Who may read the configuration beside its owner: the group of the server's user.
const MODE: u32 = 0o640;

/// The server in a container is a user of another number than any on this host may be.
const MODE_FOR_CONTAINER: u32 = 0o644;

pub struct WrittenConfiguration {
    /// What was written, and what is left to do.
    pub written: String,
    pub next: String,
    /// Who archives: whom the data directory belongs to, else the usual user.
    pub owner: Option<Account>,
}

/// Whether the configuration can be written: better known before anything is asked.
pub fn ready(output: &Path) -> Result<()> {
    absent(output)?;
    let folder =
        output.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        Error::file("create a file in", folder, &io::Error::from(error))
            .hint("Run it as root (sudo seawall init), or say --output for a file of your own.")
    })
}

/// Nothing is written before all of it is known to be right, and nothing ever in the place of a file.
pub fn run(answers: &Answers) -> Result<WrittenConfiguration> {
    let owner = answers.data_directory.as_deref().map(owner_of).transpose()?.or_else(usual_owner);
    let pair = (answers.encryption == Encryption::NewKey).then(KeyPair::generate);
    let recipients = match (&answers.encryption, &pair) {
        (Encryption::To(keys), _) => keys.clone(),
        (_, Some(pair)) => vec![pair.recipient()],
        _ => Vec::new(),
    };
    let text = text(answers, &recipients);
    check(&text)?;
    // A configuration holds no password: what everybody may read in a container they may read here.
    let mode = if answers.container && !answers.rootless { MODE_FOR_CONTAINER } else { MODE };
    ready(&answers.output)?;
    folder_of(&answers.output, answers.rootless)?;
    let mut written = String::new();
    if let Some(pair) = &pair {
        folder_of(&answers.identity_file, answers.rootless)?;
        pair.write(&answers.identity_file)?;
        written +=
            &format!("wrote {}, the private key (mode 0600)\n", answers.identity_file.display());
    }
    // Who is not root can give a file to no other group, and archives as itself or lets others read it.
    let root = rustix::process::geteuid().is_root();
    let archiver = owner.as_ref().filter(|_| root);
    let group = archiver.map(|owner| owner.gid);
    if !durable::create_new(&answers.output, text.as_bytes(), mode, group)? {
        return Err(taken(&answers.output));
    }
    written += &format!("wrote {} (mode {mode:04o})\n", answers.output.display());
    if let Some(owner) = archiver {
        written += &let_in(owner, &answers.output)?;
    }
    if root || answers.rootless {
        written += &room_for_notes(answers, archiver)?;
    }
    Ok(WrittenConfiguration { written, next: next_steps(answers, owner.as_ref()), owner })
}

/// Where jobs remember what they saw from one run to the next. In the usual place only root can make it.
fn room_for_notes(answers: &Answers, archiver: Option<&Account>) -> Result<String> {
    let flags = FlagValues { config: Some(answers.output.clone()), ..FlagValues::default() };
    // What the environment says meanwhile is not what was asked for.
    let config = config::resolve(&flags).and_then(|resolved| Config::from_resolved(&resolved));
    let Some(state) = config.ok().and_then(|config| config.state_directory) else {
        return Ok(String::new());
    };
    folder_of(&state.join("notes"), answers.rootless)?;
    let Some(archiver) = archiver else { return Ok(String::new()) };
    let owner = Owner { uid: archiver.uid, gid: archiver.gid };
    let kinds = ["basebackup", "redis"].into_iter();
    for kind in kinds.filter(|kind| *kind == "basebackup" || answers.redis_url.is_some()) {
        make_room(&state, kind, owner)?;
    }
    let (user, state) = (archiver.name(), state.display());
    Ok(format!("made room in {state} for what {user}'s jobs remember\n"))
}

fn check(text: &str) -> Result<()> {
    let config = config::of_text(text).and_then(|resolved| Config::from_resolved(&resolved));
    let recipients = config.and_then(|config| {
        Recipients::parse(config.encryption.recipients.iter().map(String::as_str))
    });
    recipients.map(|_| ()).map_err(|error| error.while_doing("the answers make no configuration"))
}

fn absent(path: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_ok() { Err(taken(path)) } else { Ok(()) }
}

fn taken(path: &Path) -> Error {
    Error::new(Class::Usage, format!("{path:?} already exists; it stays as it is"))
        .hint("Say --output for another one, or move it aside.")
}

/// A package that came before PostgreSQL has left its folder closed to all but root. What an administrator chose
/// stays: where the folder is somebody's, or a group's, `seawall doctor` says what is wrong.
fn let_in(owner: &Account, output: &Path) -> Result<String> {
    let folder = output.parent().unwrap_or(Path::new("/"));
    let metadata = fs::metadata(folder).map_err(|error| Error::file("look at", folder, &error))?;
    let of_root = metadata.uid() == 0 && metadata.gid() == 0 && metadata.mode() & 0o070 == 0o050;
    if !of_root || owner.uid == 0 || metadata.mode() & 0o001 != 0 {
        return Ok(String::new());
    }
    durable::give_group(folder, owner.gid)?;
    let (group, folder) = (owner.group_name(), folder.display());
    Ok(format!("gave {folder} to the group {group}, which could not look into it\n"))
}

/// Others may look into the folder of a configuration; secrets in it have modes of their own. In a home the whole way is made:
/// there is no disk that might not be mounted.
fn folder_of(path: &Path, at_home: bool) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) else { return Ok(()) };
    let missing = folder.ancestors().take_while(|above| at_home && !above.exists());
    durable::create_folders(missing.last().unwrap_or(folder), folder)?;
    durable::set_mode(folder, 0o755)
}
