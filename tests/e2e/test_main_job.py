"""The promises of a nightly backup, seen from outside: little is stored and sent, and everything comes back identical."""

import os
import shutil
import unittest
from pathlib import Path

import compare
import documents
from harness import Scene

NEXT_TO_NOTHING = 64 * 1024
ONE_BYTE_LIMIT = 2 << 20


class MainJob(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer()
        self.station = self.scene.station()
        self.station.init()
        self.station.join(self.peer)
        self.source = documents.plain(self.scene.folder / "source")
        self.station.run("source", "add", self.source)

    def restore_and_compare(self, station, snapshot="latest", *words):
        target = self.scene.folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        station.run("restore", f"{snapshot}:{self.source}", "--target", target, *words)
        found = compare.describe(target / self.source.name)
        self.assertEqual([], compare.differences(compare.describe(self.source), found))

    def test_unchanged_data_store_and_send_next_to_nothing(self):
        first = self.station.backup()
        self.assertIsNotNone(first["receipt"])
        self.assertGreater(first["bytes_added"], 3 << 20)
        self.assertGreater(first["bytes_sent"], 3 << 20)
        second = self.station.backup()
        self.assertIsNotNone(second["receipt"])
        self.assertEqual(0, second["files_new"] + second["files_changed"])
        self.assertLess(second["bytes_added"], NEXT_TO_NOTHING)
        self.assertLess(second["bytes_sent"], NEXT_TO_NOTHING)

    def test_one_changed_byte_sends_little(self):
        self.station.backup()
        with open(self.source / "scan.bin", "r+b") as file:
            file.seek(1_500_000)
            byte = file.read(1)
            file.seek(1_500_000)
            file.write(bytes([byte[0] ^ 1]))
        second = self.station.backup()
        self.assertEqual(1, second["files_changed"])
        self.assertLess(second["bytes_sent"], ONE_BYTE_LIMIT)
        self.restore_and_compare(self.station)

    def test_moved_and_copied_files_send_no_content(self):
        self.station.backup()
        os.rename(self.source / "scan.bin", self.source / "dossier 1" / "scan renamed.bin")
        shutil.copyfile(self.source / "dossier 1" / "scan renamed.bin", self.source / "a copy.bin")
        os.rename(self.source / "dossier 2", self.source / "dossier deux")
        second = self.station.backup()
        self.assertLess(second["bytes_sent"], 256 * 1024)
        self.restore_and_compare(self.station)

    def test_recovery_from_paper_brings_everything_back(self):
        self.station.backup()
        paper = self.station.paper(self.scene.folder / "paper")
        self.station.stop()
        shutil.rmtree(self.station.folder)
        fresh = self.scene.station("fresh")
        fresh.run("recover", "--kit", paper)
        self.restore_and_compare(fresh, "latest", "--from", "peer")
        (self.source / "after the fire.txt").write_text("encore la")
        fresh.run("source", "add", self.source)
        again = fresh.backup()
        self.assertIsNotNone(again["receipt"], again)
        self.restore_and_compare(fresh)

    def test_restores_from_the_local_store_without_the_peer(self):
        self.station.backup()
        self.peer.stop()
        self.restore_and_compare(self.station, "latest", "--from", "local")

    def test_an_unreachable_peer_is_one_line_and_caught_up_later(self):
        self.peer.stop()
        result = self.station.backup()
        self.assertIsNone(result["receipt"])
        self.peer.start()
        synced = self.station.json("sync")
        self.assertIsNotNone(synced["receipt"])

    def test_older_snapshots_stay_restorable(self):
        first = self.station.backup()["snapshot"]
        before = compare.describe(self.source)
        (self.source / "scan.bin").write_bytes(b"ecrase par un rancongiciel")
        shutil.rmtree(self.source / "dossier 3")
        self.station.backup()
        target = self.scene.folder / "older"
        self.station.run("restore", f"{first[:12]}:{self.source}", "--target", target)
        self.assertEqual([], compare.differences(before, compare.describe(target / self.source.name)))

    def test_looking_commands_agree_with_the_source(self):
        self.station.backup()
        listed = self.station.json("ls", f"latest:{self.source}")["entries"]
        self.assertEqual(sorted(os.listdir(self.source)), sorted(Path(entry["path"]).name for entry in listed))
        found = self.station.json("find", documents.SECRET_NAME + "*")["entries"]
        self.assertEqual([str(self.source / f"{documents.SECRET_NAME}.txt")], [entry["path"] for entry in found])
        dumped = self.station.run("dump", f"latest:{self.source}/scan.bin", text=False).stdout
        self.assertEqual((self.source / "scan.bin").read_bytes(), dumped)
        first = self.station.json("snapshots")["snapshots"][-1]["id"]
        os.remove(self.source / "scan.bin")
        second = self.station.backup()["snapshot"]
        changes = self.station.json("diff", first, second)["entries"]
        self.assertIn(("removed", str(self.source / "scan.bin")), [(change["change"], change["path"]) for change in changes])

    def test_check_reads_everything_at_both_ends(self):
        self.station.backup()
        for where in ("local", "peer"):
            report = self.station.json("check", "--read-data", "--at", where)
            self.assertEqual(0, report["damages_total"])
            self.assertGreater(report["objects"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
