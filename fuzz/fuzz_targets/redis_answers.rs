//! What something that is taken for a Redis answers, on a socket. By the first byte of the input it is asked what it is and has, or
//! for its data as by a replica; the rest are its answers, between bytes of 0xFE, one for each command.
#![no_main]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use seawall::config::{KeepConfig, Limits, RedisAddress, RedisConfig, RedisTls};
use seawall::redis_backup::{ServerConnection, Snapshot};
use tempfile::TempDir;

const SEPARATOR: u8 = 0xFE;
/// Who has not said anything for so long waits for an answer that does not come.
const PATIENCE: Duration = Duration::from_millis(2);
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(1),
    request: Duration::from_millis(50),
    total: Duration::from_secs(1),
    attempts: 1,
};

struct Place {
    /// Removed with the process.
    _folder: TempDir,
    socket: PathBuf,
    answers: Sender<Vec<Vec<u8>>>,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let (answers, receiver) = channel();
    std::thread::spawn(move || serve(&listener, &receiver));
    Place { _folder: folder, socket, answers }
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let place = &*PLACE;
    let answers = rest.split(|byte| *byte == SEPARATOR).map(<[u8]>::to_vec).collect();
    place.answers.send(answers).expect("somebody listens");
    let config = config(place.socket.clone());
    if first % 2 == 0 {
        let Ok(mut server) = ServerConnection::connect(&config, &LIMITS) else { return };
        let _ = server.persistence();
        let _ = server.keys();
        let _ = server.facts();
    } else if let Ok(snapshot) = Snapshot::begin(&config, &LIMITS, &mut |_| {}) {
        let mut bytes = 0;
        let mut sink = |piece: &[u8]| {
            bytes += piece.len() as u64;
            Ok(())
        };
        if let Ok(received) = snapshot.read(&mut sink, &mut |_| {}) {
            assert_eq!((received.bytes, received.rdb.bytes), (bytes, bytes));
        }
    }
});

fn config(socket: PathBuf) -> RedisConfig {
    RedisConfig {
        configured: true,
        named: true,
        name: "main".to_owned(),
        address: RedisAddress::Unix(socket),
        user: None,
        password_file: None,
        tls: RedisTls::default(),
        save_timeout: Duration::from_millis(200),
        compression_level: 1,
        keep: KeepConfig {
            within: Duration::ZERO,
            last: 1,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            unfinished: Duration::ZERO,
        },
    }
}

fn serve(listener: &UnixListener, answers: &Receiver<Vec<Vec<u8>>>) {
    while let (Ok(answers), Ok((client, _))) = (answers.recv(), listener.accept()) {
        let _ = answer(client, &answers);
    }
}

/// One answer for each command, and the next one where none comes.
fn answer(mut client: UnixStream, answers: &[Vec<u8>]) -> std::io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut command = [0; 4096];
    for answer in answers {
        if client.read(&mut command).is_ok_and(|read| read == 0) {
            break;
        }
        client.write_all(answer)?;
    }
    Ok(())
}
