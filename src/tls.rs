//! Whom we trust when a server speaks TLS, and what a handshake that failed means in words.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct,
    RootCertStore, SignatureScheme, WantsVerifier,
};

use crate::error::{Class, Error, Result};

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The certificates that a server's has to be signed by, or to be.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those of the system.
    System,
    /// These alone.
    Only(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// The certificates of a PEM file. `what` it is for messages, such as `CA file`.
    pub fn file(what: &str, path: &Path) -> Result<Self> {
        let certificates = certificates(what, path)?;
        let mut store = RootCertStore::empty();
        for (number, certificate) in certificates.iter().enumerate() {
            store.add(certificate.clone()).map_err(|error| {
                unusable(what, path, &format!("certificate {} in it: {error}", number + 1))
            })?;
        }
        Ok(Self::Only(certificates))
    }

    /// The beginning of a configuration that trusts these. `setting` names others instead.
    pub fn configuration(
        &self,
        setting: &str,
    ) -> Result<ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>> {
        let provider = Arc::new(default_provider());
        let builder = builder(&provider)?;
        let verifier = self.verifier(&provider, setting)?;
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        setting: &str,
    ) -> Result<Arc<dyn ServerCertVerifier>> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
            Self::Only(certificates) => {
                roots.add_parsable_certificates(certificates.iter().cloned());
            }
        }
        if roots.is_empty() {
            let message = "found no certificates of the system to trust";
            return Err(Error::new(Class::Configuration, message).hint(format!(
                "Install ca-certificates, or set {setting} to the certificate that signed the server's."
            )));
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let verifier = verifier.build().map_err(|error| not_set_up(&error))?;
        Ok(match self {
            Self::System => verifier,
            Self::Only(certificates) => {
                Arc::new(PinnedCertificate::new(verifier, certificates.clone()))
            }
        })
    }
}

fn builder(provider: &Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
    builder.with_safe_default_protocol_versions().map_err(|error| not_set_up(&error))
}

fn not_set_up(error: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Configuration, format!("could not set up TLS: {error}"))
}

/// All certificates in a PEM file, at least one.
pub fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).map_err(|error| unusable(what, path, &error))?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let marked = pem.windows(BEGIN.len()).any(|window| window == BEGIN);
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ if marked => {
            Err(unusable(what, path, &"expected certificates in PEM form, found damage"))
        }
        _ => Err(unusable(what, path, &"it has no certificates in PEM form")),
    }
}

/// A file with certificates or keys that can't be used.
pub fn unusable(what: &str, path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Configuration, format!("could not use {what} {path:?}: {reason}"))
}

/// What mends a handshake that failed so. `setting` is the one that says whom to trust, `name` the one that the
/// server's name comes from.
pub fn mend(error: &rustls::Error, setting: &str, name: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error, setting, name),
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => "The server asks its clients for a certificate.".to_owned(),
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
            "Server and client agree on no way to encrypt: it has to speak TLS 1.2 or 1.3, with an AEAD cipher."
                .to_owned()
        }
        _ => "Does the server speak TLS on that port?".to_owned(),
    }
}

fn of_certificate(error: &CertificateError, setting: &str, name: &str) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "Renew the server's certificate, unless it is this host's clock that is wrong (timedatectl).".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "Set this host's clock right, by NTP (timedatectl), unless the server's certificate was made for later."
                .to_owned()
        }
        CertificateError::NotValidForName => format!("Use a name in {name} that is in the server's certificate."),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => format!(
            "The server's certificate names no host: have one made with the name in {name} as its subjectAltName."
        ),
        CertificateError::NotValidForNameContext { .. } => format!(
            "Use a name in {name} that is in the server's certificate, or have one made with that name as its \
             subjectAltName."
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("Set {setting} to the certificate that signed the server's.")
        }
        CertificateError::Revoked => "Have a new certificate made for the server.".to_owned(),
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => format!(
            "The server shows a certificate of an authority. If it signed itself, set {setting} to that very \
             certificate; else have one made with basicConstraints=CA:FALSE."
        ),
        _ => "The server's certificate can't be used: have one made of version 3, with a subjectAltName.".to_owned(),
    }
}

/// Takes a certificate that is trusted by name, byte for byte, for that of a server even where it may sign
/// others: that is what `openssl req -x509` makes. Everything else is as ever.
#[derive(Debug)]
pub struct PinnedCertificate {
    usual: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl PinnedCertificate {
    pub fn new(usual: Arc<WebPkiServerVerifier>, trusted: Vec<CertificateDer<'static>>) -> Self {
        Self { usual, trusted }
    }
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // Its times were looked at before what it may be used for.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.trusted.iter().any(|one| one == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
