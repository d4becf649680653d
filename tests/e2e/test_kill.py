"""kill -9 of either daemon in the middle of a backup, a push or a restore: the next run finishes, and everything receipted restores."""

import os
import random
import shutil
import subprocess
import threading
import time
import unittest

import compare
import documents
from harness import BEFFROI, Scene

ROUNDS = int(os.environ.get("BEFFROI_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("BEFFROI_KILL_SEED", str(random.SystemRandom().randrange(10**6))))


class Kill(unittest.TestCase):
    def setUp(self):
        print(f"replay with BEFFROI_KILL_SEED={SEED} BEFFROI_KILL_ROUNDS={ROUNDS}")
        self.draw = random.Random(SEED)
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer()
        self.station = self.scene.station()
        self.station.init()
        self.station.join(self.peer)
        self.source = documents.plain(self.scene.folder / "source", files=150, big_bytes=24 << 20)
        self.station.run("source", "add", self.source)

    def in_background(self, *words):
        arguments = [str(BEFFROI), "--socket", str(self.station.socket), "--json", *map(str, words)]
        return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.station.environment)

    def kill_during(self, victim, words, longest_s):
        """Starts a command, kills `victim` at a random moment, restarts it, and ends the command."""
        command = self.in_background(*words)
        time.sleep(self.draw.uniform(0.02, longest_s))
        victim.kill()
        if victim is self.station:
            command.wait(timeout=120)
            victim.start()
        else:
            victim.start()
            command.wait(timeout=300)

    def change_something(self, round_number):
        (self.source / f"round {round_number}.bin").write_bytes(self.draw.randbytes(4 << 20))

    def assert_everything_restores(self):
        result = self.station.backup()
        self.assertIsNotNone(result["receipt"], result)
        self.assertEqual(0, self.station.json("check", "--read-data")["damages_total"])
        self.assertEqual(0, self.station.json("check", "--read-data", "--at", "peer")["damages_total"])
        target = self.scene.folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        self.station.run("restore", f"latest:{self.source}", "--target", target, "--from", "peer")
        differences = compare.differences(compare.describe(self.source), compare.describe(target / self.source.name))
        self.assertEqual([], differences)

    def test_station_killed_during_backup_and_push(self):
        for number in range(ROUNDS):
            self.change_something(number)
            self.kill_during(self.station, ("backup",), 1.5)
        self.assert_everything_restores()

    def test_peer_killed_during_push(self):
        for number in range(ROUNDS):
            self.change_something(number)
            self.station.run("backup", "--no-sync")
            self.kill_during(self.peer, ("sync",), 0.6)
        self.assert_everything_restores()

    def test_either_killed_during_restore(self):
        self.station.backup()
        for number in range(ROUNDS):
            victim = self.station if number % 2 else self.peer
            target = self.scene.folder / f"cut {number}"
            self.kill_during(victim, ("restore", "latest", "--target", target, "--from", "peer"), 0.5)
            leftovers = [name for _, _, names in os.walk(target) for name in names if name.startswith(".beffroi-")]
            self.assertEqual([], leftovers)
            shutil.rmtree(target, ignore_errors=True)
        self.assert_everything_restores()

    def test_both_run_on_after_a_clean_stop_in_the_middle(self):
        command = self.in_background("backup")
        time.sleep(0.3)
        self.assertEqual(0, self.station.stop())
        command.wait(timeout=60)
        self.station.start()
        stopper = threading.Timer(0.3, self.peer.stop)
        stopper.start()
        self.station.run("backup", check=False)
        stopper.join()
        self.peer.start()
        self.assert_everything_restores()


if __name__ == "__main__":
    unittest.main(verbosity=2)
