"""The operator's commands end to end: two stations of one organisation, their quota, an invitation taken back, suspension, and
an erasure with its record; a neighbour notices nothing of it."""

import time
import unittest

import documents
from harness import Scene

FAILED, USAGE, REFUSED = 1, 2, 6
PATIENCE_SECONDS = 60


class Tenants(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer(settings='[peer]\ncontact = "support 03 85 00 00 00"\n')

    def station(self, name, organisation, *words):
        station = self.scene.station(name)
        station.init(f"Mairie {name}")
        station.json("join", self.peer.invite(organisation, *words))
        source = self.scene.folder / f"documents of {name}"
        documents.plain(source, files=8, big_bytes=300_000)
        station.run("source", "add", source)
        return station

    def test_an_organisation_from_its_invitation_to_its_erasure(self):
        peer = self.peer
        first = self.station("first", "Saint-Aubin", "--quota", "100MiB", "--contact", "Mme Roux")
        refused = peer.run("peer", "invite", "--name", "Saint-Aubin", "--quota", "1GiB", "--address", peer.address, exit_codes=(USAGE,))
        self.assertIn("peer change", refused.stderr)
        second = self.station("second", "Saint-Aubin")
        neighbour = self.station("neighbour", "Saint-Benin")
        for station in (first, second, neighbour):
            self.assertIsNotNone(station.backup()["receipt"])

        answer = peer.json("peer", "tenants")
        organisations = {entry["name"]: entry for entry in answer["organisations"]}
        self.assertEqual({"Saint-Aubin", "Saint-Benin"}, set(organisations))
        aubin = organisations["Saint-Aubin"]
        self.assertEqual((2, 100 << 20, "Mme Roux", None), tuple(aubin[key] for key in ("stations", "quota_bytes", "contact", "suspended")))
        used = [tenant["used_bytes"] for tenant in answer["tenants"] if tenant["organisation"] == aubin["organisation"]]
        self.assertEqual(aubin["used_bytes"], sum(used))
        self.assertEqual(2, len(used))
        self.assertRegex(peer.run("peer", "tenants").stdout, r"Saint-Aubin .*Mme Roux\n  [0-9a-f]{12} .*\n  [0-9a-f]{12} ")

        self.an_invitation_is_taken_back()
        self.a_quota_is_changed(first)
        restored = self.it_is_suspended_and_resumed(first)
        self.assertTrue(any(restored.rglob("*")))
        self.it_is_erased(first, second, aubin)
        self.assertIsNotNone(neighbour.backup()["receipt"])
        neighbour.run("restore", "latest", "--target", self.scene.folder / "neighbours", "--from", "peer")

    def an_invitation_is_taken_back(self):
        invitation = self.peer.json("peer", "invite", "--name", "Saint-Cyr", "--address", self.peer.address)
        self.assertIn(invitation["invitation"], self.peer.run("peer", "tenants").stdout)
        self.peer.run("peer", "revoke", invitation["invitation"])
        self.peer.run("peer", "revoke", "ffffffff", exit_codes=(FAILED,))
        late = self.scene.station("late")
        late.init()
        self.assertIn("revoked", late.run("join", invitation["code"], exit_codes=(REFUSED,)).stderr)
        names = [entry["name"] for entry in self.peer.json("peer", "tenants")["organisations"]]
        self.assertNotIn("Saint-Cyr", names, "it never had a station")

    def a_quota_is_changed(self, station):
        changed = self.peer.json("peer", "change", "Saint-Aubin", "--quota", "1", "--rename", "Saint-Aubin-le-Neuf")
        self.assertEqual(("Saint-Aubin-le-Neuf", 1, "Mme Roux"), tuple(changed[key] for key in ("name", "quota_bytes", "contact")))
        documents.plain(self.scene.folder / "documents of first" / "more", files=3, big_bytes=1000)
        self.assertIn("larger quota", station.run("backup", exit_codes=(REFUSED,)).stderr)
        self.peer.run("peer", "change", "Saint-Aubin-le-Neuf", "--quota", "none", "--rename", "Saint-Aubin")
        self.assertIsNotNone(station.backup()["receipt"])
        self.peer.run("peer", "change", "Nowhere", "--quota", "none", exit_codes=(FAILED,))

    def it_is_suspended_and_resumed(self, station):
        self.peer.run("peer", "suspend", "Saint-Aubin", "--reason", "contract ended")
        self.assertRegex(self.peer.run("peer", "tenants").stdout, r"Saint-Aubin .*suspended since .*contract ended")
        documents.plain(self.scene.folder / "documents of first" / "yet more", files=3, big_bytes=1000)
        self.assertIn("support 03 85 00 00 00", station.run("backup", exit_codes=(REFUSED,)).stderr)
        target = self.scene.folder / "restored"
        station.run("restore", station.json("snapshots")["snapshots"][0]["id"], "--target", target, "--from", "peer")
        self.peer.run("peer", "resume", "Saint-Aubin")
        self.assertIsNotNone(station.backup()["receipt"])
        return target

    def it_is_erased(self, first, second, organisation):
        peer = self.peer
        peer.run("peer", "erase", "Saint-Aubin", "--confirm", "Saint-Aubin", exit_codes=(FAILED,))
        peer.run("peer", "suspend", "Saint-Aubin")
        peer.run("peer", "erase", "Saint-Aubin", "--confirm", "Saint-Benin", exit_codes=(USAGE,))
        before = sum(file.stat().st_size for file in peer.data.rglob("*") if file.is_file())
        page = peer.run("peer", "erase", "Saint-Aubin", "--confirm", "Saint-Aubin").stdout
        spaces = [station.json("status")["space"] for station in (first, second)]
        for fact in ("RECORD OF ERASURE", "Saint-Aubin", "Mme Roux", organisation["organisation"], *spaces):
            self.assertIn(fact, page)
        record, = peer.json("peer", "erased")["erasures"]
        self.assertEqual(sorted(spaces), sorted(space["space"] for space in record["spaces"]))
        self.assertEqual({first.json("status")["device"], second.json("status")["device"]},
                         {device for space in record["spaces"] for device in space["devices"]})
        self.assertGreater(record["sealed_bytes"], 0)
        self.assertEqual(page, peer.run("peer", "erased", "Saint-Aubin").stdout)
        self.assertIn("does not know this computer", first.run("sync", exit_codes=(REFUSED,)).stderr)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while sum(file.stat().st_size for file in peer.data.rglob("*") if file.is_file()) >= before:
            self.assertLess(time.monotonic(), deadline, "the disk has its room back")
            time.sleep(0.1)
        peer.stop()
        peer.start()
        self.assertEqual(page, peer.run("peer", "erased", "Saint-Aubin").stdout)
        self.assertEqual(["Saint-Benin"], [entry["name"] for entry in peer.json("peer", "tenants")["organisations"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
