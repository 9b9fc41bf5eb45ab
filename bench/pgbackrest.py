"""pgBackRest with zstd at level 1 and no log files: the fastest it can be told to be."""

import os
import shutil

import tools
from archivers import Archiver, Restorer
from servers import ACCESS_KEY, BUCKET, REGION, SECRET_KEY

STANZA = "bench"

CONFIG = """
[global]
compress-type=zst
compress-level=1
log-level-console=error
log-level-stderr=error
log-level-file=off
lock-path={state}/lock
log-path={state}/log
spool-path={state}/spool
process-max=2
archive-get-queue-max=1GiB
{archive_async}
{repository}

[{stanza}]
pg1-path={data}
{server}
"""

S3_REPOSITORY = """repo1-type=s3
repo1-path=/{prefix}
repo1-s3-bucket={bucket}
repo1-s3-endpoint=localhost
repo1-s3-region={region}
repo1-s3-key={key}
repo1-s3-key-secret={secret}
repo1-s3-uri-style=path
repo1-storage-port={port}
repo1-storage-ca-file={ca_file}
"""


class PgBackRest:
    """Makes repositories of pgBackRest's each with its stanza, for one data directory.

    With `socket`, the folder of its socket, a server is running there.
    """

    def __init__(self, processes, factory, data, socket=None):
        self.processes = processes
        self.factory = factory
        self.data = data
        self.socket = socket

    def archiver(self, label, s3=None, asynchronous=False):
        """`archive-push` to a fresh repository: a folder, or a prefix of `s3` over TLS."""
        state = self.factory.new_folder()
        repository, folder = self._repository(s3)
        config = self._write_config(state, repository, asynchronous)
        self.processes.run([*pgbackrest(config), "--no-online", "stanza-create"])
        command = lambda path, name: f"{' '.join(pgbackrest(config))} archive-push {path}"
        return Archiver(label, command, [folder], state=state)

    def online(self, s3=None):
        """A configuration for a live server, without a stanza yet, and the folders in use."""
        state = self.factory.new_folder()
        repository, folder = self._repository(s3)
        return self._write_config(state, repository, False), [state, folder]

    def restorer(self, label, archiver, data):
        """`archive-get` into `data` from what `archiver` stored; its spool starts empty."""
        spool = os.path.join(archiver.state, "spool")
        shutil.rmtree(spool, ignore_errors=True)
        os.makedirs(spool)
        prefix = f"{' '.join(pgbackrest(config_of(archiver.state)))} --pg1-path={data}"
        return Restorer(label, lambda path, name: f"{prefix} archive-get {name} {path}")

    def _repository(self, s3):
        if s3 is None:
            folder = self.factory.new_folder()
            return f"repo1-path={folder}", folder
        prefix, folder = self.factory.new_prefix()
        settings = S3_REPOSITORY.format(
            prefix=prefix,
            bucket=BUCKET,
            region=REGION,
            key=ACCESS_KEY,
            secret=SECRET_KEY,
            port=s3.port,
            ca_file=s3.ca_file,
        )
        return settings, folder

    def _write_config(self, state, repository, asynchronous):
        for name in ("lock", "log", "spool"):
            os.makedirs(os.path.join(state, name))
        path = config_of(state)
        text = CONFIG.format(
            state=state,
            archive_async="archive-async=y" if asynchronous else "",
            repository=repository,
            stanza=STANZA,
            data=self.data,
            server=f"pg1-socket-path={self.socket}\npg1-user=postgres" if self.socket else "",
        )
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def config_of(state):
    return os.path.join(state, "pgbackrest.conf")


def pgbackrest(config):
    return [tools.pgbackrest(), f"--config={config}", f"--stanza={STANZA}"]
