"""The peer and the wire see no name and no content; the root's secret is nowhere on the station."""

import os
import re
import subprocess
import time
import unittest
from pathlib import Path

import documents
from harness import Scene

MINIMUM_SECRET_BYTES = 8


def every_file(folder):
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if os.path.isfile(path):
                yield path, Path(path).read_bytes()


class Secrecy(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer()
        self.station = self.scene.station()

    @unittest.skipUnless(os.geteuid() == 0, "captures packets: needs root")
    def test_peer_and_wire_show_no_name_and_no_content(self):
        capture = self.scene.folder / "capture.pcap"
        tcpdump = subprocess.Popen(["tcpdump", "-i", "lo", "-B", "65536", "-U", "-s", "0", "-w", str(capture), f"tcp port {self.peer.port}"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        tcpdump.stderr.readline()
        self.station.init("Mairie de Saint-Secret")
        self.station.join(self.peer)
        source = documents.plain(self.scene.folder / "source")
        self.station.run("source", "add", source)
        self.assertIsNotNone(self.station.backup("--tag", "etiquette-secrete")["receipt"])
        wait_until_settled(capture)
        tcpdump.terminate()
        _, said = tcpdump.communicate()
        self.assertRegex(said, rb"\b0 packets dropped by kernel", "a packet that was not looked at proves nothing")
        needles = [documents.SECRET_WORDS, documents.SECRET_NAME.encode(), b"Saint-Secret", b"etiquette-secrete", b"courrier 00",
                   b"dossier 1", os.fsencode(source), (source / "scan.bin").read_bytes()[5000:5032]]
        self.assertGreater(capture.stat().st_size, 3 << 20, "the capture is empty: the test would prove nothing")
        self.peer.stop()
        haystacks = list(every_file(self.peer.data)) + [("the wire", capture.read_bytes()), ("log", self.peer.log.read_bytes())]
        self.assertGreater(sum(len(content) for _, content in haystacks), 6 << 20)
        for path, content in haystacks:
            for needle in needles:
                self.assertNotIn(needle, content, f"{needle!r} stands in {path}")

    def test_the_roots_secret_is_nowhere_in_the_data_folder(self):
        self.station.init()
        needles = self.root_secrets()
        self.station.stop()
        found = list(every_file(self.station.data)) + [("log", self.station.log.read_bytes())]
        self.assertGreater(len(found), 5)
        self.assert_free_of(needles, found)

    @unittest.skipUnless(os.geteuid() == 0, "dumps a process: needs root")
    def test_the_roots_secret_is_nowhere_in_a_core_dump(self):
        self.station.init()
        needles = self.root_secrets()
        core = self.scene.folder / "core"
        subprocess.run(["gcore", "-a", "-o", str(core), str(self.station.process.pid)], check=True, capture_output=True)
        dumps = [(path, content) for path, content in every_file(self.scene.folder) if str(core) in path]
        self.assertGreater(sum(len(content) for _, content in dumps), 1 << 20)
        self.assertTrue(any(b"Mairie de Saint-Exemple" in content for _, content in dumps), "the dump misses the daemon's memory")
        self.assert_free_of(needles, dumps)

    def root_secrets(self):
        """What of the kit must never be on the station: the words, the secret, and all that is derived from it."""
        words = re.findall(r"\b(\d{1,2})[.)]\s+([a-z]+)", self.station.kit.read_text())
        phrase = [word for _, word in sorted(((int(number), word) for number, word in words))]
        self.assertEqual(28, len(phrase))
        secret = kit_secret(phrase)
        needles = [secret, secret.hex().encode(), " ".join(phrase[:4]).encode(), ",".join(phrase[:4]).encode()]
        needles += [derived_root_key(secret, label) for label in ROOT_LABELS]
        return needles

    def assert_free_of(self, needles, haystacks):
        for path, content in haystacks:
            for needle in needles:
                self.assertNotIn(needle, content, f"a root secret stands in {path}")

    def test_the_kit_is_private_and_never_overwritten(self):
        self.station.init()
        self.assertEqual(0o600, self.station.kit.stat().st_mode & 0o777)
        before = self.station.kit.read_bytes()
        other = self.scene.station("other")
        result = other.run("init", "--name", "X", "--kit", self.station.kit, "--no-confirm", check=False)
        self.assertEqual(1, result.returncode)
        self.assertEqual(before, self.station.kit.read_bytes())

    def test_data_folders_are_private(self):
        self.station.init()
        for daemon in (self.station, self.peer):
            self.assertEqual(0o700, daemon.data.stat().st_mode & 0o777)
            for path, _ in every_file(daemon.data):
                if os.path.basename(path) == "keys":
                    self.assertEqual(0o600, os.stat(path).st_mode & 0o777)


def wait_until_settled(path, quiet_s=1.0, longest_s=60):
    """Until the file has not grown for a while: on a busy machine the capture lags behind the wire."""
    deadline, size, since = time.monotonic() + longest_s, -1, time.monotonic()
    while time.monotonic() < deadline and (size <= 0 or time.monotonic() < since + quiet_s):
        if path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        time.sleep(0.05)


ROOT_LABELS = (b"bfr1 root sign", b"bfr1 root box", b"bfr1 root trans")


def kit_secret(words):
    """Independent of our code: 11 bits a word, a version byte, 32 bytes."""
    lists = (Path(__file__).resolve().parents[2] / "crypto" / "kit_word_list.cpp").read_text()
    table = re.findall(r'"([a-z]+)"', lists)
    assert len(table) == 2048, len(table)
    bits = 0
    for word in words[:24]:
        bits = bits << 11 | table.index(word)
    data = bits.to_bytes(33, "big")
    assert data[0] == 1
    return data[1:]


def derived_root_key(secret, label):
    import hashlib
    return hashlib.blake2b(b"", key=secret, person=label.ljust(16, b"\0"), digest_size=32).digest()


if __name__ == "__main__":
    unittest.main(verbosity=2)
