//! Keys of a profile: in files, from a program, by a role, or not at all.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use super::Line;
use crate::scene::{Kind as StoreKind, SHORT, SHORT_LIMITS, Scene, Store, error, warnings};
use crate::support::forward_proxy::{Conduct, ForwardProxy};
use crate::support::place::{Place, free_port};
use crate::support::proxy::Proxy;
use crate::support::run::{Outcome, Run};
use crate::support::s3::{ACCESS_KEY, Kind, SECRET_KEY};

/// A host whose keys come from files only.
struct Host {
    line: Line,
    home: PathBuf,
}

impl Host {
    fn new(kind: Kind, table: &str) -> Host {
        let line = Line::new(kind);
        let home = line.scene.place.folder("home");
        line.scene.place.folder("home/.aws");
        let line = Line { scene: line.scene.with(table), ..line };
        Host { line, home }
    }

    /// A file in `~/.aws`, which nobody else may read.
    fn aws(&self, name: &str, text: &str) -> PathBuf {
        let path = self.line.scene.place.file(&format!("home/.aws/{name}"), text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
        path
    }

    fn without_keys(&self, run: Run) -> Run {
        let run = run.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
        run.env("HOME", &self.home)
    }

    fn push(&self, variables: &[(&str, &str)]) -> Outcome {
        let push = self.without_keys(self.line.scene.has(0).push(0));
        push.envs(variables.iter().copied()).run()
    }

    /// The status of a push, and that of a fetch, which says the same.
    #[track_caller]
    fn says(&self, variables: &[(&str, &str)], status: i32, text: &str) {
        let push = self.without_keys(self.line.scene.has(0).push(0).args(SHORT_LIMITS));
        let fetch = self.without_keys(self.line.scene.fetch(0).args(SHORT_LIMITS));
        for (run, status) in [(push, status), (fetch, status + 200)] {
            let outcome = run.envs(variables.iter().copied()).run();
            outcome.expect(status);
            assert!(error(&outcome).ends_with(text), "expected {text}: {outcome}");
            assert!(outcome.took < SHORT, "{outcome}");
        }
    }
}

fn keys() -> String {
    format!("aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
}

/// As Vault and IAM Roles Anywhere hand them out.
#[test]
fn a_program_may_give_the_keys() {
    let json = format!(
        "{{\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"{ACCESS_KEY}\\\", \\\"SecretAccessKey\\\": \\\"{SECRET_KEY}\\\"}}"
    );
    let config = format!("[profile vault]\ncredential_process = /bin/sh -c 'echo \"{json}\"'\n");
    for (table, variable) in [("profile = \"vault\"", ""), ("", "vault")] {
        let host = Host::new(Kind::S3sFs, table);
        host.aws("config", &config);
        host.push(&[("AWS_PROFILE", variable)]).expect(0);
        host.line.holds_the_segment_once();
    }
}

#[test]
fn a_program_that_gives_none_is_named() {
    let host = Host::new(Kind::S3sFs, "profile = \"vault\"");
    host.aws("config", "[profile vault]\ncredential_process = sh -c 'echo sealed >&2; exit 3'\n");
    let outcome = host.push(&[]);
    outcome.expect(9);
    let text = error(&outcome);
    assert!(text.contains("no keys could be got: ") && text.contains("sealed"), "{outcome}");
    assert!(
        text.ends_with(
            "HINT: Look at what gives the keys: the profile and its credential_process, the role, or the rights of \
             this machine."
        ),
        "{outcome}"
    );
    assert_eq!(host.line.proxy.requests().len(), 0);
}

#[test]
fn a_profile_that_needs_a_browser_is_refused_with_a_way_round() {
    let sso = "[profile sso]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n\
               sso_account_id = 123456789012\nsso_role_name = backup\n";
    let host = Host::new(Kind::S3sFs, "profile = \"sso\"");
    host.aws("config", sso);
    let hint = "the profile gets its keys by SSO, which Seawall does not do. HINT: Give it a credential_process: `aws \
                configure export-credentials --profile NAME --format process` is one.";
    host.says(&[], 3, hint);
    let host = Host::new(Kind::S3sFs, "");
    host.aws("config", sso);
    host.says(&[("AWS_PROFILE", "sso")], 3, hint);
}

#[test]
fn a_misspelt_profile_is_named_with_the_files_it_is_not_in() {
    let host = Host::new(Kind::S3sFs, "profile = \"baqup\"");
    let credentials = host.aws("credentials", &format!("[backup]\n{}[default]\n{0}", keys()));
    let config = host.aws("config", "[profile other]\nregion = us-east-1\n");
    let text = format!(
        "repository s3: there is no profile \"baqup\" in {credentials:?} or {config:?}. HINT: There are: \
         backup, default, other."
    );
    host.says(&[], 3, &text);
    let host = Host::new(Kind::S3sFs, "");
    let credentials = host.aws("credentials", &format!("[backup]\n{}", keys()));
    let text = format!(
        "there is no profile \"baqup\" in {credentials:?} or {:?}. HINT: There are: backup.",
        host.home.join(".aws/config")
    );
    host.says(&[("AWS_PROFILE", "baqup")], 3, &text);
    host.push(&[("AWS_PROFILE", "backup")]).expect(0);
}

/// A file of the repository's own, for which the others count as well.
fn with_file(text: Option<&str>) -> (Host, PathBuf) {
    let Host { line, home } = Host::new(Kind::S3sFs, "");
    let path = line.scene.place.join("s3.credentials");
    let scene = line.scene.with(&format!("credentials_file = {path:?}"));
    let host = Host { line: Line { scene, ..line }, home };
    if let Some(text) = text {
        fs::write(&path, text).expect("our own folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
        crate::support::user::hand_over(&path);
    }
    (host, path)
}

#[test]
fn a_credentials_file_that_is_not_there_is_a_mistake_in_the_configuration() {
    let (host, path) = with_file(None);
    let text = format!(
        "repository s3: could not read credentials_file {path:?}: No such file or directory (os error 2). HINT: Write \
         it there: [default], and below that aws_access_key_id = … and aws_secret_access_key = …."
    );
    host.says(&[], 3, &text);
}

#[test]
fn so_is_one_that_may_not_be_read() {
    if crate::support::user::server_account().is_none() {
        // An ordinary user reads what is his own.
        return;
    }
    let (host, path) = with_file(Some(&format!("[default]\n{}", keys())));
    std::os::unix::fs::chown(&path, Some(0), Some(0)).expect("root");
    let text = format!(
        "repository s3: could not read credentials_file {path:?}: Permission denied (os error 13). HINT: The user that \
         runs this must be able to read it, and nobody else."
    );
    host.says(&[], 3, &text);
}

#[test]
fn a_credentials_file_without_keys_is_named() {
    for text in ["", "[other]\n"] {
        let (host, path) = with_file(Some(text));
        let outcome = host.push(&[]);
        outcome.expect(3);
        let words = format!("there is no profile \"default\" in {path:?} or ");
        assert!(error(&outcome).contains(&words), "{outcome}");
    }
    let (host, _) = with_file(Some("[default]\nregion = us-east-1\n"));
    let outcome = host.push(&[]);
    outcome.expect(9);
    assert!(error(&outcome).contains("the profile has no keys"), "{outcome}");
    assert!(
        error(&outcome).ends_with(
            "HINT: Write aws_access_key_id = … and aws_secret_access_key = … into it, in credentials_file or in the files of AWS."
        ),
        "{outcome}"
    );
}

/// As editors of Windows write it.
#[test]
fn a_byte_order_mark_and_carriage_returns_do_no_harm() {
    let text = format!("\u{feff}[default]\n{}", keys()).replace('\n', "\r\n");
    let (host, _) = with_file(Some(&text));
    host.push(&[]).expect(0);
    host.line.holds_the_segment_once();
}

#[test]
fn keys_that_everybody_may_read_are_warned_of() {
    let (host, path) = with_file(Some(&format!("[default]\n{}", keys())));
    let outcome = host.push(&[]);
    assert_eq!(warnings(outcome.expect(0)), [""; 0]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("our own file");
    let outcome = host.push(&[]);
    let text = format!(
        "everybody on this host may read the keys in {path:?} (mode 0644). HINT: chmod o= {}",
        path.display()
    );
    assert_eq!(warnings(outcome.expect(0)), [text]);
}

/// A role that another profile may take. The service that gives its keys is reached over TLS, and through a proxy if
/// need be, also where the store is not.
#[test]
fn a_role_is_taken_where_the_store_speaks_no_tls() {
    let host = Host::new(Kind::Moto, "profile = \"role\"");
    let place = &host.line.scene.place;
    host.aws(
        "config",
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/backup\nsource_profile = base\nregion = us-east-1\n",
    );
    host.aws("credentials", &format!("[base]\n{}", keys()));
    let secured = Proxy::start_tls(host.line.store.server().address(), place);
    let proxy = ForwardProxy::start(secured.address(), Conduct::Lead);
    let bundle = secured.ca_file().to_str().expect("UTF-8");
    let variables = [("HTTPS_PROXY", proxy.url()), ("AWS_CA_BUNDLE", bundle.to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    host.push(&variables).expect(0);
    host.line.holds_the_segment_once();
    assert_eq!(proxy.asked(), ["CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1"]);
    let token = |request: &crate::support::proxy::Recorded| {
        request.header("x-amz-security-token").is_some()
    };
    assert!(host.line.proxy.requests().iter().all(token), "keys of the role");
    let dead = format!("http://127.0.0.1:{}", free_port());
    let outcome = host.push(&[("AWS_CA_BUNDLE", bundle), ("HTTPS_PROXY", &dead)]);
    outcome.expect(8);
    assert!(error(&outcome).contains("no keys could be got: "), "{outcome}");
    assert!(
        error(&outcome).ends_with(
            "HINT: The service that gives the keys can't be reached; try again later. Keys in \
             credentials_file need no service."
        ),
        "{outcome}"
    );
}

/// A machine of a cloud whose service gives nothing.
#[test]
fn a_machine_that_may_have_no_keys_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                    let _ =
                        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                }
            });
        }
    });
    let host = Host::new(Kind::S3sFs, "");
    let at = |url: &str| {
        let variables =
            [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)];
        host.push(&variables)
    };
    let outcome = at(&format!("http://{address}"));
    outcome.expect(9);
    assert!(error(&outcome).contains("no keys could be got: "), "{outcome}");
    assert!(
        error(&outcome).ends_with(
            "HINT: Look at what gives the keys: the profile and its credential_process, the role, or the rights of \
             this machine."
        ),
        "{outcome}"
    );
    assert!(outcome.took < SHORT, "{outcome}");
    let nobody = at(&format!("http://127.0.0.1:{}", free_port()));
    assert!(matches!(nobody.status, Some(8 | 9)), "{nobody}");
    assert!(error(&nobody).contains("HINT: "), "{nobody}");
}

/// Two repositories may have keys of two profiles.
#[test]
fn each_repository_has_its_own_profile() {
    let place = Place::new();
    let stores = [(); 2].map(|()| Store::start(StoreKind::S3(Kind::S3sFs), &place));
    let file = place.file("keys", format!("[one]\n{}[two]\n{0}", keys()));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
    let mut scene = Scene::in_place(&place);
    for (store, name) in stores.iter().zip(["one", "two"]) {
        let table = store.table(name);
        scene = scene.with(&format!("{table}credentials_file = {file:?}\nprofile = {name:?}"));
    }
    let push = scene.has(0).push(0).env("AWS_ACCESS_KEY_ID", "wrong");
    push.run().expect(0);
    for store in &stores {
        store.holds(&scene.clear_key(0), scene.bytes(0));
    }
}
