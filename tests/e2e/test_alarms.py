"""Who hears of what: the alarm commands of both ends run for real, and systemd is told that the daemons live."""

import os
import random
import socket
import time
import unittest
from pathlib import Path

import documents
from harness import Scene

SOME_UNREAD, REFUSED = 3, 6
PATIENCE_SECONDS = 60


class Alarms(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)

    def settings(self, name, more=""):
        """An alarm command that writes each sentence down as a line; where to."""
        heard = self.scene.folder / f"heard by {name}"
        return heard, f"{more}[alarm]\ncommand = \"cat >> '{heard}'; true\"\n"

    def wait_for(self, heard, count):
        deadline = time.monotonic() + PATIENCE_SECONDS
        lines = []
        while time.monotonic() < deadline:
            lines = heard.read_text().splitlines() if heard.exists() else []
            if len(lines) >= count:
                break
            time.sleep(0.05)
        self.assertEqual(count, len(lines), lines)
        return lines[-1]

    def test_a_full_quota_and_a_lost_source_are_heard_of(self):
        at_peer, peer_settings = self.settings("the peer")
        at_station, station_settings = self.settings("the station", "[schedule]\nenabled = false\n")
        peer = self.scene.peer(settings=peer_settings)
        station = self.scene.station(settings=station_settings)
        station.init()
        station.json("join", peer.invite("Saint-Exemple", "--quota", "10MB"))
        source = self.scene.folder / "source"
        source.mkdir()
        draw = random.Random(5)
        (source / "scan.bin").write_bytes(draw.randbytes(9_300_000))
        station.run("source", "add", source)
        self.assertIsNotNone(station.backup()["receipt"])
        self.assertFalse(at_station.exists())

        # The peer looks around when it starts, and once a minute.
        peer.stop()
        peer.start()
        self.assertIn("Saint-Exemple", self.wait_for(at_peer, 1))
        self.assertRegex(peer.run("peer", "status").stdout, "WARNING: Saint-Exemple")

        (source / "more.bin").write_bytes(draw.randbytes(2_000_000))
        result = station.backup(exit_codes=(REFUSED,))
        self.assertIsNotNone(result["snapshot"], "made all the same")
        self.assertGreater(result["bytes_sent"], 0, "what went over the line before it was refused counts")
        self.assertRegex(self.wait_for(at_station, 1), "no longer reach the peer.*larger quota")
        station.backup(exit_codes=(REFUSED,))
        self.assertIn("larger quota", station.run("status").stdout)

        away = self.scene.folder / "away"
        os.rename(source, away)
        station.backup("--no-sync", exit_codes=(SOME_UNREAD,))
        self.assertIn(str(source), self.wait_for(at_station, 2))
        os.rename(away, source)
        station.backup("--no-sync")
        alarms = [alarm["message"] for alarm in station.json("status")["alarms"]]
        self.assertEqual(1, len(alarms), alarms)

    def test_the_kits_words_are_warned_of_wherever_they_lie(self):
        peer = self.scene.peer()
        station = self.scene.station()
        page = station.folder / "kit.html"
        station.json("init", "--name", "Mairie", "--kit", str(station.kit), "--html", str(page), "--no-confirm")
        station.join(peer)
        documents.plain(self.scene.folder / "source", files=3, big_bytes=1000)
        station.run("source", "add", self.scene.folder / "source")
        station.backup()
        paper = Path(station.paper(self.scene.folder / "paper"))
        for file in (station.kit, page):
            self.assertIn(str(file), station.run("status").stdout)
        fresh = self.scene.station("fresh")
        said = fresh.run("recover", "--kit", paper).stdout
        self.assertIn(f"Delete {paper}", said)
        self.assertIn(str(paper), fresh.run("status").stdout)
        paper.unlink()
        fresh.stop()
        fresh.start()
        self.assertNotIn("WARNING", fresh.run("status").stdout)

    def test_systemd_is_told_that_the_daemons_live(self):
        for role in (self.scene.peer, self.scene.station):
            with self.subTest(role.__name__):
                path = self.scene.folder / f"notify {role.__name__}"
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
                    systemd.bind(str(path))
                    systemd.settimeout(PATIENCE_SECONDS)
                    next_message = lambda: systemd.recv(4096).decode()
                    daemon = role(environment={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"})
                    said = [next_message()]
                    while sum(message == "WATCHDOG=1" for message in said) < 3 or not any("READY=1" in message for message in said):
                        said.append(next_message())
                    self.assertEqual(0, daemon.stop())
                    while "STOPPING=1" not in said:
                        said.append(next_message())
                    self.assertEqual(1, sum("READY=1" in message for message in said), said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
