//! The bytes of an object, and what a request that sends them says about them: the checksum, the storage class, the
//! encryption at rest. They stay in the pieces they came in, so that no copy is made of a segment.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption, StorageClass};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

use super::bucket::Bucket;
use crate::config::{Checksum, Sse};
use crate::progress;

/// What is handed over at once to be sent: small enough that a slow line shows itself as one that moves.
const PIECE_BYTES: usize = 1 << 17;

/// The bytes of an object, in the pieces they came in: they are sent from where they lie, as often as
/// it takes.
#[derive(Debug, Clone, Default)]
pub(super) struct ChunkedContent(VecDeque<Bytes>);

impl ChunkedContent {
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_back(piece);
        }
    }

    pub(super) fn push_front(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_front(piece);
        }
    }

    /// Length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    pub(super) fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.0.iter().for_each(|piece| hasher.update(piece));
        hasher.finalize().into()
    }

    pub(super) fn crc32c(&self) -> u32 {
        let mut digest = crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi);
        self.0.iter().for_each(|piece| digest.update(piece));
        digest.finalize() as u32
    }

    /// The body of a request that can be sent again.
    pub(super) fn to_body(&self) -> ByteStream {
        let content = self.clone();
        ByteStream::new(SdkBody::retryable(move || SdkBody::from_body_1_x(content.clone())))
    }

    /// The same in one piece, for a signature over it.
    pub(super) fn to_body_in_one_piece(&self) -> ByteStream {
        self.0.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>().into()
    }
}

impl From<Bytes> for ChunkedContent {
    fn from(bytes: Bytes) -> Self {
        Self(VecDeque::from([bytes]))
    }
}

impl Body for ChunkedContent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.front_mut().map(|piece| piece.split_to(piece.len().min(PIECE_BYTES)));
        self.0.pop_front_if(|piece| piece.is_empty());
        progress::moved(piece.as_ref().map_or(0, Bytes::len) as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

/// The checksum header of a body, in base64: one of them, or none where the signature is over the body.
#[derive(Default)]
pub(super) struct Sum {
    pub crc32c: Option<String>,
    pub sha256: Option<String>,
}

/// How the configuration wants an object kept.
pub(super) struct AtRest {
    pub storage_class: Option<StorageClass>,
    pub encryption: Option<ServerSideEncryption>,
    pub kms_key_id: Option<String>,
}

impl Bucket {
    /// Over TLS the transport already keeps others out, and CRC-32C against accidents is all but free;
    /// without TLS the SHA-256 in the signed header is what protects the body.
    pub(super) fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        match (self.config.checksum, self.tls) {
            (Checksum::Crc32c, _) | (Checksum::Auto, true) => Some(ChecksumAlgorithm::Crc32C),
            (Checksum::Sha256, _) | (Checksum::Auto, false) => Some(ChecksumAlgorithm::Sha256),
            (Checksum::Signature, _) => None,
        }
    }

    pub(super) fn sum(&self, content: &ChunkedContent) -> Sum {
        match self.checksum_algorithm() {
            Some(ChecksumAlgorithm::Crc32C) => Sum {
                crc32c: Some(BASE64.encode(content.crc32c().to_be_bytes())),
                ..Sum::default()
            },
            Some(_) => Sum { sha256: Some(BASE64.encode(content.sha256())), ..Sum::default() },
            None => Sum::default(),
        }
    }

    pub(super) fn at_rest(&self) -> AtRest {
        let storage_class = self.config.storage_class.as_deref().map(StorageClass::from);
        let (encryption, kms_key_id) = match &self.config.sse {
            Sse::None => (None, None),
            Sse::S3 => (Some(ServerSideEncryption::Aes256), None),
            Sse::Kms { key_id } => (Some(ServerSideEncryption::AwsKms), key_id.clone()),
        };
        AtRest { storage_class, encryption, kms_key_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_checksums_of_the_whole() {
        let mut content = ChunkedContent::from(Bytes::from_static(b"56"));
        content.push(Bytes::from_static(b"789"));
        content.push_front(Bytes::from_static(b"1234"));
        assert_eq!(content.length(), 9);
        // The check value of CRC-32C (RFC 3720 names the polynomial).
        assert_eq!(content.crc32c(), 0xE306_9283);
        assert_eq!(content.sha256(), <[u8; 32]>::from(Sha256::digest(b"123456789")));
    }
}
