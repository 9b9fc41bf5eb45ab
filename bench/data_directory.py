"""A minimal data directory, and what PostgreSQL's archiver and startup process do in it."""

import os
import shutil
from contextlib import contextmanager

SYSTEM_FILES = ["PG_VERSION", "global/pg_control"]


class DataDirectory:
    """`global/pg_control`, `PG_VERSION` and `pg_wal`, with segments of a corpus."""

    def __init__(self, folder, corpus, segments):
        self.folder = folder
        self.corpus = corpus
        self.segments = segments
        self.wal = os.path.join(folder, "pg_wal")
        self.status = os.path.join(self.wal, "archive_status")
        os.makedirs(os.path.join(folder, "global"))
        os.makedirs(self.status)
        for name in SYSTEM_FILES:
            shutil.copyfile(os.path.join(corpus.base, name), os.path.join(folder, name))
        for segment in segments:
            link_or_copy(corpus.path(segment), os.path.join(self.wal, segment))
        os.chmod(folder, 0o700)

    def reset(self, ready=()):
        """Forget what was archived and every program's state; `ready` waits to be archived."""
        shutil.rmtree(os.path.join(self.wal, "seawall"), ignore_errors=True)
        for name in os.listdir(self.status):
            os.unlink(os.path.join(self.status, name))
        for segment in ready:
            self.make_ready(segment)

    def make_ready(self, segment):
        with open(self.status_file(segment, "ready"), "wb"):
            pass

    def status_file(self, segment, state):
        return os.path.join(self.status, f"{segment}.{state}")

    def archive(self, processes, archiver, segment):
        """One turn of the archiver: the command through `sh`, then `.ready` becomes `.done`."""
        os.stat(os.path.join(self.wal, segment))
        processes.shell(archiver.command(f"pg_wal/{segment}", segment), archiver.environment)
        durable_rename(self.status_file(segment, "ready"), self.status_file(segment, "done"))

    def warm(self, segments):
        for segment in segments:
            warm(os.path.join(self.wal, segment))


class RecoveringDirectory(DataDirectory):
    """A data directory in archive recovery: no segments yet, and `recovery.signal`."""

    def __init__(self, folder, corpus):
        super().__init__(folder, corpus, [])
        with open(os.path.join(folder, "recovery.signal"), "wb"):
            pass

    def empty(self):
        """Remove every segment and state, so that recovery begins anew."""
        shutil.rmtree(self.wal)
        os.makedirs(self.status)

    def restore(self, processes, restorer, segment, durable):
        """One turn of the startup process: the command through `sh`, then the final name.

        PostgreSQL makes the rename durable, which writes the segment out; without
        `durable` only the commands themselves are left.
        """
        target = "pg_wal/RECOVERYXLOG"
        remove_if_there(os.path.join(self.wal, "RECOVERYXLOG"))
        processes.shell(restorer.command(target, segment), restorer.environment)
        if os.stat(os.path.join(self.wal, "RECOVERYXLOG")).st_size == 0:
            raise AssertionError(f"{segment} was restored empty")
        rename = durable_rename if durable else os.rename
        rename(os.path.join(self.wal, "RECOVERYXLOG"), os.path.join(self.wal, segment))


@contextmanager
def inside(folder):
    """Work in `folder`, as PostgreSQL's processes do in the data directory."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def durable_rename(old, new):
    """What PostgreSQL's `durable_rename` does: fsync the file, rename, fsync file and folder."""
    fsync_path(old)
    os.rename(old, new)
    fsync_path(new)
    fsync_path(os.path.dirname(new))


def fsync_path(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_if_there(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def link_or_copy(source, target):
    """A hard link where the file system allows it: the page cache is then shared."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def warm(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
