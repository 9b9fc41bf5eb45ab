"""Databases to take base backups of, made once by a real server and kept in the cache folder."""

import json
import os
import shutil
from dataclasses import dataclass

from make_corpus import ADD_DOCUMENTS, CREATE_DOCUMENTS
from postgres import Server, give_to_server, server_user

COMPLETE = "complete.json"
DATABASE = "bench"

# 1.7 GB, with pgbench_accounts as a relation of more than 1 GiB.
PGBENCH_SCALE = 115
DOCUMENTS = 3_000_000
DOCUMENTS_A_BATCH = 100_000
TABLES = 20_000
TABLES_A_BATCH = 1_000

ADD_TABLES = """
DO $$ BEGIN
FOR n IN {first}..{last} LOOP
    EXECUTE 'CREATE TABLE t' || n || ' AS SELECT ' || n || ' AS i';
END LOOP;
END $$
"""

# Nothing of the making is archived, and little WAL is left behind.
MAKING = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "max_locks_per_transaction": "256",
}


@dataclass
class Database:
    """A data directory of a server that was stopped."""

    name: str
    data: str
    facts: dict


class DatabaseCache:
    """Finds the databases in `folder`, and makes those that aren't there."""

    def __init__(self, processes, postgres_bin, folder, work_folder, tell):
        self.processes = processes
        self.postgres_bin = postgres_bin
        self.folder = folder
        self.work_folder = work_folder
        self.tell = tell
        self.used = {}

    def pgbench(self):
        return self._database("pgbench", pgbench)

    def two_to_one(self):
        return self._database("two-to-one", two_to_one)

    def tables(self):
        return self._database("tables", tables)

    def _database(self, name, make):
        folder = os.path.join(self.folder, f"base-{name}")
        complete = os.path.join(folder, COMPLETE)
        if not os.path.exists(complete):
            self._build(name, folder, make)
        with open(complete, encoding="utf-8") as file:
            facts = json.load(file)
        self.used[name] = Database(name, os.path.join(folder, "data"), facts)
        return self.used[name]

    def _build(self, name, folder, make):
        self.tell(f"making the database {name}, once, in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        work = os.path.join(self.work_folder, f"make-base-{name}")
        server = Server(self.processes, self.postgres_bin, work)
        try:
            server.make(MAKING)
            server.start()
            server.sql(f"CREATE DATABASE {DATABASE}")
            make(server)
            server.program("vacuumdb", *server.host(), "-q", "-a", "--freeze", limit=1800)
            server.sql("CHECKPOINT")
            server.stop()
            self._keep(server, folder)
        finally:
            server.stop(fast=False)
            shutil.rmtree(work, ignore_errors=True)

    def _keep(self, server, folder):
        """Copy what was made into the cache; the file of facts last, as it means "whole"."""
        os.makedirs(folder)
        data = os.path.join(folder, "data")
        self.processes.output(["cp", "-r", "--no-preserve=all", server.data, data])
        script = 'tar -c --exclude="./pg_wal/*" -C "$1" . | {0} | wc -c'
        count = lambda through: int(
            self.processes.output(["sh", "-c", script.format(through), "sh", data], limit=1800)
        )
        plain, packed = count("cat"), count("zstd -1 -q -c")
        facts = {"bytes": plain, "zstd -1": round(plain / packed, 2)}
        with open(os.path.join(folder, COMPLETE), "w", encoding="utf-8") as file:
            json.dump(facts, file)
        self.tell(f"made {plain / 1e9:.2f} GB; zstd -1 makes it {plain / packed:.2f} times smaller")


def pgbench(server):
    options = ["-i", "-q", "-n", "-s", str(PGBENCH_SCALE), DATABASE]
    server.program("pgbench", *server.host(), *options, limit=1800)


def two_to_one(server):
    server.sql(CREATE_DOCUMENTS, database=DATABASE)
    for first in range(1, DOCUMENTS, DOCUMENTS_A_BATCH):
        last = first + DOCUMENTS_A_BATCH - 1
        server.sql(ADD_DOCUMENTS.format(first=first, last=last), database=DATABASE)


def tables(server):
    for first in range(1, TABLES, TABLES_A_BATCH):
        last = first + TABLES_A_BATCH - 1
        server.sql(ADD_TABLES.format(first=first, last=last), database=DATABASE)


class LiveServer:
    """A server on a copy of a database. What it archives with is exchanged between the contenders.

    Nothing is written to the database, so all back up the same, and a backup has to wait for no
    more WAL than its own.
    """

    def __init__(self, processes, postgres_bin, folder, database):
        self.processes = processes
        self.server = Server(processes, postgres_bin, os.path.join(folder, f"live-{database.name}"))
        self.script = os.path.join(self.server.folder, "archive.sh")
        os.makedirs(self.server.folder)
        copy = ["cp", "-r", "--no-preserve=all", database.data, self.server.data]
        processes.output(copy)
        os.chmod(self.server.data, 0o700)
        self.archive_with("exit 0")
        settings = {
            "archive_mode": "on",
            # pgBackRest takes no backup where its name isn't in it.
            "archive_command": f"sh {self.script} %p %f # or pgbackrest",
            "autovacuum": "off",
            "checkpoint_timeout": "1h",
        }
        self.server.configure(settings)
        give_to_server(processes, self.server.folder)
        self.server.start()
        oid = f"SELECT oid FROM pg_database WHERE datname = '{DATABASE}'"
        self.files = os.path.join("base", self.server.sql(oid))

    @property
    def data(self):
        return self.server.data

    def connection(self):
        return f"host={self.server.folder} user=postgres dbname=postgres"

    def archive_with(self, script):
        """Archive with these lines of shell from now on; `$1` is the path, `$2` the name."""
        new = f"{self.script}.new"
        with open(new, "w", encoding="utf-8") as file:
            file.write(script + "\n")
        os.chmod(new, 0o755)
        os.replace(new, self.script)

    def prepare(self, script):
        """Nothing is left to write or to archive; then archive with `script`."""
        self.archive_with("exit 0")
        self.server.sql("CHECKPOINT")
        self.switch_wal()
        self.archive_with(script)

    def switch_wal(self):
        """Nothing that was written is left to archive."""
        self.server.sql("SELECT pg_switch_wal()")
        status = os.path.join(self.data, "pg_wal", "archive_status")
        self.processes.wait_until(
            lambda: not any(name.endswith(".ready") for name in os.listdir(status)),
            "the server archived nothing",
        )

    def stop(self):
        self.server.stop(fast=False)


def as_server_user(argv):
    """`argv`, run by the account of the server, which archives into the same repository."""
    user = server_user()
    change = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return [*change, *argv] if user else argv
