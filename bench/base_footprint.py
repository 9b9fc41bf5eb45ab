"""Figures of base backups that aren't ratios: peak memory, and the time of a plan."""

import datetime
import json
import os
import shutil
import statistics
import time

from archivers import seawall_environment
from backups import Backups
from base_contenders import taken
from databases import as_server_user
from footprint import Footprint, memory_row, peak_of_one
from measure import Row, in_words
from postgres import give_to_server

MEMORY_MIB_MAX = 160
PLAN_SECONDS_MAX = 2
PLANS = 5
SEGMENTS = 100_000
BACKUPS = 400
SYSTEM = "7711021090723955933"


def places(bench):
    tls = bench.servers.tls()
    return {"disk": {"disk": True}, "S3": {"s3": tls}, "both": {"disk": True, "s3": tls}}


def peaks(bench, live):
    """Peak bytes of create, restore and verify, for each place."""
    found = {"create": {}, "restore": {}, "verify": {}}
    for place, where in places(bench).items():
        backup = Backups(bench, live).seawall(place, **where)
        peak = lambda command: peak_of_one(
            bench, " ".join(as_server_user(command.split())), backup.environment
        )
        live.prepare(backup.archive)
        found["create"][place] = peak("basebackup create")
        live.archive_with("exit 0")
        found["verify"][place] = peak("basebackup verify")
        target = bench.factory.new_folder()
        os.chmod(target, 0o700)
        give_to_server(bench.processes, target)
        found["restore"][place] = peak(f"basebackup restore --yes {target}")
        shutil.rmtree(target)
        backup.remove()
    return found


def memory_rows(bench):
    rows = []
    databases = {
        "a relation over 1 GiB": bench.databases.two_to_one(),
        "20,000 tables": bench.databases.tables(),
    }
    for name, database in databases.items():
        for verb, found in peaks(bench, bench.live(database)).items():
            row = memory_row(f"peak memory, {verb}, {name}", found, MEMORY_MIB_MAX)
            row.group = "base-memory"
            rows.append(row)
    return rows


def plan_rows(bench):
    repository = bench.factory.new_folder()
    lay_repository(repository)
    environment = seawall_environment([repository], None)
    target = os.path.join(bench.folder, "planned")
    commands = {
        "basebackup list": "basebackup list",
        "basebackup restore --dry-run": f"basebackup restore --dry-run {target}",
        "basebackup prune --dry-run": "basebackup prune --dry-run",
    }
    rows = [plan_row(bench, text, command, environment) for text, command in commands.items()]
    shutil.rmtree(repository)
    return rows


def plan_row(bench, text, command, environment):
    seconds = []
    for _ in range(PLANS + 1):
        began = time.perf_counter()
        bench.processes.shell(command, environment)
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds[1:])
    what = f"{text}, {SEGMENTS:,} segments and {BACKUPS} backups"
    return Row("plan", what, in_words(median), "", median, "s", PLAN_SECONDS_MAX)


def lay_repository(repository):
    """One backup a day until yesterday, and as many segments between two of them."""
    base = os.path.join(repository, "postgres/main", SYSTEM)
    for number in range(SEGMENTS):
        name = f"00000001{number // 256:08X}{number % 256:08X}"
        folder = os.path.join(base, "wal", name[:16])
        if number % 256 == 0:
            os.makedirs(folder)
        touch(os.path.join(folder, f"{name}.zst"), 0)
    now = datetime.datetime.now(datetime.timezone.utc)
    for number in range(BACKUPS):
        begun = now - datetime.timedelta(days=BACKUPS - number)
        lay_backup(os.path.join(base, "basebackups"), number, begun)


def lay_backup(folder, number, begun):
    """Objects of the right sizes, and a description as docs/repository-format.md has it."""
    name = f"{begun:%Y%m%dT%H%M%SZ}-{number:04x}"
    segment = number * (SEGMENTS // BACKUPS)
    position = lambda offset, seconds: {
        "lsn": f"{segment >> 8:X}/{((segment & 0xFF) << 24) + offset:X}",
        "timeline": 1,
        "time": f"{begun + datetime.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}",
    }
    stored = lambda name, size: {
        "object": name,
        "size": size * 4,
        "stored_size": size,
        "sha256": "ab" * 32,
    }
    parts = [stored(f"part-{n:05}.tar.zst", 1000) for n in range(1, 65)]
    description = {
        "seawall": 1,
        "id": name,
        "label": "nightly",
        "system_identifier": SYSTEM,
        "postgres_version": 150018,
        "wal_segment_size": 16 << 20,
        "start": position(0x28, 0),
        "stop": position(0x120, 5),
        "from_standby": False,
        "checksum_failures": False,
        "standalone": False,
        "encrypted": False,
        "tablespaces": [],
        "parts": [{**part, "tablespace": None, "entries": 9} for part in parts],
        "manifest": stored("backup_manifest.zst", 500),
    }
    os.makedirs(os.path.join(folder, name))
    for item in [*parts, description["manifest"]]:
        touch(os.path.join(folder, name, item["object"]), item["stored_size"])
    with open(os.path.join(folder, name, "backup.json"), "w", encoding="utf-8") as file:
        json.dump(description, file)


def touch(path, size):
    with open(path, "wb") as file:
        file.truncate(size)


GROUPS = [
    Footprint("base-memory", "peak memory of create, restore and verify", memory_rows),
    Footprint("plan", "plans for a large local repository", plan_rows),
]
