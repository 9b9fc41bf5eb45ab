use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

use crate::progress;

/// What is handed over at once to be sent: small enough that a slow line shows itself as one that moves.
const PIECE_BYTES: usize = 1 << 17;

/// The bytes of an object, in the pieces they came in: they are sent from where they lie, as often as
/// it takes.
#[derive(Debug, Clone, Default)]
pub struct Content(VecDeque<Bytes>);

impl Content {
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_back(piece);
        }
    }

    pub fn push_front(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_front(piece);
        }
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    pub fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.0.iter().for_each(|piece| hasher.update(piece));
        hasher.finalize().into()
    }

    pub fn crc32c(&self) -> u32 {
        let mut digest = crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi);
        self.0.iter().for_each(|piece| digest.update(piece));
        digest.finalize() as u32
    }

    /// The body of a request that can be sent again.
    pub fn to_body(&self) -> ByteStream {
        let content = self.clone();
        ByteStream::new(SdkBody::retryable(move || SdkBody::from_body_1_x(content.clone())))
    }

    /// The same in one piece, for a signature over it.
    pub fn to_body_in_one_piece(&self) -> ByteStream {
        self.0.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>().into()
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self(VecDeque::from([bytes]))
    }
}

impl Body for Content {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_checksums_of_the_whole() {
        let mut content = Content::from(Bytes::from_static(b"56"));
        content.push(Bytes::from_static(b"789"));
        content.push_front(Bytes::from_static(b"1234"));
        assert_eq!(content.length(), 9);
        // The check value of CRC-32C (RFC 3720 names the polynomial).
        assert_eq!(content.crc32c(), 0xE306_9283);
        assert_eq!(content.sha256(), <[u8; 32]>::from(Sha256::digest(b"123456789")));
    }
}
