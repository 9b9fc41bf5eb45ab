//! Who types the lines: an administrator for the server's user, or a user who runs all of it himself.

use crate::init::Answers;

pub struct Hands {
    /// The server's user; `None` where it is who types.
    user: Option<String>,
}

impl Hands {
    pub fn of(answers: &Answers, user: &str) -> Self {
        Self { user: (!answers.rootless).then(|| user.to_owned()) }
    }

    /// As the server's user, who owns the repository.
    pub fn server(&self, command: &str) -> String {
        match &self.user {
            Some(user) => format!("    sudo -u {user} {command}\n"),
            None => format!("    {command}\n"),
        }
    }

    /// As root, or as the user whose server it is.
    pub fn host(&self, command: &str) -> String {
        let sudo = if self.user.is_some() { "sudo " } else { "" };
        format!("    {sudo}{command}\n")
    }

    pub fn systemctl(&self, words: &str) -> String {
        let own = if self.user.is_some() { "" } else { "--user " };
        self.host(&format!("systemctl {own}{words}"))
    }

    /// Options of `install` that give a file to the server's user.
    pub fn owned(&self, group: &str) -> String {
        self.user.as_ref().map_or(String::new(), |user| format!("-o {user} -g {group} "))
    }
}
