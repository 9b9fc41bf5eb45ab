"""The groups of figures about media files."""

import shutil

from footprint import Footprint, memory_row, peak_of_one
from groups import Group
from measure import Figure
from media_files import LIMIT_SECONDS, Rclone, Rsync, Seawall

OURS = "media-backup"
RSYNC = "rsync -a"
SYNCED = "rsync -a, sync"
LINK = "rsync -a --link-dest"
LINK_SYNCED = "rsync -a --link-dest, sync"
RCLONE = "rclone sync"
MEMORY_MIB_MAX = 150


def local(bench):
    return [
        Seawall(bench, OURS, disk=True),
        Rsync(bench, RSYNC),
        Rsync(bench, SYNCED, sync=True),
    ]


def local_again(bench):
    linked = Rsync(bench, LINK, again=True)
    return [
        Seawall(bench, OURS, again=True, disk=True),
        linked,
        Rsync(bench, LINK_SYNCED, again=True, sync=True, beside=linked),
    ]


def s3(bench, again=False):
    store = bench.servers.plain()
    return [Seawall(bench, OURS, again, s3=store), Rclone(bench, RCLONE, store, again)]


def places(bench):
    store = bench.servers.plain()
    return {"disk": {"disk": True}, "S3": {"s3": store}, "both": {"disk": True, "s3": store}}


def memory_rows(bench):
    """Peak bytes of each verb that reads or writes all files, for each place."""
    found = {}
    for place, where in places(bench).items():
        kept = Seawall(bench, OURS, **where)
        kept.prepare(0)
        target = bench.factory.new_folder()
        verbs = {
            "first create": "create",
            "unchanged create": "create",
            "verify": "verify",
            "restore": f"restore --yes --to {target}",
        }
        for verb, words in verbs.items():
            command = kept.verb(words).removeprefix("exec ")
            peak = peak_of_one(bench, command, kept.environment(), LIMIT_SECONDS)
            found.setdefault(verb, {})[place] = peak
        shutil.rmtree(target)
        kept.close()
    rows = [
        memory_row(f"peak memory, {verb}, 100,000 files", peaks, MEMORY_MIB_MAX)
        for verb, peaks in found.items()
    ]
    for row in rows:
        row.group = "media-memory"
    return rows


def figure(text, limit, against):
    return Figure(text, limit, OURS, [against])


GROUPS = [
    Group(
        "media-local",
        "a first snapshot of 100,000 files in a folder",
        local,
        [
            figure("first snapshot, local, against rsync -a", 1.2, RSYNC),
            figure("first snapshot, local, against rsync -a and sync", None, SYNCED),
        ],
        5,
    ),
    Group(
        "media-local-again",
        "the next one, of unchanged files",
        local_again,
        [
            figure("unchanged snapshot, local, against rsync -a --link-dest", 0.7, LINK),
            figure("unchanged snapshot, local, against the same and sync", None, LINK_SYNCED),
        ],
        5,
    ),
    Group(
        "media-s3",
        "a first snapshot of 100,000 files in S3",
        s3,
        [figure("first snapshot, S3, against rclone sync", 0.5, RCLONE)],
        3,
    ),
    Group(
        "media-s3-again",
        "the next one, of unchanged files",
        lambda bench: s3(bench, again=True),
        [figure("unchanged snapshot, S3, against rclone sync", 0.3, RCLONE)],
        3,
    ),
    Footprint("media-memory", "peak memory of media-backup", memory_rows),
]
