//! A backup that fails after its data were stored leaves nothing, or says what it leaves.

use super::redis_backup;
use crate::scene::warnings;
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::redis::{Program, RedisServer};
use crate::support::s3::{Kind, S3Server};

#[test]
fn a_backup_that_fails_takes_back_its_data_or_says_that_it_may_not() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let bucket = [format!("s3://{}/some", s3.bucket())];
    let proxy = Proxy::start(s3.address());
    let create = || {
        let run = redis_backup(&server, &bucket, "create").envs(proxy.environment(&s3));
        run.arg("--limits-attempts=3").run()
    };
    let left =
        || -> Vec<String> { s3.keys().into_iter().filter(|key| key.contains("/redis/")).collect() };
    // It can't look whether all is there, and its description is not sent.
    let no_look = || proxy.add(Rule::new(Fault::Answer(403)).path("list-type=2"));
    no_look();
    let outcome = create();
    outcome.expect(9).says("403");
    assert!(proxy.count("PUT", "dump.rdb.zst") > 0, "{outcome}");
    assert_eq!(left(), [""; 0], "{outcome}");
    no_look();
    proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    let outcome = create();
    outcome.expect(9);
    let left = left();
    assert_eq!(left.len(), 1, "{left:?}");
    let folder = left[0].trim_start_matches("some/").trim_end_matches("dump.rdb.zst");
    let text = format!(
        "left over of this backup in repository s3, below {folder}: 1 object, until a prune deletes what is older than \
         keep_unfinished: DELETE "
    );
    assert!(warnings(&outcome).iter().any(|it| it.contains(&text)), "{text} {outcome}");
    proxy.clear();
    create().expect(0);
}
