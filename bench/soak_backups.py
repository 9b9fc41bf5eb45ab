"""Base backups: taken, restored and deleted."""

import json
import os
import shutil
import time

from postgres import give_to_server
from soak_wal import until_done
from soak_world import Lost, same, tree, write

# What a restore writes for itself.
OWN = ("postgresql.auto.conf",)


class Archive:
    """A folder and a bucket that the server archives into, and base backups in both."""

    def __init__(self, world, *stores):
        self.world = world
        self.config, self.roots = world.config(*stores)
        os.chmod(self.config, 0o644)
        for name, root in self.roots.items():
            if name != "cloud":
                os.makedirs(root)
                give_to_server(world.processes, root)
        names = world.environment().items()
        variables = " ".join(f"{name}={value}" for name, value in names if name.startswith("AWS"))
        program = os.path.join(world.bin_dir, "wal-push")
        command = f"env {variables} {program} --config {self.config} %p %f"
        world.server.configure({"fsync": "off", "archive_mode": "on", "archive_command": command})
        world.server.sql("select pg_reload_conf()")

    def program(self, verb, *words):
        return ["basebackup", verb, "--config", self.config, *words]

    def listed(self):
        listed = json.loads(self.world.must(self.program("list", "--json")))
        return [it["id"] for system in listed["systems"] for it in system["backups"]]


def create(world, tally):
    archive = Archive(world, "disk", "cloud")
    argv = archive.program("create")
    while tally.goes_on():
        status = world.strike(tally, "create", argv)
        if status == 0:
            tally.acknowledged += 1
        elif status is not None:
            raise Lost(f"{' '.join(argv)}: exit status {status}")
    world.must(argv)
    tally.acknowledged += 1
    found = archive.listed()
    if len(found) < tally.acknowledged:
        raise Lost(f"{tally.acknowledged} base backups were acknowledged, {len(found)} are listed")
    # Where one was killed between its two descriptions, one repository has it and the other not: so each alone.
    for name in archive.roots:
        world.must(archive.program("verify", "--repository", name), limit=600)
    tally.compared += len(found) * len(archive.roots)


def restore(world, tally):
    archive = Archive(world, "disk")
    world.must(archive.program("create"))
    expected = None
    while tally.goes_on():
        data = world.new("restored")
        argv = archive.program("restore", data, "--yes", "--no-recovery")
        if expected is None:
            world.must(argv)
            expected = tree(data, OWN)
            shutil.rmtree(data)
            continue
        status = world.strike(tally, "restore", argv)
        half = os.path.exists(data) and tree(data, OWN) != expected
        if half and os.path.exists(os.path.join(data, "global/pg_control")):
            raise Lost(f"a server would start on half a restore, exit status {status}")
        if status is None and os.path.exists(os.path.join(data, "global/pg_control")):
            # All was done but its last word.
            same("a killed restore", expected, tree(data, OWN))
        elif status != 0:
            until_done(world, tally, "restore", argv, "/")
        same("a restore", expected, tree(data, OWN))
        tally.acknowledged += 1
        tally.compared += 1
        shutil.rmtree(data)


def prune(world, tally):
    archive = Archive(world, "disk")
    for _ in range(4):
        world.must(archive.program("create"))
        world.server.sql("insert into filled select generate_series(1, 5000)")
        # Ids of one second have no order.
        time.sleep(1.1)
    root = archive.roots["disk"]
    keep = ["--retention-keep-last=1", "--retention-keep-daily=0", "--retention-keep-weekly=0"]
    keep += ["--retention-keep-monthly=0", "--retention-wal-window=0s", "--retention-keep-within=0s"]
    newest = archive.listed()[-1]
    while tally.goes_on():
        work = world.new("pruned")
        shutil.copytree(root, work, symlinks=True)
        text = f'[[repository]]\nname = "disk"\nurl = "{work}"\n'
        config = write(world.new("pruned") + ".toml", text)
        argv = ["basebackup", "prune", "--config", config, "--yes", *keep]
        world.strike(tally, "prune", argv)
        world.must(["basebackup", "verify", "--config", config])
        world.must(argv)
        world.must(["basebackup", "verify", "--config", config])
        left = json.loads(world.must(["basebackup", "list", "--json", "--config", config]))
        left = [it["id"] for system in left["systems"] for it in system["backups"]]
        if left != [newest]:
            raise Lost(f"prune left {left}, expected {newest}")
        tally.acknowledged += 1
        tally.compared += 1
        shutil.rmtree(work)
