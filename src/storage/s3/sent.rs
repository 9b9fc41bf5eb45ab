//! What a request that sends bytes says about them.

use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption, StorageClass};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::bucket::Bucket;
use super::content::Content;
use crate::config::{Checksum, Sse};

/// The checksum header of a body, in base64: one of them, or none where the signature is over the body.
#[derive(Default)]
pub struct Sum {
    pub crc32c: Option<String>,
    pub sha256: Option<String>,
}

/// How the configuration wants an object kept.
pub struct AtRest {
    pub storage_class: Option<StorageClass>,
    pub encryption: Option<ServerSideEncryption>,
    pub kms_key_id: Option<String>,
}

impl Bucket {
    /// Over TLS the transport already keeps others out, and CRC-32C against accidents is all but free;
    /// without TLS the SHA-256 in the signed header is what protects the body.
    pub fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        match (self.config.checksum, self.tls) {
            (Checksum::Crc32c, _) | (Checksum::Auto, true) => Some(ChecksumAlgorithm::Crc32C),
            (Checksum::Sha256, _) | (Checksum::Auto, false) => Some(ChecksumAlgorithm::Sha256),
            (Checksum::Signature, _) => None,
        }
    }

    pub fn sum(&self, content: &Content) -> Sum {
        match self.checksum_algorithm() {
            Some(ChecksumAlgorithm::Crc32C) => Sum {
                crc32c: Some(BASE64.encode(content.crc32c().to_be_bytes())),
                ..Sum::default()
            },
            Some(_) => Sum { sha256: Some(BASE64.encode(content.sha256())), ..Sum::default() },
            None => Sum::default(),
        }
    }

    pub fn at_rest(&self) -> AtRest {
        let storage_class = self.config.storage_class.as_deref().map(StorageClass::from);
        let (encryption, kms_key_id) = match &self.config.sse {
            Sse::None => (None, None),
            Sse::S3 => (Some(ServerSideEncryption::Aes256), None),
            Sse::Kms { key_id } => (Some(ServerSideEncryption::AwsKms), key_id.clone()),
        };
        AtRest { storage_class, encryption, kms_key_id }
    }
}
