"""Three communes whose lines to the peer are cut while they work: each has a network namespace and a veth pair of its own.

The lines are laid in a namespace that belongs to this test alone; this needs root.
"""

import os
import subprocess
import time
import unittest
from pathlib import Path

import namespaces
import sharing
from harness import Scene, Station

PEER = "10.78.0.1"
COMMUNES = ("Arc", "Bar", "Cor")
EDITS = 40
# A station that found nobody asks again after half a minute.
PATIENCE_S = 150


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise unittest.SkipTest(f"lays a line: {' '.join(words)}: {done.stderr.strip()}")


class Commune:
    """A namespace with one line to the peer."""

    def __init__(self, number):
        self.near, self.number = f"near{number}", number
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        try:
            self.lay()
        except BaseException:
            self.close()
            raise

    def lay(self):
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{self.holder.pid}/ns/net")
        while os.readlink(ours) == os.readlink(theirs):
            if self.holder.poll() is not None:
                raise unittest.SkipTest("makes network namespaces: unshare failed")
            time.sleep(0.01)
        tool("ip", "link", "add", self.near, "type", "veth", "peer", "name", "far", "netns", str(self.holder.pid))
        tool("ip", "address", "add", f"10.78.{self.number}.1/24", "dev", self.near)
        tool("ip", "link", "set", self.near, "up")
        for words in (["address", "add", f"10.78.{self.number}.2/24", "dev", "far"], ["link", "set", "far", "up"],
                      ["link", "set", "lo", "up"], ["route", "add", "default", "via", f"10.78.{self.number}.1"]):
            tool(*self.inside, "ip", *words)

    def cut(self):
        tool("ip", "link", "set", self.near, "down")

    def heal(self):
        tool("ip", "link", "set", self.near, "up")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Partition(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        namespaces.own_network()
        tool("ip", "address", "add", f"{PEER}/32", "dev", "lo")

    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer(host=PEER)
        self.communes, self.members = [], []
        for number, name in enumerate(COMMUNES, 1):
            self.communes.append(Commune(number))
            self.addCleanup(self.communes[-1].close)
            self.members.append(self.join(name, self.communes[-1]))

    def join(self, name, commune):
        station = Station(self.scene.folder / name)
        self.scene.daemons.append(station)
        station.start(commune.inside)
        station.init(f"Mairie de {name}")
        station.join(self.peer, f"Commune {name}")
        folder = self.scene.folder / f"shared by {name}"
        if not self.members:
            return sharing.found(station, "Trois communes", folder)
        return sharing.let_in(self.members[0], station, folder)

    def test_whoever_is_cut_off_goes_on_and_nothing_is_lost(self):
        arc, bar, cor = self.members
        for name in ("budget.txt", "voirie/plan.txt", "voirie/devis.txt"):
            arc.write(name, b"au commencement")
        sharing.wait_until_same(self.members)

        # One is cut off: the other two go on with each other.
        self.communes[2].cut()
        arc.write("voirie/plan.txt", b"sans Cor")
        sharing.wait_until(lambda: bar.files().get("voirie/plan.txt") == b"sans Cor", "Bar has it")
        self.assertEqual(b"au commencement", cor.files()["voirie/plan.txt"])

        # All are cut off. Each works, on files of its own and on the same ones; one is killed meanwhile.
        for commune in self.communes[:2]:
            commune.cut()
        written = set()
        for number, member in enumerate(self.members):
            for edit in range(EDITS):
                content = f"{COMMUNES[number]} {edit}".encode() * 50
                member.write(f"{COMMUNES[number]}/{edit % 15}.txt", content)
                if edit >= EDITS - 15:
                    written.add(content)
            shared = f"budget de {COMMUNES[number]}".encode()
            member.write("budget.txt", shared)
            written.add(shared)
        (bar.folder / "voirie").rename(bar.folder / "rues")
        cor.write("voirie/devis.txt", b"de Cor, pendant que Bar renomme")
        written.add(b"de Cor, pendant que Bar renomme")
        bar.station.kill()
        bar.station.start(self.communes[1].inside)

        for commune in self.communes:
            commune.heal()
        sharing.wait_until(lambda: all(written <= set(member.files().values()) for member in self.members), "all is everywhere", PATIENCE_S)
        sharing.wait_until_same(self.members, patience_s=PATIENCE_S)
        self.assertIn("rues/devis.txt", arc.files())
        self.assertNotIn("voirie/devis.txt", arc.files())


if __name__ == "__main__":
    unittest.main(verbosity=2)
