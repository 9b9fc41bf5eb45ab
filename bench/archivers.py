"""The ways to archive and to restore that are compared; each starts with a fresh repository.

Where the store is the S3 server of the run, its objects are files that can be looked at.
"""

import os
import re
import shutil
from dataclasses import dataclass, field
from typing import Callable

from presign import presigned_put
from servers import ACCESS_KEY, BUCKET, REGION, SECRET_KEY

SEGMENT = re.compile(r"^[0-9A-F]{24}")


@dataclass
class Archiver:
    label: str
    command: Callable
    repositories: list
    environment: dict = field(default_factory=dict)
    state: str = ""

    def stored(self):
        """Segments in the repository that holds the fewest."""
        return min(len(stored_segments(folder)) for folder in self.repositories)

    def remove(self):
        for folder in filter(None, [*self.repositories, self.state]):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Restorer:
    label: str
    command: Callable
    environment: dict = field(default_factory=dict)


def stored_segments(folder):
    """Path of each stored segment under `folder`, by segment name."""
    found = {}
    for parent, _, files in os.walk(folder):
        for name in files:
            if SEGMENT.match(name):
                found[name[:24]] = os.path.join(parent, name)
    return found


class Factory:
    """Makes archivers with repositories that nobody used before."""

    def __init__(self, folder, servers):
        self.folder = folder
        self.servers = servers
        self.count = 0

    def new_folder(self):
        """A new empty folder for a repository on disk."""
        path = os.path.join(self.folder, "repositories", self._new_name())
        os.makedirs(path, mode=0o755)
        return path

    def new_prefix(self):
        """A prefix that no object has, and the folder where the S3 server keeps its objects."""
        prefix = self._new_name()
        return prefix, os.path.join(self.servers.objects, BUCKET, prefix)

    def _new_name(self):
        self.count += 1
        return f"r{self.count}"

    def cp(self):
        """`cp`, then fsync of the file and of its folder."""
        folder = self.new_folder()
        command = lambda path, name: f"cp {path} {folder}/{name} && sync {folder}/{name} {folder}"
        return Archiver("cp + fsync", command, [folder])

    def zstd(self):
        """`zstd -1`, then the same fsync: what compressing costs where nothing else is done."""
        folder = self.new_folder()

        def command(path, name):
            stored = f"{folder}/{name}.zst"
            return f"zstd -1 -q {path} -o {stored} && sync {stored} {folder}"

        return Archiver("zstd -1 + fsync", command, [folder])

    def zstd_curl(self, s3):
        """`zstd -1 | curl -T` to a presigned URL: nothing signed, hashed or waited for."""
        prefix, folder = self.new_prefix()

        def command(path, name):
            url = presigned_put(s3.endpoint, f"/{BUCKET}/{prefix}/{name}.zst")
            return f"zstd -1 -q -c {path} | curl -sS -f -H Expect: -T - '{url}'"

        return Archiver("zstd -1 | curl -T", command, [folder])

    def wal_push(self, label, disk=False, s3=None, needed=None, away=False):
        """Our own, to a folder, an S3 prefix, or both. `away`: nothing is expected in S3."""
        urls, folders = [], []
        if disk:
            folders.append(self.new_folder())
            urls.append(folders[-1])
        if s3:
            prefix, folder = self.new_prefix()
            folders += [] if away else [folder]
            urls.append(f"s3://{BUCKET}/{prefix}")
        environment = seawall_environment(urls, s3)
        if needed:
            environment["SEAWALL_NEEDED"] = str(needed)
        return Archiver(label, lambda path, name: f"wal-push {path} {name}", folders, environment)


def wal_fetch(label, archiver, s3=None):
    """Our own, from what `archiver` (a wal-push) stored; `s3` is another way to the same store."""
    environment = dict(archiver.environment)
    if s3:
        environment.update(store_environment(s3))
    return Restorer(label, lambda path, name: f"wal-fetch {name} {path}", environment)


def cp_back(folder):
    return Restorer("cp", lambda path, name: f"cp {folder}/{name} {path}")


def seawall_environment(urls, s3):
    environment = {"SEAWALL_REPOSITORY": " ".join(urls)}
    return {**environment, **(store_environment(s3) if s3 else {})}


def store_environment(s3):
    trust = {"AWS_CA_BUNDLE": s3.ca_file} if s3.ca_file else {}
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": s3.endpoint,
        **trust,
    }
