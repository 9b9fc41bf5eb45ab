//! From a file to the bytes of a stored object and back: a label, zstd frames, age encryption.
//! `docs/repository-format.md` describes the bytes. All of it works on streams or on bounded memory.

mod decode;
mod digest;
mod encode;
mod encryption;
mod frame_stream;
mod frames;
mod identities;
mod label;

pub use decode::{Decoded, decode, decode_unlabelled, read_failed};
pub use digest::Digest;
pub use encode::{Encoded, Encoder, Encoding};
pub use encryption::{Recipients, encrypt};
pub use frame_stream::{FrameStream, Output};
pub use identities::Identities;
pub use label::{LABEL_BYTES_MAX, Label, label_of_stored};

/// The version of the zstd that is linked in.
pub fn zstd_version() -> &'static str {
    zstd::zstd_safe::version_string()
}
