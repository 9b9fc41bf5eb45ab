//! TLS with an authority of one's own.

use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store, error, side_by_side};
use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::s3::Kind;

const HINT: &str = "HINT: Set ca_file to the certificate that signed the store's.";

struct Secured {
    place: Place,
    store: Store,
    proxy: Proxy,
}

impl Secured {
    fn new() -> Secured {
        let place = Place::with_odd_name();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start_tls(store.server().address(), &place);
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
            "repository s3: could not use CA file {not_pem:?}: expected certificates in PEM form, found none"
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
    scene.has(0).push(0).args(SHORT_LIMITS).run().expect(8);
    scene.fetch(0).args(SHORT_LIMITS).run().expect(208);
}
