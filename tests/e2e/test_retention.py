"""Rules, deletions, forgetting and audits with the real programs: what the commands say, and that the peer gets the records.

Time can't be faked here: that snapshots go when they may is tested in unit_daemon and sim_daemon."""

import unittest

import documents
from harness import Scene

USAGE, FAILED, REFUSED = 2, 1, 6


class Retention(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.station = self.scene.station()
        self.station.init()
        self.source = documents.plain(self.scene.folder / "source", files=20, big_bytes=200_000)
        self.station.run("source", "add", self.source)

    def test_a_station_alone(self):
        first = self.station.backup()["snapshot"]
        self.assertIn("30", self.station.run("retention", "show").stdout)
        before = self.station.json("retention", "show")["rules"]
        explained = self.station.json("retention", "explain")["snapshots"]
        self.assertEqual([("kept", first)], [(one["fate"], one["id"]) for one in explained])
        tried = self.station.json("retention", "set", "--lock", "1", "--daily", "5", "--dry-run")
        self.assertTrue(tried["weaker"])
        self.assertEqual(before, self.station.json("retention", "show")["rules"])
        changed = self.station.json("retention", "set", "--lock", "1", "--daily", "5", "--kit", self.station.kit)
        self.assertFalse(changed["at_peer"])
        self.assertEqual({**before, "lock_days": 1, "daily": 5}, self.station.json("retention", "show")["rules"])
        self.assertEqual([], self.station.json("forget")["forgotten"], "the lock is at least a day")
        self.assertEqual(0, self.station.json("forget", "--dry-run")["objects"])
        self.assertEqual(FAILED, self.station.run("audit", check=False).returncode)

    def test_with_a_peer_the_records_are_the_peers_too(self):
        peer = self.scene.peer()
        self.station.join(peer)
        snapshot = self.station.backup()["snapshot"]
        self.assertEqual(0, self.station.json("audit")["missing"])
        self.assertTrue(self.station.json("retention", "set", "--yearly", "12", "--kit", self.station.kit)["at_peer"])
        deleted = self.station.json("delete", snapshot[:12], "--yes", "--kit", self.station.kit)["deletion"]
        self.assertEqual(("waiting", [snapshot]), (deleted["state"], deleted["snapshots"]))
        self.assertIn("undelete", self.station.run("status").stdout)
        self.assertEqual(deleted["id"], self.station.json("undelete", deleted["id"][:8])["id"])
        self.assertEqual(["cancelled"], [one["state"] for one in self.station.json("deletions")["deletions"]])
        self.assertNotIn("undelete", self.station.run("status").stdout)
        # The peer's log has them: a station that is recovered from it knows them.
        fresh = self.scene.station("fresh")
        fresh.json("recover", "--kit", self.station.paper(self.scene.folder / "paper"))
        self.assertEqual(12, fresh.json("retention", "show")["rules"]["yearly"])
        self.assertEqual(["cancelled"], [one["state"] for one in fresh.json("deletions")["deletions"]])
        self.assertEqual([snapshot], [one["id"] for one in fresh.json("retention", "explain")["snapshots"]])

    def test_another_kit_signs_nothing(self):
        other = self.scene.station("other")
        other.init("Mairie d'Ailleurs")
        result = self.station.run("retention", "set", "--daily", "5", "--kit", other.kit, check=False)
        self.assertEqual(REFUSED, result.returncode, result.stdout + result.stderr)
        self.assertEqual(1, len(self.station.json("retention", "show")["history"]))
        self.assertEqual(USAGE, self.station.run("retention", "set", "--lock", "0", "--dry-run", check=False).returncode)
        peer = self.scene.peer()
        self.station.join(peer)
        peer.stop()
        result = self.station.run("retention", "set", "--daily", "5", "--kit", self.station.kit, check=False)
        self.assertEqual(FAILED, result.returncode, result.stdout + result.stderr)
        self.assertEqual(1, len(self.station.json("retention", "show")["history"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
