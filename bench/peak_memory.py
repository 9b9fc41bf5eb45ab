"""Runs a command and tells the peak memory of it, in KiB, on descriptor 3.

    peak_memory.py COMMAND [ARGUMENT...] 3>FILE

The kernel counts what the parent held before `exec` too, so this is a program of its
own, started without site packages: less than about 9 MiB cannot be told.
"""

import os
import sys

pid = os.fork()
if pid == 0:
    os.close(3)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
os.write(3, f"{usage.ru_maxrss}\n".encode())
sys.exit(os.waitstatus_to_exitcode(status))
