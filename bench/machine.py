"""What the figures were measured on, and with."""

import os
import platform
import re

import tools

WANTED_FLAGS = ["sha_ni", "avx2", "avx512f", "vaes", "pclmulqdq", "sse4_2", "bmi2"]


def describe(bench_folder, processes, servers_binary, postgres_bin):
    """Facts by name, in the order to print them."""
    return {
        "processor": f"{processor_name()}, {len(os.sched_getaffinity(0))} cores",
        "flags": " ".join(processor_flags()),
        "memory": memory(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "file system": file_system(bench_folder),
        "load before": "%.2f %.2f %.2f" % os.getloadavg(),
        "PostgreSQL": version(processes, [os.path.join(postgres_bin, "postgres"), "--version"]),
        "pgBackRest": version(processes, [tools.pgbackrest(), "version"]),
        "zstd": version(processes, ["zstd", "--version"]),
        "curl": version(processes, ["curl", "--version"]),
        "S3 server": version(processes, [servers_binary, "--version"]),
    }


def version(processes, argv):
    return re.search(r"\d+(\.\d+)+", processes.output(argv, limit=20)).group()


def cpu_info():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return dict(
            (key.strip(), value.strip())
            for key, _, value in (line.partition(":") for line in file)
        )


def processor_name():
    return cpu_info().get("model name", platform.machine())


def processor_flags():
    """The flags that matter to hashing and compressing; a missing one is told too."""
    info = cpu_info()
    there = info.get("flags", info.get("Features", "")).split()
    return [flag if flag in there else f"no-{flag}" for flag in WANTED_FLAGS]


def memory():
    with open("/proc/meminfo", encoding="ascii") as file:
        kib = int(file.readline().split()[1])
    return f"{kib / 1024 / 1024:.0f} GiB"


def file_system(path):
    """Type and options of the file system that holds `path`."""
    best = ("", "?", "")
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, mount, kind, options = line.split()[:4]
            inside = path == mount or path.startswith(mount.rstrip("/") + "/")
            if inside and len(mount) >= len(best[0]):
                best = (mount, kind, options)
    return f"{best[1]} ({best[2]})"
