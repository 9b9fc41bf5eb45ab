//! The static programs in a root directory that holds nothing but them, `/etc/resolv.conf` and CA
//! certificates: as if mounted into the barest of images. `SEAWALL_STATIC_BINARIES` names the folder
//! that `scripts/build-static.sh` filled.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "tests lay out their own files, and few of the helpers are used here"
)]

#[path = "../suite"]
mod suite {
    pub mod by_hand;
    pub mod support;
}

mod names;
mod network;
mod root;

use suite::{by_hand, support};

use by_hand::ByHand;
use root::Root;
use support::proxy::Proxy;
use support::s3::{Kind, S3Server};

#[test]
fn the_programs_start_in_an_empty_root() {
    let host = ByHand::new();
    let root = Root::new(&host);
    for name in ["wal-push", "wal-fetch"] {
        let outcome = root.run(name).arg("--version").run();
        let first = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        assert!(outcome.expect(0).stdout.starts_with(&first), "{outcome}");
    }
    root.holds_only(&["bin", "data", "disk", "etc"]);
}

#[test]
fn a_segment_goes_to_a_folder_and_comes_back() {
    let host = ByHand::new();
    let root = Root::new(&host);
    root.push_and_fetch(&[("SEAWALL_REPOSITORY", "/disk/repository")]);
    root.holds_only(&["bin", "data", "disk", "etc"]);
}

#[test]
fn a_segment_goes_to_an_s3_server_and_comes_back() {
    let host = ByHand::new();
    let server = S3Server::start(Kind::S3sFs, &host.place);
    let root = Root::new(&host);
    let mut variables = server.environment();
    variables.push(("SEAWALL_REPOSITORY".to_owned(), format!("s3://{}", server.bucket())));
    root.push_and_fetch(&variables);
    assert!(server.keys().iter().any(|key| key.ends_with(".zst")), "{:?}", server.keys());
}

/// The certificates are where every distribution has them.
#[test]
fn tls_is_trusted_by_the_certificates_in_etc() {
    let host = ByHand::new();
    let server = S3Server::start(Kind::S3sFs, &host.place);
    let proxy = Proxy::start_tls(server.address(), &host.place);
    let root = Root::new(&host);
    let mut variables = proxy.environment(&server);
    variables.retain(|(name, _)| name != "AWS_CA_BUNDLE");
    variables.push(("SEAWALL_REPOSITORY".to_owned(), format!("s3://{}", server.bucket())));
    let outcome = root.push(&variables).arg("--limits-attempts=1").run();
    outcome.expect(3).says("found no certificates of the system to trust. HINT: Install ca-certificates, or set ca_file");
    root.trusts(proxy.ca_file());
    root.push_and_fetch(&variables);
    assert!(proxy.count("PUT", "") > 0);
}
