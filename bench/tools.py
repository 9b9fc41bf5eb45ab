"""Finding the programs to measure with; a missing one is an error that says what to install."""

import os
import shlex
import shutil

NEEDED = {
    "nginx": "apt-get install nginx-light",
    "openssl": "apt-get install openssl",
    "zstd": "apt-get install zstd",
    "curl": "apt-get install curl",
    "rsync": "apt-get install rsync",
    "redis-server": "apt-get install redis-server",
}
SERVERS = "scripts/install-servers.sh"


class ToolMissing(Exception):
    """A program that the benchmark needs isn't installed."""


def check():
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for name, mend in NEEDED.items():
        if not shutil.which(name, path=path):
            raise ToolMissing(f"{name} is not installed\nHINT: {mend}")
    pgbackrest()


def setting(name):
    """From the environment, else from what scripts/install-servers.sh wrote down."""
    return os.environ.get(name) or written_settings().get(name, "")


def written_settings():
    for folder in server_caches():
        path = os.path.join(folder, "env")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                words = shlex.split(file.read(), comments=True)
            return dict(word.split("=", 1) for word in words if "=" in word)
    return {}


def server_caches():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return ["/var/cache/seawall-servers", os.path.join(home, "seawall-servers")]


def s3s_fs():
    path = setting("SEAWALL_S3S_FS") or shutil.which("s3s-fs")
    if not path or not os.access(path, os.X_OK):
        raise ToolMissing(f"s3s-fs is not installed\nHINT: run {SERVERS}, or set SEAWALL_S3S_FS")
    return path


def rclone():
    path = setting("SEAWALL_RCLONE") or shutil.which("rclone")
    if not path or not os.access(path, os.X_OK):
        raise ToolMissing(f"rclone is not installed\nHINT: run {SERVERS}, or set SEAWALL_RCLONE")
    return path


def pgbackrest():
    path = setting("SEAWALL_PGBACKREST") or shutil.which("pgbackrest")
    if not path or not os.access(path, os.X_OK):
        raise ToolMissing(f"pgBackRest is not installed\nHINT: run {SERVERS}, or set SEAWALL_PGBACKREST")
    return path


def postgres_bin():
    """The folder of PostgreSQL 15's programs: all that contenders know, so that figures stay comparable."""
    folders = setting("SEAWALL_POSTGRES_BINDIRS").replace(",", ":").replace(" ", ":").split(":")
    for folder in folders:
        if folder and is_version_15(folder):
            return folder
    raise ToolMissing(f"PostgreSQL 15 is not installed\nHINT: run {SERVERS}")


def is_version_15(folder):
    postgres = os.path.join(folder, "postgres")
    if not os.access(postgres, os.X_OK):
        return False
    with os.popen(f"{shlex.quote(postgres)} --version") as answer:
        return " 15." in answer.read()
