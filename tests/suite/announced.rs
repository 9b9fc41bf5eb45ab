//! Lengths that a repository or a server only claims: neither disk nor memory is taken because of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use crate::by_hand::ByHand;
use crate::listing::laid::{Laid, described, object};
use crate::scene::{Kind as StoreKind, SHORT, SHORT_LIMITS, Scene, Store, error};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3::Kind;

const MIB: usize = 1 << 20;

/// A label as Seawall writes it, of content that nobody has hashed.
fn label(name: &str, size: u64) -> Vec<u8> {
    let digest = "0".repeat(64);
    let json =
        format!("{{\"seawall\":1,\"name\":\"{name}\",\"size\":{size},\"blake3\":\"{digest}\"}}");
    let length = u32::try_from(json.len()).expect("short").to_le_bytes();
    [&0x184D_2A50_u32.to_le_bytes()[..], &length, json.as_bytes()].concat()
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 1).expect("it can be compressed")
}

/// `wal-fetch`, which may write no file of more than four mebibytes. (PostgreSQL ignores SIGXFSZ, so the limit is an
/// error like that of a full disk.)
fn fetch_into_little_room(host: &ByHand) -> Run {
    let run = Run::new(&host.place, "bash").server_user().cwd(host.directory.path());
    let script = "trap '' XFSZ; ulimit -f 4096; exec \"$@\"";
    let run = run.args(["-c", script, "bash"]);
    let run = run.arg(host.place.program(env!("CARGO_BIN_EXE_wal-fetch")));
    let run = run.args([host.name(0), "pg_wal/RECOVERYXLOG", "--wal-prefetch=0"]);
    run.env("SEAWALL_REPOSITORY", &host.repository)
}

/// Some kilobytes that unpack to gibibytes would fill `pg_wal`, and the server be down.
#[test]
fn a_segment_is_as_long_as_its_first_page_says() {
    let host = ByHand::new();
    host.archives(0);
    let key = host.stored().into_keys().find(|key| key.ends_with(".zst")).expect("a segment");
    let path = host.repository.join(key);
    let (name, zeros) = (host.name(0), compressed(&vec![0; MIB]));
    let first = compressed(host.bytes(0));
    for (size, words) in [
        (3_000_000_000, "expected at most 1073741824 bytes, found 3000000000"),
        (1 << 30, "expected a segment of 1048576 bytes as its header says, found 1073741824 bytes"),
    ] {
        let stored = [label(name, size), first.clone(), zeros.repeat(2000)].concat();
        assert!(stored.len() < 2 * MIB, "{}", stored.len());
        fs::write(&path, stored).expect("our own file");
        let outcome = fetch_into_little_room(&host).run();
        outcome.expect(205).says(words);
        assert!(!host.directory.wal("RECOVERYXLOG").exists());
    }
}

/// One after the other: what all of them ask of memory is bounded.
#[test]
fn large_descriptions_are_read_one_by_one() {
    let laid = Laid::with_folder();
    for number in 1..=6 {
        let description = described(&format!("2026112{number}T203000Z-000{number}"), 1, 2);
        laid.backup("disk", &description);
        let mut json = description.to_json().expect("it can be written");
        json.resize(30 * MIB, b' ');
        laid.put("disk", &object(&description, "backup.json"), &json);
    }
    let (outcome, peak) = laid.list().start().finish_with_peak();
    outcome.expect(0);
    assert_eq!(outcome.stdout.matches("nightly").count(), 6, "{outcome}");
    assert!(peak < 110 << 20, "{peak}");
    let description = described("20261127T203000Z-0007", 1, 2);
    laid.put("disk", &object(&description, "backup.json"), &vec![b' '; 65 * MIB]);
    let outcome = laid.list().run();
    outcome.expect(5);
    outcome.says("expected at most 67108864 bytes, found more");
}

/// A store whose listing goes on and on in one page, and that has no object.
fn endless() -> SocketAddr {
    const ABSENT: &str = "<Error><Code>NoSuchKey</Code></Error>";
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let serve = |mut stream: std::net::TcpStream| -> std::io::Result<()> {
        stream.set_write_timeout(Some(Duration::from_secs(60)))?;
        let mut request = [0; 1 << 16];
        let count = stream.read(&mut request)?;
        if !String::from_utf8_lossy(&request[..count]).contains("list-type=2") {
            let length = ABSENT.len();
            let head = format!(
                "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            return stream.write_all(format!("{head}{ABSENT}").as_bytes());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>")?;
        let many = "<Contents><Key>x</Key><Size>1</Size></Contents>".repeat(1000);
        loop {
            stream.write_all(many.as_bytes())?;
        }
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

#[test]
fn a_page_of_a_listing_has_an_end() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let table = store.table_at("s3", &format!("http://{}", endless()));
    let scene = Scene::in_place(&place).with(&table);
    let (outcome, peak) = scene.fetch(0).args(SHORT_LIMITS).start().finish_with_peak();
    outcome.expect(208);
    assert!(error(&outcome).contains("the answer is longer than 4 MiB"), "{outcome}");
    assert!(outcome.took < SHORT && peak < 200 << 20, "{peak}: {outcome}");
}
