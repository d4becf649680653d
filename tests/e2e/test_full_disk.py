"""A disk that is full, at either end, gets one clear sentence and the documented exit code, and loses nothing."""

import os
import subprocess
import unittest

import compare
import documents
from harness import Scene

FAILED = 1


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)

    def expect(self, result, exit_code, *words):
        self.assertEqual(exit_code, result.returncode, result.stdout + result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        self.assertTrue(lines, "nothing was said")
        self.assertLessEqual(len(lines), 2, result.stderr)
        for word in words:
            self.assertRegex(result.stderr, word)
        self.assertNotRegex(result.stderr, r"std::|exception|errno|Assertion|\{\}")

    def test_a_full_disk_loses_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("mounts a tmpfs: needs root")
        small = self.scene.folder / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "none", str(small)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(small)])
        station = self.scene.station("small/station", settings='[schedule]\nenabled = false\n')
        self.addCleanup(station.kill)
        station.init()
        source = documents.plain(self.scene.folder / "source", files=10, big_bytes=1 << 20)
        station.run("source", "add", source)
        station.backup()
        expected = compare.describe(source)
        (source / "too big").write_bytes(os.urandom(500 << 20))
        result = station.run("backup", check=False)
        self.expect(result, FAILED, "disk|full|room")
        os.remove(source / "too big")
        os.utime(source, ns=(0, expected[b""]["mtime_ns"]))
        station.stop()
        station.start()
        station.backup()
        station.run("restore", f"latest:{source}", "--target", self.scene.folder / "out")
        self.assertEqual([], compare.differences(expected, compare.describe(self.scene.folder / "out" / source.name)))

    def test_a_full_disk_at_the_peer_loses_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("mounts a tmpfs: needs root")
        small = self.scene.folder / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "none", str(small)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(small)])
        peer = self.scene.peer("small/peer")
        self.addCleanup(peer.kill)
        station = self.scene.station()
        station.init()
        station.join(peer)
        source = documents.plain(self.scene.folder / "source", files=10, big_bytes=1 << 20)
        station.run("source", "add", source)
        first = station.backup()
        self.assertIsNotNone(first["receipt"])
        (source / "too big for the peer").write_bytes(os.urandom(200 << 20))
        station.run("backup", "--no-sync")
        self.expect(station.run("sync", check=False), FAILED, "disk|full|room")
        # What was receipted is still there, and the rest goes through as soon as there is room.
        self.assertEqual(0, station.json("check", "--at", "peer")["damages_total"])
        subprocess.run(["mount", "-o", "remount,size=800m", str(small)], check=True)
        self.assertIsNotNone(station.json("sync")["receipt"])
        station.run("restore", f"latest:{source}", "--target", self.scene.folder / "out", "--from", "peer")
        self.assertEqual([], compare.differences(compare.describe(source), compare.describe(self.scene.folder / "out" / source.name)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
