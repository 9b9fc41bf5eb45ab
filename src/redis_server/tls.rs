use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConnection};

use crate::config::{RedisAddress, RedisTls};
use crate::error::{Class, Error, Result};
use crate::tls::{Trust, certificates, mend, unusable};

/// What messages call a file of ours.
const FILE: &str = "TLS file";

/// A TLS session with `host`, which has to show a certificate for that name or address.
pub fn session(files: &RedisTls, host: &str) -> Result<ClientConnection> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(Class::Configuration, format!("could not set up TLS: {error}"))
    };
    let trust = files.ca_file.as_deref().map(|path| Trust::file(FILE, path));
    let builder = trust.unwrap_or(Ok(Trust::System))?.configuration("redis.ca_file")?;
    let config = match &files.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = (certificates(FILE, certificate)?, private_key(key)?);
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong(&error))?
        }
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
    ClientConnection::new(Arc::new(config), name).map_err(|error| wrong(&error))
}

/// Neither the content nor the parser's words are repeated: they may hold the key.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = std::fs::read(path).map_err(|error| unusable(FILE, path, &error))?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| unusable(FILE, path, &"expected a private key in PEM form, found none"))
}

/// The handshake did not work out.
pub fn failed(address: &RedisAddress, error: &io::Error) -> Error {
    let source = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let silent = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind());
    let reason = if silent { "no answer in time".to_owned() } else { error.to_string() };
    let hint = match source {
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        )) => {
            "The server wants a certificate of its clients: set redis.cert_file and redis.key_file."
                .to_owned()
        }
        Some(
            error @ (rustls::Error::InvalidCertificate(_)
            | rustls::Error::AlertReceived(_)
            | rustls::Error::PeerIncompatible(_)),
        ) => mend(error, "redis.ca_file", "redis.url"),
        _ => "Does the server speak TLS on that port? If not: redis://.".to_owned(),
    };
    let message = format!("could not start TLS with {address}: {reason}");
    Error::new(Class::Unreachable, message).hint(hint)
}
