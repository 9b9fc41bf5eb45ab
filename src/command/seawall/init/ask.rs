//! Questions on a terminal, one a line, with what an empty answer means; and what is usual where nobody says otherwise, in a container
//! of root's podman or of a user's own too.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::set;
use crate::cli::guard;
use crate::config::{DEFAULT_FILE, Value, ValueKind, own_file};
use crate::error::{Class, Error, Result};
use crate::init::{Answers, Encryption, FoundServer, RepositoryPlace};

/// Beside the configuration.
const CREDENTIALS: &str = "s3.credentials";

const ABOUT_NEEDED: &str = "\
By default all repositories must have a WAL file before PostgreSQL may delete it. If one is away for long, pg_wal fills its
disk. With 1, one copy is enough: the other repository may lag during an outage, gets what it is owed afterwards, and
seawall check tells of it.
";

/// Asks what no flag said.
pub struct Questions<'a> {
    matches: &'a ArgMatches,
    found: &'a FoundServer,
}

impl<'a> Questions<'a> {
    pub fn new(matches: &'a ArgMatches, found: &'a FoundServer) -> Self {
        Self { matches, found }
    }

    pub fn complete(&self, mut answers: Answers) -> Result<Answers> {
        guard::print("An empty answer selects the value in brackets.\n\n");
        if self.open("data-directory") && !answers.container {
            answers.data_directory = self.data_directory()?;
        }
        if self.open("cluster") {
            answers.cluster = ask("Name of the cluster", &answers.cluster, |_| None)?;
        }
        if self.open("repository") {
            answers.repositories = repositories(&answers)?;
        }
        answers.needed = self.needed(&answers)?;
        for (flag, question, answer) in [
            ("rpo", "How much may be lost at most", &mut answers.rpo),
            ("rto", "How long may a restore take", &mut answers.rto),
            ("reaches-back", "How far back must a restore reach", &mut answers.reaches_back),
        ] {
            if self.open(flag) {
                *answer = ask(question, answer, not_a_time)?;
            }
        }
        if self.open("encrypt") {
            answers.encryption = encryption()?;
        }
        if self.open("redis-url") {
            answers.redis_url = optional("Redis or Valkey, such as redis://127.0.0.1:6379")?;
        }
        while self.open("media") {
            let answer = optional("Files to back up, NAME=PATH, such as uploads=/srv/uploads")?;
            let Some(text) = answer else { break };
            match set(&text) {
                Ok(set) => answers.media.push(set),
                Err(error) => guard::print(&format!("  {error}\n")),
            }
        }
        guard::print("\n");
        Ok(answers)
    }

    /// Whether the command line left it open.
    fn open(&self, flag: &str) -> bool {
        self.matches.value_source(flag) != Some(ValueSource::CommandLine)
    }

    /// Where there is one repository there is nothing to ask.
    fn needed(&self, answers: &Answers) -> Result<Option<usize>> {
        let repositories = answers.repositories.len();
        if !self.open(super::NEEDED) {
            let said = answers.needed.map_or_else(|| "all".to_owned(), |number| number.to_string());
            return super::needed(&said, repositories);
        }
        if repositories < 2 {
            return Ok(None);
        }
        guard::print(ABOUT_NEEDED);
        let wrong = |text: &str| {
            let known = super::needed(text, repositories).is_ok();
            (!known).then(|| format!("all or a number from 1 to {repositories} is needed"))
        };
        let answer = ask("How many repositories must have a WAL file at once", "all", wrong)?;
        super::needed(&answer, repositories)
    }

    fn data_directory(&self) -> Result<Option<PathBuf>> {
        let found = self.found.data_directory.as_ref().map(|path| path.display().to_string());
        let not_there = |text: &str| {
            let there =
                text.is_empty() || text == "-" || Path::new(text).join("PG_VERSION").is_file();
            (!there)
                .then(|| format!("there is no PostgreSQL in {text}; - if it is on another host"))
        };
        if !self.found.several.is_empty() {
            guard::print("Several servers run here:\n");
            self.found
                .several
                .iter()
                .for_each(|path| guard::print(&format!("  {}\n", path.display())));
        }
        let question = "Data directory of PostgreSQL (- if it is on another host)";
        let first = || self.found.several.first().map(|path| path.display().to_string());
        let default = found.or_else(first).unwrap_or_else(|| "-".to_owned());
        let answer = ask(question, &default, not_there)?;
        Ok(Some(answer).filter(|text| text != "-").map(PathBuf::from))
    }
}

