//! Who may ask, and what answers: every mistake is named, and no secret shown.

mod addresses;
mod hostile;
mod refusals;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use seawall::config::{RedisAddress, RedisConfig};
use seawall::error::Class;
use seawall::redis_backup::{ServerConnection, Snapshot};

use crate::support::place::Place;
use crate::support::redis::{LIMITS, Program, RedisServer};

pub const LOGIN_HINT: &str = "HINT: Set redis.user, and redis.password_file or REDISCLI_AUTH.";
pub const NOT_REDIS_HINT: &str =
    "HINT: Is it Redis or Valkey that listens there? Does it want TLS (rediss://)?";

/// The class and the words of what both kinds of connection say.
#[track_caller]
fn said(config: &RedisConfig) -> (Class, String) {
    let ordinary = ServerConnection::connect(config, &LIMITS).err().expect("it does not connect");
    let data = Snapshot::begin(config, &LIMITS, &mut |_| {}).err().expect("it sends nothing");
    assert_eq!(ordinary, data);
    (ordinary.class(), ordinary.to_string())
}

fn at(port: u16) -> RedisConfig {
    let place = Place::new();
    let mut config = RedisServer::start(Program::usual(), &place, &[]).config();
    let host = "127.0.0.1".to_owned();
    config.address = RedisAddress::Tcp { host, port, tls: false };
    config
}

/// Answers whatever comes with these bytes, and closes.
pub fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(bytes);
        }
    });
    address
}
