//! A real HTTP server on loopback that keeps what is posted to it.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
struct State {
    got: Vec<Got>,
    answers: BTreeMap<String, u16>,
}

pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who breaks off gets no answer.
                let _ = answer(&stream, &shared);
            }
        });
        Receiver { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The status of answers to this path from now on.
    pub fn answers(&self, path: &str, status: u16) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), status);
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<Got> {
        std::mem::take(&mut self.state.lock().unwrap().got)
    }
}

fn answer(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
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
