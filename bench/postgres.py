"""A throwaway PostgreSQL server: made, started, asked and ended inside one folder.

PostgreSQL refuses to run as root, so then every one of its programs runs as `postgres`.
"""

import os
import signal
import time

from processes import CommandFailed, stop

READY = "database system is ready to accept connections"

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
logging_collector = off
log_destination = stderr
fsync = {fsync}
shared_buffers = 256MB
max_wal_size = 1GB
wal_level = replica
"""


def server_user():
    """The account for PostgreSQL's programs, or None for our own."""
    return "postgres" if os.geteuid() == 0 else None


def give_to_server(processes, folder):
    """Make `folder` the server's own, as PostgreSQL demands of its data directory."""
    if server_user():
        processes.output(["chown", "-R", f"{server_user()}:", folder])


class Server:
    """One data directory and the server on it."""

    def __init__(self, processes, bin_folder, folder):
        self.processes = processes
        self.bin_folder = bin_folder
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.log_name = f"postgres-{os.path.basename(folder)}.log"
        self.log_path = os.path.join(os.path.dirname(processes.log_path), self.log_name)
        self.running = None

    def program(self, name, *arguments, limit=600):
        argv = [os.path.join(self.bin_folder, name), *arguments]
        return self.processes.output(argv, user=server_user(), cwd=self.folder, limit=limit)

    def make(self, settings, *options):
        """`initdb` with `settings` (a dict) on top of ours; durability is not needed here."""
        os.makedirs(self.folder, exist_ok=True)
        give_to_server(self.processes, self.folder)
        locale = ["--encoding=UTF8", "--locale=C", "--auth=trust", "--username=postgres"]
        self.program("initdb", "-D", self.data, "--no-sync", *locale, *options)
        self.configure({"fsync": "off", **settings})

    def configure(self, settings):
        text = SETTINGS.format(socket=self.folder, fsync="on")
        text += "".join(f"{key} = '{value}'\n" for key, value in settings.items())
        path = os.path.join(self.data, "postgresql.auto.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, limit=120, environment=None):
        """Start and wait until it takes connections; returns the seconds that took."""
        offset = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        began = time.perf_counter()
        self.running = self.processes.server(
            [os.path.join(self.bin_folder, "postgres"), "-D", self.data],
            self.log_name,
            extra=environment,
            user=server_user(),
            cwd=self.folder,
        )
        while not self.log_says(READY, offset):
            if self.running.poll() is not None or time.perf_counter() - began > limit:
                raise CommandFailed(f"PostgreSQL did not start:\n{self.log_text()[-3000:]}")
            time.sleep(0.01)
        return time.perf_counter() - began

    def log_says(self, words, offset):
        with open(self.log_path, "rb") as file:
            file.seek(offset)
            return words.encode() in file.read()

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def sql(self, statement, limit=600, database="postgres"):
        """Rows of `statement`, unaligned text."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        what = ["-d", database, "-c", statement]
        return self.program("psql", *self.host(), *options, *what, limit=limit).strip()

    def host(self):
        return ["-h", self.folder, "-U", "postgres"]

    def stop(self, fast=True):
        """`fast` writes everything out; else the server is thrown away as it is."""
        if self.running:
            stop(self.running, signal.SIGINT if fast else signal.SIGQUIT, 120)
            self.running = None
