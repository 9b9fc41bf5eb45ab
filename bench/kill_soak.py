#!/usr/bin/env python3
"""Kills our programs at random moments, a thousand times; see --help and scripts/soak.sh."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import soak_backups
import soak_media
import soak_wal
from processes import CommandFailed, Processes
from servers import Servers
from soak_world import Lost, Tally, World

DESCRIPTION = """Kills wal-push, wal-fetch and its prefetch process, basebackup and media-backup with SIGKILL
at random moments, and compares every byte that was acknowledged with what was archived or backed up: in a folder,
in an S3 server of its own on the loopback, and after restores. A kill is no power cut: what is on the disk
by then is another question, which tests/suite/sync_order answers. Exits with 1 when a byte is lost or changed,
or when a program does not come to its end afterwards."""

# What is killed, with its share of the kills and of the time.
PHASES = [
    ("wal-push, folder", 20, soak_wal.push_folder),
    ("wal-push, folder and S3", 20, soak_wal.push_both),
    ("wal-fetch and prefetch", 20, soak_wal.fetch),
    ("basebackup create", 10, soak_backups.create),
    ("basebackup restore", 10, soak_backups.restore),
    ("basebackup prune", 5, soak_backups.prune),
    ("media-backup create", 10, soak_media.create),
    ("media-backup prune", 5, soak_media.prune),
]


def arguments():
    parser = argparse.ArgumentParser(description=DESCRIPTION)
    add = parser.add_argument
    add("--bin-dir", required=True, metavar="DIR", help="where our programs are")
    add("--postgres", required=True, metavar="DIR", help="where PostgreSQL's programs are")
    add("--s3s-fs", required=True, metavar="FILE", help="the S3 server")
    add("--kills", type=int, default=1000, help="so many, if there is time (default 1000)")
    add("--seconds", type=int, default=900, help="no phase begins or goes on after this (default 900)")
    add("--seed", type=int, help="of the moments (printed; else random)")
    add("--only", default="", metavar="WORD", help="phases with this word in their name")
    add("--work-dir", default="/var/tmp", metavar="DIR", help="where to work; on a disk")
    return parser.parse_args()


def main():
    given = arguments()
    given.bin_dir = os.path.abspath(given.bin_dir)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    folder = tempfile.mkdtemp(prefix="seawall-soak-", dir=given.work_dir)
    os.chmod(folder, 0o755)
    print(f"seed {seed}; {given.kills} kills within {given.seconds} s", flush=True)
    processes = Processes(folder, given.bin_dir)
    servers = Servers(processes, folder, given.s3s_fs)
    world = World(given, random.Random(seed), folder, processes, servers)
    try:
        return soak(world, given)
    finally:
        world.close()
        servers.close()
        processes.end_background()
        processes.end_servers()
        shutil.rmtree(folder, ignore_errors=True)


def soak(world, given):
    world.prepare()
    phases = [phase for phase in PHASES if given.only in phase[0]]
    all_shares = left = sum(share for _, share, _ in phases)
    began, tallies = time.monotonic(), []
    for name, share, phase in phases:
        kills = round(given.kills * share / all_shares)
        time_left = given.seconds - (time.monotonic() - began)
        tally = Tally(name, kills, max(time_left, 0) * share / left)
        left -= share
        tallies.append(tally)
        try:
            phase(world, tally)
        except (Lost, CommandFailed) as error:
            tally.lost += 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
        print(f"  {tally}", flush=True)
    return report(tallies, time.monotonic() - began)


def report(tallies, seconds):
    print("\n| phase | kills | acknowledged | compared | lost or wrong |")
    print("| --- | --- | --- | --- | --- |")
    for tally in tallies:
        print(f"| {tally.name} | {tally.kills} | {tally.acknowledged} | {tally.compared} | {tally.lost} |")
    kills, lost = sum(tally.kills for tally in tallies), sum(tally.lost for tally in tallies)
    print(f"\n{kills} kills in {seconds:.0f} s, {lost} lost or wrong", flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
