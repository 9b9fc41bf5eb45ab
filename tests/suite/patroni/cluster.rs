//! The cluster of `docs/patroni.md`: three nodes, what is asked of them, and servers that are restored beside them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::files::{
    PAGE, etcd, fenced_part, hosts, patroni_yml, postgres_bin, private, seawall_toml,
};
use super::node::{Node, SUPERUSER, link_program, replaced};
use super::writers::TABLE;
use crate::documents::{fenced, read};
use crate::support::installed;
use crate::support::place::{Place, free_port};
use crate::support::postgres::{Installation, Server};
use crate::support::process::Process;
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::{poll, wait_until};

/// Patroni takes no shorter `ttl` than 20 seconds, and nobody else leads before.
pub const LIMIT: Duration = Duration::from_secs(120);

/// In place of `/usr/bin`.
const PROGRAMS: &str = "programs-of-the-nodes";

/// How a cluster differs from the page's.
pub struct Wish {
    pub version: u32,
    pub archive_mode: &'static str,
    /// In a bucket, or in a folder that all nodes share.
    pub bucket: bool,
    /// Whether commits wait for a second node.
    pub synchronous: bool,
}

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub place: Place,
    pub version: u32,
    pub config: PathBuf,
    /// The page's `patroni.yml`, with all but what is a node's own.
    text: String,
    environment: Vec<(String, String)>,
    _etcd: Process,
    _s3: Option<S3Server>,
}

impl Cluster {
    /// Three nodes, the first of which leads; the others are not started.
    #[track_caller]
    pub fn new(wish: &Wish) -> Cluster {
        let place = Place::new();
        let s3 = wish.bucket.then(|| S3Server::start(Kind::S3sFs, &place));
        let client = free_port();
        let etcd = etcd(&place, client);
        let programs = place.folder(PROGRAMS);
        for program in [
            env!("CARGO_BIN_EXE_wal-push"),
            env!("CARGO_BIN_EXE_wal-fetch"),
            env!("CARGO_BIN_EXE_basebackup"),
        ] {
            link_program(&programs, &place, program);
        }
        let text = patroni_yml(&place, wish, client, &format!("{}/", programs.display()));
        let passwords = place
            .file("pgpass", format!("*:*:*:postgres:{SUPERUSER}\n*:*:*:seawall:CHANGE-ME-3\n"));
        private(&passwords);
        let config = place.join("seawall.toml");
        let path = |path: &PathBuf| path.to_str().expect("paths of the tests are UTF-8").to_owned();
        let environment = vec![
            ("SEAWALL_CONFIG".to_owned(), path(&config)),
            ("PGPASSFILE".to_owned(), path(&passwords)),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
            // An older libpq of the host does not know what Patroni writes for these servers.
            ("LD_LIBRARY_PATH".to_owned(), path(&postgres_bin(wish.version).join("../lib"))),
        ];
        let node = |number: usize| {
            Node::new(&place, &format!("node{number}"), wish.version, &text, environment.clone())
        };
        let nodes: Vec<Node> = (1..=3).map(node).collect();
        place.file("seawall.toml", seawall_toml(&place, &nodes, s3.as_ref()));
        let version = wish.version;
        let mut cluster =
            Cluster { nodes, place, version, config, text, environment, _etcd: etcd, _s3: s3 };
        cluster.nodes[0].start();
        cluster.wait_leader();
        cluster.nodes[0].sql(fenced(&read(PAGE), "sql")[0].trim());
        cluster.nodes[0].sql(TABLE);
        cluster
    }

    /// A single node of another scope, made as the page makes a copy of a moment.
    #[track_caller]
    pub fn copy_of(&self, moment: &str) -> (Node, PathBuf) {
        let (mut node, own) = self.copy_to_be(moment);
        node.start();
        wait_until("the copy to take writes", LIMIT, || node.leads());
        (node, own)
    }

    /// The same, not started.
    #[track_caller]
    pub fn copy_to_be(&self, moment: &str) -> (Node, PathBuf) {
        let text = fs::read_to_string(&self.config).expect("our own file");
        let own = self.place.file("copy.toml", replaced(&text, &[("\"shop\"", "\"shop-copy\"")]));
        let method = &fenced(&read(PAGE), "yaml")[1];
        let initdb = fenced_part(&self.text, "  initdb:\n", "\n\n");
        let original = self.config.to_str().expect("paths of the tests are UTF-8");
        let text = replaced(
            &replaced(&self.text, &[(&initdb, method), ("scope: shop", "scope: shop-copy")]),
            &[
                ("/etc/seawall/shop.toml", original),
                ("2026-11-29 19:06:03+00", moment),
                ("/usr/bin/", &format!("{}/", self.programs().display())),
            ],
        );
        let mut environment = self.environment.clone();
        environment[0].1 = own.to_str().expect("paths of the tests are UTF-8").to_owned();
        (Node::new(&self.place, "copy", self.version, &text, environment), own)
    }

    #[track_caller]
    pub fn start(&mut self, number: usize) {
        self.nodes[number].start();
        let streams = poll(LIMIT, || self.nodes[number].streams().then_some(()));
        assert!(streams.is_some(), "it does not follow\n{}", self.nodes[number].log());
    }

