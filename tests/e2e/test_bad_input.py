"""Every kind of bad input gets one clear sentence and the documented exit code, and loses nothing."""

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import compare
import documents
from harness import Scene, Station

NOBODY = 65534
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
FAILED, USAGE, SOME_UNREAD, UNREACHABLE, INTEGRITY, REFUSED = 1, 2, 3, 4, 5, 6


class BadInput(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)

    def ready(self, with_peer=True, **more):
        station = self.scene.station(**more)
        station.init()
        peer = None
        if with_peer:
            peer = self.scene.peer()
            station.join(peer)
        source = documents.plain(self.scene.folder / "source", files=20, big_bytes=200_000)
        station.run("source", "add", source)
        return station, peer, source

    def expect(self, result, exit_code, *words):
        self.assertEqual(exit_code, result.returncode, result.stdout + result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        self.assertTrue(lines, "nothing was said")
        self.assertLessEqual(len(lines), 2, result.stderr)
        for word in words:
            self.assertRegex(result.stderr, word)
        self.assertNotRegex(result.stderr, r"std::|exception|errno|Assertion|\{\}")

    def test_wrong_and_truncated_kits(self):
        station, _, _ = self.ready()
        station.backup()
        paper = Path(station.paper(self.scene.folder / "paper")).read_text()
        fresh = self.scene.station("fresh")
        words = re.findall(r"\b\d{1,2}[.)]\s+([a-z]+)", paper)
        cut = re.search(r"\b22[.)]", paper).start()
        cases = {"truncated": (paper[:cut], USAGE, "number 22"), "empty": ("", USAGE, "0 words"),
                 "not a kit": ("Bonjour Madame le Maire", USAGE, "words"),
                 "three wrong words": (paper.replace(words[3], "zebre").replace(words[9], "zebre").replace(words[20], "zebre"), INTEGRITY, "words")}
        for name, (text, code, said) in cases.items():
            with self.subTest(name):
                kit = self.scene.folder / f"kit {name}"
                kit.write_text(text)
                self.expect(fresh.run("recover", "--kit", kit, check=False), code, said)
        self.expect(fresh.run("recover", "--kit", self.scene.folder / "absent", check=False), FAILED, "absent")
        one_wrong = self.scene.folder / "one wrong"
        one_wrong.write_text(paper.replace(words[5], "zzzz", 1))
        said = fresh.run("recover", "--kit", one_wrong)
        self.assertIn(words[5], said.stdout + said.stderr)

    def test_kit_of_another_mairie(self):
        station, peer, _ = self.ready()
        station.backup()
        other = self.scene.station("other")
        other.init("Mairie de Saint-Autre")
        paper = Path(other.paper(self.scene.folder / "paper"))
        details = Path(str(station.kit) + ".peer").read_text()
        paper.write_text(paper.read_text() + details)
        fresh = self.scene.station("fresh")
        self.expect(fresh.run("recover", "--kit", paper, check=False), REFUSED, "kit|vault|peer")

    def test_invitations_used_twice_expired_and_mistyped(self):
        station = self.scene.station()
        peer = self.scene.peer()
        code = peer.invite()
        self.expect(station.run("join", code, check=False), FAILED, "init")
        station.init()
        self.expect(station.run("join", code[:-7], check=False), USAGE)
        self.expect(station.run("join", "bonjour", check=False), USAGE)
        station.run("join", code)
        other = self.scene.station("other")
        other.init()
        self.expect(other.run("join", code, check=False), REFUSED, "used|invitation")
        short = peer.invite("Court", "--expires", "1s")
        import time
        time.sleep(2.2)
        self.expect(other.run("join", short, check=False), REFUSED, "expired")
        peer.stop()
        self.expect(other.run("join", peer_code_for_later(peer), check=False), FAILED)

    def test_unknown_snapshot_and_path(self):
        station, _, source = self.ready(with_peer=False)
        station.backup()
        for words in (("ls", "abcdef"), ("restore", "abcdef", "--target", "x"), ("ls", f"latest:{source}/absent"), ("dump", "latest:/absent")):
            self.expect(station.run(*words, check=False), FAILED)

    def test_usage_errors(self):
        station = self.scene.station()
        for words in (("nonsense",), ("restore",), ("source", "add"), ("peer",), ("backup", "--what")):
            self.assertEqual(USAGE, station.run(*words, check=False).returncode, words)
        self.expect(station.run("backup", check=False), FAILED, "init")
        station.init()
        self.expect(station.run("init", "--name", "X", "--kit", self.scene.folder / "k2", "--no-confirm", check=False), FAILED)
        self.expect(station.run("backup", check=False), FAILED, "source add")
        result = station.run("source", "add", self.scene.folder / "absent", check=False)
        self.expect(result, FAILED)

    def test_daemon_unreachable(self):
        station = self.scene.station()
        station.stop()
        self.expect(station.run("status", check=False), UNREACHABLE)

    def test_a_vanished_or_emptied_source_is_kept(self):
        station, _, source = self.ready()
        station.backup()
        expected = compare.describe(source)
        away = self.scene.folder / "away"
        os.rename(source, away)
        result = station.backup(exit_codes=(SOME_UNREAD,))
        self.assertEqual(1, result["errors_total"])
        os.mkdir(source)
        station.backup(exit_codes=(SOME_UNREAD,))
        target = self.scene.folder / "out"
        station.run("restore", f"latest:{source}", "--target", target)
        self.assertEqual([], compare.differences(expected, compare.describe(target / source.name)))
        station.backup("--accept-empty")
        self.assertEqual([], station.json("ls", f"latest:{source}")["entries"])

    def test_a_failing_before_command(self):
        station = self.scene.station()
        station.init()
        source = documents.plain(self.scene.folder / "source", files=5, big_bytes=1000)
        station.run("source", "add", source, "--before", "exit 7")
        result = station.backup(exit_codes=(SOME_UNREAD,))
        self.assertIn("7", result["errors"][0]["message"])
        self.assertIsNotNone(result["snapshot"])

    def test_a_corrupted_object_is_named_and_loses_nothing_else(self):
        station, _, source = self.ready(with_peer=False)
        station.backup()
        station.stop()
        # The second start moves what is in the write-ahead log into the blob files that are to be damaged.
        station.start()
        station.stop()
        self.assertTrue(damage_blob_files(station.data))
        station.start()
        report = station.run("--json", "check", "--read-data", check=False)
        self.assertEqual(INTEGRITY, report.returncode, report.stdout + report.stderr)
        self.assertGreater(json.loads(report.stdout)["damages_total"], 0)
        target = self.scene.folder / "out"
        result = station.run("restore", f"latest:{source}", "--target", target, check=False)
        self.assertEqual(INTEGRITY, result.returncode, result.stderr)

    def test_a_peer_with_another_key(self):
        station, peer, _ = self.ready()
        station.backup()
        peer.stop()
        shutil.rmtree(peer.data)
        peer.start()
        result = station.backup(exit_codes=(REFUSED,))
        self.assertIsNotNone(result["snapshot"])
        self.assertIsNone(result["receipt"])
        self.assertEqual("refused", result["sync_error"]["code"], result["sync_error"])
        status = station.run("status").stdout
        self.assertRegex(status, "WARNING: .*no longer reach the peer")
        self.assertIn("The last try to send to the peer failed", status)
        self.expect(station.run("sync", check=False), REFUSED, "key")

    def test_an_unreadable_file_is_named_and_stops_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("runs a station as nobody: needs root")
        os.chmod(self.scene.folder, 0o755)
        source = documents.plain(self.scene.folder / "source", files=8, big_bytes=10_000)
        (source / "closed.txt").write_text("only root reads this")
        os.chmod(source / "closed.txt", 0o600)
        station = Station(self.scene.folder / "station")
        self.scene.daemons.append(station)
        os.chown(station.folder, NOBODY, NOBODY)
        station.start(wrapper=AS_NOBODY)
        station.init()
        station.run("source", "add", source)
        result = station.run("backup", check=False)
        self.assertEqual(SOME_UNREAD, result.returncode, result.stdout + result.stderr)
        self.assertRegex(result.stdout + result.stderr, "closed.txt")
        self.assertEqual(1, station.backup(exit_codes=(SOME_UNREAD,))["errors_total"])
        target = self.scene.folder / "out"
        restored = station.run("restore", f"latest:{source}", "--target", target, check=False)
        self.assertEqual(SOME_UNREAD, restored.returncode, restored.stderr)
        self.assertEqual((source / "scan.bin").read_bytes(), (target / source.name / "scan.bin").read_bytes())
        self.assertFalse((target / source.name / "closed.txt").exists())

    def test_restores_overwrite_nothing_unless_asked(self):
        station, _, source = self.ready(with_peer=False)
        station.backup()
        target = self.scene.folder / "out"
        mine = target / source.name / "scan.bin"
        mine.parent.mkdir(parents=True)
        mine.write_bytes(b"mine")
        station.run("restore", f"latest:{source}", "--target", target)
        self.assertEqual(b"mine", mine.read_bytes())
        station.run("restore", f"latest:{source}", "--target", target, "--overwrite", "always")
        self.assertEqual((source / "scan.bin").read_bytes(), mine.read_bytes())

    def test_an_unprivileged_caller_sees_only_what_it_could_read(self):
        if os.geteuid() != 0:
            self.skipTest("changes user: needs root")
        station, _, source = self.ready(with_peer=False)
        os.chmod(self.scene.folder, 0o755)
        for name, mode in (("public.txt", 0o644), ("private.txt", 0o600)):
            (source / name).write_text(name)
            os.chmod(source / name, mode)
        locked = source / "locked"
        locked.mkdir()
        (locked / "inside.txt").write_text("x")
        os.chmod(locked, 0o700)
        station.backup()
        os.chmod(station.folder, 0o755)
        target = self.scene.folder / "nobody"
        target.mkdir()
        os.chown(target, NOBODY, NOBODY)
        arguments = [*AS_NOBODY, str(station_program()), "--socket", str(station.socket), "restore", f"latest:{source}", "--target", str(target)]
        result = subprocess.run(arguments, capture_output=True, text=True, env=station.environment)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        found = {os.path.basename(path) for path in compare.describe(target, contents=False)}
        self.assertIn(b"public.txt", found)
        self.assertNotIn(b"private.txt", found)
        self.assertNotIn(b"inside.txt", found)
        for words in (("source", "list"), ("backup",)):
            refused = subprocess.run([*AS_NOBODY, str(station_program()), "--socket", str(station.socket), *words], capture_output=True, text=True)
            self.assertEqual(REFUSED, refused.returncode, refused.stderr)


def station_program():
    from harness import BEFFROI
    return BEFFROI


def peer_code_for_later(peer):
    """An invitation of a peer that is then stopped."""
    peer.start()
    code = peer.invite("Eteint")
    peer.stop()
    return code


def damage_blob_files(data):
    """Flips bytes in the middle of every file that holds object bytes."""
    damaged = 0
    for root, _, names in os.walk(data):
        for name in names:
            if name.endswith(".blob"):
                path = os.path.join(root, name)
                length = os.path.getsize(path)
                with open(path, "r+b") as file:
                    for position in range(length // 3, length - 100, 50_000):
                        file.seek(position)
                        byte = file.read(1)
                        file.seek(position)
                        file.write(bytes([byte[0] ^ 0xFF]))
                        damaged += 1
    return damaged


if __name__ == "__main__":
    unittest.main(verbosity=2)
