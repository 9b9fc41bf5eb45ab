//! From a file to the bytes of a stored object and back: a label, zstd frames, age encryption.
//! `docs/repository-format.md` describes the bytes. All of it works on streams or on bounded memory.
//!
//! `encode` (one file) and `frame_stream` (a stream of objects) make what is stored, `decode` with `frames` reads it;
//! `label` says what an object is, `encryption` who may read it.

mod decode;
mod encode;
mod encryption;
mod frame_stream;
mod frames;
mod label;

pub use decode::{Decoded, decode, decode_unlabelled, decrypted, decrypted_stream, read_failed};
pub use encode::{Encoded, Encoder, Encoding};
pub use encryption::{Identities, Recipients, encrypt};
pub use frame_stream::{FrameStream, StreamOutput};
pub use label::{Digest, LABEL_BYTES_MAX, Label, label_of_stored};

/// The version of the zstd that is linked in.
pub fn zstd_version() -> &'static str {
    zstd::zstd_safe::version_string()
}
