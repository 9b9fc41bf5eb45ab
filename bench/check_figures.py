"""Figures of `seawall check`: how long it takes for a large repository, near and far."""

import shutil
import statistics
import time

from archivers import seawall_environment
from base_footprint import BACKUPS, SEGMENTS, lay_repository
from footprint import Footprint
from measure import Row, in_words
from servers import BUCKET

LOCAL_SECONDS_MAX = 2
FAR_SECONDS_MAX = 10
FAR_MILLISECONDS = 20
RUNS = 5

# There is no drill yet, which is a warning: it has judged all the same.
COMMAND = "seawall check --format json > /dev/null; test $? -le 1"


def rows(bench):
    repository = bench.factory.new_folder()
    lay_repository(repository)
    local = row(bench, "local", seawall_environment([repository], None), LOCAL_SECONDS_MAX)
    store = bench.servers.far_listing(repository, FAR_MILLISECONDS)
    environment = seawall_environment([f"s3://{BUCKET}"], store)
    far = row(bench, f"S3 with {FAR_MILLISECONDS} ms a request", environment, FAR_SECONDS_MAX)
    shutil.rmtree(repository)
    return [local, far]


def row(bench, where, environment, seconds_max):
    seconds = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        bench.processes.shell(COMMAND, environment)
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds[1:])
    what = f"check, {where}, {SEGMENTS:,} segments and {BACKUPS} backups"
    return Row("check", what, in_words(median), "", median, "s", seconds_max)


GROUPS = [Footprint("check", "seawall check of a large repository, local and S3", rows)]
