//! Folders and files that have to be there first.

use std::path::Path;

use super::Answers;
use super::hands::Hands;
use crate::doctor::Account;

/// The paths of the repositories in folders.
pub fn folders_of(answers: &Answers) -> impl Iterator<Item = &str> {
    let folders = answers.repositories.iter().filter(|place| !place.is_bucket());
    folders.map(|place| place.url.strip_prefix("file://").unwrap_or(&place.url))
}

/// The files with credentials, each once.
pub fn credentials_of(answers: &Answers) -> Vec<&Path> {
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
pub fn credentials(answers: &Answers, owner: Option<&Account>, hands: &Hands) -> Option<String> {
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

pub fn folders(answers: &Answers, owner: Option<&Account>, hands: &Hands) -> Option<String> {
    let owned = hands.owned(&group_of(owner));
    let line = |path| hands.host(&format!("install -d -m 0700 {owned}{path}"));
    let lines: String = folders_of(answers).map(line).collect();
    (!lines.is_empty()).then(|| format!("Make the folder, for the user that archives:\n\n{lines}"))
}
