"""Figure of a whole recovery: PostgreSQL replays 500 segments, from S3 or from a folder."""

import os
import shutil

from archivers import wal_fetch
from data_directory import inside, link_or_copy
from groups import Group
from measure import Contender, Figure
from postgres import Server, give_to_server
from pushing import PushMany

CP = "cp from disk"
OURS = "wal-fetch from S3, 20 ms a request"
LIMIT_SECONDS = 1200


class Replay(Contender):
    """From the start of the server to the end of recovery, timeline switch included."""

    def __init__(self, bench, label, corpus, command, environment=None, ours=False):
        self.bench = bench
        self.label = label
        self.corpus = corpus
        self.command = command
        self.environment = environment
        self.ours = ours
        self.server = Server(
            bench.processes, bench.postgres_bin, os.path.join(bench.folder, "replay")
        )

    def prepare(self, turn):
        shutil.rmtree(self.server.folder, ignore_errors=True)
        os.makedirs(self.server.folder)
        self.bench.processes.output(["cp", "-r", self.corpus.base, self.server.data])
        os.chmod(self.server.data, 0o700)
        with open(os.path.join(self.server.data, "recovery.signal"), "wb"):
            pass
        self.server.configure({"restore_command": self.command, "archive_mode": "off"})
        give_to_server(self.bench.processes, self.server.folder)
        self.log_offset = log_size(self.server.log_path)

    def action(self):
        try:
            return [self.server.start(LIMIT_SECONDS, self.environment)]
        except BaseException:
            self.server.stop(fast=False)
            raise

    def check(self):
        try:
            self.check_all_replayed()
        finally:
            self.server.stop(fast=False)
            self.bench.processes.settle()
            shutil.rmtree(self.server.folder, ignore_errors=True)

    def check_all_replayed(self):
        with open(self.server.log_path, encoding="utf-8", errors="replace") as file:
            file.seek(self.log_offset)
            log = file.read()
        missing = [s for s in self.corpus.segments if f'restored log file "{s}"' not in log]
        if missing:
            raise AssertionError(f"{self.label}: {len(missing)} not replayed, as {missing[0]}")
        self.server.sql("SELECT count(*) FROM pgbench_history")


def log_size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def contenders(bench):
    corpus = bench.corpora.pgbench()
    archive = os.path.join(bench.folder, "replay-archive")
    os.makedirs(archive)
    for segment in corpus.segments:
        link_or_copy(corpus.path(segment), os.path.join(archive, segment))
    rival = Replay(bench, CP, corpus, f"cp {archive}/%f %p")
    return [rival, *([] if bench.rivals_only else [ours(bench, corpus)])]


def ours(bench, corpus):
    archiver = fill(bench, corpus)
    far = wal_fetch(OURS, archiver, bench.servers.delayed(20))
    return Replay(bench, OURS, corpus, "wal-fetch %f %p", far.environment, ours=True)


def fill(bench, corpus):
    """Archive all 500 segments to the S3 server, without the delay."""
    data = bench.data_directory(corpus, corpus.segments)
    archiver = bench.factory.wal_push(OURS, s3=bench.servers.plain())
    push = PushMany(bench, data, OURS, lambda: archiver)
    push.start(corpus.segments)
    with inside(data.folder):
        push.action()
    bench.processes.settle()
    if archiver.stored() != len(corpus.segments):
        raise AssertionError(f"only {archiver.stored()} of {len(corpus.segments)} segments stored")
    return archiver


GROUPS = [
    Group(
        "replay",
        "PostgreSQL replays 500 pgbench segments",
        contenders,
        [Figure("replay of 500 segments from S3, 20 ms a request, against cp", 1.2, OURS, [CP])],
        3,
    ),
]
