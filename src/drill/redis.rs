//! A Redis or Valkey of a drill's own.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::confine::{alone, readable};
use super::scratch::{Confinement, Scratch, check_socket};
use crate::config::RedisAddress;
use crate::durable::{self, LaidFile};
use crate::error::{Class, Error, Result};
use crate::redis_backup::Product;

/// What a server has unless it is told otherwise.
const DATABASES: u32 = 16;

/// No data need them, and an append-only file that was forged could reach others or load code with them.
const FORBIDDEN: [&str; 5] = ["REPLICAOF", "SLAVEOF", "MODULE", "DEBUG", "MIGRATE"];

/// The program of a server.
#[derive(Debug, Clone)]
pub(crate) struct RedisProgram {
    path: PathBuf,
    pub product: Product,
    /// Such as `7.0.15`.
    pub version: String,
}

impl RedisProgram {
    /// In the folder that was named, else on `PATH`: the product that the backup was taken from, or else the other
    /// one, which may be able to read it.
    pub(crate) fn find(named: Option<&Path>, product: Product) -> Result<Self> {
        let other = match product {
            Product::Redis => Product::Valkey,
            Product::Valkey => Product::Redis,
        };
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = match named {
            Some(folder) => vec![folder.to_owned()],
            None => std::env::split_paths(&on_path).collect(),
        };
        for product in [product, other] {
            let paths = folders.iter().map(|folder| folder.join(file_name(product)));
            for path in paths.filter(|path| path.is_file()) {
                if let Some(version) = version(&path) {
                    return Ok(Self { path, product, version });
                }
            }
        }
        let place = named.map_or("on PATH".to_owned(), |folder| format!("in {folder:?}"));
        let names = [product, other].map(file_name).join(" or ");
        Err(Error::new(Class::Usage, format!("there is no {names} {place}"))
            .hint("Install it, or say where it is: --drill-redis-bin FOLDER."))
    }
}

impl fmt::Display for RedisProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.version)
    }
}

fn file_name(product: Product) -> String {
    format!("{}-server", product.to_string().to_lowercase())
}

/// `Redis server v=7.0.15 sha=…`
fn version(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
}

/// A server that only the drill reaches, and that writes nothing.
pub(crate) struct DrillRedis {
    folder: PathBuf,
    append_only: bool,
}

impl DrillRedis {
    /// `append_only`: whether it reads an append-only file.
    pub(crate) fn new(scratch: &Scratch, append_only: bool) -> Result<Self> {
        let private = Self { folder: scratch.path().to_owned(), append_only };
        check_socket(&private.socket())?;
        Ok(private)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    pub(crate) fn address(&self) -> RedisAddress {
        RedisAddress::Unix(self.socket())
    }

    /// The server wants a password: whoever has one in the environment would send it to a server without.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    fn conf(&self) -> PathBuf {
        self.folder.join("redis.conf")
    }

    /// How a user starts it once more.
    pub(crate) fn start_by_hand(&self, program: &RedisProgram) -> String {
        format!("{} {}", program.path.display(), self.conf().display())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// With room for so many databases, at least.
    pub(crate) fn start(
        &self,
        scratch: &Scratch,
        program: &RedisProgram,
        databases: u32,
        confinement: Confinement,
    ) -> Result<()> {
        let password = crate::backup::new_id(jiff::Timestamp::now());
        durable::replace(&self.password_file(), password.as_bytes())?;
        let conf = self.conf();
        let text = self.settings(&scratch.data(), &password, databases.max(DATABASES));
        durable::replace(&conf, text.as_bytes())?;
        LaidFile::create(self.log(), 0o600)?;
        let append = || {
            let opened = File::options().append(true).open(self.log());
            opened.map_err(|error| Error::file("open", &self.log(), &error))
        };
        let mut command = Command::new(&program.path);
        command.arg(&conf).stdin(Stdio::null()).stdout(append()?).stderr(append()?);
        command.current_dir(scratch.data()).process_group(0);
        alone(&mut command);
        scratch.start(&mut command, confinement, &readable(&program.path))
    }

    fn settings(&self, data: &Path, password: &str, databases: u32) -> String {
        let text = |path: &Path| quoted(&path.display().to_string());
        let append_only = if self.append_only { "yes" } else { "no" };
        [
            ("port", "0".to_owned()),
            ("unixsocket", text(&self.socket())),
            ("unixsocketperm", "700".to_owned()),
            ("requirepass", quoted(password)),
            ("daemonize", "no".to_owned()),
            ("pidfile", text(&self.folder.join("redis.pid"))),
            ("logfile", "\"\"".to_owned()),
            ("dir", text(data)),
            ("databases", databases.to_string()),
            ("save", "\"\"".to_owned()),
            ("appendonly", append_only.to_owned()),
            ("auto-aof-rewrite-percentage", "0".to_owned()),
        ]
        .map(|(key, value)| format!("{key} {value}\n"))
        .into_iter()
        .chain(FORBIDDEN.map(|command| format!("rename-command {command} \"\"\n")))
        .collect()
    }

    /// What the log says when the server is gone.
    pub(crate) fn failure(&self) -> Error {
        let text = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        // `#` marks warnings and worse.
        let said = lines().rfind(|line| line.contains(" # ")).or_else(|| lines().next_back());
        let said = said.map_or("nothing", |line| line.split_once(" # ").map_or(line, |(_, it)| it));
        let message = format!("expected the server to load the backup, it ended and said: {said}");
        Error::new(Class::Damaged, message)
            .hint("A server older than the one that was backed up can't load its data.")
    }
}

/// As `sdssplitargs` in `sds.c` reads it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
