"""Beffroi, restic and borg behind one interface. Every tool encrypts, keeps its repository below its own folder, and is measured
command by command: Tool.step runs one step of STEPS and returns a Measurement.

A step's wall time is that of its command, from start to exit, and, when it restored, that of the sync which makes it durable; backups are
durable at the exit, with every tool. Its CPU is that of the command with its
children, and for Beffroi that of the daemon until it is idle. Its peak is the larger of the command's and the daemon's.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402  (needs the line above)

STEPS = ("first", "unchanged", "day", "list", "one", "all", "check")
BACKUPS = ("first", "unchanged", "day")
PASSWORD = "une clé pour mesurer"
TABLE_TAIL_BYTES = 64 << 10
FILE_CACHE_TABLE = b"files"


@dataclasses.dataclass
class Measurement:
    wall_s: float
    cpu_s: float
    peak_kib: int
    stored_bytes: int  # apparent bytes of the repository after the step, without caches
    allocated_bytes: int  # what its files take on the disk, caches included where they lie in the same folder
    cache_bytes: int  # caches that can be lost without losing data
    added_bytes: int  # stored_bytes after the step less before it
    idle_after_s: float = 0.0  # how long the daemon went on after the command
    sent_bytes: int = None  # over the line to the other side, when there is one
    received_bytes: int = None


class Tool:
    """One tool with one repository of the folder `source`."""

    name = ""
    program = ""

    def __init__(self, folder, source):
        self.folder = Path(folder).resolve() / self.name
        self.source = str(source)
        self.repository = self.folder / "repository"
        self.cache = self.folder / "cache"
        self.output = self.folder / "output"
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        for made in (self.repository, self.cache):
            made.mkdir(parents=True)

    def init(self):
        """Makes the repository; not measured."""
        raise NotImplementedError

    def command(self, step, path, target):
        """(arguments, working folder or None) of a step. `path` is the file that `one` restores, `target` an empty folder."""
        raise NotImplementedError

    def restored(self, path, target):
        """Where the restored copy of `path` lies."""
        return Path(str(target) + str(path))

    def version(self):
        return subprocess.run([self.program, self.version_word], capture_output=True, text=True, check=True).stdout.split("\n")[0]

    version_word = "--version"

    def run(self, *arguments):
        """An unmeasured command."""
        done = subprocess.run(list(map(str, arguments)), env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise measure.StepFailed(f"{' '.join(map(str, arguments))} failed:\n{done.stdout}{done.stderr}")

    def stored(self):
        """(apparent, allocated, cache) bytes."""
        return (*measure.folder_bytes(self.repository), measure.folder_bytes(self.cache)[0])

    def step(self, step, path=None, target=None):
        before = self.stored()[0]
        arguments, folder = self.command(step, path, target)
        os.sync()
        found = self.measured(arguments, folder or self.folder)
        if target:
            found["wall_s"] += measure.make_durable(target)
        apparent, allocated, cache = self.stored()
        return Measurement(**found, stored_bytes=apparent, allocated_bytes=allocated, cache_bytes=cache, added_bytes=apparent - before)

    def measured(self, arguments, folder):
        return measure.run(arguments, self.environment, folder, self.output)

    def rest(self):
        """Between the steps nothing of this tool may run."""

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Restic(Tool):
    name = program = "restic"
    version_word = "version"

    def __init__(self, folder, source):
        super().__init__(folder, source)
        self.environment["RESTIC_PASSWORD"] = PASSWORD
        self.base = ["restic", "-r", self.repository, "--cache-dir", self.cache]

    def init(self):
        self.run(*self.base, "init")

    def command(self, step, path, target):
        if step == "one":  # quicker than `restore --include`
            shell = 'exec "$0" "${@:2}" >"$1"'
            where = self.restored(path, target)
            where.parent.mkdir(parents=True)
            return ["bash", "-c", shell, "restic", where, *self.base[1:], "dump", "latest", path], None
        words = {"list": ["ls", "--long", "latest"], "all": ["restore", "latest", "--target", target], "check": ["check", "--read-data"]}
        return [*self.base, *words.get(step, ["backup", self.source])], None


class Borg(Tool):
    name = "borg"
    program = "borg"
    compression = "lz4"

    def __init__(self, folder, source):
        super().__init__(folder, source)
        self.environment |= {"BORG_PASSPHRASE": PASSWORD, "BORG_BASE_DIR": str(self.cache)}
        self.location = str(self.repository)
        self.last = None

    def init(self):
        self.run("borg", "init", "--encryption", "repokey-blake2", self.location)

    def command(self, step, path, target):
        if step in BACKUPS:
            self.last = step
            return ["borg", "create", "--compression", self.compression, f"{self.location}::{step}", self.source], None
        archive = f"{self.location}::{self.last}"
        words = {"list": ["list", archive], "one": ["extract", archive, str(path).lstrip("/")], "all": ["extract", archive],
                 "check": ["check", "--verify-data", self.location]}
        return ["borg", *words[step]], target


class BorgZstd(Borg):
    name = "borg-zstd"
    compression = "zstd,3"


class Beffroi(Tool):
    """A station alone, without a peer. The daemon is started before each step and ended after it."""

    name = "beffroi"
    settings = "[schedule]\nenabled = false\n"

    def __init__(self, folder, source):
        super().__init__(folder, source)
        self.station = harness.Station(self.folder / "station", settings=self.settings)
        self.station.data = self.repository
        # A socket's path may have 107 bytes at most.
        self.socket_folder = tempfile.TemporaryDirectory(prefix="beffroi-bench-")
        self.station.socket = Path(self.socket_folder.name, "socket")
        self.base = [harness.BEFFROI, "--socket", self.station.socket]

    def version(self):
        return subprocess.run([harness.BEFFROI, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def init(self):
        self.station.start()
        self.station.init()
        self.station.run("source", "add", self.source)
        self.rest()

    def command(self, step, path, target):
        words = {"list": ["ls", "--recursive", "latest"], "one": ["restore", f"latest:{path}", "--target", target],
                 "all": ["restore", f"latest:{self.source}", "--target", target], "check": ["check", "--read-data"]}
        return [*self.base, *words.get(step, ["backup"])], None

    def restored(self, path, target):
        return Path(target, Path(path).name)

    def step(self, step, path=None, target=None):
        self.station.start()
        measure.ProcessMeter(self.station.process.pid).wait_until_idle()
        return super().step(step, path, target)

    def measured(self, arguments, folder):
        meter = measure.ProcessMeter(self.station.process.pid)
        cpu_before = meter.cpu_s()
        found = super().measured(arguments, folder)
        found["idle_after_s"] = meter.wait_until_idle()
        found["cpu_s"] += meter.cpu_s() - cpu_before
        found["peak_kib"] = max(found["peak_kib"], meter.peak_kib())
        return found

    def stored(self):
        apparent, allocated = measure.folder_bytes(self.repository)
        cache = sum(path.stat().st_size for path in self.repository.glob("db/*.sst") if table_of(path) == FILE_CACHE_TABLE)
        return apparent - cache, allocated, cache

    def rest(self):
        self.station.stop()

    def close(self):
        self.station.kill()
        self.socket_folder.cleanup()
        super().close()


class BeffroiWithPeer(Beffroi):
    """The same, joined to a peer on this machine."""

    def __init__(self, folder, source):
        super().__init__(folder, source)
        self.peer = harness.Peer(self.folder / "peer")
        self.peer.socket = Path(self.socket_folder.name, "peer")

    def init(self):
        self.peer.start()
        super().init()
        self.station.start()
        self.station.json("join", self.peer.json("peer", "invite", "--name", "Mairie", "--address", self.address())["code"])
        self.rest()

    def address(self):
        """Where the station finds the peer."""
        return self.peer.address

    def close(self):
        self.peer.kill()
        super().close()


def table_of(path):
    """The column family that an SST file of RocksDB belongs to, from its properties; None when it does not say."""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - TABLE_TAIL_BYTES))
        tail = file.read()
    # Keys share their beginnings: after `…column.family.id` only `name` is written, with the lengths before it.
    found = re.search(rb"column\.family\.id.{1,5}?\x16\x04(.)name", tail, re.DOTALL)
    return tail[found.end():found.end() + found.group(1)[0]] if found else None


TOOLS = {tool.name: tool for tool in (Beffroi, Restic, Borg, BorgZstd)}
