"""What is copied: a folder of real WAL, one of small backups, one of large objects."""

import hashlib
import json
import os
import random

from databases import as_server_user, give_to_server

SEGMENTS = 2000
BACKUPS = 1000
LARGE = 8
LARGE_BYTES = 64 << 20

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
archive_mode = on
archive_command = 'SEAWALL_REPOSITORY={target} {bin}/wal-push %p %f'
"""
# Each switch leaves a segment of 1 MiB that holds a message of some KiB.
SWITCHES = """
DO $$ BEGIN FOR n IN 1..{count} LOOP
  PERFORM pg_logical_emit_message(false, 'bench', string_agg(md5(random()::text), ''))
    FROM generate_series(1, 100);
  PERFORM pg_switch_wal();
END LOOP; END $$
"""


def wal(bench):
    """A repository with segments that compress to some KiB, written and archived by a server."""
    target, folder = bench.factory.new_folder(), os.path.join(bench.folder, "copied-wal")
    os.makedirs(folder)
    for place in (folder, target):
        give_to_server(bench.processes, place)
    programs, data = bench.postgres_bin, os.path.join(folder, "data")
    run = lambda *argv, limit=600: bench.processes.run(as_server_user([*argv]), None, limit)
    run(f"{programs}/initdb", "-D", data, "-N", "-A", "trust", "-U", "bench", "--wal-segsize=1")
    with open(os.path.join(data, "postgresql.conf"), "a", encoding="utf-8") as file:
        file.write(SETTINGS.format(folder=folder, target=target, bin=bench.bin_folder))
    run(f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "start")
    try:
        psql = [f"{programs}/psql", "-h", folder, "-U", "bench", "-X", "-d", "postgres", "-c"]
        run(*psql, SWITCHES.format(count=SEGMENTS))
    finally:
        # A fast shutdown ends when all is archived.
        run(f"{programs}/pg_ctl", "-D", data, "-w", "-t", "600", "-m", "fast", "stop")
    return target


def backups(bench, count=BACKUPS, size=1000):
    """A repository with backups of a Redis, as far as a copy looks at them."""
    target, source = bench.factory.new_folder(), random.Random(1)
    for number in range(count):
        time = f"{number // 3600:02}{number // 60 % 60:02}{number % 60:02}"
        folder = os.path.join(target, "redis", "main", f"20261101T{time}Z-0000")
        os.makedirs(folder)
        content = source.randbytes(size)
        with open(os.path.join(folder, "dump.rdb.zst"), "wb") as file:
            file.write(content)
        with open(os.path.join(folder, "backup.json"), "w", encoding="utf-8") as file:
            json.dump(description(os.path.basename(folder), content), file)
    return target


def large(bench):
    return backups(bench, LARGE, LARGE_BYTES)


def description(backup, content):
    times = {"began": "2026-11-01T00:00:00Z", "ended": "2026-11-01T00:00:01Z"}
    server = {"product": "redis", "version": "7.0.15", "source": "connection", "content": "rdb"}
    sha256 = hashlib.sha256(content).hexdigest()
    length = {"size": len(content), "stored_size": len(content)}
    file = {"object": "dump.rdb.zst", "name": "dump.rdb", "sha256": sha256, **length}
    made = {"seawall": 1, "id": backup, "label": "", "encrypted": False, **times, **server}
    return {**made, "keys": [], "used_memory": 1, "files": [file]}
