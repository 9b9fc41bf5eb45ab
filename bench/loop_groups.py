"""The groups of figures about wal-push with many segments waiting."""

from groups import Group
from measure import Figure
from pushing import NothingButTrue, PushLookedAhead, PushMany, ours, rest

CP = "cp + fsync"
REST_ASYNC = "pgBackRest async"


def loop_local(bench):
    data = bench.data_directory(bench.corpora.pgbench())
    return [
        ours(bench, data, "wal-push", PushMany, disk=True),
        PushMany(bench, data, CP, bench.factory.cp),
        rest(bench, data, REST_ASYNC, PushMany, asynchronous=True),
    ]


def loop_s3_tls(bench):
    data = bench.data_directory(bench.corpora.pgbench())
    s3 = bench.servers.tls()
    return [
        ours(bench, data, "wal-push", PushMany, s3=s3),
        rest(bench, data, REST_ASYNC, PushMany, s3=s3, asynchronous=True),
    ]


def loop_latency(bench):
    data = bench.data_directory(bench.corpora.pgbench())
    return [
        ours(bench, data, "answer after 50 ms", PushMany, s3=bench.servers.delayed(50)),
        ours(bench, data, "answer at once", PushMany, s3=bench.servers.delayed(0)),
    ]


def looked_ahead(bench):
    data = bench.data_directory(bench.corpora.pgbench())
    return [ours(bench, data, "wal-push", PushLookedAhead, disk=True), NothingButTrue(bench)]


GROUPS = [
    Group(
        "loop-local",
        "100 ready pgbench segments to a local repository",
        loop_local,
        [
            Figure("100 ready segments, local, against cp+fsync", 1.0, "wal-push", [CP]),
            Figure(
                "100 ready segments, local, against pgBackRest async",
                0.5,
                "wal-push",
                [REST_ASYNC],
            ),
        ],
        5,
    ),
    Group(
        "loop-s3-tls",
        "100 ready pgbench segments to S3 over TLS",
        loop_s3_tls,
        [
            Figure(
                "100 ready segments to S3 against pgBackRest async",
                0.45,
                "wal-push",
                [REST_ASYNC],
            )
        ],
        5,
    ),
    Group(
        "loop-latency",
        "100 ready pgbench segments to S3 near and far",
        loop_latency,
        [
            Figure(
                "100 ready segments to S3 after 50 ms against at once",
                1.5,
                "answer after 50 ms",
                ["answer at once"],
            )
        ],
        5,
    ),
    Group(
        "looked-ahead",
        "a call whose segment is pushed already",
        looked_ahead,
        [
            Figure(
                "a call that look-ahead served against sh -c /bin/true",
                4.0,
                "wal-push",
                [NothingButTrue.label],
            )
        ],
        10,
    ),
]
