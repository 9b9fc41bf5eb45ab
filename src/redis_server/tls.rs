use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::config::{RedisAddress, RedisTls};
use crate::error::{Class, Error, Result};

/// A TLS session with `host`, which has to show a certificate for that name or address.
pub fn session(files: &RedisTls, host: &str) -> Result<ClientConnection> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(Class::Configuration, format!("could not set up TLS: {error}"))
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_root_certificates(trusted(files)?);
    let config = match &files.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = (certificates(certificate)?, private_key(key)?);
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong(&error))?
        }
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
    ClientConnection::new(Arc::new(config), name).map_err(|error| wrong(&error))
}

fn trusted(files: &RedisTls) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match &files.ca_file {
        Some(path) => {
            for certificate in certificates(path)? {
                let added = store.add(certificate);
                added.map_err(|error| unusable(path, &error))?;
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(system.certs);
        }
    }
    if store.is_empty() {
        return Err(Error::new(
            Class::Configuration,
            "found no certificates of the system to trust",
        )
        .hint("Set redis.ca_file to the certificate that signed the server's."));
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(path)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| unusable(path, &error))?;
    if found.is_empty() {
        return Err(unusable(path, &"expected certificates in PEM form, found none"));
    }
    Ok(found)
}

/// Neither the content nor the parser's words are repeated: they may hold the key.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(&read(path)?);
    key.map_err(|_| unusable(path, &"expected a private key in PEM form, found none"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Configuration, format!("could not use TLS file {path:?}: {reason}"))
}

/// The handshake did not work out.
pub fn failed(address: &RedisAddress, error: &io::Error) -> Error {
    let source = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let silent = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind());
    let reason = if silent { "no answer in time".to_owned() } else { error.to_string() };
    let hint = match source {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "Set redis.ca_file to the certificate that signed the server's; the name in redis.url must be in it."
        }
        Some(rustls::Error::AlertReceived(_)) => {
            "Does the server want a certificate of its clients? Set redis.cert_file and redis.key_file."
        }
        _ => "Does the server speak TLS on that port? If not: redis://.",
    };
    let message = format!("could not start TLS with {address}: {reason}");
    Error::new(Class::Unreachable, message).hint(hint)
}
