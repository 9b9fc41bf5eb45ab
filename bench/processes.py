"""Starting programs with a time limit, and ending every one of them.

A command is started with `posix_spawn` and awaited through a pidfd, so that neither
a large parent nor a polling loop adds to what is measured. Every process carries a
mark in its environment; that is how the detached ones are found again.
"""

import os
import select
import signal
import subprocess
import time

MARK = "BENCH_RUN"
SETTLE_SECONDS = 30


class CommandFailed(Exception):
    """A command ended with another status than 0, or not in time."""


class Processes:
    """Runs commands for one benchmark run; output goes to a log file."""

    def __init__(self, folder, first_in_path):
        self.mark = f"{os.getpid()}-{time.time_ns()}"
        self.log_path = os.path.join(folder, "commands.log")
        self.log_file = os.open(self.log_path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
        self.base = {
            "PATH": f"{first_in_path}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            MARK: self.mark,
        }

    def environment(self, extra=None):
        return {**self.base, **(extra or {})}

    def spawn(self, argv, extra=None):
        """Start `argv` in the current folder, in a process group of its own."""
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.log_file, 1),
            (os.POSIX_SPAWN_DUP2, self.log_file, 2),
        ]
        return os.posix_spawnp(
            argv[0],
            argv,
            self.environment(extra),
            file_actions=actions,
            setpgroup=0,
            setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGTERM],
        )

    def run(self, argv, extra=None, limit=120):
        """Run `argv` to its end; fail on another status than 0 or after `limit` seconds."""
        started_at = os.fstat(self.log_file).st_size
        pid = self.spawn(argv, extra)
        status = wait(pid, limit)
        if status != 0:
            ended = "did not end in time" if status is None else f"exit status {status}"
            raise CommandFailed(f"{' '.join(argv)}: {ended}\n{self.log_since(started_at)}")

    def shell(self, command, extra=None, limit=120):
        """Run `command` as PostgreSQL does, through `sh -c`."""
        self.run(["/bin/sh", "-c", command], extra, limit)

    def log_since(self, offset):
        size = os.fstat(self.log_file).st_size
        start = max(offset, size - 4000)
        return os.pread(self.log_file, size - start, start).decode(errors="replace")

    def background(self):
        """Process ids of what our commands left running, servers not counted."""
        return self.marked(self.mark)

    @staticmethod
    def marked(mark):
        wanted = f"{MARK}={mark}".encode()
        return [pid for pid in all_process_ids() if wanted in environment_of(pid)]

    @staticmethod
    def wait_until(true, otherwise, limit=SETTLE_SECONDS):
        """Wait until `true()` is; fail with the words `otherwise` after `limit` seconds."""
        deadline = time.monotonic() + limit
        while not true():
            if time.monotonic() > deadline:
                raise CommandFailed(f"{otherwise} within {limit} seconds")
            time.sleep(0.01)

    def settle(self, limit=SETTLE_SECONDS):
        """Wait until every background process of our commands has ended; end late ones."""
        deadline = time.monotonic() + limit
        while self.background() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.end_background()

    def end_background(self):
        for pid in self.background():
            send(pid, signal.SIGKILL)

    def end_servers(self):
        """End servers that nobody stopped, because starting them was interrupted."""
        for pid in self.marked(f"server-{self.mark}"):
            send(pid, signal.SIGKILL)

    def server(self, argv, log_name, extra=None, user=None, cwd=None):
        """Start a server; the caller ends it with `stop`."""
        environment = self.environment(extra)
        environment[MARK] = f"server-{self.mark}"
        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        folder = os.path.dirname(self.log_path)
        with open(os.path.join(folder, log_name), "ab") as log:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=cwd or folder,
                start_new_session=True,
                **identity,
            )

    def output(self, argv, user=None, cwd="/", limit=600, extra=None):
        """Standard output of a helper command that isn't measured."""
        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run(
            argv,
            env=self.environment(extra),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=limit,
            start_new_session=True,
            **identity,
        )
        if done.returncode != 0:
            told = (done.stderr or done.stdout).decode(errors="replace")[-4000:]
            raise CommandFailed(f"{' '.join(argv)}: exit status {done.returncode}\n{told}")
        return done.stdout.decode(errors="replace")


def wait(pid, limit):
    """Exit status of `pid` (negative for a signal), or None after `limit` seconds."""
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(limit * 1000):
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except BaseException:
        send(pid, signal.SIGKILL)
        raise
    finally:
        os.close(handle)


def stop(server, number=signal.SIGTERM, limit=20):
    """End a server that `Processes.server` started."""
    if server.poll() is not None:
        return
    server.send_signal(number)
    try:
        server.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def all_process_ids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def environment_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []
