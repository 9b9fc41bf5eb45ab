//! What answers at an address.

use std::net::TcpListener;
use std::time::Duration;

use seawall::config::{Limits, RedisAddress};
use seawall::error::Class;
use seawall::redis_backup::{Product, ServerConnection};

use super::{NOT_REDIS_HINT, answering, at, said};
use crate::redis_server::{connect, snapshot};
use crate::support::place::{Place, free_port};
use crate::support::postgres;
use crate::support::redis::{LIMITS, Program, RedisServer};

#[test]
fn a_server_says_what_it_is() {
    for program in Program::all() {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[("appendonly", "yes")]);
        server.fill();
        let facts = connect(&server).facts().unwrap();
        assert_eq!(facts.product == Product::Valkey, program.valkey);
        let version = format!("{}.{}.", program.version.0, program.version.1);
        assert!(facts.version.starts_with(&version), "{facts:?}");
        assert_eq!((facts.role.as_str(), facts.run_id.len()), ("master", 40));
        assert!(facts.used_memory > 100_000, "{facts:?}");
        let databases: Vec<u32> = facts.keys.iter().map(|keys| keys.database).collect();
        assert_eq!(databases, [0, 3, 15]);
        let persistence = facts.persistence.unwrap();
        assert_eq!(persistence.dir, server.folder.canonicalize().unwrap());
        assert_eq!((persistence.dbfilename.as_str(), persistence.appendonly), ("dump.rdb", true));
        assert_eq!(persistence.appendfilename, "appendonly.aof");
        let folder = program.is_multi_part().then(|| "appendonlydir".to_owned());
        assert_eq!(persistence.appenddirname, folder);
    }
}

#[test]
fn a_unix_socket_is_as_good() {
    let place = Place::with_odd_name();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let mut config = server.config();
    config.address = RedisAddress::Unix(server.socket());
    snapshot(&config).unwrap();
    let missing = place.join("none.sock");
    config.address = RedisAddress::Unix(missing.clone());
    let (class, text) = said(&config);
    assert_eq!(class, Class::Unreachable);
    let start = format!("could not connect to unix://{}: No such file", missing.display());
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn nobody_there_and_somebody_else_there() {
    let port = free_port();
    let (class, text) = said(&at(port));
    assert_eq!(class, Class::Unreachable);
    assert_eq!(
        text,
        format!(
            "could not connect to redis://127.0.0.1:{port}: Connection refused (os error 111). HINT: Is \
             the server running, and is redis.url right? redis://HOST:PORT, rediss:// for TLS, unix:///PATH."
        )
    );
    let http = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let (class, text) = said(&at(http.port()));
    assert_eq!(class, Class::Unreachable);
    assert_eq!(
        text,
        format!(
            "expected an answer of Redis from redis://{http}, found \"HTTP/1.1 400 Bad Request\". {NOT_REDIS_HINT}"
        )
    );
    for garbage in [&b"\xff\xfe\0\0"[..], &[b'x'; 10_000]] {
        let (_, text) = said(&at(answering(garbage).port()));
        assert!(text.ends_with(NOT_REDIS_HINT), "{text}");
    }
}

#[test]
fn postgresql_is_not_redis() {
    let place = Place::new();
    let mut server = postgres::Server::builder(&place).over_tcp().init();
    server.start();
    let port = server.connection().into_iter().find(|(key, _)| key == "PGPORT").expect("a port").1;
    let port: u16 = port.parse().expect("a number");
    let (class, text) = said(&at(port));
    drop(server);
    assert_eq!(class, Class::Unreachable);
    assert_eq!(
        text,
        format!(
            "expected an answer of Redis from redis://127.0.0.1:{port}, found a closed connection. {NOT_REDIS_HINT}"
        )
    );
}

#[test]
fn a_silent_server_is_waited_for_no_longer_than_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let limits = Limits { request: Duration::from_millis(300), ..LIMITS };
    let error = ServerConnection::connect(&at(port), &limits).err().unwrap();
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(
        error.to_string(),
        format!(
            "redis://127.0.0.1:{port} said nothing for 300ms. HINT: Is the server overloaded or stopped? \
             limits.request_timeout is the wait."
        )
    );
}
