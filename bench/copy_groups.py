"""The groups of figures about `seawall copy`, beside `rclone copy` between the same two places."""

import os
import shutil

import copy_files
import tools
from groups import Group
from measure import Contender, Figure

OURS = "seawall copy"
RCLONE = "rclone copy"
ROUNDS = 5
LIMIT_SECONDS = 1800
# Nine tenths of its rate.
SLOWEST = 1 / 0.9


class Place:
    """Where a repository is."""

    def __init__(self, files):
        self.files = files

    def table(self, name):
        return f'[[repository]]\nname = "{name}"\nurl = "{self.files}"\n'

    def count(self):
        names = (name for _, _, names in os.walk(self.files) for name in names)
        return sum(name.endswith((".zst", ".json", ".history")) for name in names)

    def remove(self):
        shutil.rmtree(self.files, ignore_errors=True)


class Copy(Contender):
    """Copies all of one place into a new one."""

    def __init__(self, bench, label, source, ours=False):
        self.bench, self.label, self.ours = bench, label, ours
        self.source = source

    def prepare(self, turn):
        self.target = Place(self.bench.factory.new_folder())
        self.state = self.bench.factory.new_folder()
        self.config = os.path.join(self.state, "seawall.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'state_directory = "{self.state}"\n')
            file.write(self.source.table("a") + self.target.table("b"))

    def action(self):
        copy_all(self.bench, self.ours, self.source, self.target, self.config)

    def check(self):
        found, wanted = self.target.count(), self.source.count()
        assert found == wanted, f"{self.label} copied {found} of {wanted} objects"
        self.target.remove()


def copy_all(bench, ours, source, target, config=""):
    argv = [f"{bench.bin_folder}/seawall", "copy", "--config", config, "--from", "a", "--to", "b"]
    if not ours:
        argv = [tools.rclone(), "--config=", "copy"]
        argv += [source.files, target.files]
    bench.processes.run(argv, None, LIMIT_SECONDS)


MADE = {}


def copied(bench, make):
    """What is copied, made once for all groups of a run."""
    if make not in MADE:
        MADE[make] = Place(make(bench))
    return MADE[make]


KINDS = {
    "wal": ("2,000 small WAL files", copy_files.wal),
    "backups": ("1,000 small backups", copy_files.backups),
    "large": ("8 objects of 64 MiB", copy_files.large),
}


def contenders(bench, make):
    source = copied(bench, make)
    return [Copy(bench, OURS, source, ours=True), Copy(bench, RCLONE, source)]


def group(kind):
    what, make = KINDS[kind]
    figures = [Figure(f"copy of {what} between folders against {RCLONE}", SLOWEST, OURS, [RCLONE])]
    start = lambda bench: contenders(bench, make)
    return Group(f"copy-{kind}-local", f"{what} copied between folders", start, figures, ROUNDS)


GROUPS = [group(kind) for kind in KINDS]
