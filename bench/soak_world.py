"""What is killed and compared: a PostgreSQL with its WAL, repositories, and the dice."""

import hashlib
import os
import shutil
import signal
import subprocess
import time

import servers as store
from postgres import Server, give_to_server
from processes import send

SEGMENT_MIB = 1
SEGMENTS = 40


class Lost(Exception):
    """Something that was acknowledged is not there, or is something else."""


class Tally:
    """What one phase did, and how much it may still do."""

    def __init__(self, name, kills_max, seconds):
        self.name = name
        self.kills_max = kills_max
        self.until = time.monotonic() + seconds
        self.kills = 0
        self.acknowledged = 0
        self.compared = 0
        self.lost = 0

    def goes_on(self):
        return self.kills < self.kills_max and time.monotonic() < self.until

    def __str__(self):
        done = f"{self.kills} kills, {self.acknowledged} acknowledged, {self.compared} compared"
        return f"{self.name}: {done}, {self.lost} lost or wrong"


class World:
    """One run's folder, servers and programs."""

    def __init__(self, given, dice, folder, processes, servers):
        self.dice = dice
        self.folder = folder
        self.bin_dir = given.bin_dir
        self.processes = processes
        self.servers = servers
        self.server = Server(processes, given.postgres, os.path.join(folder, "pg"))
        self.segments = []
        self.spans = {}
        self.next_number = 0

    def close(self):
        self.server.stop(fast=False)

    def new(self, name):
        """A path that nobody has used."""
        self.next_number += 1
        return os.path.join(self.folder, f"{name}{self.next_number}")

    def prepare(self):
        """A server, and WAL of it."""
        archive = self.new("wal")
        os.makedirs(archive)
        give_to_server(self.processes, archive)
        self.server.make({"archive_mode": "on", "archive_command": f"cp %p {archive}/%f"}, f"--wal-segsize={SEGMENT_MIB}")
        self.server.start()
        self.server.sql("create table filled as select generate_series(1, 20000) as i")
        for number in range(SEGMENTS):
            self.server.sql(f"insert into filled select {number} from generate_series(1, 50)")
            self.server.sql("select pg_switch_wal()")
        done = lambda: len(segments_in(archive)) >= SEGMENTS
        self.processes.wait_until(done, "the server did not archive its WAL", 120)
        for name in segments_in(archive)[:SEGMENTS]:
            with open(os.path.join(archive, name), "rb") as file:
                self.segments.append((name, file.read()))

    def data_directory(self):
        """As much of one as wal-push and wal-fetch look at."""
        path = self.new("data")
        for name in ("pg_wal/archive_status", "global"):
            os.makedirs(os.path.join(path, name))
        for name in ("global/pg_control", "PG_VERSION"):
            shutil.copyfile(os.path.join(self.server.data, name), os.path.join(path, name))
        return path

    def config(self, *stores, extra=""):
        """Writes a configuration of new repositories, and says where their objects lie."""
        text, roots = "", {}
        for name in stores:
            root = self.new(name)
            if name == "cloud":
                prefix = os.path.basename(root)
                address = self.servers.plain()
                text += f'[[repository]]\nname = "cloud"\nurl = "s3://{store.BUCKET}/{prefix}"\n'
                text += f'endpoint = "{address.endpoint}"\n'
                roots[name] = os.path.join(self.servers.objects, store.BUCKET, prefix)
            else:
                text += f'[[repository]]\nname = "{name}"\nurl = "{root}"\n'
                roots[name] = root
        return write(self.new("seawall") + ".toml", text + extra), roots

    def environment(self):
        return {
            "AWS_ACCESS_KEY_ID": store.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": store.SECRET_KEY,
            "AWS_REGION": store.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PGHOST": self.server.folder,
            "PGUSER": "postgres",
        }

    def strike(self, tally, label, argv, cwd="/"):
        """Runs a program and kills it, its children too, at a random moment: None. Where it ends first, its exit
        status; the next one with this label is killed earlier then."""
        span = self.spans.setdefault(label, 0.1)
        process = self._start(argv, cwd)
        time.sleep(self.dice.random() * span)
        status = process.poll()
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            tally.kills += 1
        self.spans[label] = max(span * 0.75, 0.005) if status is not None else min(span * 1.2, 60)
        return status

    def run(self, argv, cwd="/", limit=300):
        """To its end: exit status and what it wrote."""
        process = self._start(argv, cwd, subprocess.PIPE)
        try:
            text, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Lost(f"{' '.join(argv)} did not end within {limit} s") from None
        return process.returncode, text.decode(errors="replace")

    def must(self, argv, cwd="/", limit=300):
        status, text = self.run(argv, cwd, limit)
        if status != 0:
            raise Lost(f"{' '.join(argv)}: exit status {status}\n{text[-2000:]}")
        return text

    def _start(self, argv, cwd, output=None):
        return subprocess.Popen(
            [os.path.join(self.bin_dir, argv[0]), *argv[1:]],
            cwd=cwd,
            env=self.processes.environment(self.environment()),
            stdin=subprocess.DEVNULL,
            stdout=output or self.processes.log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill_background(self):
        """Kills what our programs left running, such as a prefetch process; how many that were."""
        found = self.processes.background()
        for pid in found:
            send(pid, signal.SIGKILL)
        return len(found)


def segments_in(folder):
    return sorted(name for name in os.listdir(folder) if len(name) == 24)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def plain(path):
    """The content of a stored file, by the plain tools alone."""
    done = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Lost(f"{path} can't be unpacked: {done.stderr.decode(errors='replace')}")
    return done.stdout


def tree(folder, leave_out=()):
    """Each file below a folder and the digest of its bytes."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            below = os.path.relpath(path, folder)
            if below not in leave_out and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[below] = hashlib.sha256(file.read()).hexdigest()
    return found


def same(what, expected, found):
    """Raises unless both trees are alike."""
    if expected != found:
        other = [key for key in {*expected, *found} if expected.get(key) != found.get(key)]
        raise Lost(f"{what}: {len(other)} files differ, such as {sorted(other)[:5]}")

