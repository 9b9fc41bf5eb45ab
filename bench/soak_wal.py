"""Segments on their way into repositories and out of them."""

import os
import shutil

from soak_world import Lost, plain

TRIES = 6


def push_folder(world, tally):
    push(world, tally, "disk")


def push_both(world, tally):
    push(world, tally, "disk", "cloud")


def push(world, tally, *stores):
    """As the archiver does, in order, with all later segments waiting; each call is killed now and then."""
    while tally.goes_on():
        config, roots = world.config(*stores)
        data = world.data_directory()
        for name, content in world.segments:
            put(data, name, content)
        try:
            archive(world, tally, config, roots, data)
        finally:
            shutil.rmtree(data)
        for root in roots.values():
            shutil.rmtree(root)


def archive(world, tally, config, roots, data):
    acknowledged = []
    for name, content in world.segments:
        argv = ["wal-push", "--config", config, f"pg_wal/{name}", name]
        until_done(world, tally, "+".join(roots), argv, data)
        done(data, name)
        acknowledged.append((name, content))
        tally.acknowledged += 1
        compare(tally, roots, [(name, content)])
        if not tally.goes_on():
            break
    # Once more at the end: nothing that came later took any of it along.
    compare(tally, roots, acknowledged)
    tally.compared -= len(acknowledged) * len(roots)
    leavings = os.path.join(roots["disk"], ".seawall-tmp")
    if os.path.isdir(leavings) and os.listdir(leavings):
        raise Lost(f"{leavings} still has {os.listdir(leavings)}")


def until_done(world, tally, label, argv, cwd):
    """Killed a few times, perhaps; then to its end, which has to be a good one."""
    for _ in range(TRIES):
        if not tally.goes_on():
            break
        status = world.strike(tally, f"{argv[0]} {label}", argv, cwd)
        if status == 0:
            return
        if status is not None:
            raise Lost(f"{' '.join(argv)}: exit status {status}")
    world.must(argv, cwd)


def compare(tally, roots, segments):
    for store, root in roots.items():
        stored = files_below(root)
        for name, content in segments:
            path = stored.get(f"{name}.zst")
            if path is None:
                raise Lost(f"{name} was acknowledged and is not in {store}")
            if plain(path) != content:
                raise Lost(f"{name} is something else in {store}")
            tally.compared += 1


def files_below(root):
    return {name: os.path.join(place, name) for place, _, names in os.walk(root) for name in names}


def fetch(world, tally):
    """As recovery does, in order, with segments prefetched; calls are killed, and so are prefetch processes."""
    config, roots = world.config("disk", "cloud")
    data = world.data_directory()
    for name, content in world.segments:
        put(data, name, content)
        world.must(["wal-push", "--config", config, f"pg_wal/{name}", name], data)
        done(data, name)
        if not tally.goes_on():
            return
    while tally.goes_on():
        data = world.data_directory()
        open(os.path.join(data, "recovery.signal"), "w", encoding="ascii").close()
        try:
            recover(world, tally, config, data)
        finally:
            world.kill_background()
            shutil.rmtree(data)
    for root in roots.values():
        shutil.rmtree(root)


def recover(world, tally, config, data):
    target = os.path.join(data, "pg_wal/RECOVERYXLOG")
    for name, content in world.segments:
        argv = ["wal-fetch", "--config", config, name, "pg_wal/RECOVERYXLOG"]
        status = world.strike(tally, "wal-fetch", argv, data)
        if status not in (None, 0):
            raise Lost(f"{' '.join(argv)}: exit status {status}")
        if status is None:
            if os.path.exists(target) and read(target) != content:
                raise Lost(f"{name}: a killed wal-fetch left something else under the name")
            world.must(argv, data)
        if read(target) != content:
            raise Lost(f"{name} is something else when it comes back")
        os.remove(target)
        tally.acknowledged += 1
        tally.compared += 1
        if world.dice.random() < 0.3:
            tally.kills += world.kill_background()
        if not tally.goes_on():
            return


def put(data, name, content):
    with open(os.path.join(data, "pg_wal", name), "wb") as file:
        file.write(content)
    open(status_file(data, name, "ready"), "w", encoding="ascii").close()


def done(data, name):
    os.rename(status_file(data, name, "ready"), status_file(data, name, "done"))


def status_file(data, name, state):
    return os.path.join(data, "pg_wal/archive_status", f"{name}.{state}")


def read(path):
    with open(path, "rb") as file:
        return file.read()
