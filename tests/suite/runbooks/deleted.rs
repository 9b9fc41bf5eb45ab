//! Data that were deleted while the server runs on.

use super::Host;
use crate::support::postgres::NEWEST;

#[test]
fn a_table_is_taken_from_a_copy_of_the_moment_before() {
    let mut host = Host::new(NEWEST);
    host.server.start();
    host.server.sql("create database shop");
    let shop = |host: &Host, query: &str| host.server.sql_in("shop", query);
    shop(&host, "create table orders (id int primary key, what text)");
    shop(&host, "insert into orders select i, 'thing ' || i from generate_series(1, 1000) i");
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    shop(&host, "insert into orders select i, 'thing ' || i from generate_series(1001, 2000) i");
    let moment =
        shop(&host, "select pg_sleep(0.2); select clock_timestamp(); select pg_sleep(0.2)");
    let moment = moment.lines().find(|line| line.contains(':')).expect("a time").to_owned();
    shop(&host, "delete from orders");
    shop(&host, "insert into orders values (2001, 'a new one')");
    let outcome = host
        .page("deleted-data", &[("BEFORE", &moment), ("DATABASE", "shop"), ("TABLE", "orders")]);
    outcome.expect(0);
    assert_eq!(shop(&host, "select count(*), max(id) from orders"), "2000|2000");
    // What the page says of rows that came later.
    let merge =
        crate::documents::fenced(&crate::documents::read("docs/runbooks/deleted-data.md"), "sql");
    shop(&host, &merge.concat());
    assert_eq!(shop(&host, "select count(*), max(id) from orders"), "2001|2001");
    assert!(!host.place.join("scratch").exists());
}
