//! What has to be there first: folders, files with credentials, and who types the lines.
//!
//! One administrator types for the server's user, and somebody else runs all of it as himself; the same steps
//! are other words for them.

use std::path::Path;

use crate::doctor::Account;
use crate::init::Answers;

/// The paths of the repositories in folders.
pub(super) fn folders_of(answers: &Answers) -> impl Iterator<Item = &str> {
    let folders = answers.repositories.iter().filter(|place| !place.is_bucket());
    folders.map(|place| place.url.strip_prefix("file://").unwrap_or(&place.url))
}

/// The files with credentials, each once.
pub(super) fn credentials_of(answers: &Answers) -> Vec<&Path> {
    let buckets = answers.repositories.iter().filter(|place| place.is_bucket());
    let mut files: Vec<&Path> =
        buckets.filter_map(|place| place.credentials_file.as_deref()).collect();
    files.dedup();
    files
}

fn group_of(owner: Option<&Account>) -> String {
    owner.map_or("postgres".to_owned(), Account::group_name)
}

/// One that is there stays as it is: `install` would empty it.
pub(super) fn credentials(
    answers: &Answers,
    owner: Option<&Account>,
    hands: &Typist,
) -> Option<String> {
    let owned = hands.owned(&group_of(owner));
    let edit = if answers.rootless { "${EDITOR:-vi}" } else { "sudoedit" };
    let line = |path: &Path| {
        let path = path.display();
        let made = hands.host(&format!("install -m 0600 {owned}/dev/null {path}"));
        format!("{made}    {edit} {path}\n")
    };
    let files = credentials_of(answers).into_iter().filter(|path| !path.exists());
    let lines: String = files.map(line).collect();
    (!lines.is_empty()).then(|| {
        format!(
            "Write down the credentials of the bucket (docs/s3-rights.md: what they have to allow), for the user that\n\
             archives alone:\n\n{lines}\nwith these lines:\n\n    [default]\n    aws_access_key_id = …\n    \
             aws_secret_access_key = …\n"
        )
    })
}

pub(super) fn folders(
    answers: &Answers,
    owner: Option<&Account>,
    hands: &Typist,
) -> Option<String> {
    let owned = hands.owned(&group_of(owner));
    let line = |path| hands.host(&format!("install -d -m 0700 {owned}{path}"));
    let lines: String = folders_of(answers).map(line).collect();
    (!lines.is_empty()).then(|| format!("Make the folder, for the user that archives:\n\n{lines}"))
}

pub(super) struct Typist {
    /// The server's user; `None` where it is who types.
    user: Option<String>,
}

impl Typist {
    pub(super) fn of(answers: &Answers, user: &str) -> Self {
        Self { user: (!answers.rootless).then(|| user.to_owned()) }
    }

    /// As the server's user, who owns the repository.
    pub(super) fn server(&self, command: &str) -> String {
        match &self.user {
            Some(user) => format!("    sudo -u {user} {command}\n"),
            None => format!("    {command}\n"),
        }
    }

    /// As root, or as the user whose server it is.
    pub(super) fn host(&self, command: &str) -> String {
        let sudo = if self.user.is_some() { "sudo " } else { "" };
        format!("    {sudo}{command}\n")
    }

    pub(super) fn systemctl(&self, words: &str) -> String {
        let own = if self.user.is_some() { "" } else { "--user " };
        self.host(&format!("systemctl {own}{words}"))
    }

    /// Options of `install` that give a file to the server's user.
    pub(super) fn owned(&self, group: &str) -> String {
        self.user.as_ref().map_or(String::new(), |user| format!("-o {user} -g {group} "))
    }
}
