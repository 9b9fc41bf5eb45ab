"""What the groups of figures share: the run they belong to, and how one is carried out."""

import os
from dataclasses import dataclass
from typing import Callable

from data_directory import DataDirectory, RecoveringDirectory
from databases import LiveServer, as_server_user
from measure import interleave, rows
from media_files import MediaFiles
from pgbackrest import PgBackRest

MANY = 100


@dataclass
class Bench:
    """One benchmark run."""

    folder: str
    bin_folder: str
    postgres_bin: str
    processes: object
    servers: object
    factory: object
    corpora: object
    databases: object
    random_source: object
    rounds: int
    rivals_only: bool
    tell: Callable

    def __post_init__(self):
        self.directories = {}
        self.live_servers = {}
        self.media = None

    def data_directory(self, corpus, segments=None):
        """The data directory for pushes, with segments of `corpus`, by default 100 full ones."""
        segments = segments or corpus.full[:MANY]
        key = (corpus.name, len(segments))
        if key not in self.directories:
            folder = os.path.join(self.folder, f"data-{corpus.name}-{len(segments)}")
            self.directories[key] = DataDirectory(folder, corpus, segments)
        return self.directories[key]

    def recovering_directory(self, corpus):
        """The data directory for fetches."""
        key = (corpus.name, "recovering")
        if key not in self.directories:
            folder = os.path.join(self.folder, f"recovering-{corpus.name}")
            self.directories[key] = RecoveringDirectory(folder, corpus)
        return self.directories[key]

    def live(self, database):
        """A running server on a copy of `database`."""
        if database.name not in self.live_servers:
            live = LiveServer(self.processes, self.postgres_bin, self.folder, database)
            self.live_servers[database.name] = live
        return self.live_servers[database.name]

    def media_files(self):
        """Files to take snapshots of, made when they are first needed."""
        self.media = self.media or MediaFiles(self.folder)
        return self.media

    def run_as_server(self, command, environment=None, limit=600):
        """Run a line of shell by the account of the servers."""
        self.processes.run(as_server_user(["/bin/sh", "-c", command]), environment, limit)

    def pgbackrest(self, data):
        return PgBackRest(self.processes, self.factory, data.folder)

    def pgbackrest_online(self, live):
        return PgBackRest(self.processes, self.factory, live.data, live.server.folder)

    def close(self):
        """End every process that the run started."""
        self.processes.end_background()
        for live in self.live_servers.values():
            live.stop()
        self.servers.close()
        self.processes.end_servers()


@dataclass
class Group:
    """Contenders measured side by side, and the figures that come of it.

    `contenders(bench)` returns them; whatever else it makes is removed with the run.
    """

    name: str
    title: str
    contenders: Callable
    figures: list
    rounds: int

    def measure(self, bench):
        """Rows of the result and the seconds behind them."""
        contenders = self.contenders(bench)
        if bench.rivals_only:
            contenders = [contender for contender in contenders if not contender.ours]
        if not contenders:
            return [], {}
        count = bench.rounds or self.rounds
        seconds = interleave(contenders, count, bench.random_source, bench.tell)
        return rows(self.name, self.figures, seconds), seconds
