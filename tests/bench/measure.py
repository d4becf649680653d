"""Runs one command and measures it from outside. Run as a program it is the small process between the benchmark and the command:

a child's ru_maxrss begins with the memory of the process that it was forked from, so a benchmark that has just compared 200,000 files
would be counted as the command's own peak. Peaks below this program's own, about 12 MiB, cannot be told apart.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
IDLE_S = 0.3
IDLE_TIMEOUT_S = 300
POLL_S = 0.02


class StepFailed(Exception):
    pass


def run(argv, environment, folder, output):
    """{"wall_s", "cpu_s", "peak_kib"} of a command; its standard output goes to the file `output`, its errors beside it."""
    errors = f"{output}.errors"
    order = {"argv": list(map(str, argv)), "environment": environment, "folder": str(folder), "output": str(output), "errors": errors}
    done = subprocess.run([sys.executable, "-I", "-S", __file__], input=json.dumps(order), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if found.pop("status"):
        said = "".join(Path(path).read_text(errors="replace")[-2000:] for path in (output, errors))
        raise StepFailed(f"{' '.join(order['argv'])} failed:\n{said}")
    return found


def run_here(order):
    os.chdir(order["folder"])
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, order["output"], write, 0o600),
               (os.POSIX_SPAWN_OPEN, 2, order["errors"], write, 0o600)]
    started = time.monotonic()
    child = os.posix_spawnp(order["argv"][0], order["argv"], order["environment"], file_actions=actions)
    _, status, used = os.wait4(child, 0)
    wall_s = time.monotonic() - started
    return {"status": os.waitstatus_to_exitcode(status), "wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_kib": used.ru_maxrss}


def make_durable(folder):
    """Writes out what the folder's file system still holds in memory; returns how many seconds that took."""
    started = time.monotonic()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            raise OSError(ctypes.get_errno(), "syncfs", str(folder))
    finally:
        os.close(descriptor)
    return time.monotonic() - started


class ProcessMeter:
    """CPU and peak memory of a running process, from /proc."""

    def __init__(self, pid):
        self.folder = Path("/proc", str(pid))

    def cpu_s(self):
        """User and system time with that of ended children, in steps of a tick (10 ms)."""
        fields = (self.folder / "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) * TICK_S

    def peak_kib(self):
        for line in (self.folder / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise RuntimeError("no VmHWM")

    def activity(self):
        """Changes as long as the process computes, reads or writes."""
        return self.cpu_s(), (self.folder / "io").read_text()

    def waits_for_disk(self):
        """True when a thread is in an uninterruptible wait, as in fsync."""
        for stat in self.folder.glob("task/*/stat"):
            try:
                if stat.read_text().rpartition(")")[2].split()[0] == "D":
                    return True
            except OSError:
                continue  # a thread that has just ended
        return False

    def wait_until_idle(self):
        """Returns after how many seconds the last activity was seen; idle is no activity for IDLE_S."""
        started = quiet_since = time.monotonic()
        before = self.activity()
        while time.monotonic() - quiet_since < IDLE_S:
            if time.monotonic() - started > IDLE_TIMEOUT_S:
                raise StepFailed(f"the daemon was not idle after {IDLE_TIMEOUT_S} s")
            time.sleep(POLL_S)
            now = self.activity()
            if now != before or self.waits_for_disk():
                before, quiet_since = now, time.monotonic()
        return quiet_since - started


def folder_bytes(folder):
    """(apparent bytes, allocated bytes) of the regular files below a folder."""
    apparent = allocated = 0
    for above, _, names in os.walk(folder):
        for name in names:
            try:
                info = os.lstat(os.path.join(above, name))
            except FileNotFoundError:
                continue  # compacted away in between
            apparent += info.st_size
            allocated += info.st_blocks * 512
    return apparent, allocated


def warm(folder):
    """Reads a folder once, so that its files lie in the page cache for every tool alike."""
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass


if __name__ == "__main__":
    print(json.dumps(run_here(json.load(sys.stdin))))
