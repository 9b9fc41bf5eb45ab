//! On either side of a commit.

use super::super::sound::{recovered, restore};
use super::Scene;
use crate::support::postgres::{NEWEST, OLDEST};

impl Scene {
    /// Sixty commits about a millisecond apart, the first with row 1, the next with row 2.
    fn commits(&self) -> Vec<Commit> {
        let server = self.backed_up(self.builder().setting("track_commit_timestamp", "on"));
        server.sql(
            "create table places as select 0 i, pg_lsn '0/0' lsn; \
             alter table t add column since timestamptz default clock_timestamp()",
        );
        server.sql(
            "do $$ declare lsns pg_lsn[]; begin
                for n in 1..60 loop
                    insert into t values (n);
                    lsns[n] := pg_current_wal_insert_lsn();
                    commit;
                    perform pg_sleep(0.0009);
                end loop;
                insert into places select n, lsns[n] from generate_series(1, 60) n;
            end $$",
        );
        let rows = server.sql(
            "with it as (select i, xmin, pg_xact_commit_timestamp(xmin) at time zone 'UTC' as at from t), \
             pairs as (select *, lead(at) over (order by i) - at as gap from it) \
             select to_char(at, 'YYYY-MM-DD HH24:MI:SS.US+00'), \
             to_char(at + gap / 2, 'YYYY-MM-DD HH24:MI:SS.US+00'), \
             (extract(epoch from gap) * 1000000)::bigint, pairs.xmin, lsn \
             from pairs join places using (i) where gap is not null order by i",
        );
        self.lose(server);
        rows.lines().map(Commit::parse).collect()
    }
}

/// A commit, by all that it can be told by.
struct Commit {
    time: String,
    /// Between it and the next one, and how many microseconds these are apart.
    between: String,
    apart: i64,
    xid: String,
    /// Where its record begins.
    lsn: String,
}

impl Commit {
    fn parse(row: &str) -> Commit {
        let fields: Vec<String> = row.split('|').map(str::to_owned).collect();
        let [time, between, apart, xid, lsn] = fields.try_into().expect("five columns");
        Commit { time, between, apart: apart.parse().expect("a number"), xid, lsn }
    }
}

#[test]
fn recovery_ends_between_two_commits_a_millisecond_apart_on_15() {
    recovery_ends_between_two_commits(OLDEST);
}

#[test]
fn recovery_ends_between_two_commits_a_millisecond_apart_on_18() {
    recovery_ends_between_two_commits(NEWEST);
}

/// By the time of either and one in between, by transaction and by place in the WAL, included and not.
fn recovery_ends_between_two_commits(version: u32) {
    let scene = Scene::new(version);
    let commits = scene.commits();
    let nearest = |at: &usize| (commits[*at].apart - 1000).abs();
    let at = (1..commits.len() - 1).min_by_key(nearest).expect("some commits");
    let (one, other, rows) = (&commits[at], &commits[at + 1], at + 1);
    assert!((200..5000).contains(&one.apart), "{} us apart", one.apart);
    let targets: [(&[&str], usize); 11] = [
        (&["--target-time", &one.between], rows),
        (&["--target-time", &one.between, "--target-exclusive"], rows),
        (&["--target-time", &one.time], rows),
        (&["--target-time", &one.time, "--target-exclusive"], rows - 1),
        (&["--target-time", &other.time], rows + 1),
        (&["--target-time", &other.time, "--target-exclusive"], rows),
        (&["--target-xid", &one.xid], rows),
        (&["--target-xid", &other.xid, "--target-exclusive"], rows),
        (&["--target-lsn", &one.lsn], rows),
        (&["--target-lsn", &one.lsn, "--target-exclusive"], rows - 1),
        (&["--target-lsn", &other.lsn, "--target-exclusive"], rows),
    ];
    // Each time over what the last server has made of it.
    let data = scene.place.join("data");
    for (words, rows) in targets {
        restore(&scene.seawall, &data, &[words, &["--delta"]].concat()).expect(0);
        let server = recovered(scene.builder().over(data.clone()));
        let found = server.sql("select count(*), max(i) from t");
        assert_eq!(found, format!("{rows}|{rows}"), "{words:?}\n{}", server.log());
    }
}