    /// The node that leads, once there is one.
    #[track_caller]
    pub fn wait_leader(&self) -> usize {
        let leader = poll(LIMIT, || self.nodes.iter().position(Node::leads));
        let logs = || self.nodes.iter().map(Node::log).collect::<Vec<_>>().join("\n----\n");
        leader.unwrap_or_else(|| panic!("nobody leads\n{}", logs()))
    }

    /// Asks for another leader, and waits until all follow it.
    #[track_caller]
    pub fn switch_over(&self, to: usize) {
        let from = self.wait_leader();
        let wish = json!({"leader": self.nodes[from].name, "candidate": self.nodes[to].name});
        let mut answer = None;
        let switched = poll(LIMIT, || {
            answer = self.nodes[from].asks("POST", "/switchover", &wish);
            // A node that just came is not one yet that commits wait for.
            let early = answer.as_ref().is_some_and(|(status, _)| *status == 412);
            (!early).then_some(())
        });
        assert!(
            switched.is_some() && answer.as_ref().is_some_and(|(status, _)| *status == 200),
            "{answer:?}\n{}\n----\n{}",
            self.nodes[from].log(),
            self.nodes[to].log()
        );
        wait_until("the new leader", LIMIT, || self.nodes[to].leads());
        self.wait_all(to);
    }

    #[track_caller]
    pub fn wait_all(&self, leader: usize) {
        for node in self.nodes.iter().enumerate().filter(|(at, _)| *at != leader).map(|(_, it)| it)
        {
            let streams = poll(LIMIT, || node.streams().then_some(()));
            assert!(streams.is_some(), "{} does not follow\n{}", node.name, node.log());
        }
    }

    /// A program of Seawall's on a node.
    pub fn seawall(&self, program: &str) -> Run {
        let run = Run::new(&self.place, program).server_user();
        run.envs(self.environment.iter().cloned()).limit(LIMIT)
    }

    /// As on the first node.
    pub fn patronictl(&self, words: &[&str]) -> Run {
        let program = self.patronictl_folder().join("patronictl");
        let program = program.to_str().expect("paths of the tests are UTF-8");
        self.seawall(program).arg("-c").arg(self.nodes[0].configuration()).args(words)
    }

    pub fn patronictl_folder(&self) -> PathBuf {
        let patroni = installed::program("SEAWALL_PATRONI");
        patroni.parent().expect("a program is in a folder").to_owned()
    }

    pub fn programs(&self) -> PathBuf {
        self.place.join(PROGRAMS)
    }

    #[track_caller]
    pub fn base_backup(&self) {
        self.seawall(env!("CARGO_BIN_EXE_basebackup")).arg("create").run().expect(0);
    }

    pub fn restoring(&self, name: &str) -> Run {
        let run = self.seawall(env!("CARGO_BIN_EXE_basebackup")).args(["restore", "--yes"]);
        run.arg(self.place.join(name))
    }

    /// A server beside the cluster, laid down from the archive alone, not started.
    #[track_caller]
    pub fn laid_down(&self, name: &str, words: &[&str]) -> Server {
        self.restoring(name).args(words).run().expect(0);
        let data = self.place.join(name);
        let of_its_own = |name: &str| data.join(name).display().to_string();
        let builder = Server::builder(&self.place).version(self.version);
        let builder = builder
            .envs(self.environment.iter().cloned())
            .setting("max_connections", "100")
            // Patroni names those of the node, and had commits wait for others.
            .setting("hba_file", &of_its_own("pg_hba.conf"))
            .setting("ident_file", &of_its_own("pg_ident.conf"))
            .setting("synchronous_standby_names", "");
        builder.over(data)
    }

    /// The same at the end of its recovery.
    #[track_caller]
    pub fn restored(&self, name: &str, words: &[&str]) -> Server {
        let mut server = self.laid_down(name, words);
        server.start();
        server.wait_promoted(LIMIT);
        server
    }

    /// What `seawall check` says of the WAL, by its state and text.
    #[track_caller]
    pub fn check(&self) -> Vec<(String, String, String)> {
        let run = self.seawall(env!("CARGO_BIN_EXE_seawall"));
        let outcome = run.args(["check", "--format", "json"]).run();
        let verdict: Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome}"));
        let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        let all = verdict["findings"].as_array().expect("findings").iter();
        let of_wal = all.filter(|it| {
            ["WAL", "RPO now", "archiving", "backlog", "server"]
                .iter()
                .any(|name| it["check"] == *name)
        });
        of_wal.map(|it| (text(it, "check"), text(it, "state"), it.to_string())).collect()
    }

    /// A new `psql` each time, as a client that looks for the leader.
    pub fn client(&self) -> impl Fn() -> Run + Send + use<> {
        let program = Installation::of(self.version).program("psql");
        let (place, hosts) = (self.place.clone(), hosts(&self.nodes));
        move || {
            let run =
                Run::new(&place, &program).server_user().args(["-XAtq", "-v", "ON_ERROR_STOP=1"]);
            run.env("PGPASSWORD", SUPERUSER).arg("-d").arg(format!(
                "{hosts} user=postgres dbname=postgres target_session_attrs=read-write connect_timeout=2"
            ))
        }
    }
}
