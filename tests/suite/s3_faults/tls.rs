//! TLS with an authority of one's own.

use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store, error, side_by_side};
use crate::support::place::Place;
use crate::support::proxy::{Proxy, Shown};
use crate::support::s3::Kind;

const HINT: &str = "HINT: Set ca_file to the certificate that signed the server's.";

struct Secured {
    place: Place,
    store: Store,
    proxy: Proxy,
}

impl Secured {
    fn new() -> Secured {
        Secured::showing(Shown::Signed)
    }

    fn showing(shown: Shown) -> Secured {
        let place = Place::with_odd_name();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start_showing(shown, store.server().address(), &place);
        Secured { place, store, proxy }
    }

    fn scene(&self, ca_file: &str) -> Scene {
        let table = self.store.table_at("s3", &self.proxy.endpoint());
        Scene::in_place(&self.place).with(&table).with(ca_file)
    }

    fn ca_file(&self) -> String {
        format!("ca_file = {:?}", self.proxy.ca_file())
    }
}

#[test]
fn a_ca_file_makes_a_private_authority_trusted() {
    let secured = Secured::new();
    let scene = secured.scene(&secured.ca_file());
    scene.has(0).push(0).run().expect(0);
    secured.store.holds(&scene.clear_key(0), scene.bytes(0));
    scene.fetches(0);
    assert!(secured.proxy.requests().len() >= 4);
}

#[test]
fn the_aws_variable_does_the_same() {
    let secured = Secured::new();
    let scene = secured.scene("");
    let bundle = secured.proxy.ca_file();
    scene.has(0).push(0).env("AWS_CA_BUNDLE", bundle).run().expect(0);
    secured.store.holds(&scene.clear_key(0), scene.bytes(0));
}

#[test]
fn an_authority_that_is_not_trusted_is_an_error_that_names_ca_file() {
    let (secured, other) = (Secured::new(), Secured::new());
    side_by_side(&["", &other.ca_file()], |ca_file| {
        let scene = secured.scene(ca_file);
        let push = scene.has(0).push(0).args(SHORT_LIMITS).run();
        push.expect(8);
        assert!(
            error(&push).contains("failed: invalid peer certificate: ")
                && error(&push).ends_with(HINT),
            "{push}"
        );
        let fetch = scene.fetch(0).args(SHORT_LIMITS).run();
        fetch.expect(208);
        assert!(error(&fetch).ends_with(HINT), "{fetch}");
    });
    assert_eq!(secured.store.keys(), [""; 0]);
}

#[test]
fn a_ca_file_that_is_none_is_a_mistake_in_the_configuration() {
    let secured = Secured::new();
    let not_pem = secured.place.file("not.pem", "-----BEGIN NOTHING-----\n");
    let scene = secured.scene(&format!("ca_file = {not_pem:?}"));
    let push = scene.has(0).push(0).run();
    push.expect(3);
    assert_eq!(
        error(&push),
        format!(
            "repository s3: could not use CA file {not_pem:?}: it has no certificates in PEM form"
        )
    );
    let missing = secured.place.join("missing.pem");
    let scene = secured.scene(&format!("ca_file = {missing:?}"));
    let fetch = scene.fetch(0).run();
    fetch.expect(203);
    assert_eq!(
        error(&fetch),
        format!(
            "repository s3: could not use CA file {missing:?}: No such file or directory (os error 2)"
        )
    );
}

#[test]
fn a_port_that_does_not_speak_tls_is_an_error() {
    let secured = Secured::new();
    let endpoint = secured.store.server().endpoint().replace("http:", "https:");
    let scene = Scene::in_place(&secured.place).with(&secured.store.table_at("s3", &endpoint));
    let push = scene.has(0).push(0).args(SHORT_LIMITS).run();
    push.expect(8);
    let hint =
        "HINT: Is it a store with TLS that listens there? An endpoint may begin with http:// too.";
    let other =
        "HINT: The server does not speak TLS on that port: should the endpoint begin with http://?";
    assert!(error(&push).ends_with(hint) || error(&push).ends_with(other), "{push}");
    scene.fetch(0).args(SHORT_LIMITS).run().expect(208);
}

