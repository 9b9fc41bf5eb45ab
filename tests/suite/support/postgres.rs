//! Real PostgreSQL servers: of any installed version, started, crashed, archived and recovered.

mod archive;
mod builder;
mod control;
mod installation;
mod load;
mod recovery;
mod sql;

pub use builder::Builder;
pub use control::Stop;
pub use installation::{Installation, NEWEST, OLDEST, VERSIONS};
pub use load::Load;

use std::fs;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::process::Process;
use super::run::Run;
use super::user::as_server_user;

/// One server: a data directory, and the postmaster on it while it runs.
///
/// It listens on a socket in the place and, unless told otherwise, nowhere else. The commands that it runs for archiving
/// and recovery inherit the environment given to [`Builder::env`].
pub struct Server {
    process: Option<Process>,
    installation: Installation,
    place: Place,
    name: String,
    data: PathBuf,
    port: u16,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Where in the log the newest start begins.
    log_start: usize,
    /// Whether it was killed, and not started since.
    killed: bool,
}

impl Server {
    /// A server to be made in `place`.
    pub fn builder(place: &Place) -> Builder {
        Builder::new(place)
    }

    pub fn version(&self) -> u32 {
        self.installation.version
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// All that the server ever wrote to its log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// What the server wrote since it was last started.
    pub fn log_since_start(&self) -> String {
        self.log().get(self.log_start..).unwrap_or_default().to_owned()
    }

    /// One of the version's own programs (`pg_rewind`, `pg_waldump`), run as the server user with
    /// the connection to this server in its environment.
    pub fn tool(&self, name: &str) -> Run {
        let program = self.installation.program(name);
        Run::new(&self.place, &program).server_user().envs(self.connection())
    }

    /// The variables by which libpq finds this server.
    pub fn connection(&self) -> [(String, String); 4] {
        let sockets = self.place.sockets().display().to_string();
        let port = self.port.to_string();
        [
            ("PGHOST", sockets),
            ("PGPORT", port),
            ("PGUSER", "postgres".into()),
            ("PGDATABASE", "postgres".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// The identifier that `initdb` gave the cluster, read from the first bytes of its control file.
    pub fn system_identifier(&self) -> u64 {
        let control = fs::read(self.data.join("global/pg_control")).expect("a control file");
        u64::from_ne_bytes(control[..8].try_into().expect("8 bytes"))
    }

    fn log_path(&self) -> PathBuf {
        self.place.join(format!("{}.log", self.name))
    }

    /// The postmaster, not yet started, with its output going to the log.
    fn postmaster(&self) -> std::process::Command {
        let mut command = self.place.command(self.installation.program("postgres"));
        command.arg("-D").arg(&self.data).args(["-p", &self.port.to_string(), "-k"]);
        command.arg(self.place.sockets()).args(&self.arguments);
        command.envs(self.environment.iter().cloned());
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log can be written");
        command.stdin(std::process::Stdio::null());
        command.stdout(log.try_clone().expect("a file handle")).stderr(log);
        as_server_user(&mut command);
        command
    }
}

/// A path as one word of a shell command inside `archive_command` or `restore_command`, where `%`
/// has a meaning of its own.
pub fn shell_word(path: &Path) -> String {
    let text = path.to_str().expect("paths of the tests are UTF-8");
    format!("'{}'", text.replace('\'', r"'\''").replace('%', "%%"))
}
