//! A server that answers too much, or too slowly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use seawall::config::Limits;
use seawall::error::Class;
use seawall::redis_backup::{ServerConnection, Snapshot};

use super::at;
use crate::support::redis::LIMITS;

/// Answers as a Redis until `last` is asked for; then these bytes, and `more` again and again with a pause.
fn misbehaving(
    last: &'static str,
    begin: impl Into<Vec<u8>>,
    more: &'static [u8],
    pause: Duration,
) -> u16 {
    let begin: Arc<[u8]> = begin.into().into();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let serve = move |mut socket: TcpStream, begin: Arc<[u8]>| -> std::io::Result<()> {
        let mut request = [0; 4096];
        loop {
            let count = socket.read(&mut request)?;
            if count == 0 {
                return Ok(());
            }
            if !String::from_utf8_lossy(&request[..count]).contains(last) {
                socket.write_all(b"+OK\r\n")?;
                continue;
            }
            socket.write_all(&begin)?;
            loop {
                socket.write_all(more)?;
                thread::sleep(pause);
            }
        }
    };
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let begin = Arc::clone(&begin);
            thread::spawn(move || serve(socket, begin));
        }
    });
    port
}

fn limits() -> Limits {
    Limits { request: Duration::from_secs(1), total: Duration::from_secs(2), ..LIMITS }
}

const HINT: &str =
    "HINT: Is it Redis or Valkey that listens there? limits.total_timeout is the wait.";

#[test]
fn an_answer_has_a_length() {
    for begin in ["$2147483000\r\n", "*2147483000\r\n", "+"] {
        let port = misbehaving("INFO", begin, &[b'x'; 4096], Duration::ZERO);
        let error = ServerConnection::connect(&at(port), &limits()).err().expect("no answer");
        assert_eq!(error.class(), Class::Unreachable, "{begin}: {error}");
        let text = format!(
            "could not use redis://127.0.0.1:{port}: its answer has more than 1 MiB. {HINT}"
        );
        // What is no list at all is found out sooner.
        assert!(begin == "*2147483000\r\n" || error.to_string() == text, "{begin}: {error}");
    }
}

#[test]
fn a_byte_now_and_then_is_no_answer() {
    for (last, begin) in [("INFO", "$1000000\r\n"), ("PING", "+")] {
        let port = misbehaving(last, begin, b"x", Duration::from_millis(100));
        let begun = Instant::now();
        let error = ServerConnection::connect(&at(port), &limits()).err().expect("no answer");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let text = format!(
            "could not use redis://127.0.0.1:{port}: its answer did not end within 2s. {HINT}"
        );
        assert_eq!(error.to_string(), text, "{last}");
    }
}

#[test]
fn data_that_trickle_are_given_up() {
    let mark = "0123456789abcdef0123456789abcdef01234567";
    // Of a text of a million bytes under the key `k`.
    let rdb = b"REDIS0011\xfe\x00\x00\x01k\x80\x00\x0f\x42\x40";
    for framing in ["$1000100".to_owned(), format!("$EOF:{mark}")] {
        let begin = format!("+FULLRESYNC {mark} 0\r\n{framing}\r\n").into_bytes();
        let begin = [begin, rdb.to_vec()].concat();
        let port = misbehaving("PSYNC", begin, b"x", Duration::from_millis(100));
        let begun = Instant::now();
        let snapshot = Snapshot::begin(&at(port), &limits(), &mut |_| {}).expect("it begins");
        let error = snapshot.read(&mut |_| Ok(()), &mut |_| {}).expect_err("it never ends");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!(error.class(), Class::Unreachable, "{error}");
        assert!(error.to_string().contains(": less than 16 KiB came in 1s, "), "{error}");
    }
}
