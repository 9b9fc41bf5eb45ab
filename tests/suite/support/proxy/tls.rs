//! Certificates for the proxy, made anew for each.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// Names and addresses that a good certificate is for.
const NAMES: [&str; 4] = ["127.0.0.1", "localhost", "store.test", "sts.us-east-1.amazonaws.com"];

/// What certificate a server shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shown {
    /// A good one of an authority of the tests.
    Signed,
    Expired,
    NotYetValid,
    /// For another host.
    ForAnother,
    /// For no host: its name stands in the subject alone.
    ForNobody,
    /// One that signed itself and says that it may sign others, as `openssl req -x509` makes it.
    Authority,
    /// The same for another host.
    AuthorityForAnother,
    /// The same, expired.
    AuthorityExpired,
    /// One that signed itself and says nothing of others.
    SelfSigned,
}

impl Shown {
    fn signs_itself(self) -> bool {
        use Shown::{Authority, AuthorityExpired, AuthorityForAnother, SelfSigned};
        [Authority, AuthorityExpired, AuthorityForAnother, SelfSigned].contains(&self)
    }

    fn params(self) -> CertificateParams {
        let names = match self {
            Shown::ForAnother | Shown::AuthorityForAnother => vec!["another.test".to_owned()],
            Shown::ForNobody => Vec::new(),
            _ => NAMES.map(str::to_owned).into(),
        };
        let mut params = CertificateParams::new(names).expect("the names are valid");
        params.distinguished_name.push(DnType::CommonName, "127.0.0.1");
        match self {
            Shown::Expired | Shown::AuthorityExpired => {
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            Shown::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            _ => {}
        }
        if self.signs_itself() && self != Shown::SelfSigned {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }
}

/// A server configuration, and the PEM text of the certificate that a client has to trust.
pub fn configured(shown: Shown) -> (Arc<ServerConfig>, String) {
    let key = key();
    if shown.signs_itself() {
        let certificate = shown.params().self_signed(&key).expect("a certificate");
        return (config(&certificate, &key), certificate.pem());
    }
    let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
    let authority = CertifiedIssuer::self_signed(params, self::key()).expect("a certificate");
    let certificate = shown.params().signed_by(&key, &authority).expect("a certificate");
    (config(&certificate, &key), authority.pem())
}

fn config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let private = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private.into())
        .expect("key and certificate belong together");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
