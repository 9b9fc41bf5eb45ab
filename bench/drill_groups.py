"""Figures of drills, beside the same restore and replay without one."""

import json
import os
import shutil
from dataclasses import replace

from backups import Backups
from base_contenders import LIMIT_SECONDS, taken, warm_all
from databases import DATABASE, as_server_user
from groups import Group
from measure import Contender, Figure
from postgres import Server, give_to_server

DRILL = "basebackup drill"
FETCH = "its phase fetch"
RESTORE = "basebackup restore"
REPLAY = "basebackup restore, then replay"
ROUNDS = 5
WRITING_SECONDS = 20


class Drill(Contender):
    """A whole drill, or its phase `fetch` as it measures that itself."""

    ours = True

    def __init__(self, bench, label, backup):
        self.bench = bench
        self.label = label
        self.backup = backup
        self.place = bench.factory.new_folder()
        give_to_server(bench.processes, self.place)

    def prepare(self, turn):
        warm_backup(self.backup)

    def action(self):
        environment = {**self.backup.environment, "SEAWALL_DRILL_DIRECTORY": self.place}
        command = as_server_user(["basebackup", "drill", "--json"])
        text = self.bench.processes.output(command, limit=LIMIT_SECONDS, extra=environment)
        self.told = json.loads(text)
        if self.label == FETCH:
            return [self.told["phases"][0]["seconds"]]
        return None

    def check(self):
        """It passed, read what there is, and left nothing."""
        results = {check["name"]: check["result"] for check in self.told["checks"]}
        if not self.told["passed"] or results["tables"] != "passed" or os.listdir(self.place):
            raise AssertionError(f"{self.label}: {results}, left {os.listdir(self.place)}")


class RestoreAndReplay(Contender):
    """A restore, and with `replay` a server on it from its start to the end of recovery."""

    ours = True

    def __init__(self, bench, label, backup, start=False):
        self.bench = bench
        self.label = label
        self.backup = backup
        self.start = start
        folder = os.path.join(bench.factory.new_folder(), "restored")
        self.server = Server(bench.processes, bench.postgres_bin, folder)

    def prepare(self, turn):
        warm_backup(self.backup)
        shutil.rmtree(self.server.folder, ignore_errors=True)
        os.makedirs(self.server.data, 0o700)
        give_to_server(self.bench.processes, self.server.folder)

    def action(self):
        command = f"exec basebackup restore --yes {self.server.data}"
        self.bench.run_as_server(command, self.backup.environment, LIMIT_SECONDS)
        if self.start:
            settings = os.path.join(self.server.data, "postgresql.auto.conf")
            with open(settings, "a", encoding="utf-8") as file:
                file.write(f"unix_socket_directories = '{self.server.folder}'\n")
            self.server.start(LIMIT_SECONDS, self.backup.environment)

    def check(self):
        if self.start:
            self.server.sql("SELECT count(*) FROM pg_class", database=DATABASE)
            self.server.stop(fast=False)
            self.bench.processes.settle()
        shutil.rmtree(self.server.folder)


def warm_backup(backup):
    for folder in backup.folders:
        warm_all(folder)


def contenders(bench, database, writes):
    """Of a database of its own: with `writes` there is WAL behind the backup."""
    live = bench.live(replace(database, name=f"drill-{database.name}"))
    backup = taken(bench, live, Backups(bench, live).seawall(DRILL, disk=True))
    if writes:
        write(live, backup)
    live.stop()
    return [
        Drill(bench, DRILL, backup),
        Drill(bench, FETCH, backup),
        RestoreAndReplay(bench, RESTORE, backup),
        RestoreAndReplay(bench, REPLAY, backup, start=True),
    ]


def write(live, backup):
    """Some seconds of pgbench, archived to its last segment."""
    live.archive_with(backup.archive)
    options = ["-c", "4", "-n", "-T", str(WRITING_SECONDS), DATABASE]
    live.server.program("pgbench", *live.server.host(), *options)
    live.switch_wal()


def figures(of):
    return [
        Figure(f"fetch of a drill{of}, against basebackup restore", 1.0, FETCH, [RESTORE]),
        Figure(f"drill{of}, against restore and replay", 1.3, DRILL, [REPLAY]),
    ]


GROUPS = [
    Group(
        "drill",
        f"drill, pgbench with WAL of {WRITING_SECONDS} seconds",
        lambda bench: contenders(bench, bench.databases.pgbench(), writes=True),
        figures(""),
        ROUNDS,
    ),
    Group(
        "drill-2to1",
        "drill, 2:1, no WAL behind the backup",
        lambda bench: contenders(bench, bench.databases.two_to_one(), writes=False),
        figures(" of 2:1"),
        ROUNDS,
    ),
]
