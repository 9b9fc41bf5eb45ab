//! A real HTTP server on loopback that keeps what is posted to it.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use super::loopback::Loopback;
use crate::support::http::Head;

/// One request.
pub struct Got {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    /// Empty where there is none; `name` in lower case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }
}

#[derive(Default)]
struct Received {
    got: Vec<Got>,
    answers: BTreeMap<String, u16>,
}

pub struct Receiver(Loopback<Received>);

impl Receiver {
    pub fn start() -> Receiver {
        Receiver(Loopback::start(answer))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// The status of answers to this path from now on.
    pub fn answers(&self, path: &str, status: u16) {
        self.0.state().answers.insert(path.to_owned(), status);
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<Got> {
        std::mem::take(&mut self.0.state().got)
    }
}

fn answer(stream: &TcpStream, state: &Mutex<Received>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(head) = Head::read(&mut reader)? else { return Ok(()) };
    let length = head.header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (method, path) = (head.word(0).to_owned(), head.word(1).to_owned());
    let body = String::from_utf8(body).expect("text");
    let mut state = state.lock().unwrap();
    let status = state.answers.get(&path).copied().unwrap_or(200);
    state.got.push(Got { method, path, headers: head.headers.clone(), body });
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}
