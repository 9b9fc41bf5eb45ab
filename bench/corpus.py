"""Real WAL to measure with, made once by a real server and kept in the cache folder."""

import json
import os
import shutil
import time
from dataclasses import dataclass

import make_corpus
from postgres import Server
from processes import CommandFailed

COMPLETE = "complete.json"


@dataclass
class Corpus:
    """WAL segments of one cluster, and what a data directory needs to go with them."""

    name: str
    folder: str
    segments: list
    facts: dict

    @property
    def full(self):
        """All but the first: the base backup ended that one before its time."""
        return self.segments[1:]

    def path(self, segment):
        return os.path.join(self.folder, "wal", segment)

    @property
    def base(self):
        return os.path.join(self.folder, "base")


class CorpusCache:
    """Finds the corpora in `folder`, and makes those that aren't there."""

    def __init__(self, processes, postgres_bin, folder, work_folder, tell):
        self.processes = processes
        self.postgres_bin = postgres_bin
        self.folder = folder
        self.work_folder = work_folder
        self.tell = tell
        self.used = {}

    def pgbench(self):
        return self._corpus("pgbench", make_corpus.pgbench)

    def two_to_one(self):
        return self._corpus("two-to-one", make_corpus.two_to_one)

    def _corpus(self, name, make):
        folder = os.path.join(self.folder, name)
        complete = os.path.join(folder, COMPLETE)
        if not os.path.exists(complete):
            self._build(name, folder, make)
        with open(complete, encoding="utf-8") as file:
            facts = json.load(file)
        segments = sorted(os.listdir(os.path.join(folder, "wal")))
        self.used[name] = Corpus(name, folder, segments, facts)
        return self.used[name]

    def _build(self, name, folder, make):
        self.tell(f"making the {name} corpus, once, in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "wal"))
        work = os.path.join(self.work_folder, f"make-{name}")
        source = Source(self.processes, self.postgres_bin, work)
        try:
            wanted = make(source)
            source.server.stop()
            self._keep(source, wanted, folder)
        finally:
            source.server.stop(fast=False)
            shutil.rmtree(work, ignore_errors=True)

    def _keep(self, source, wanted, folder):
        """Copy what was made into the cache; the file of facts last, as it means "whole"."""
        for segment in wanted:
            target = os.path.join(folder, "wal", segment)
            shutil.copyfile(os.path.join(source.archive, segment), target)
        copy = ["cp", "-r", "--no-preserve=all", source.base, os.path.join(folder, "base")]
        self.processes.output(copy)
        full = [os.path.join(folder, "wal", segment) for segment in wanted[1:]]
        ratio = compression_ratio(self.processes, full)
        version = source.server.program("postgres", "--version").strip()
        facts = {"segments": len(wanted), "zstd -1": round(ratio, 2), "server": version}
        with open(os.path.join(folder, COMPLETE), "w", encoding="utf-8") as file:
            json.dump(facts, file)
        self.tell(f"made {len(wanted)} segments; zstd -1 makes them {ratio:.2f} times smaller")


class Source:
    """A server that archives with `cp`, and a base backup of it."""

    def __init__(self, processes, postgres_bin, folder):
        self.processes = processes
        self.server = Server(processes, postgres_bin, folder)
        self.archive = os.path.join(folder, "archive")
        self.base = os.path.join(folder, "base")

    def start(self):
        os.makedirs(self.archive)
        command = f"test ! -f {self.archive}/%f && cp %p {self.archive}/%f"
        self.server.make(
            {
                "archive_mode": "on",
                "archive_command": command,
                "synchronous_commit": "off",
                "autovacuum": "off",
            }
        )
        self.server.start()

    def back_up(self):
        """Take the base backup, without WAL."""
        to = ["-D", self.base, "-X", "none", "-c", "fast", "--no-sync"]
        self.server.program("pg_basebackup", *self.server.host(), *to)

    def first_needed(self):
        """The segment that recovery from the base backup starts with."""
        with open(os.path.join(self.base, "backup_label"), encoding="utf-8") as file:
            return file.readline().rstrip(")\n").rsplit(" ", 1)[1]

    def archived(self):
        """Whole archived segments since the base backup, oldest first."""
        first = self.first_needed()
        names = [n for n in os.listdir(self.archive) if len(n) == 24 and n >= first]
        return sorted(names)[:-1]

    def load_until(self, count, work, limit=3600):
        """Call `work` again and again until `count` segments are archived."""
        deadline = time.monotonic() + limit
        while len(self.archived()) < count:
            if time.monotonic() > deadline:
                raise CommandFailed(f"only {len(self.archived())} of {count} segments archived")
            work()
        return self.archived()[:count]


def compression_ratio(processes, paths):
    """How many times smaller `zstd -1` makes these files, each by itself."""
    plain = sum(os.path.getsize(path) for path in paths)
    script = 'for f; do zstd -1 -q -c "$f" | wc -c; done'
    sizes = processes.output(["sh", "-c", script, "sh", *paths], limit=1800).split()
    return plain / sum(map(int, sizes))
