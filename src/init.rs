//! A first configuration: written from a few answers, checked before it is, with a key pair beside it.

mod answers;
mod key_pair;
mod next_steps;
mod server;
mod text;

pub use answers::{Answers, Encryption, Place};
pub use key_pair::KeyPair;
pub use next_steps::next_steps;
pub use server::{Found, connection_to, find_server, owner_of, usual_owner};
pub use text::text;
