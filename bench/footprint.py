"""Figures that aren't ratios: peak memory, and the size of the binaries."""

import os
import shlex
import struct
import sys
import threading
import time
from dataclasses import dataclass
from typing import Callable

from archivers import wal_fetch
from data_directory import inside
from measure import Row

MIB = 1024 * 1024
SAMPLE_SECONDS = 0.001
LIMIT_SECONDS = 120
HELPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peak_memory.py")
SECTION_SYMBOLS = 2
SEGMENT_INTERPRETER = 3


@dataclass
class Footprint:
    """A group whose values are read once, not timed."""

    name: str
    title: str
    rows: Callable

    def measure(self, bench):
        if bench.rivals_only:
            return [], {}
        return self.rows(bench), {}


class PeakTogether(threading.Thread):
    """Samples the marked processes; the peak is of those alive together, each at its highest."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes = processes
        self.ended = threading.Event()
        self.peak = 0

    def run(self):
        while not self.ended.is_set():
            alive = self.processes.background()
            self.peak = max(self.peak, sum(high_water_mark(pid) for pid in alive))
            time.sleep(SAMPLE_SECONDS)


def high_water_mark(pid):
    """Peak resident bytes of a process so far; 0 once it is gone, and for our own helper."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if HELPER.encode() in file.read():
                return 0
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            lines = [line for line in file if line.startswith("VmHWM:")]
    except OSError:
        return 0
    return int(lines[0].split()[1]) * 1024 if lines else 0


def peak_of(bench, commands, environment):
    """Peak bytes over `commands` in turn, with everything they leave running."""
    sampler = PeakTogether(bench.processes)
    sampler.start()
    try:
        peaks = [peak_of_one(bench, command, environment) for command in commands]
        bench.processes.settle()
    finally:
        sampler.ended.set()
        sampler.join()
    return max([sampler.peak, *peaks])


def peak_of_one(bench, command, environment, limit=LIMIT_SECONDS):
    told = os.path.join(bench.folder, "peak")
    helper = f"exec {sys.executable} -I -S {HELPER} {command} 3>{shlex.quote(told)}"
    bench.processes.shell(helper, environment, limit)
    with open(told, encoding="ascii") as file:
        return int(file.read()) * 1024


def places(bench):
    """Where to: a folder, S3 over TLS, and both at once."""
    s3 = bench.servers.tls()
    return {"disk": {"disk": True}, "S3": {"s3": s3}, "both": {"disk": True, "s3": s3}}


def push_peaks(bench, count):
    """Peak of one wal-push for each place while `count` 2:1 segments are ready."""
    corpus = bench.corpora.two_to_one()
    data = bench.data_directory(corpus)
    peaks = {}
    for place, where in places(bench).items():
        archiver = bench.factory.wal_push(place, **where)
        data.reset(corpus.full[:count])
        first = corpus.full[0]
        with inside(data.folder):
            command = archiver.command(f"pg_wal/{first}", first)
            peaks[place] = peak_of(bench, [command], archiver.environment)
        archiver.remove()
    return peaks


def fetch_peaks(bench):
    """Peak over fetches in sequence, the prefetch behind them included."""
    corpus = bench.corpora.two_to_one()
    source = bench.data_directory(corpus)
    target = bench.recovering_directory(corpus)
    peaks = {}
    for place, where in list(places(bench).items())[:2]:
        archiver = bench.factory.wal_push(place, **where)
        source.reset(corpus.full)
        with inside(source.folder):
            for segment in corpus.full:
                source.archive(bench.processes, archiver, segment)
        bench.processes.settle()
        target.empty()
        restorer = wal_fetch("wal-fetch", archiver)
        commands = [restorer.command("pg_wal/RECOVERYXLOG", s) for s in corpus.full]
        with inside(target.folder):
            peaks[place] = peak_of(bench, commands, restorer.environment)
        archiver.remove()
    return peaks


def memory_row(text, peaks, limit_mib):
    highest = max(peaks.values()) / MIB
    note = ", ".join(f"{place} {peak / MIB:.1f}" for place, peak in peaks.items())
    return Row("memory", text, f"{highest:.1f} MiB", "", highest, "MiB", limit_mib, note)


def memory_rows(bench):
    everything = len(bench.corpora.two_to_one().full)
    return [
        memory_row("peak memory, push of one 2:1 segment", push_peaks(bench, 1), 32),
        memory_row("peak memory, push with look-ahead", push_peaks(bench, everything), 96),
        memory_row("peak memory, fetch with prefetch", fetch_peaks(bench), 96),
    ]


def size_rows(bench):
    return [size_row(bench, name) for name in ("wal-push", "wal-fetch")]


def size_row(bench, name):
    path = os.path.join(bench.bin_folder, name)
    megabytes = os.path.getsize(path) / 1e6
    note = binary_kind(path)
    return Row("size", f"size of {name}", f"{megabytes:.2f} MB", "", megabytes, "MB", 10, note)


def binary_kind(path):
    """Whether an ELF file of 64 bits is static and stripped, from its headers."""
    with open(path, "rb") as file:
        image = file.read()
    if image[:5] != b"\x7fELF\x02":
        return "not an ELF file of 64 bits"
    program_at, section_at = struct.unpack_from("<QQ", image, 32)
    program_size, programs, section_size, sections = struct.unpack_from("<HHHH", image, 54)
    kinds = lambda at, size, count, skip: [
        struct.unpack_from("<I", image, at + i * size + skip)[0] for i in range(count)
    ]
    dynamic = SEGMENT_INTERPRETER in kinds(program_at, program_size, programs, 0)
    symbols = SECTION_SYMBOLS in kinds(section_at, section_size, sections, 4)
    return f"{'dynamic' if dynamic else 'static'}, {'not stripped' if symbols else 'stripped'}"


GROUPS = [
    Footprint("memory", "peak memory", memory_rows),
    Footprint("size", "size of the release binaries", size_rows),
]
