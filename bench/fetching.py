"""Figures of wal-fetch: 100 segments one after the other, as recovery asks for them."""

import filecmp
import os

from archivers import cp_back, wal_fetch
from data_directory import inside, warm
from groups import MANY, Group
from measure import Contender, Figure
from pushing import PushMany

CP = "cp"
REST_ASYNC = "pgBackRest async"


class Fetch(Contender):
    """Restores the segments one by one; `restorer()` gives one that has nothing prefetched."""

    def __init__(self, bench, label, corpus, archive, restorer, durable, ours=False):
        self.bench = bench
        self.label = label
        self.corpus = corpus
        self.archive = archive
        self.make_restorer = restorer
        self.durable = durable
        self.ours = ours
        self.data = bench.recovering_directory(corpus)
        self.segments = corpus.full[:MANY]

    def prepare(self, turn):
        self.data.empty()
        self.restorer = self.make_restorer()
        for parent, _, names in os.walk(self.archive):
            for name in names:
                warm(os.path.join(parent, name))

    def action(self):
        with inside(self.data.folder):
            for segment in self.segments:
                self.data.restore(self.bench.processes, self.restorer, segment, self.durable)

    def check(self):
        self.bench.processes.settle()
        for segment in self.segments:
            restored = os.path.join(self.data.wal, segment)
            if not filecmp.cmp(restored, self.corpus.path(segment), shallow=False):
                raise AssertionError(f"{self.label}: {segment} came back changed")
        self.data.empty()


def fill(bench, corpus, archiver):
    """Archive the first 100 segments of `corpus`, untimed."""
    data = bench.data_directory(corpus)
    push = PushMany(bench, data, archiver.label, lambda: archiver)
    push.prepare(0)
    push.action()
    bench.processes.settle()
    return archiver


def ours(bench, corpus, durable, disk=False, s3=None):
    """wal-fetch from a repository that wal-push filled."""
    if bench.rivals_only:
        return []
    archiver = fill(bench, corpus, bench.factory.wal_push("wal-push", disk=disk, s3=s3))
    restorer = lambda: wal_fetch("wal-fetch", archiver)
    archive = archiver.repositories[0]
    return [Fetch(bench, "wal-fetch", corpus, archive, restorer, durable, ours=True)]


def against_cp(bench, durable):
    corpus = bench.corpora.pgbench()
    folder = os.path.join(corpus.folder, "wal")
    data = bench.data_directory(corpus)
    rival = Fetch(bench, CP, corpus, data.wal, lambda: cp_back(folder), durable)
    return [rival, *ours(bench, corpus, durable, disk=True)]


def from_s3_tls(bench):
    corpus = bench.corpora.pgbench()
    s3 = bench.servers.tls()
    maker = bench.pgbackrest(bench.data_directory(corpus))
    archiver = fill(bench, corpus, maker.archiver(REST_ASYNC, s3=s3, asynchronous=True))
    target = bench.recovering_directory(corpus).folder
    restorer = lambda: maker.restorer(REST_ASYNC, archiver, target)
    rival = Fetch(bench, REST_ASYNC, corpus, archiver.repositories[0], restorer, durable=False)
    return [rival, *ours(bench, corpus, durable=False, s3=s3)]


GROUPS = [
    Group(
        "fetch-local",
        "100 segments fetched in sequence from a local repository, the commands alone",
        lambda bench: against_cp(bench, durable=False),
        [Figure("100 segments fetched, local, against cp", 1.0, "wal-fetch", [CP])],
        5,
    ),
    Group(
        "fetch-local-durable",
        "the same with the fsync that PostgreSQL makes after each segment",
        lambda bench: against_cp(bench, durable=True),
        [Figure("100 segments fetched, local, each made durable", 1.0, "wal-fetch", [CP])],
        5,
    ),
    Group(
        "fetch-s3-tls",
        "100 segments fetched in sequence from S3 over TLS, the commands alone",
        from_s3_tls,
        [
            Figure(
                "100 segments fetched from S3 against pgBackRest async",
                0.8,
                "wal-fetch",
                [REST_ASYNC],
            )
        ],
        5,
    ),
]
