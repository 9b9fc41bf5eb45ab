//! Names are looked up by the static C library, in `/etc/resolv.conf` alone. The name server has to
//! have port 53, so this runs in a network of its own.

use std::ffi::OsString;
use std::time::Duration;

use crate::by_hand::ByHand;
use crate::network::{bring_loopback_up, serve_names};
use crate::root::Root;
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};
use crate::support::user::server_account;

/// Set for the helper.
const INSIDE: &str = "HELPER_IN_A_NETWORK";

#[test]
fn a_name_is_looked_up_in_resolv_conf_and_a_silent_name_server_is_not_waited_for() {
    let place = Place::new();
    let words: &[&str] = match server_account() {
        Some(_) => &["--net"],
        None => &["--net", "--user", "--map-current-user", "--keep-caps"],
    };
    let name = "names::helper_in_a_network_of_its_own";
    let run = Run::new(&place, "unshare").args(words).arg(std::env::current_exe().expect("ours"));
    let kept = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("SEAWALL_") || ["HOME", "XDG_CACHE_HOME", "TMPDIR"].contains(&&*name)
    };
    let run = run.envs(std::env::vars_os().filter(|(name, _)| kept(name))).env(INSIDE, "1");
    run.args(["--exact", name, "--nocapture"]).run().expect(0);
}

/// Does nothing unless the test above runs it.
#[test]
fn helper_in_a_network_of_its_own() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    bring_loopback_up();
    serve_names();
    let host = ByHand::new();
    let server = S3Server::start(Kind::S3sFs, &host.place);
    let root = Root::new(&host);
    let variables = |name: &str| {
        let mut variables = server.environment();
        variables.retain(|(name, _)| name != "AWS_ENDPOINT_URL");
        let port = server.address().port();
        variables.push(("AWS_ENDPOINT_URL".to_owned(), format!("http://{name}:{port}")));
        variables.push(("SEAWALL_REPOSITORY".to_owned(), format!("s3://{}", server.bucket())));
        variables
    };
    root.push_and_fetch(&variables("store.seawall.test"));
    assert!(server.keys().iter().any(|key| key.ends_with(".zst")), "{:?}", server.keys());

    let run = root.push(&variables("silent.seawall.test"));
    let limits = ["--limits-connect-timeout=500ms", "--limits-total-timeout=1s"];
    let outcome = run.args(limits).run();
    outcome.expect(8);
    assert!(outcome.took < Duration::from_secs(5), "the resolver was waited for: {outcome}");
}