fn repositories(answers: &Answers) -> Result<Vec<RepositoryPlace>> {
    let mut places = Vec::new();
    let absolute = |text: &str| {
        (text != "-" && !text.starts_with('/')).then(|| "an absolute path is needed".to_owned())
    };
    let usual = usual_folder(answers.rootless);
    let folder = ask("Folder for backups, on another disk (- for none)", &usual, absolute)?;
    if folder != "-" {
        places.push(RepositoryPlace {
            url: folder,
            endpoint: None,
            region: None,
            credentials_file: None,
        });
    }
    let url = |text: &str| {
        let right = text == "-" || text.strip_prefix("s3://").is_some_and(|rest| !rest.is_empty());
        let other = places.is_empty() && text == "-";
        match (right, other) {
            (_, true) => Some("one repository is needed".to_owned()),
            (false, _) => Some("s3://BUCKET/PREFIX is needed".to_owned()),
            _ => None,
        }
    };
    let bucket = ask("Bucket for backups, s3://BUCKET/PREFIX (- for none)", "-", url)?;
    if bucket != "-" {
        let endpoint = optional("URL of the S3 server, none for AWS")?;
        let region = optional("Region")?;
        let beside = answers.output.with_file_name(CREDENTIALS).display().to_string();
        let credentials =
            ask("File with the credentials (- for the AWS variables)", &beside, absolute)?;
        let credentials_file = Some(credentials).filter(|text| text != "-").map(PathBuf::from);
        places.push(RepositoryPlace { url: bucket, endpoint, region, credentials_file });
    }
    Ok(places)
}

fn encryption() -> Result<Encryption> {
    let wrong = |text: &str| {
        let known = ["new", "none"].contains(&text) || text.starts_with("age1");
        (!known).then(|| "new, none or a public key (age1…) is needed".to_owned())
    };
    let answer =
        ask("Encrypt: new (to a new key pair), none, or to a public key age1…", "new", wrong)?;
    Ok(super::encryption(&answer))
}

fn not_a_time(text: &str) -> Option<String> {
    let time = Value::from_text(ValueKind::Age, text);
    time.is_none().then(|| format!("{} is needed", ValueKind::Age.describe()))
}

fn optional(question: &str) -> Result<Option<String>> {
    let answer = ask(question, "none", |_| None)?;
    Ok(Some(answer).filter(|text| text != "none"))
}

/// Asks until the answer is right; the end of the input is no answer. `wrong` says what is wrong with it.
fn ask(question: &str, default: &str, wrong: impl Fn(&str) -> Option<String>) -> Result<String> {
    loop {
        guard::print(&format!("{question} [{default}]: "));
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if !read.is_ok_and(|bytes| bytes > 0) {
            return Err(Error::new(
                Class::Usage,
                "the questions were not answered; nothing was written",
            ));
        }
        let answer = Some(line.trim()).filter(|text| !text.is_empty()).unwrap_or(default);
        match wrong(answer) {
            None => return Ok(answer.to_owned()),
            Some(reason) => guard::print(&format!("  {reason}\n")),
        }
    }
}

/// Where an ordinary user's programs look, if the server is his; else where all look.
pub fn usual_output(rootless: bool) -> PathBuf {
    let named = std::env::var_os("SEAWALL_CONFIG").filter(|name| !name.is_empty());
    let own = || own_file().filter(|_| rootless);
    named.map(PathBuf::from).or_else(own).unwrap_or_else(|| DEFAULT_FILE.into())
}

/// The socket of the quadlets, which is at the same place on both sides. A user's own podman makes him the server's
/// `postgres`, but his name is another one.
pub fn connection(answers: &Answers) -> String {
    let own = std::env::var("XDG_RUNTIME_DIR").ok().filter(|_| answers.rootless);
    match own {
        Some(folder) => format!("host={folder}/postgresql user=postgres"),
        None => "host=/run/postgresql".to_owned(),
    }
}

/// A folder for backups that the user who calls this may make.
pub fn usual_folder(rootless: bool) -> String {
    let home = std::env::var("HOME").ok().filter(|_| rootless);
    home.map_or_else(|| "/var/backups/seawall".to_owned(), |home| format!("{home}/backups"))
}
