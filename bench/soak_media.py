"""Snapshots of media files: a tree in a folder, packs in a bucket."""

import json
import os
import shutil

from soak_world import Lost, same, tree

FILES = 120
CHANGED = 15


class Media:
    """A set of files, and repositories of both kinds."""

    def __init__(self, world):
        self.world = world
        self.source = world.new("uploads")
        state = world.new("state")
        os.makedirs(self.source)
        os.makedirs(state)
        extra = f'[media.uploads]\npaths = ["{self.source}"]\n[media_backup]\nstate_directory = "{state}"\n'
        self.config, self.roots = world.config("disk", "cloud", extra=extra)
        for number in range(FILES):
            self.write(number)

    def write(self, number):
        path = os.path.join(self.source, f"{number % 7}", f"{number}.jpg")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(self.world.dice.randbytes(self.world.dice.randrange(1, 40_000)))

    def change(self):
        for _ in range(CHANGED):
            self.write(self.world.dice.randrange(FILES))

    def program(self, verb, *words):
        return ["media-backup", verb, "--config", self.config, *words]

    def listed(self):
        return json.loads(self.world.must(self.program("list", "--json")))["backups"]

    def restored(self, repository):
        """What the newest snapshot of one repository brings."""
        to = self.world.new("to")
        self.world.must(self.program("restore", "--yes", "--repository", repository, "--to", to))
        found = tree(os.path.join(to, self.source.lstrip("/")))
        shutil.rmtree(to)
        return found


def create(world, tally):
    media = Media(world)
    while tally.goes_on():
        media.change()
        status = world.strike(tally, "media create", media.program("create"))
        if status is None:
            continue
        if status != 0:
            raise Lost(f"media-backup create: exit status {status}")
        tally.acknowledged += 1
        compare(media, tally)
    world.must(media.program("create"))
    tally.acknowledged += 1
    compare(media, tally)
    world.must(media.program("verify"), limit=600)


def compare(media, tally):
    expected = tree(media.source)
    for repository in media.roots:
        same(f"a restore from {repository}", expected, media.restored(repository))
        tally.compared += 1


def prune(world, tally):
    media = Media(world)
    keep = [f"--media-backup-keep-{rule}" for rule in ("within=0s", "daily=0", "weekly=0", "monthly=0")]
    argv = media.program("prune", "--yes", *keep, "--media-backup-keep-last=2")
    while tally.goes_on():
        for _ in range(3):
            media.change()
            world.must(media.program("create"))
        world.strike(tally, "media prune", argv)
        compare(media, tally)
        world.must(argv)
        compare(media, tally)
        tally.acknowledged += 1
        if len(media.listed()) != 2:
            raise Lost(f"prune left {len(media.listed())} snapshots, expected 2")
    world.must(media.program("verify"), limit=600)
