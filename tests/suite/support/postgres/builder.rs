//! Making a server.

use std::fs;
use std::path::PathBuf;

use super::installation::Installation;
use super::{Server, VERSIONS};
use crate::support::place::{Place, free_port};
use crate::support::run::Run;
use crate::support::user::hand_over;

/// What holds for every server of the tests. `fsync` is off because a test crashes processes, never
/// the machine, so what was written stays; a test that wants it sets it.
const SETTINGS: [(&str, &str); 7] = [
    ("listen_addresses", ""),
    ("fsync", "off"),
    ("shared_buffers", "32MB"),
    ("max_connections", "40"),
    ("log_line_prefix", "%m [%p] "),
    ("log_checkpoints", "off"),
    ("logging_collector", "off"),
];

/// A server to be made.
pub struct Builder {
    place: Place,
    version: u32,
    segment_mib: u32,
    settings: Vec<(String, String)>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    tcp: Option<u16>,
}

impl Builder {
    pub(super) fn new(place: &Place) -> Builder {
        let settings = SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Builder {
            place: place.clone(),
            version: VERSIONS[0],
            segment_mib: 16,
            settings: settings.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            tcp: None,
        }
    }

    /// The major version; the oldest supported one unless said otherwise.
    pub fn version(mut self, version: u32) -> Builder {
        self.version = version;
        self
    }

    /// The size of a WAL segment in MiB; 16 unless said otherwise.
    pub fn segment_mib(mut self, segment_mib: u32) -> Builder {
        self.segment_mib = segment_mib;
        self
    }

    /// A line of `postgresql.conf`, quoted as needed; the last one for a key holds.
    pub fn setting(mut self, key: &str, value: &str) -> Builder {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A setting that counts more than any file.
    pub fn on_the_command_line(mut self, key: &str, value: &str) -> Builder {
        self.arguments.extend(["-c".to_owned(), format!("{key}={value}")]);
        self
    }

    /// Archiving on, with this command.
    pub fn archive_command(self, command: &str) -> Builder {
        self.setting("archive_mode", "on").setting("archive_command", command)
    }

    /// A variable for the postmaster and for all commands it runs.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Builder {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Many variables, for example those of an S3 server.
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Builder {
        self.environment.extend(variables);
        self
    }

    /// Takes connections over TCP too, from this machine, at a port that nobody else has.
    pub fn over_tcp(mut self) -> Builder {
        self.tcp = Some(free_port());
        self.setting("listen_addresses", "127.0.0.1")
    }

    /// A new cluster, made by `initdb`, not started.
    #[track_caller]
    pub fn init(self) -> Server {
        let number = self.place.next_number();
        let data = self.place.join(format!("data{number}"));
        let initdb = Installation::of(self.version).program("initdb");
        Run::new(&self.place, &initdb)
            .server_user()
            .args(["-U", "postgres", "-A", "trust", "--no-sync", "--locale=C", "--encoding=UTF8"])
            .arg(format!("--wal-segsize={}", self.segment_mib))
            .arg("-D")
            .arg(&data)
            .run()
            .expect(0);
        self.over(data)
    }

    /// A server on a data directory that is there already, such as a base backup. Settings that
    /// came with it stay unless set otherwise, its archive command among them.
    #[track_caller]
    pub fn over(self, data: PathBuf) -> Server {
        let number = self.place.next_number();
        let path = data.join("postgresql.conf");
        let mut text = fs::read_to_string(&path).expect("a data directory has postgresql.conf");
        for (key, value) in &self.settings {
            text.push_str(&setting_line(key, value));
        }
        fs::write(&path, text).expect("postgresql.conf can be written");
        hand_over(&path);
        Server {
            process: None,
            installation: Installation::of(self.version),
            place: self.place,
            name: format!("server{number}"),
            data,
            port: self.tcp.unwrap_or(5000 + number),
            arguments: self.arguments,
            environment: self.environment,
            log_start: 0,
            killed: false,
        }
    }
}

/// PostgreSQL reads backslashes in a quoted value, and a quote written twice.
pub(super) fn setting_line(key: &str, value: &str) -> String {
    format!("{key} = '{}'\n", value.replace('\\', r"\\").replace('\'', "''"))
}
