"""The group of figures about Redis."""

import os
import shutil
import socket
import time

from groups import Group
from measure import Contender, Figure

OURS = "redis-backup"
PIPE = "redis-cli --rdb | zstd -1 -T0, sync"
KEYS = 400_000
VALUE_BYTES = 1000
START_SECONDS = 30


class Server:
    """A redis-server with data that compress 2:1, which sends them at once."""

    def __init__(self, bench):
        folder = bench.factory.new_folder()
        self.port = free_port()
        argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        argv += ["--dir", folder, "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        bench.processes.spawn(argv)
        until = time.monotonic() + START_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            assert time.monotonic() < until, "redis-server does not listen"
            time.sleep(0.05)
        # Hexadecimal digits, which hold half of what their bytes could.
        script = (
            "math.randomseed(ARGV[1]) for n = 1, ARGV[2] do local t = {} "
            f"for i = 1, {VALUE_BYTES // 10} do "
            "t[i] = string.format('%05x%05x', math.random(0, 1048575), math.random(0, 1048575)) end "
            "redis.call('SET', 'key' .. ARGV[1] .. ':' .. n, table.concat(t)) end"
        )
        for part in range(KEYS // 10_000):
            cli = ["redis-cli", "-e", "-p", str(self.port), "eval", script, "0", str(part), "10000"]
            bench.processes.run(cli)


class Create(Contender):
    """Stores all data of the server in a new folder."""

    def __init__(self, bench, label, command, ours=False):
        self.bench = bench
        self.label = label
        self.command = command
        self.ours = ours

    def prepare(self, turn):
        self.folder = self.bench.factory.new_folder()

    def action(self):
        self.bench.processes.shell(self.command(self.folder))

    def check(self):
        stored = sum(
            os.path.getsize(os.path.join(parent, name))
            for parent, _, names in os.walk(self.folder)
            for name in names
        )
        assert stored > KEYS * VALUE_BYTES // 4, f"{self.label} stored {stored} bytes only"
        shutil.rmtree(self.folder)


def create(bench):
    server = Server(bench)
    url = f"redis://127.0.0.1:{server.port}"
    ours = lambda folder: f"redis-backup create --repository {folder} --redis-url {url}"
    pipe = lambda folder: (
        f"redis-cli -p {server.port} --rdb - | zstd -q -1 -T0 -o {folder}/dump.rdb.zst "
        f"&& sync {folder}/dump.rdb.zst {folder}"
    )
    return [Create(bench, OURS, ours, ours=True), Create(bench, PIPE, pipe)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


FIGURES = [Figure("Redis create over the connection against redis-cli --rdb | zstd", 1.1, OURS, [PIPE])]
GROUPS = [Group("redis-create", "a backup of 400 MB in a Redis", create, FIGURES, 7)]
