#!/usr/bin/env python3
"""Measures our programs beside what people use today; see --help."""

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True

import base_footprint
import base_groups
import check_figures
import copy_groups
import drill_groups
import fetching
import footprint
import loop_groups
import media_groups
import push_groups
import redis_groups
import replay
import report
import tools
from archivers import Factory
from corpus import CorpusCache
from databases import DatabaseCache
from groups import Bench
from machine import describe
from measure import in_words
from processes import CommandFailed, Processes
from servers import Servers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN_FOLDER = os.path.join(ROOT, "target/x86_64-unknown-linux-gnu/release")
PUSH_GROUPS = [*push_groups.GROUPS, *loop_groups.GROUPS]
WAL_GROUPS = [*PUSH_GROUPS, *fetching.GROUPS, *replay.GROUPS, *footprint.GROUPS]
BASE_GROUPS = [*base_groups.GROUPS, *drill_groups.GROUPS, *base_footprint.GROUPS]
SERVICE_GROUPS = [*redis_groups.GROUPS, *media_groups.GROUPS, *check_figures.GROUPS]
COPY_GROUPS = copy_groups.GROUPS
GROUPS = [*WAL_GROUPS, *BASE_GROUPS, *SERVICE_GROUPS, *COPY_GROUPS]
PROGRAMS = ["wal-push", "wal-fetch", "basebackup", "redis-backup", "media-backup", "seawall"]

DESCRIPTION = """Measures wal-push, wal-fetch, basebackup, redis-backup and media-backup, release
builds, interleaved with cp and fsync, zstd and curl, pg_basebackup, redis-cli, rsync, rclone
and pgBackRest, in one run. Only the ratios
count: the same machine may be twice as fast an hour later. Makes what it measures with, real WAL
(9 GB) and databases (4 GB), when it is first needed, in $SEAWALL_BENCH_CACHE or target/bench,
which takes about ten minutes, and leaves nothing else behind. A whole run takes about forty
minutes and needs 12 GB more. Exits with 1 when a figure is missed, 2 when one could not be
measured. How each figure is measured is told in bench/README.md."""


def arguments():
    names = "\n".join(f"  {group.name:<20} {group.title}" for group in GROUPS)
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=f"groups of figures:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", metavar="NAME[,NAME]", help="only these groups of figures")
    add("--rounds", type=int, default=0, metavar="N", help="rounds of each group, else its own")
    add("--seed", type=int, help="seed of the order within each round (printed; else random)")
    add("--bin-dir", default=BIN_FOLDER, metavar="DIR", help="where our programs are")
    add("--work-dir", default="/var/tmp", metavar="DIR", help="where to measure; on a disk")
    add("--json", metavar="FILE", help="write everything measured")
    add("--markdown", metavar="FILE", help="write the tables")
    add("--rivals-only", action="store_true", help="measure the others without our binaries")
    return parser, parser.parse_args()


def chosen_groups(parser, only):
    if not only:
        return GROUPS
    by_name = {group.name: group for group in GROUPS}
    unknown = [name for name in only.split(",") if name not in by_name]
    if unknown:
        parser.error(f"no group of figures is called {', '.join(unknown)}; see --help")
    return [by_name[name] for name in only.split(",")]


def tell(text, end="\n"):
    """Progress, on stderr; what ends in a carriage return is for a terminal only."""
    if end == "\n" or sys.stderr.isatty():
        print(text, end=end, file=sys.stderr, flush=True)


def copy_binaries(source, target, rivals_only):
    """Our binaries where every account can run them."""
    os.makedirs(target)
    for name in [] if rivals_only else PROGRAMS:
        path = os.path.join(source, name)
        if not os.path.exists(path):
            raise tools.ToolMissing(f"{path} is not there\nHINT: build it, or give --bin-dir")
        shutil.copy(path, os.path.join(target, name))


def make_bench(options, folder, seed):
    bin_folder = os.path.join(folder, "bin")
    copy_binaries(options.bin_dir, bin_folder, options.rivals_only)
    processes = Processes(folder, bin_folder)
    postgres_bin = tools.postgres_bin()
    servers = Servers(processes, folder, tools.s3s_fs())
    cache = os.environ.get("SEAWALL_BENCH_CACHE") or os.path.join(ROOT, "target/bench")
    return Bench(
        folder=folder,
        bin_folder=bin_folder,
        postgres_bin=postgres_bin,
        processes=processes,
        servers=servers,
        factory=Factory(folder, servers),
        corpora=CorpusCache(processes, postgres_bin, cache, folder, tell),
        databases=DatabaseCache(processes, postgres_bin, cache, folder, tell),
        random_source=random.Random(seed),
        rounds=options.rounds,
        rivals_only=options.rivals_only,
        tell=tell,
    )


def measure(bench, groups):
    """Rows and seconds of every group; a group that fails doesn't keep the next from running."""
    rows, seconds, failed = [], {}, []
    for group in groups:
        tell(f"== {group.name}: {group.title}")
        try:
            group_rows, group_seconds = group.measure(bench)
        except (CommandFailed, AssertionError, tools.ToolMissing) as error:
            tell(f"bench: {group.name}: {error}")
            bench.processes.end_background()
            failed.append(group.name)
            continue
        rows += group_rows
        seconds[group.name] = group_seconds
        if group_rows:
            tell(report.plain_table(group_rows))
    return rows, seconds, failed


def compression(used):
    """How well what was measured with compresses."""
    return "; ".join(f"{it.name}: {it.facts['zstd -1']}:1 with zstd -1" for it in used.values())


def write(path, text):
    if path:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def publish(options, machine, seed, rows, seconds):
    medians = [
        [name, label, in_words(statistics.median(values)), str(len(values))]
        for name, group in seconds.items()
        for label, values in group.items()
    ]
    for name, fact in machine.items():
        print(f"{name}: {fact}")
    tables = [report.plain_table(rows), report.medians_table(medians)]
    print(f"seed: {seed}", *tables, sep="\n\n", flush=True)
    write(options.json, report.as_json(machine, seed, rows, seconds))
    write(options.markdown, report.markdown(machine, seed, rows, medians))


def run(options, groups):
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    tools.check()
    folder = tempfile.mkdtemp(prefix="seawall-bench-", dir=options.work_dir)
    os.chmod(folder, 0o755)
    bench = None
    try:
        bench = make_bench(options, folder, seed)
        tell(f"seed {seed}")
        machine = describe(folder, bench.processes, bench.servers.s3s_fs, bench.postgres_bin)
        rows, seconds, failed = measure(bench, groups)
        machine["corpora"] = compression(bench.corpora.used)
        machine["databases"] = compression(bench.databases.used)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if bench:
            bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    publish(options, machine, seed, rows, seconds)
    if failed:
        tell(f"bench: not measured: {', '.join(failed)}")
        return 2
    return 1 if any(row.verdict == "MISSED" for row in rows) else 0


def main():
    parser, options = arguments()
    groups = chosen_groups(parser, options.only)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    try:
        return run(options, groups)
    except KeyboardInterrupt:
        return 130
    except (CommandFailed, tools.ToolMissing, AssertionError) as error:
        tell(f"bench: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
