"""Media files to measure with, and the ways to keep them that are compared."""

import os
import random
import shutil

import tools
from archivers import seawall_environment
from measure import Contender
from servers import ACCESS_KEY, BUCKET, REGION, SECRET_KEY

FILES = 100_000
FOLDERS = 250
SHORTEST, LONGEST = 4 << 10, 64 << 10
# Pictures do not compress. The same bytes in every run.
SEED = 4
# Nothing was changed in the second in which a snapshot begins: such files would be read again.
MTIME = 1_700_000_000
LIMIT_SECONDS = 1800
RCLONE = "{rclone} --config= --s3-no-check-bucket sync --transfers=4 --checkers=8 {source} bench:{bucket}/{prefix}"


class MediaFiles:
    """100,000 files of 4 to 64 KiB in 250 folders, and the configuration that calls them a set."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "media")
        self.config = os.path.join(folder, "media.toml")
        draw = random.Random(SEED)
        for number in range(FOLDERS):
            below = os.path.join(self.folder, f"{number:03}")
            os.makedirs(below)
            for file in range(FILES // FOLDERS):
                path = os.path.join(below, f"{file:03}.jpg")
                with open(path, "wb") as out:
                    out.write(draw.randbytes(draw.randint(SHORTEST, LONGEST)))
                os.utime(path, (MTIME, MTIME))
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[media.bench]\npaths = ["{self.folder}"]\n')
            file.write(f'[media_backup]\nstate_directory = "{folder}/media-state"\n')


class Keep(Contender):
    """Keeps the files somewhere; `again` where they are kept already and none has changed."""

    folders = ()

    def __init__(self, bench, label, again=False):
        self.bench = bench
        self.files = bench.media_files()
        self.label = label
        self.again = again

    def prepare(self, turn):
        if self.again and self.folders:
            return
        self.folders = self.new_folders()
        if self.again:
            self.action()

    def action(self):
        self.bench.processes.shell(self.command(), self.environment(), LIMIT_SECONDS)

    def environment(self):
        return {}

    def check(self):
        self.look()
        if not self.again:
            self.close()

    def close(self):
        for folder in self.folders:
            shutil.rmtree(folder)
        self.folders = ()


class Seawall(Keep):
    """Our own, to a folder, an S3 prefix, or both."""

    ours = True

    def __init__(self, bench, label, again=False, disk=False, s3=None):
        super().__init__(bench, label, again)
        self.disk, self.s3 = disk, s3

    def new_folders(self):
        urls, folders = [], []
        if self.disk:
            folders.append(self.bench.factory.new_folder())
            urls.append(folders[-1])
        if self.s3:
            prefix, folder = self.bench.factory.new_prefix()
            folders.append(folder)
            urls.append(f"s3://{BUCKET}/{prefix}")
        self.variables = seawall_environment(urls, self.s3)
        return folders

    def environment(self):
        return self.variables

    def verb(self, words):
        return f"exec media-backup {words} --config {self.files.config}"

    def command(self):
        return self.verb("create")

    def look(self):
        listed = self.verb("list") + f" | grep -q ' {FILES} '"
        self.bench.processes.shell(listed.removeprefix("exec "), self.variables)


class Rsync(Keep):
    """`rsync -a` into a dated folder; with `again` links to the one before, perhaps of another contender."""

    def __init__(self, bench, label, again=False, sync=False, beside=None):
        super().__init__(bench, label, again)
        self.sync = sync
        self.beside = beside

    def new_folders(self):
        if self.beside:
            self.beside.prepare(0)
            return self.beside.folders
        return [self.bench.factory.new_folder()]

    def command(self):
        taken = len(os.listdir(self.folders[0]))
        before = f"--link-dest={self.folders[0]}/{taken} " if taken else ""
        self.target = f"{self.folders[0]}/{taken + 1}"
        command = f"rsync -a {before}{self.files.folder} {self.target}"
        return f"{command} && sync -f {self.target}" if self.sync else command

    def look(self):
        assert count(self.target) == FILES, f"{self.label} did not keep all"

    def close(self):
        if not self.beside:
            super().close()


class Rclone(Keep):
    def __init__(self, bench, label, s3, again=False):
        super().__init__(bench, label, again)
        self.s3 = s3

    def new_folders(self):
        self.prefix, folder = self.bench.factory.new_prefix()
        return [folder]

    def environment(self):
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": self.s3.endpoint,
            "REGION": REGION,
            "ACCESS_KEY_ID": ACCESS_KEY,
            "SECRET_ACCESS_KEY": SECRET_KEY,
        }
        return {f"RCLONE_CONFIG_BENCH_{key}": value for key, value in settings.items()}

    def command(self):
        where = {"source": self.files.folder, "bucket": BUCKET, "prefix": self.prefix}
        return "exec " + RCLONE.format(rclone=tools.rclone(), **where)

    def look(self):
        assert count(self.folders[0]) == FILES, f"{self.label} did not keep all"


def count(folder):
    return sum(len(names) for _, _, names in os.walk(folder))
