//! What a server refuses, and what it needs.

use std::path::PathBuf;
use std::time::Duration;

use seawall::error::Class;
use seawall::redis_backup::ServerConnection;

use super::{LOGIN_HINT, answering, at, said};
use crate::by_hand::ByHand;
use crate::redis_server::{connect, snapshot};
use crate::support::place::{Place, free_port};
use crate::support::redis::{LIMITS, Program, RedisServer};
use crate::support::wait::poll;

#[test]
fn an_acl_user_needs_no_more_than_the_hint_says() {
    for program in Program::all() {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[]);
        server.fill();
        let config_get = if program.is_multi_part() { "+config|get" } else { "+config" };
        let rules = ["+ping", "+info", "+replconf", "+psync", config_get];
        server.run(&[&["ACL", "SETUSER", "backup", "on", ">se cret"][..], &rules].concat());
        server.run(&["ACL", "SETUSER", "default", "off"]);
        let mut config = server.config();
        config.user = Some("backup".to_owned());
        config.password_file = Some(place.file("password", "se cret\n"));
        let (_, received) = snapshot(&config).unwrap();
        assert_eq!(received.rdb.keys.unwrap().len(), 3);
        let mut server = ServerConnection::connect(&config, &LIMITS).unwrap();
        assert!(server.facts().unwrap().persistence.is_some());
    }
}

#[test]
fn a_managed_server_that_forbids_config_is_asked_no_further() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.run(&["ACL", "SETUSER", "default", "-config"]);
    let facts = connect(&server).facts().unwrap();
    assert_eq!(facts.persistence, None);
    snapshot(&server.config()).unwrap();
}

#[test]
fn a_wrong_password_and_a_missing_right_are_told_apart() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("requirepass", "secret")]);
    let mut config = server.config();
    let (class, text) = said(&config);
    let address = config.address.to_string();
    assert_eq!(class, Class::Refused);
    assert_eq!(
        text,
        format!(
            "could not use {address}: the server says: NOAUTH Authentication required. {LOGIN_HINT}"
        )
    );
    config.password_file = Some(place.file("wrong", "wrong\n"));
    let (class, text) = said(&config);
    assert_eq!(class, Class::Refused);
    assert_eq!(
        text,
        format!(
            "could not log in to {address}: the server says: WRONGPASS invalid username-password pair \
             or user is disabled. {LOGIN_HINT}"
        )
    );
    config.password_file = Some(place.file("right", "secret\n"));
    snapshot(&config).unwrap();
    let mut redis = server.config();
    let client = redis::Client::open(format!("unix://{}?pass=secret", server.socket().display()));
    let mut connection = client.unwrap().get_connection().unwrap();
    let rules = ["ACL", "SETUSER", "reader", "on", ">secret", "+@all", "-psync"];
    crate::support::redis::query::<redis::Value>(&mut connection, &rules);
    redis.user = Some("reader".to_owned());
    redis.password_file = config.password_file;
    let error = snapshot(&redis).unwrap_err();
    assert_eq!(error.class(), Class::Refused);
    // Up to Redis 7.0 the server says "this user".
    assert_eq!(
        error.to_string().replace("NOPERM this user", "NOPERM User reader"),
        format!(
            "could not get the data of {address}: the server says: NOPERM User reader has no permissions \
             to run the 'psync' command. HINT: A backup needs: ACL SETUSER NAME +ping +info +replconf +psync; of the server's \
             files (--source), instead of the last two, +config|get +bgsave."
        )
    );
}

#[test]
fn a_password_where_none_is_wanted_is_said_and_not_shown() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    let mut config = server.config();
    config.password_file = Some(place.file("password", "secret"));
    let (class, text) = said(&config);
    assert_eq!(class, Class::Refused);
    assert!(
        text.contains("called without any password configured") && !text.contains("secret"),
        "{text}"
    );
    // What a server repeats of an unknown command.
    let repeating =
        answering(b"-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n");
    config.address = at(repeating.port()).address;
    let (_, text) = said(&config);
    assert!(text.contains("unknown command 'AUTH'") && !text.contains("secret"), "{text}");
}

