//! The files of `docs/patroni.md`, with this host's ports and folders in place of the page's.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::Signal;

use super::cluster::Wish;
use super::node::{Node, replaced};
use crate::documents::{fenced, read};
use crate::support::installed;
use crate::support::place::{Place, free_port};
use crate::support::postgres::Installation;
use crate::support::process::Process;
use crate::support::s3::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};
use crate::support::user::{as_server_user, hand_over};

pub const PAGE: &str = "docs/patroni.md";

pub fn postgres_bin(version: u32) -> PathBuf {
    let program = PathBuf::from(Installation::of(version).program("postgres"));
    program.parent().expect("a folder").to_owned()
}

pub fn hosts(nodes: &[Node]) -> String {
    let ports: Vec<String> = nodes.iter().map(|node| node.port.to_string()).collect();
    format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port={}", ports.join(","))
}

pub fn etcd(place: &Place, client: u16) -> Process {
    let peer = format!("http://127.0.0.1:{}", free_port());
    let client = format!("http://127.0.0.1:{client}");
    let mut command = place.command(installed::program("SEAWALL_ETCD"));
    command.arg("--data-dir").arg(place.folder("etcd")).args([
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
        "--initial-cluster",
        &format!("default={peer}"),
    ]);
    let log = fs::File::create(place.join("etcd.log")).expect("our own folder");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file handle")).stderr(log);
    as_server_user(&mut command);
    fs::set_permissions(place.join("etcd"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .expect("our own folder");
    Process::start(command, Signal::KILL)
}

/// What all nodes share: shorter times, small segments, and folders of this test.
pub fn patroni_yml(place: &Place, wish: &Wish, etcd: u16, programs: &str) -> String {
    let bin = postgres_bin(wish.version).display().to_string();
    let of_the_test = format!(
        "  parameters:\n    fsync: 'off'\n    shared_buffers: 16MB\n    wal_retrieve_retry_interval: 500ms\n    \
         unix_socket_directories: {}\n  bin_dir:",
        place.sockets().display()
    );
    let synchronous = format!(
        "    synchronous_mode: {}\n    synchronous_node_count: 2\n    postgresql:\n",
        wish.synchronous
    );
    replaced(
        &fenced(&read(PAGE), "yaml")[0],
        &[
            ("node1:2379,node2:2379,node3:2379", &format!("127.0.0.1:{etcd}")),
            ("ttl: 30", "ttl: 20"),
            ("loop_wait: 10", "loop_wait: 1"),
            ("retry_timeout: 10", "retry_timeout: 3"),
            ("    postgresql:\n", &synchronous),
            ("archive_mode: always", &format!("archive_mode: '{}'", wish.archive_mode)),
            ("- data-checksums", "- data-checksums\n    - wal-segsize: '1'\n    - no-sync"),
            ("  bin_dir:", &of_the_test),
            ("/usr/lib/postgresql/17/bin", &bin),
            ("/usr/bin/", programs),
            ("local all all peer", "local all all trust"),
            ("10.0.0.0/24", "127.0.0.1/32"),
        ],
    )
}

pub fn seawall_toml(place: &Place, nodes: &[Node], s3: Option<&S3Server>) -> String {
    let page = &fenced(&read(PAGE), "toml")[0];
    let text = replaced(page, &[("host=node1,node2,node3 port=5432", &hosts(nodes))]);
    // How full the disk of this machine is, is not the question.
    let text = format!("{text}\n[objectives]\nfree_space = 0\n");
    let Some(s3) = s3 else {
        let archive = place.folder("archive").display().to_string();
        let bucket = fenced_part(&text, "region = ", "\n\n");
        return replaced(&text, &[("s3://my-bucket/seawall", &archive), (&bucket, "")]);
    };
    let credentials = place.file(
        "s3.credentials",
        format!(
            "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
        ),
    );
    private(&credentials);
    replaced(
        &text,
        &[
            ("s3://my-bucket/seawall", &format!("s3://{}/seawall", s3.bucket())),
            ("eu-central-1\"", &format!("{REGION}\"\nendpoint = \"{}\"", s3.endpoint())),
            ("/etc/seawall/s3.credentials", &credentials.display().to_string()),
        ],
    )
}

/// From `begin` to before `end`.
pub fn fenced_part(text: &str, begin: &str, end: &str) -> String {
    let from = text.find(begin).unwrap_or_else(|| panic!("no {begin:?} in\n{text}"));
    let length = text[from..].find(end).unwrap_or_else(|| panic!("no {end:?} behind {begin:?}"));
    text[from..from + length].to_owned()
}

pub fn private(path: &PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our own file");
    hand_over(path);
}
