//! What went through.

use std::sync::Mutex;

use super::rule::Fault;
use crate::support::http::{Head, find};

/// One request.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    /// Path and query, as they were sent.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body that were read from the client.
    pub body_bytes: u64,
    /// What the server answered, or the proxy in its place; the client may have seen nothing of it.
    pub status: Option<u16>,
    pub fault: Option<Fault>,
}

impl Recorded {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// The requests of a proxy, oldest first.
#[derive(Default)]
pub(super) struct Records(Mutex<Vec<Recorded>>);

impl Records {
    /// Notes a request and gives its number.
    pub fn add(&self, head: &Head, fault: Option<Fault>) -> usize {
        let mut records = self.0.lock().expect("no panic under the lock");
        records.push(Recorded {
            method: head.word(0).to_owned(),
            path: head.word(1).to_owned(),
            headers: head.headers.clone(),
            body_bytes: 0,
            status: None,
            fault,
        });
        records.len() - 1
    }

    pub fn add_bytes(&self, number: usize, count: usize) {
        self.0.lock().expect("no panic under the lock")[number].body_bytes += count as u64;
    }

    pub fn set_status(&self, number: usize, status: u16) {
        self.0.lock().expect("no panic under the lock")[number].status = Some(status);
    }

    pub fn all(&self) -> Vec<Recorded> {
        self.0.lock().expect("no panic under the lock").clone()
    }
}