#[test]
fn each_fault_of_a_certificate_has_its_mend() {
    let cases = [
        (
            Shown::Expired,
            "certificate expired",
            "Renew the server's certificate, unless it is this host's clock that is wrong (timedatectl).",
        ),
        (
            Shown::NotYetValid,
            "certificate not valid yet",
            "Set this host's clock right, by NTP (timedatectl), unless the server's certificate was made for later.",
        ),
        (
            Shown::ForAnother,
            "certificate not valid for name",
            "Use a name in the endpoint that is in the server's certificate, or have one made with that name as its \
             subjectAltName.",
        ),
        (
            Shown::ForNobody,
            "certificate not valid for name",
            "The server's certificate names no host: have one made with the name in the endpoint as its subjectAltName.",
        ),
        (
            Shown::AuthorityForAnother,
            "certificate not valid for name",
            "Use a name in the endpoint that is in the server's certificate, or have one made with that name as its \
             subjectAltName.",
        ),
        (
            Shown::AuthorityExpired,
            "certificate expired",
            "Renew the server's certificate, unless it is this host's clock that is wrong (timedatectl).",
        ),
    ];
    side_by_side(&cases, |(shown, words, hint)| {
        let secured = Secured::showing(*shown);
        let scene = secured.scene(&secured.ca_file());
        for (outcome, status) in [
            (scene.has(0).push(0).args(SHORT_LIMITS).run(), 8),
            (scene.fetch(0).args(SHORT_LIMITS).run(), 208),
        ] {
            outcome.expect(status);
            let text = error(&outcome);
            assert!(text.contains("failed: invalid peer certificate: "), "{shown:?} {outcome}");
            assert!(text.contains(words), "{shown:?} {outcome}");
            assert!(text.ends_with(&format!("HINT: {hint}")), "{shown:?} {outcome}");
        }
        // The push asks for two names at once.
        assert_eq!(secured.proxy.connections(), 3, "{shown:?}: no other try does better");
        assert_eq!(secured.store.keys(), [""; 0]);
    });
}

/// What `openssl req -x509` makes, and most clients take.
#[test]
fn a_certificate_that_signed_itself_is_trusted_when_it_is_the_ca_file() {
    side_by_side(&[Shown::Authority, Shown::SelfSigned], |shown| {
        let secured = Secured::showing(*shown);
        let scene = secured.scene(&secured.ca_file());
        scene.has(0).push(0).run().expect(0);
        secured.store.holds(&scene.clear_key(0), scene.bytes(0));
        scene.fetches(0);
        let other = Secured::showing(*shown);
        let scene = secured.scene(&other.ca_file());
        scene.has(1).push(1).args(SHORT_LIMITS).run().expect(8);
    });
    let (secured, other) = (Secured::showing(Shown::Authority), Secured::new());
    for ca_file in [String::new(), other.ca_file()] {
        let push = secured.scene(&ca_file).has(0).push(0).args(SHORT_LIMITS).run();
        push.expect(8);
        let hint = "HINT: The server shows a certificate of an authority. If it signed itself, set ca_file to that very \
                    certificate; else have one made with basicConstraints=CA:FALSE.";
        assert!(error(&push).ends_with(hint), "{push}");
    }
}

#[test]
fn a_ca_file_with_damage_in_it_is_a_mistake_in_the_configuration() {
    let secured = Secured::new();
    let pem = std::fs::read_to_string(secured.proxy.ca_file()).expect("readable");
    let cut: String = pem
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 2)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    for text in [cut, pem.replacen("MII", "AAA", 1), pem.replace("-----END CERTIFICATE-----", "")] {
        let file = secured.place.file("damaged.pem", text);
        let scene = secured.scene(&format!("ca_file = {file:?}"));
        let push = scene.has(0).push(0).args(SHORT_LIMITS).run();
        push.expect(3);
        let begin = format!("repository s3: could not use CA file {file:?}: ");
        assert!(error(&push).starts_with(&begin), "{push}");
    }
}

/// As in an image without ca-certificates.
#[test]
fn a_system_without_certificates_says_what_to_install() {
    let secured = Secured::new();
    let (empty, folder) =
        (secured.place.file("empty.pem", ""), secured.place.folder("no-certificates"));
    let push = secured.scene("").has(0).push(0).args(SHORT_LIMITS);
    let push = push.env("SSL_CERT_FILE", empty).env("SSL_CERT_DIR", folder).run();
    push.expect(3);
    let text = "found no certificates of the system to trust. HINT: Install ca-certificates, or set ca_file to the \
                certificate that signed the server's.";
    assert!(error(&push).ends_with(text), "{push}");
}

#[test]
fn a_port_with_tls_that_is_spoken_to_without_is_told() {
    let secured = Secured::new();
    let endpoint = secured.proxy.endpoint().replace("https:", "http:");
    let scene = Scene::in_place(&secured.place).with(&secured.store.table_at("s3", &endpoint));
    for (outcome, status) in [
        (scene.has(0).push(0).args(SHORT_LIMITS).run(), 8),
        (scene.fetch(0).args(SHORT_LIMITS).run(), 208),
    ] {
        outcome.expect(status);
        let hint = "HINT: The server does not speak HTTP on that port: should the endpoint begin with https://?";
        assert!(error(&outcome).ends_with(hint), "{outcome}");
    }
}
