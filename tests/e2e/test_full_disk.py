"""A disk that fills at either end, with our own data or somebody else's, in the middle of a backup or a push: one clear sentence and the
documented exit code; what was acknowledged is still there and comes back while the disk is full; and all goes on, without a restart, as soon as
there is room.

BEFFROI_DISK_ROUNDS=20 is the full form (scripts/prove disk). The mounts are this test's own and gone with it."""

import contextlib
import os
import random
import shutil
import subprocess
import time
import unittest

import compare
import documents
import namespaces
from harness import BEFFROI, Scene

FAILED = 1
MIB = 1 << 20
ROUNDS = int(os.environ.get("BEFFROI_DISK_ROUNDS", "2"))
SEED = int(os.environ.get("BEFFROI_DISK_SEED", str(random.SystemRandom().randrange(10**6))))
DISK_MIB = 320
# More than the disk has left when somebody has filled it, less than it has.
NEW_BYTES, LEFT_BYTES_MAX = 64 * MIB, 40 * MIB
COMMAND_TIMEOUT_S = 300
# Nothing kept free: the disk itself says that it is full, and not a check before it is.
STATION = '[schedule]\nenabled = false\n[store]\nmin_free = "0%"\n[sync]\nupload_limit = "none"\n'
PEER = '[store]\nmin_free = "0%"\n'


class SmallDisk:
    """A file system with little room, which somebody else fills as well."""

    def __init__(self, folder, kind):
        self.folder, self.filler = folder / "small", folder / "small" / "somebody else's"
        self.folder.mkdir()
        if kind == "tmpfs":
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", self.folder], check=True)
        else:
            image = folder / "image"
            with open(image, "wb") as file:
                file.truncate(DISK_MIB * MIB)
            # No room for root alone, and no journal that is a fifth of so small a disk.
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-J", "size=4", image], check=True)
            subprocess.run(["mount", "-o", "loop", image, self.folder], check=True)

    def free_bytes(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, left_bytes):
        """Takes all room but this much. The daemon may be quicker in between: then less is left."""
        with open(self.filler, "wb") as file, contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(self.free_bytes() - left_bytes, 1))

    def make_room(self):
        self.filler.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=True)


class World:
    """A station and its peer, one of them on a small disk, and a snapshot that the peer has acknowledged."""

    def __init__(self, ends, kind, small, draw):
        self.scene, self.draw = ends.enter_context(Scene()), draw
        self.disk = SmallDisk(self.scene.folder, kind)
        # Last in, first out: nobody has files open when the disk goes.
        ends.callback(self.disk.close)
        folder = {"station": "station", "peer": "peer", small: f"small/{small}"}
        self.peer = self.scene.peer(folder["peer"], settings=PEER)
        ends.callback(self.peer.kill)
        self.station = self.scene.station(folder["station"], settings=STATION)
        ends.callback(self.station.kill)
        self.station.init()
        self.station.join(self.peer)
        self.source = documents.plain(self.scene.folder / "source", files=10, big_bytes=MIB)
        self.station.run("source", "add", self.source)

    def tell(self):
        """What the daemons said, and whether they still run: gone with the folder a moment later."""
        for daemon in (self.station, self.peer):
            log = daemon.log.read_text(errors="replace")
            print(f"{daemon.role}: exit status {daemon.process.poll()}, its last lines:\n{log[-4000:]}", flush=True)

    def add_documents(self):
        (self.source / "new.bin").write_bytes(self.draw.randbytes(NEW_BYTES))

    def run_while_the_disk_fills(self, *words, after_s, left_bytes):
        arguments = [str(BEFFROI), "--socket", str(self.station.socket), *words]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.station.environment) as command:
            time.sleep(after_s)
            self.disk.fill(left_bytes)
            said = command.communicate(timeout=COMMAND_TIMEOUT_S)
        return subprocess.CompletedProcess(arguments, command.returncode, *said)


class FullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        namespaces.own_mounts()

    def setUp(self):
        print(f"replay with BEFFROI_DISK_SEED={SEED} BEFFROI_DISK_ROUNDS={ROUNDS}", flush=True)
        self.draw = random.Random(SEED)

    def acknowledge(self, world, result):
        self.assertIsNotNone(result["receipt"], result)
        self.acknowledged = compare.describe(world.source)
        self.snapshot = world.station.json("snapshots")["snapshots"][-1]["id"]

    def expect_one_sentence(self, result):
        self.assertEqual(FAILED, result.returncode, result.stdout + result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        self.assertTrue(lines, "nothing was said")
        self.assertLessEqual(len(lines), 2, result.stderr)
        self.assertRegex(result.stderr, "disk|full|room")
        self.assertNotRegex(result.stderr, r"std::|exception|errno|Assertion|\{\}")

    def assert_acknowledged_is_there(self, world):
        self.assertEqual(0, world.station.json("check", "--at", "peer")["damages_total"])
        target = world.scene.folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        world.station.run("restore", f"{self.snapshot}:{world.source}", "--target", target, "--from", "peer")
        self.assertEqual([], compare.differences(self.acknowledged, compare.describe(target / world.source.name)))

    def one_round(self, world, command, before, after_s, left_bytes):
        """True when the command met the full disk."""
        self.acknowledge(world, world.station.backup())
        world.add_documents()
        if before:
            world.station.run(*before)
        if after_s == 0:
            world.disk.fill(left_bytes)
        result = world.run_while_the_disk_fills(*command, after_s=after_s, left_bytes=left_bytes)
        if result.returncode:
            self.expect_one_sentence(result)
            self.assert_acknowledged_is_there(world)
        world.disk.make_room()
        self.acknowledge(world, world.station.backup())
        self.assert_acknowledged_is_there(world)
        return result.returncode != 0

    def rounds(self, small, command, before=(), left_bytes_max=LEFT_BYTES_MAX):
        """In how many rounds the disk was met full: surely in the first two, as nothing is left before the command begins; in the others
        somebody fills it meanwhile, perhaps too late."""
        met = 0
        for number in range(ROUNDS):
            kind, after_s = ("tmpfs", "ext4")[number % 2], self.draw.uniform(0, 0.6) if number >= 2 else 0
            with self.subTest(f"round {number}, {kind}"), contextlib.ExitStack() as ends:
                world = World(ends, kind, small, self.draw)
                try:
                    met += self.one_round(world, command, before, after_s, self.draw.randrange(left_bytes_max))
                except Exception:
                    world.tell()
                    raise
        print(f"{met} of {ROUNDS} rounds met the full disk")
        return met

    def test_a_stations_disk_fills_during_a_backup(self):
        self.assertGreater(self.rounds("station", ("backup",)), 0)

    def test_a_stations_disk_fills_during_a_push(self):
        """All that a push writes at the station is a receipt: often there is room for that."""
        self.rounds("station", ("sync",), before=("backup", "--no-sync"), left_bytes_max=MIB)

    def test_a_peers_disk_fills_during_a_push(self):
        self.assertGreater(self.rounds("peer", ("sync",), before=("backup", "--no-sync")), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
