//! `docs/runbooks/`: the blocks of README.md for a kind of host, then those of a page, one after the other, against real
//! servers, with what they set first set to the values of the test.

mod damage;
mod debian;
mod deleted;
mod lost;
mod lost_redis;
mod moved;
mod shell;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::postgres::{Installation, Server};
use crate::support::run::{Outcome, Run};
use crate::support::s3::{ACCESS_KEY, Kind, REGION, S3Server, SECRET_KEY};
use crate::support::user::{server_account, write_as_server_user};

const LIMIT: Duration = Duration::from_secs(120);

/// Programs that the pages call by name.
const PROGRAMS: [&str; 6] = [
    env!("CARGO_BIN_EXE_basebackup"),
    env!("CARGO_BIN_EXE_wal-push"),
    env!("CARGO_BIN_EXE_wal-fetch"),
    env!("CARGO_BIN_EXE_redis-backup"),
    env!("CARGO_BIN_EXE_media-backup"),
    env!("CARGO_BIN_EXE_seawall"),
];

/// A host with a server that archives into a folder and into an encrypted bucket.
struct Host {
    place: Place,
    s3: S3Server,
    pair: KeyPair,
    credentials: PathBuf,
    config: PathBuf,
    server: Server,
}

impl Host {
    fn new(version: u32) -> Host {
        let place = Place::new();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let pair = KeyPair::new(&place);
        let keys = format!(
            "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\nregion = {REGION}\n"
        );
        let credentials = place.file("s3.credentials", keys);
        let config = place.join("seawall.toml");
        let server = Server::builder(&place)
            .version(version)
            .segment_mib(1)
            .archive_command(&push(&place, &config))
            .init();
        let host = Host { place, s3, pair, credentials, config, server };
        host.configure("");
        // `pg_ctl` starts it as the test does.
        let [(_, sockets), (_, port), ..] = host.server.connection();
        host.server.set("unix_socket_directories", &sockets);
        host.server.set("port", &port);
        host
    }

    /// Writes the configuration, with more at its end.
    fn configure(&self, more: &str) {
        let archive = self.place.folder("archive");
        let text = format!(
            "[[repository]]\nname = \"local\"\nurl = \"{}\"\nencrypt = false\n\n\
             [[repository]]\nname = \"s3\"\nurl = \"{}\"\nendpoint = \"{}\"\ncredentials_file = \"{}\"\n\n{}\n\n{more}",
            archive.display(),
            self.url(),
            self.s3.endpoint(),
            self.credentials.display(),
            KeyPair::recipients(&[&self.pair]),
        );
        write_as_server_user(&self.config, text);
    }

    fn url(&self) -> String {
        format!("s3://{}/seawall", self.s3.bucket())
    }

    /// The folder of the server's own programs.
    fn bin(&self) -> PathBuf {
        bin(self.server.version())
    }

    /// A program of ours, about to be run.
    fn run(&self, program: &str, words: &[&str]) -> Run {
        let run = Run::new(&self.place, program).server_user().envs(self.server.connection());
        run.args(words).arg("--config").arg(&self.config).limit(LIMIT)
    }

    /// Has all that was written so far archived.
    fn archive_all(&self) {
        self.server.wait_archived(&self.server.switch_wal(), LIMIT);
    }

    /// What it is after a restore: it writes on a new timeline, whose WAL leads somewhere.
    #[track_caller]
    fn can_be_restored_again(&self) {
        self.server.sql("create table again as select 1");
        self.archive_all();
        let program = env!("CARGO_BIN_EXE_basebackup");
        let key = ["--encryption-identity-file", self.pair.file.to_str().expect("plain names")];
        self.run(program, &["verify"]).args(key).run().expect(0);
        let again = self.place.join("again");
        let restore = self.run(program, &["restore", "--yes"]).args(key).arg(&again).run();
        restore.expect(0);
        self.server
            .tool("pg_ctl")
            .args(["stop", "-m", "fast", "-D"])
            .arg(self.server.data())
            .run()
            .expect(0);
        let mut server = Server::builder(&self.place).version(self.server.version()).over(again);
        server.start();
        server.wait_promoted(LIMIT);
        assert_eq!(server.sql("select count(*) from again"), "1");
    }

    /// What README.md of the runbooks has people set for a server that `pg_ctl` starts.
    fn values(&self) -> Vec<(&'static str, String)> {
        let shown = |path: &Path| path.display().to_string();
        let own = || rustix::process::getuid().as_raw();
        let owner = server_account().map_or_else(own, |account| account.uid);
        let [_, (_, port), ..] = self.server.connection();
        vec![
            ("PORT", port),
            ("CONFIG", shown(&self.config)),
            ("POSTGRES", String::new()),
            ("OWNER", owner.to_string()),
            ("PGDATA", shown(self.server.data())),
            ("PGBIN", shown(&self.bin())),
            ("SETTINGS", String::new()),
            ("SCRATCH", shown(&self.place.join("scratch"))),
            ("KEY_FROM", shown(&self.pair.file)),
            ("IDENTITY", shown(&self.place.join("key-here"))),
        ]
    }

    /// Does what a page says.
    #[track_caller]
    fn page(&self, name: &str, values: &[(&str, &str)]) -> Outcome {
        let shell = shell::set_up("Any other server", &self.values());
        let outcome = self.do_page(&shell, name, values);
        assert!(!self.place.join("key-here").exists(), "the private key is still there: {outcome}");
        outcome
    }

    #[track_caller]
    fn do_page(&self, shell: &str, name: &str, values: &[(&str, &str)]) -> Outcome {
        self.do_blocks(shell, &shell::page(name, values))
    }

    #[track_caller]
    fn do_blocks(&self, shell: &str, blocks: &str) -> Outcome {
        let script = format!("{shell}\n{blocks}");
        let run = Run::new(&self.place, "bash").server_user().args(["-c", &script]);
        let run = run.envs(self.server.connection()).env("PATH", self.search_path());
        run.limit(LIMIT).run()
    }

    /// What is found there is taken for what the host has.
    fn stand_ins(&self) -> PathBuf {
        self.place.folder("stand-ins")
    }

    fn search_path(&self) -> String {
        let ours = self.place.program(PROGRAMS[0]);
        PROGRAMS.iter().for_each(|program| drop(self.place.program(program)));
        let folder = ours.parent().expect("a program lies in a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        format!("{}:{folder}:{path}", self.stand_ins().display())
    }
}

/// The `archive_command` of a server with this configuration.
fn push(place: &Place, config: &Path) -> String {
    let program = place.program(env!("CARGO_BIN_EXE_wal-push"));
    format!("{} --config {} %p %f", program.display(), config.display())
}

fn bin(version: u32) -> PathBuf {
    let program = Installation::of(version).program("postgres");
    Path::new(&program).parent().expect("a program lies in a folder").to_owned()
}
