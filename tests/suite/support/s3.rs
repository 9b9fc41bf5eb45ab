//! Real S3 servers over HTTP, on loopback.
//!
//! | kind | authentication | `If-None-Match: *` | objects |
//! | --- | --- | --- | --- |
//! | s3s-fs | signature checked | honoured, not atomically | files |
//! | moto | any signature will do | honoured, all but atomically | in memory: gone after a stop |
//! | rclone | signature checked | accepted, and overwrites all the same | files; metadata in memory |

mod kind;
mod objects;

pub use kind::Kind;
pub use objects::unescape;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use super::http::request;
use super::place::{Place, free_port};
use super::process::Process;
use super::wait::poll;

pub const ACCESS_KEY: &str = "TESTACCESSKEY";
pub const SECRET_KEY: &str = "test-secret-key";
pub const REGION: &str = "us-east-1";
/// moto checks no signature, but shows no private object to a request without one.
pub const NOT_SIGNED: &str = "AWS4-HMAC-SHA256 \
    Credential=TESTACCESSKEY/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
const BUCKET: &str = "seawall-tests";
const LIMIT: Duration = Duration::from_secs(60);

/// One S3 server with one empty bucket.
pub struct S3Server {
    process: Option<Process>,
    kind: Kind,
    port: u16,
    folder: PathBuf,
    place: Place,
}

impl S3Server {
    /// Starts a server and waits until its bucket can be used.
    #[track_caller]
    pub fn start(kind: Kind, place: &Place) -> S3Server {
        let folder = place.folder(&format!("s3-{}", place.next_number()));
        let port = free_port();
        let mut server = S3Server { process: None, kind, port, folder, place: place.clone() };
        server.restart();
        server
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// Where its objects lie as files, whose times are theirs; s3s-fs alone keeps them so.
    pub fn files(&self) -> PathBuf {
        assert!(self.kind == Kind::S3sFs, "{:?} keeps no times of files", self.kind);
        self.folder.join(BUCKET)
    }

    /// The standard variables that point a client at this server, and away from the machine's own
    /// credentials.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", &self.endpoint()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Kills the server; connections to its port are refused from now on.
    #[track_caller]
    pub fn stop(&mut self) {
        self.process.take().expect("the server was started").kill_tree();
    }

    /// Starts it again on the same port after [`S3Server::stop`].
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "stop the server first");
        if self.kind.keeps_files() {
            fs::create_dir_all(self.folder.join(BUCKET)).expect("our own folder");
        }
        let mut command = self.place.command(self.kind.program());
        command.args(self.kind.arguments(self.port, &self.folder));
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log can be written");
        command.stdin(std::process::Stdio::null());
        command.stdout(log.try_clone().expect("a file handle")).stderr(log);
        self.process = Some(Process::start(command, Signal::KILL));
        self.wait_ready();
    }

    /// What the server wrote to its output.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    /// Any answer at all shows that it listens; where the bucket is no folder it is made now.
    fn wait_ready(&mut self) {
        let path = format!("/{BUCKET}");
        let method = if self.kind.keeps_files() { "GET" } else { "PUT" };
        let address = self.address();
        let answer = poll(LIMIT, || {
            assert!(self.process.as_mut().expect("started").ended().is_none(), "{}", self.log());
            request(address, method, &path, &[], b"").ok()
        });
        let status = answer.map(|answer| answer.status);
        assert!(
            status.is_some_and(|status| status < 500),
            "{:?} {status:?}\n{}",
            self.kind,
            self.log()
        );
    }
}