#[test]
fn a_node_of_a_cluster_is_refused() {
    let place = Place::new();
    let server = RedisServer::start_in_a_cluster(&place);
    let error = ServerConnection::connect(&server.config(), &LIMITS).err().unwrap();
    assert_eq!(error.class(), Class::Configuration);
    assert_eq!(
        error.to_string(),
        format!(
            "could not back up {}: expected a server by itself, found a node of a cluster. HINT: A node has \
             only its own slots, and no moment is common to all nodes; clusters are not supported.",
            server.config().address
        )
    );
}

#[test]
fn a_server_that_is_full_says_so() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("maxclients", "1")]);
    let client = redis::Client::open(format!("unix://{}", server.socket().display()));
    let client = client.expect("a URL");
    // The connection that saw the server start may still be there.
    let only = poll(Duration::from_secs(5), || client.get_connection().ok());
    assert!(only.is_some());
    let (class, text) = said(&server.config());
    assert_eq!(class, Class::Unreachable);
    assert_eq!(
        text,
        format!(
            "could not use {}: the server says: ERR max number of clients reached. HINT: Raise maxclients, \
             or find out who holds so many connections.",
            server.config().address
        )
    );
}

#[test]
fn a_server_that_still_loads_says_so() {
    let place = Place::new();
    let settings = [("key-load-delay", "3000"), ("loading-process-events-interval-bytes", "1024")];
    let mut server = RedisServer::start(Program::usual(), &place, &settings);
    server.run(&["DEBUG", "POPULATE", "2000"]);
    server.save();
    server.kill();
    server.restart();
    let (class, text) = said(&server.config());
    assert_eq!(class, Class::Unreachable);
    assert_eq!(
        text,
        format!(
            "could not use {}: the server says: LOADING Redis is loading the dataset in memory. HINT: The \
             server is still reading its data; try again later.",
            server.config().address
        )
    );
}

#[test]
fn a_replica_without_its_master_has_nothing_to_give() {
    let place = Place::new();
    let nowhere = free_port().to_string();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.run(&["REPLICAOF", "127.0.0.1", &nowhere]);
    assert_eq!(connect(&server).facts().unwrap().role, "slave");
    let error = snapshot(&server.config()).unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(
        error.to_string(),
        format!(
            "could not get the data of {}: the server says: NOMASTERLINK Can't SYNC while not connected \
             with my master. HINT: This is a replica that lost its master: mend that, or set redis.url \
             to the master.",
            server.config().address
        )
    );
}

#[test]
fn a_password_file_that_is_not_there_is_named() {
    let mut config = at(1);
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    config.address = server.config().address;
    config.password_file = Some(PathBuf::from("/nowhere/password"));
    let (class, text) = said(&config);
    assert_eq!(class, Class::Configuration);
    assert_eq!(
        text,
        "could not read password file \"/nowhere/password\": No such file or directory (os error 2)"
    );
}

#[test]
fn no_output_holds_the_password() {
    let host = ByHand::new();
    let shown = host.config_show().env("REDISCLI_AUTH", "VerySecret").run();
    shown.expect(0);
    let line = shown.stdout.lines().find(|line| line.starts_with("REDISCLI_AUTH"));
    assert!(line.is_some_and(|line| line.contains("(set, not shown)")), "{shown}");
    let address = "redis://me:VerySecret@127.0.0.1";
    let in_url = host.config_show().env("SEAWALL_REDIS_URL", address).run();
    let pushed =
        host.push().env("SEAWALL_REDIS_URL", address).args([&host.has(0), host.name(0)]).run();
    pushed
        .expect(3)
        .says("expected redis.url without a user or password, found one with (not shown)");
    for outcome in [&shown, &in_url, &pushed] {
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!all.contains("VerySecret"), "{outcome}");
    }
}
