"""Figures of base backups: taking one, and laying one down."""

import os
import shutil

from data_directory import warm
from measure import Contender
from postgres import give_to_server

LIMIT_SECONDS = 600


class Create(Contender):
    """Takes a base backup of a live server into a fresh repository."""

    def __init__(self, bench, live, label, make, ours=False):
        self.bench = bench
        self.live = live
        self.label = label
        self.make = make
        self.ours = ours

    def prepare(self, turn):
        self.backup = self.make()
        self.live.prepare(self.backup.archive)
        warm_all(self.live.data)

    def action(self):
        self.bench.run_as_server(self.backup.command, self.backup.environment, LIMIT_SECONDS)

    def check(self):
        self.live.archive_with("exit 0")
        self.bench.run_as_server(self.backup.whole, self.backup.environment, LIMIT_SECONDS)
        self.backup.remove()


class Restore(Contender):
    """Lays a backup down in a new folder, or with `delta` in one that has all of it already."""

    def __init__(self, bench, live, label, backup, delta=False, ours=False):
        self.bench = bench
        self.live = live
        self.label = label
        self.backup = backup
        self.delta = delta
        self.ours = ours
        self.place = bench.factory.new_folder()
        give_to_server(bench.processes, self.place)
        self.target = os.path.join(self.place, "data")

    def prepare(self, turn):
        for folder in self.backup.folders:
            warm_all(folder)
        if not self.delta or turn == 0:
            shutil.rmtree(self.target, ignore_errors=True)
            os.mkdir(self.target, 0o700)
            give_to_server(self.bench.processes, self.place)
        if self.delta and turn == 0:
            self._restore("")

    def action(self):
        self._restore("--delta" if self.delta else "")

    def check(self):
        """Files of the database, which nobody changed, byte for byte."""
        files = self.live.files
        folders = [os.path.join(of, files) for of in (self.live.data, self.target)]
        self.bench.processes.run(["diff", "-rq", *folders], limit=LIMIT_SECONDS)
        if not self.delta:
            shutil.rmtree(self.target)

    def _restore(self, delta):
        command = self.backup.restore(self.target, delta)
        self.bench.run_as_server(command, self.backup.environment, LIMIT_SECONDS)


def taken(bench, live, backup):
    """Take the backup, untimed."""
    live.prepare(backup.archive)
    bench.run_as_server(backup.command, backup.environment, LIMIT_SECONDS)
    live.archive_with("exit 0")
    return backup


def warm_all(folder):
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path):
                warm(path)
