"""The groups of figures about wal-push with one segment."""

from groups import Group
from measure import Figure
from pushing import PushOne, ours, rest

CP = "cp + fsync"
ZSTD = "zstd -1 + fsync"
CURL = "zstd -1 | curl -T"
REST = "pgBackRest"
ANSWERS = "the bucket answers"
REFUSES = "it refuses connections"
HANGS = "it hangs"


def one_local(bench, corpus, **options):
    data = bench.data_directory(corpus)
    return [
        ours(bench, data, "wal-push", PushOne, disk=True, **options),
        PushOne(bench, data, CP, bench.factory.cp, **options),
        PushOne(bench, data, ZSTD, bench.factory.zstd, **options),
        rest(bench, data, REST, PushOne, **options),
    ]


def one_s3(bench, corpus):
    data = bench.data_directory(corpus)
    s3 = bench.servers.plain()
    return [
        ours(bench, data, "wal-push", PushOne, s3=s3),
        PushOne(bench, data, CURL, lambda: bench.factory.zstd_curl(s3)),
    ]


def one_s3_tls(bench):
    data = bench.data_directory(bench.corpora.pgbench())
    s3 = bench.servers.tls()
    return [
        ours(bench, data, "wal-push", PushOne, s3=s3),
        rest(bench, data, REST, PushOne, s3=s3),
    ]


def both(bench):
    data = bench.data_directory(bench.corpora.pgbench())
    s3 = bench.servers.plain()
    return [
        ours(bench, data, "disk and S3", PushOne, disk=True, s3=s3),
        ours(bench, data, "disk alone", PushOne, disk=True),
        ours(bench, data, "S3 alone", PushOne, s3=s3),
    ]


def away(bench):
    """With `needed = 1`: what a bucket that failed within the last minute costs the next push."""
    data = bench.data_directory(bench.corpora.pgbench())

    def one(label, s3, is_away):
        return ours(bench, data, label, PushOne, disk=True, s3=s3, needed=1, away=is_away)

    return [
        one(ANSWERS, bench.servers.plain(), False),
        one(REFUSES, bench.servers.refusing(), True),
        one(HANGS, bench.servers.hanging(), True),
    ]


GROUPS = [
    Group(
        "one-local",
        "one pgbench segment to a local repository",
        lambda bench: one_local(bench, bench.corpora.pgbench()),
        [
            Figure("one pgbench segment, local, against cp+fsync", 1.0, "wal-push", [CP]),
            Figure("one pgbench segment, local, against pgBackRest zst", 0.5, "wal-push", [REST]),
        ],
        15,
    ),
    Group(
        "one-local-first",
        "the same into an empty repository, so that folders are made too",
        lambda bench: one_local(bench, bench.corpora.pgbench(), first=True),
        [Figure("the first pgbench segment, local, against cp+fsync", None, "wal-push", [CP])],
        15,
    ),
    Group(
        "one-local-2to1",
        "one 2:1 segment to a local repository",
        lambda bench: one_local(bench, bench.corpora.two_to_one()),
        [
            Figure("one 2:1 segment, local, against cp+fsync", 2.2, "wal-push", [CP]),
            Figure("one 2:1 segment, local, against pgBackRest zst", 0.5, "wal-push", [REST]),
        ],
        15,
    ),
    Group(
        "one-s3",
        "one pgbench segment to S3 over HTTP",
        lambda bench: one_s3(bench, bench.corpora.pgbench()),
        [Figure("one pgbench segment to S3 against zstd -1 | curl -T", 0.95, "wal-push", [CURL])],
        15,
    ),
    Group(
        "one-s3-2to1",
        "one 2:1 segment to S3 over HTTP",
        lambda bench: one_s3(bench, bench.corpora.two_to_one()),
        [Figure("one 2:1 segment to S3 against zstd -1 | curl -T", 0.95, "wal-push", [CURL])],
        15,
    ),
    Group(
        "one-s3-tls",
        "one pgbench segment to S3 over TLS",
        one_s3_tls,
        [
            Figure(
                "one pgbench segment to S3 over TLS against pgBackRest zst",
                0.6,
                "wal-push",
                [REST],
            )
        ],
        15,
    ),
    Group(
        "both",
        "one pgbench segment to disk and S3 together",
        both,
        [
            Figure(
                "disk and S3 together against the slower of the two alone",
                1.15,
                "disk and S3",
                ["disk alone", "S3 alone"],
            )
        ],
        15,
    ),
    Group(
        "one-away",
        "one pgbench segment to disk and S3, of which one is needed, while S3 is away",
        away,
        [
            Figure("a push while the bucket refuses", 1.2, REFUSES, [ANSWERS]),
            Figure("a push while the bucket hangs", 1.2, HANGS, [ANSWERS]),
        ],
        10,
    ),
]
