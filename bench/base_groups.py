"""The groups of figures about base backups."""

from backups import Backups
from base_contenders import Create, Restore, taken
from groups import Group
from measure import Figure

OURS = "basebackup"
OURS_TLS = "basebackup over TLS"
PLAIN = "pg_basebackup client-zstd"
PIPE = "pg_basebackup | zstd | rclone"
REST = "pgBackRest"
TAR = "zstd -d | tar x, sync"
ROUNDS = 3


def create_local(bench, database):
    live = bench.live(database)
    make = Backups(bench, live)
    return [
        Create(bench, live, OURS, lambda: make.seawall(OURS, disk=True), ours=True),
        Create(bench, live, PLAIN, lambda: make.pg_basebackup(PLAIN)),
        Create(bench, live, REST, lambda: make.pgbackrest(REST)),
    ]


def create_s3(bench, database):
    live = bench.live(database)
    make = Backups(bench, live)
    s3, tls = bench.servers.plain(), bench.servers.tls()
    return [
        Create(bench, live, OURS, lambda: make.seawall(OURS, s3=s3), ours=True),
        Create(bench, live, OURS_TLS, lambda: make.seawall(OURS_TLS, s3=tls), ours=True),
        Create(bench, live, PLAIN, lambda: make.pg_basebackup(PLAIN)),
        Create(bench, live, PIPE, lambda: make.rclone(PIPE, s3)),
        Create(bench, live, REST, lambda: make.pgbackrest(REST, s3=tls)),
    ]


def create_both(bench):
    live = bench.live(bench.databases.pgbench())
    make = Backups(bench, live)
    s3 = bench.servers.plain()
    places = {
        "disk and S3": {"disk": True, "s3": s3},
        "disk alone": {"disk": True},
        "S3 alone": {"s3": s3},
    }
    contender = lambda label, where: Create(
        bench, live, label, lambda: make.seawall(label, **where), ours=True
    )
    return [contender(label, where) for label, where in places.items()]


def restore(bench, database, s3=None, tar=False, delta=False):
    """Restores of backups that are taken here, each with its own program."""
    live = bench.live(database)
    make = Backups(bench, live)
    backups = {REST: lambda: make.pgbackrest(REST, s3=s3)}
    if tar:
        backups[TAR] = lambda: make.pg_basebackup(TAR)
    if not bench.rivals_only:
        backups[OURS] = lambda: make.seawall(OURS, disk=s3 is None, s3=s3)
    return [
        Restore(bench, live, label, taken(bench, live, backup()), delta, ours=label == OURS)
        for label, backup in backups.items()
    ]


def create_local_figures(of):
    return [
        Figure(f"create{of}, local, against pg_basebackup client-zstd", 0.8, OURS, [PLAIN]),
        Figure(f"create{of}, local, against pgBackRest", 0.5, OURS, [REST]),
    ]


def create_s3_figures(of):
    return [
        Figure(f"create{of}, S3, against pg_basebackup to disk", 0.85, OURS, [PLAIN]),
        Figure(f"create{of}, S3, against pg_basebackup | zstd | rclone", 0.45, OURS, [PIPE]),
        Figure(f"create{of}, S3 over TLS, against pgBackRest", 0.3, OURS_TLS, [REST]),
    ]


def restore_local_figures(of):
    return [
        Figure(f"restore{of}, local, against zstd -d | tar x with sync", 0.6, OURS, [TAR]),
        Figure(f"restore{of}, local, against pgBackRest", 0.5, OURS, [REST]),
    ]


def restore_s3_figures(of):
    return [Figure(f"restore{of}, S3 over TLS, against pgBackRest", 0.35, OURS, [REST])]


def on_both_databases(name, title, contenders, figures):
    """The group for the pgbench database, and the same for the one that compresses 2:1."""
    return [
        Group(
            name,
            f"{title}, pgbench",
            lambda bench: contenders(bench, bench.databases.pgbench()),
            figures(""),
            ROUNDS,
        ),
        Group(
            f"{name}-2to1",
            f"{title}, 2:1",
            lambda bench: contenders(bench, bench.databases.two_to_one()),
            figures(" of 2:1"),
            ROUNDS,
        ),
    ]


def restore_local(bench, database):
    return restore(bench, database, tar=True)


def restore_s3(bench, database):
    return restore(bench, database, s3=bench.servers.tls())


GROUPS = [
    *on_both_databases(
        "create-local", "base backup to a local repository", create_local, create_local_figures
    ),
    *on_both_databases("create-s3", "base backup to S3", create_s3, create_s3_figures),
    Group(
        "create-both",
        "base backup to disk and S3 together",
        create_both,
        [
            Figure(
                "create, disk and S3 together against the slower of the two alone",
                1.25,
                "disk and S3",
                ["disk alone", "S3 alone"],
            )
        ],
        ROUNDS,
    ),
    *on_both_databases(
        "restore-local", "restore from a local repository", restore_local, restore_local_figures
    ),
    *on_both_databases(
        "restore-s3", "restore from S3 over TLS", restore_s3, restore_s3_figures
    ),
    Group(
        "restore-delta",
        "restore --delta of unchanged data, local, pgbench",
        lambda bench: restore(bench, bench.databases.pgbench(), delta=True),
        [Figure("restore --delta of unchanged data against pgBackRest", 1.0, OURS, [REST])],
        5,
    ),
]
