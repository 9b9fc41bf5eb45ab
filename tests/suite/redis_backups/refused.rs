//! What `redis-backup` says of a server that it can't back up, word by word, and the exit status.

use super::{LIMIT, folder, objects, redis_backup};
use crate::redis_server::access::{LOGIN_HINT, NOT_REDIS_HINT, answering};
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::{Outcome, Run};

/// Of whatever listens on this port.
fn create(place: &Place, port: u16) -> Outcome {
    let run = Run::new(place, env!("CARGO_BIN_EXE_redis-backup")).server_user().arg("create");
    let run = run.arg("--repository").arg(folder(place, "archive")).limit(LIMIT);
    run.args(["--redis-url", &format!("redis://127.0.0.1:{port}")]).run()
}

#[test]
fn a_password_that_is_wrong_or_missing() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("requirepass", "right")]);
    let archive = [folder(&place, "archive")];
    let address = format!("redis://127.0.0.1:{}", server.port());
    let wrong = redis_backup(&server, &archive, "create").env("REDISCLI_AUTH", "mistaken").run();
    let text = format!(
        "could not back up Redis: could not log in to {address}: the server says: WRONGPASS invalid username-password \
         pair or user is disabled. {LOGIN_HINT}"
    );
    assert_eq!(error(wrong.expect(9)), text);
    wrong.does_not_say("mistaken");
    let missing = redis_backup(&server, &archive, "create").run();
    let text = format!(
        "could not back up Redis: could not use {address}: the server says: NOAUTH Authentication required. \
         {LOGIN_HINT}"
    );
    assert_eq!(error(missing.expect(9)), text);
    assert_eq!(objects(&archive[0]).len(), 0);
}

#[test]
fn a_server_that_is_not_redis() {
    let place = Place::new();
    let http = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let outcome = create(&place, http.port());
    let text = format!(
        "could not back up Redis: expected an answer of Redis from redis://{http}, found \"HTTP/1.1 400 Bad \
         Request\". {NOT_REDIS_HINT}"
    );
    assert_eq!(error(outcome.expect(8)), text);
    let mut server = postgres::Server::builder(&place).over_tcp().init();
    server.start();
    let port = server.connection().into_iter().find(|(key, _)| key == "PGPORT").expect("a port").1;
    let outcome = create(&place, port.parse().expect("a number"));
    let text = format!(
        "could not back up Redis: expected an answer of Redis from redis://127.0.0.1:{port}, found a closed \
         connection. {NOT_REDIS_HINT}"
    );
    assert_eq!(error(outcome.expect(8)), text);
}

#[test]
fn a_node_of_a_cluster() {
    let place = Place::new();
    let server = RedisServer::start_in_a_cluster(&place);
    let outcome = create(&place, server.port());
    let text = format!(
        "could not back up Redis: could not back up redis://127.0.0.1:{}: expected a server by itself, found a node of \
         a cluster. HINT: A node has only its own slots, and no moment is common to all nodes; clusters are not \
         supported.",
        server.port()
    );
    assert_eq!(error(outcome.expect(3)), text);
}
