//! What something that is taken for an S3 store answers: a listing ends, hands out keys below what was asked for, each behind the
//! last one; an object is read to its end or is an error. The first byte of the input says what the store is asked, the rest are its
//! answers, between bytes of 0xFE; the first byte of each is its status, the rest its body.
#![no_main]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use seawall::config::{
    Addressing, Checksum, ConditionalPut, Limits, Location, RepositoryConfig, S3Config, Sse,
};
use seawall::storage::{self, Storage};

const SEPARATOR: u8 = 0xFE;
const STATUSES: [&str; 8] = [
    "200 OK",
    "404 Not Found",
    "403 Forbidden",
    "206 Partial Content",
    "301 Moved Permanently",
    "400 Bad Request",
    "503 Slow Down",
    "416 Range Not Satisfiable",
];
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(1),
    request: Duration::from_millis(500),
    total: Duration::from_secs(2),
    attempts: 1,
};
/// The end of what a store lists, for whoever still asks.
const LAST: &[u8] = b"\0<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

struct Store {
    storage: Mutex<Box<dyn Storage>>,
    answers: Sender<Vec<Vec<u8>>>,
}

static STORE: LazyLock<Store> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its port");
    let (answers, receiver) = channel();
    std::thread::spawn(move || serve(&listener, &receiver));
    Store { storage: Mutex::new(open(address)), answers }
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let answers = rest.split(|byte| *byte == SEPARATOR).map(<[u8]>::to_vec).collect();
    STORE.answers.send(answers).expect("somebody listens");
    let storage = STORE.storage.lock().expect("one at a time");
    match first % 5 {
        0 => {
            let (mut last, after) = (String::new(), "a/b");
            let _ = storage.list("a/", after, &mut |listed| {
                assert!(listed.key > after, "{:?}", listed.key);
                assert!(listed.key > last.as_str(), "{:?} behind {last:?}", listed.key);
                assert!(listed.key.starts_with("a/"), "{:?}", listed.key);
                last = listed.key.to_owned();
                ControlFlow::Continue(())
            });
        }
        1 => {
            if let Ok(Some(object)) = storage.open("a/b", Some(1 << 20)) {
                let mut content = Vec::new();
                let _ = object.take(1 << 21).read_to_end(&mut content);
            }
        }
        2 => {
            let _ = storage.pending_uploads("a/", &mut |_| ControlFlow::Continue(()));
        }
        3 => {
            let _ = storage.protection();
        }
        _ => {
            let _ = storage.delete("a/b");
        }
    }
});

fn open(address: SocketAddr) -> Box<dyn Storage> {
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = folder.path().join("credentials");
    let keys = "[default]\naws_access_key_id = key\naws_secret_access_key = secret\n";
    std::fs::write(&credentials, keys).expect("a file");
    let s3 = S3Config {
        bucket: "bucket".to_owned(),
        prefix: "prefix".to_owned(),
        endpoint: Some(format!("http://{address}")),
        region: Some("here".to_owned()),
        addressing: Addressing::Path,
        ca_file: None,
        checksum: Checksum::Auto,
        conditional_put: ConditionalPut::Trust,
        storage_class: None,
        sse: Sse::None,
        profile: None,
        credentials_file: Some(credentials),
    };
    let config = RepositoryConfig {
        name: "s3".to_owned(),
        url: "s3://bucket/prefix".to_owned(),
        location: Location::S3(Box::new(s3)),
        encrypt: None,
        required: false,
    };
    let storage = storage::open(&config, LIMITS, None).expect("a client");
    // It reads the keys at its first request.
    let _ = storage.delete("first");
    drop(folder);
    storage
}

fn serve(listener: &TcpListener, answers: &Receiver<Vec<Vec<u8>>>) {
    let mut waiting = Vec::new();
    while let Ok((client, _)) = listener.accept() {
        let _ = answer(client, answers, &mut waiting);
    }
}

/// Each connection has one request. Whatever was not asked for before the next input comes is passed over.
fn answer(
    client: TcpStream,
    answers: &Receiver<Vec<Vec<u8>>>,
    waiting: &mut Vec<Vec<u8>>,
) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    while let Ok(new) = answers.try_recv() {
        *waiting = new;
        waiting.reverse();
    }
    let answer = waiting.pop().unwrap_or_else(|| LAST.to_vec());
    let (status, body) = answer.split_first().unwrap_or((&0, &[]));
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let mut client = reader.into_inner();
    client.write_all(head.as_bytes())?;
    client.write_all(body)
}
