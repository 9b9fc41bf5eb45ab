"""The ways to take a base backup and to restore it; each starts with a fresh repository."""

import os
import shlex
import shutil
from dataclasses import dataclass, field
from typing import Callable

import tools
from archivers import seawall_environment
from pgbackrest import pgbackrest
from postgres import give_to_server
from servers import ACCESS_KEY, BUCKET, REGION, SECRET_KEY

PG_BASEBACKUP = "pg_basebackup {host} -Ft --checkpoint=fast"
# To a disk, as people have it: complete in itself, durable at the end.
TO_DISK = f"{PG_BASEBACKUP} --compress=client-zstd:level=1,workers=2 -D"
# The WAL of the backup comes in the same stream: nothing waits for the archiver.
TO_PIPE = f"{PG_BASEBACKUP} -X fetch -D -"
ARCHIVE_BY_COPY = 'cp "$1" {folder}/"$2" && sync {folder}/"$2" {folder}'


@dataclass
class Backup:
    """One backup to be taken: commands, and what the server archives with meanwhile."""

    label: str
    archive: str
    command: str
    whole: str
    folders: list
    environment: dict = field(default_factory=dict)
    restore: Callable = None

    def remove(self):
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


class Backups:
    """Backups of one live server, in repositories that nobody used before."""

    def __init__(self, bench, live):
        self.bench = bench
        self.live = live

    def seawall(self, label, disk=False, s3=None):
        """Our own, to a folder, an S3 prefix, or both."""
        urls, folders = [], []
        if disk:
            folders.append(self._folder())
            urls.append(folders[-1])
        if s3:
            prefix, folder = self.bench.factory.new_prefix()
            folders.append(folder)
            urls.append(f"s3://{BUCKET}/{prefix}")
        environment = seawall_environment(urls, s3)
        exports = "".join(f"export {k}={shlex.quote(v)}\n" for k, v in environment.items())
        environment["SEAWALL_POSTGRES_CONNECTION"] = self.live.connection()
        return Backup(
            label,
            archive=f'{exports}exec wal-push "$1" "$2"',
            command="exec basebackup create",
            whole="basebackup verify --quick",
            folders=folders,
            environment=environment,
            restore=lambda target, delta: f"exec basebackup restore --yes {delta} {target}",
        )

    def pg_basebackup(self, label):
        folder, archive = self._folder(), self._folder()
        programs = self.bench.postgres_bin
        target = os.path.join(folder, "backup")
        tar = os.path.join(target, "base.tar.zst")
        command = TO_DISK.format(host=self._host())
        # One sync of the file system, as we do it: less than one of every file.
        unpack = "zstd -q -dc {tar} | tar -x -C {target} && sync -f {target}"
        return Backup(
            label,
            archive=ARCHIVE_BY_COPY.format(folder=archive),
            command=f"exec {programs}/{command} {target}",
            whole=f"zstd -q -t {tar}",
            folders=[folder, archive],
            restore=lambda target, delta: unpack.format(tar=tar, target=target),
        )

    def rclone(self, label, s3):
        prefix, folder = self.bench.factory.new_prefix()
        archive = self._folder()
        programs, rclone = self.bench.postgres_bin, tools.rclone()
        command = TO_PIPE.format(host=self._host())
        send = f"{rclone} --config= --s3-no-check-bucket rcat bench:{BUCKET}/{prefix}/base.tar.zst"
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": s3.endpoint,
            "REGION": REGION,
            "ACCESS_KEY_ID": ACCESS_KEY,
            "SECRET_ACCESS_KEY": SECRET_KEY,
        }
        return Backup(
            label,
            archive=ARCHIVE_BY_COPY.format(folder=archive),
            command=f"{programs}/{command} | zstd -1 -T2 -q -c | {send}",
            whole=f"zstd -q -t {folder}/base.tar.zst",
            folders=[folder, archive],
            environment={f"RCLONE_CONFIG_BENCH_{key}": value for key, value in settings.items()},
        )

    def pgbackrest(self, label, s3=None):
        maker = self.bench.pgbackrest_online(self.live)
        config, folders = maker.online(s3)
        # A bucket's folder is the S3 server's, and isn't there yet.
        for folder in filter(os.path.exists, folders):
            give_to_server(self.bench.processes, folder)
        words = " ".join(pgbackrest(config))
        self.bench.run_as_server(f"exec {words} stanza-create")
        return Backup(
            label,
            archive=f'exec {words} archive-push "$1"',
            command=f"exec {words} --type=full --start-fast backup",
            whole=f"{words} info | grep -q 'full backup'",
            folders=folders,
            restore=lambda target, delta: f"exec {words} --pg1-path={target} {delta} restore",
        )

    def _host(self):
        return " ".join(self.live.server.host())

    def _folder(self):
        folder = self.bench.factory.new_folder()
        give_to_server(self.bench.processes, folder)
        return folder
