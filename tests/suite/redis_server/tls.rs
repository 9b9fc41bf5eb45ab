//! Servers that speak TLS.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use seawall::config::{Limits, RedisAddress, RedisConfig, RedisTls};
use seawall::error::Class;
use seawall::redis_backup::ServerConnection;

use super::snapshot;
use crate::support::place::{Place, free_port};
use crate::support::redis::{LIMITS, Program, RedisServer};

struct Secured {
    server: RedisServer,
    port: u16,
    ca: PathBuf,
    certificate: (PathBuf, PathBuf),
}

impl Secured {
    /// `clients`: whether they have to show a certificate.
    fn start(place: &Place, clients: &str) -> Secured {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a valid name");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let number = place.next_number();
        let ca = place.file(&format!("ca{number}.pem"), authority.pem());
        let certificate = place.file(&format!("cert{number}.pem"), certificate.pem());
        let key = place.file(&format!("key{number}.pem"), key.serialize_pem());
        let port = free_port();
        let text = |path: &PathBuf| path.display().to_string();
        let settings = [
            ("tls-port", port.to_string()),
            ("tls-ca-cert-file", text(&ca)),
            ("tls-cert-file", text(&certificate)),
            ("tls-key-file", text(&key)),
            ("tls-auth-clients", clients.to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = RedisServer::start(Program::usual(), place, &settings);
        server.fill();
        Secured { server, port, ca, certificate: (certificate, key) }
    }

    fn config(&self) -> RedisConfig {
        let mut config = self.server.config();
        let host = "127.0.0.1".to_owned();
        config.address = RedisAddress::Tcp { host, port: self.port, tls: true };
        config.tls = RedisTls { ca_file: Some(self.ca.clone()), certificate: None };
        config
    }
}

#[test]
fn an_authority_of_ones_own_is_trusted() {
    let place = Place::with_odd_name();
    let secured = Secured::start(&place, "no");
    let (_, received) = snapshot(&secured.config()).unwrap();
    assert_eq!(received.rdb.keys.unwrap(), secured.server.keys());
    assert_eq!(
        ServerConnection::connect(&secured.config(), &LIMITS).unwrap().keys().unwrap().len(),
        3
    );
}

#[test]
fn a_certificate_is_shown_where_one_is_wanted() {
    let place = Place::new();
    let secured = Secured::start(&place, "yes");
    let mut config = secured.config();
    let error = ServerConnection::connect(&config, &LIMITS).err().unwrap();
    assert_eq!(error.class(), Class::Unreachable, "{error}");
    assert!(error.to_string().contains("redis.cert_file"), "{error}");
    config.tls.certificate = Some(secured.certificate.clone());
    snapshot(&config).unwrap();
}

#[test]
fn what_is_wrong_with_tls_is_said() {
    let place = Place::new();
    let (secured, other) = (Secured::start(&place, "no"), Secured::start(&place, "no"));
    let limits = Limits { request: Duration::from_secs(1), ..LIMITS };
    let said = |config: &RedisConfig| {
        let error = ServerConnection::connect(config, &limits).err().unwrap();
        (error.class(), error.to_string())
    };
    let mut config = secured.config();
    config.tls.ca_file = Some(other.ca.clone());
    let (class, text) = said(&config);
    assert_eq!(class, Class::Unreachable);
    let start = format!("could not start TLS with {}: invalid peer certificate: ", config.address);
    let hint = ". HINT: Set redis.ca_file to the certificate that signed the server's.";
    assert!(text.starts_with(&start) && text.ends_with(hint), "{text}");

    config.tls.ca_file = Some(secured.certificate.1.clone());
    let (class, text) = said(&config);
    assert_eq!(class, Class::Configuration);
    assert_eq!(
        text,
        format!(
            "could not use TLS file {:?}: it has no certificates in PEM form",
            secured.certificate.1
        )
    );

    let plain = secured.server.config();
    let mut config = secured.config();
    config.address =
        RedisAddress::Tcp { host: "127.0.0.1".to_owned(), port: secured.server.port(), tls: true };
    let (class, text) = said(&config);
    assert_eq!(class, Class::Unreachable);
    assert!(text.contains("could not start TLS with rediss://"), "{text}");
    assert!(
        text.ends_with("HINT: Does the server speak TLS on that port? If not: redis://."),
        "{text}"
    );

    let mut config = plain;
    config.address =
        RedisAddress::Tcp { host: "127.0.0.1".to_owned(), port: secured.port, tls: false };
    let (class, text) = said(&config);
    assert_eq!(class, Class::Unreachable);
    assert!(
        text.ends_with(
            "HINT: Is it Redis or Valkey that listens there? Does it want TLS (rediss://)?"
        ),
        "{text}"
    );
}
