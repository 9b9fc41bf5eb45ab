"""Figures of wal-push: one segment, and many ready ones through the archiver's loop."""

import os
import time

from archivers import stored_segments
from data_directory import inside
from measure import Contender


class Push(Contender):
    """Archives the ready segments of a data directory into a fresh repository."""

    def __init__(self, bench, data, label, make, ours=False):
        self.bench = bench
        self.data = data
        self.label = label
        self.make = make
        self.ours = ours
        self.segments = []
        self.stored_before = 0

    def start(self, ready):
        self.archiver = self.make()
        self.segments = ready
        self.data.reset(ready)
        self.data.warm(ready)

    def action(self):
        with inside(self.data.folder):
            for segment in self.segments:
                self.data.archive(self.bench.processes, self.archiver, segment)

    def check(self):
        self.bench.processes.settle()
        expected = self.stored_before + len(self.segments)
        if self.archiver.stored() != expected:
            found = self.archiver.stored()
            raise AssertionError(f"{self.label}: {found} segments stored, {expected} expected")
        self.compare_last()
        self.archiver.remove()

    def compare_last(self):
        """The last segment must come back as it was."""
        segment = self.segments[-1]
        plain = self.data.corpus.path(segment)
        for folder in self.archiver.repositories:
            stored = stored_segments(folder)[segment]
            read = "zstd -q -dc" if stored.endswith(".zst") else "cat"
            self.bench.processes.shell(f"{read} '{stored}' | cmp - '{plain}'")


class PushOne(Push):
    """One segment; the repository already took the one before, unless `first`."""

    def __init__(self, *arguments, first=False, **options):
        super().__init__(*arguments, **options)
        self.first = first

    def prepare(self, turn):
        one, two = neighbours(self.data.segments, turn)
        self.start([one])
        self.stored_before = 0
        if not self.first:
            self.action()
            self.stored_before = 1
            self.segments = [two]
            self.data.make_ready(two)
            self.data.warm([two])
            self.bench.processes.settle()


class PushMany(Push):
    """Every segment that the data directory holds, one after the other."""

    def prepare(self, turn):
        self.start(self.data.segments)


class PushLookedAhead(Push):
    """Only the calls whose segment an earlier call already pushed, each timed alone."""

    def prepare(self, turn):
        first, *others = self.data.segments[:9]
        self.start([first, *others])
        with inside(self.data.folder):
            self.data.archive(self.bench.processes, self.archiver, first)
        self.bench.processes.settle()
        there = stored_segments(self.archiver.repositories[0])
        self.segments = [segment for segment in others if segment in there]
        for segment in set(others) - set(self.segments):
            os.unlink(self.data.status_file(segment, "ready"))
        if not self.segments:
            raise AssertionError("look-ahead pushed nothing")
        self.stored_before = 1

    def action(self):
        seconds = []
        with inside(self.data.folder):
            for segment in self.segments:
                command = self.archiver.command(f"pg_wal/{segment}", segment)
                began = time.perf_counter()
                self.bench.processes.shell(command, self.archiver.environment)
                seconds.append(time.perf_counter() - began)
                os.rename(
                    self.data.status_file(segment, "ready"), self.data.status_file(segment, "done")
                )
        return seconds


class NothingButTrue(Contender):
    """`/bin/true` through `sh`: what any command costs."""

    label = "sh -c /bin/true"

    def __init__(self, bench):
        self.bench = bench

    def action(self):
        seconds = []
        for _ in range(8):
            began = time.perf_counter()
            self.bench.processes.shell("/bin/true")
            seconds.append(time.perf_counter() - began)
        return seconds


def neighbours(segments, turn):
    """Two segments in a row that share the first 16 digits of their names."""
    pairs = [(a, b) for a, b in zip(segments, segments[1:]) if a[:16] == b[:16]]
    return pairs[turn * 2 % len(pairs)]


def ours(bench, data, label, kind, first=None, **where):
    options = {} if first is None else {"first": first}
    make = lambda: bench.factory.wal_push(label, **where)
    return kind(bench, data, label, make, ours=True, **options)


def rest(bench, data, label, kind, first=None, **where):
    options = {} if first is None else {"first": first}
    maker = bench.pgbackrest(data)
    return kind(bench, data, label, lambda: maker.archiver(label, **where), **options)
