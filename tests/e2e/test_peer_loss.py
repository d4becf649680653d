"""The EPCI's server loses its disk and comes back from an older image: accused, declared, healed, and whole for the paper kit."""

import shutil
import time
import unittest

import compare
import documents
from harness import Scene

USAGE, INTEGRITY = 2, 5


class PeerLoss(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer()
        self.station = self.scene.station()
        self.station.init()
        self.station.join(self.peer)
        self.source = documents.plain(self.scene.folder / "source", files=20, big_bytes=200_000)
        self.station.run("source", "add", self.source)

    def put_in_place(self, source, target):
        """With the peer stopped, as an operator copies its folder."""
        self.peer.stop()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        self.peer.start()

    def restore_and_compare(self, station, snapshot, expected):
        target = self.scene.folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        station.run("restore", f"{snapshot}:{self.source}", "--target", target, "--from", "peer")
        self.assertEqual([], compare.differences(expected, compare.describe(target / self.source.name)))

    def test_an_older_image_is_accused_declared_and_healed(self):
        snapshots = {self.station.backup()["snapshot"]: compare.describe(self.source)}
        image = self.scene.folder / "image"
        self.put_in_place(self.peer.data, image)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for name in ("second", "third"):
            (self.source / f"{name}.txt").write_text(name * 10_000)
            result = self.station.backup()
            self.assertIsNotNone(result["receipt"])
            snapshots[result["snapshot"]] = compare.describe(self.source)
        self.assertEqual(3, self.station.json("status")["last_receipt"]["counter"])

        self.put_in_place(image, self.peer.data)
        self.assertEqual(INTEGRITY, self.station.run("sync", check=False).returncode)
        self.assertIn("WARNING", self.station.run("status").stdout)
        self.assertEqual(3, self.station.json("status")["last_receipt"]["counter"], "nothing is forgotten")
        (self.source / "meanwhile.txt").write_text("made while the peer is not trusted")
        result = self.station.backup(exit_codes=(0, INTEGRITY))
        self.assertIsNone(result["receipt"])
        snapshots[result["snapshot"]] = compare.describe(self.source)

        self.assertEqual(USAGE, self.peer.run("peer", "declare-loss", "--since", since, check=False).returncode)
        declared = self.peer.json("peer", "declare-loss", "--since", since, "--reason", "Disque remplacé", "--yes")
        self.assertEqual([1], [loss["receipt_counter"] for loss in declared["losses"]])
        self.assertIn("declare_loss", [entry["action"] for entry in self.peer.json("peer", "audit")["entries"]])

        self.station.run("sync")
        status = self.station.json("status")
        self.assertEqual((0, []), (status["pending_commits"], status["alarms"]))
        self.assertEqual(4, status["last_receipt"]["counter"])
        self.assertEqual((1, True, "Disque remplacé"), tuple(status["peer"]["loss"][key] for key in ("count", "settled", "reason")))
        self.assertIn("All was sent again", self.station.run("status").stdout)
        self.station.run("check", "--at", "peer", "--read-data")
        self.assertIsNotNone(self.station.backup()["receipt"], "and goes on")

        paper = self.station.paper(self.scene.folder / "paper")
        self.station.stop()
        shutil.rmtree(self.station.folder)
        fresh = self.scene.station("fresh")
        fresh.json("recover", "--kit", paper)
        for snapshot, expected in snapshots.items():
            self.restore_and_compare(fresh, snapshot, expected)
        (self.source / "after.txt").write_text("encore la")
        fresh.run("source", "add", self.source)
        self.assertIsNotNone(fresh.backup()["receipt"])
        self.assertEqual(1, fresh.json("status")["peer"]["loss"]["count"], "a new machine hears of it too")


if __name__ == "__main__":
    unittest.main(verbosity=2)
