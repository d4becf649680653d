"""kill -9 of either daemon at random moments of a backup, a push, a restore, a collection or a scrub. After every kill the daemon starts again,
a check finds nothing, and what a receipt was given for restores from the peer, identical.

BEFFROI_KILL_ROUNDS=200 is the full form (scripts/prove kill). What happens is drawn from BEFFROI_KILL_SEED; when the kill falls, in milliseconds,
is the machine's as well.
"""

import collections
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

ROUNDS = int(os.environ.get("BEFFROI_KILL_ROUNDS", "14"))
SEED = int(os.environ.get("BEFFROI_KILL_SEED", str(random.SystemRandom().randrange(10**6))))
# How often everything is opened and read, not only looked for.
READ_DATA_EVERY = 10
COMMAND_TIMEOUT_S = 300

# (what runs, on which side, whom the kill meets, what is done before)
Phase = collections.namedtuple("Phase", "name words on victim prepare", defaults=((),))
PHASES = (
    Phase("backup with push", ("backup",), "station", "station"),
    Phase("backup with push", ("backup",), "station", "peer"),
    Phase("backup alone", ("backup", "--no-sync"), "station", "station"),
    Phase("push", ("sync",), "station", "station", ("backup", "--no-sync")),
    Phase("push", ("sync",), "station", "peer", ("backup", "--no-sync")),
    Phase("restore", ("restore",), "station", "station"),
    Phase("restore", ("restore",), "station", "peer"),
    # The second and third of a kind have a push beside them.
    Phase("collection", ("peer", "gc"), "peer", "peer"),
    Phase("collection beside a push", ("peer", "gc"), "peer", "peer", ("backup", "--no-sync")),
    Phase("collection beside a push", ("peer", "gc"), "peer", "station", ("backup", "--no-sync")),
    Phase("scrub", ("peer", "scrub"), "peer", "peer"),
    Phase("scrub beside a push", ("peer", "scrub"), "peer", "peer", ("backup", "--no-sync")),
)


class Kill(unittest.TestCase):
    def setUp(self):
        print(f"replay with BEFFROI_KILL_SEED={SEED} BEFFROI_KILL_ROUNDS={ROUNDS}", flush=True)
        self.draw = random.Random(SEED)
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer()
        self.station = self.scene.station()
        self.station.init()
        self.station.join(self.peer)
        self.source = documents.plain(self.scene.folder / "source", files=40, big_bytes=2 << 20)
        self.station.run("source", "add", self.source)
        self.contents = {}  # what the documents were, by snapshot
        self.acknowledged = []  # snapshots with a receipt, oldest first
        self.durations = {}  # of each phase's command when nobody is killed
        self.kills = collections.Counter()

    # Commands

    def daemon(self, side):
        return self.station if side == "station" else self.peer

    def in_background(self, side, *words):
        daemon = self.daemon(side)
        arguments = [str(BEFFROI), "--socket", str(daemon.socket), "--json", *map(str, words)]
        return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=daemon.environment)

    def words_of(self, phase):
        if phase.words != ("restore",):
            return phase.words
        shutil.rmtree(self.target(), ignore_errors=True)
        return ("restore", f"latest:{self.source}", "--target", self.target(), "--from", "peer")

    def target(self):
        return self.scene.folder / "cut"

    # A round

    def change_documents(self, number):
        """Every round changes what is there and adds something, so that each snapshot differs and each push has work to do."""
        (self.source / f"round {number % 5}.bin").write_bytes(self.draw.randbytes(self.draw.randrange(1 << 20, 3 << 20)))
        (self.source / "dossier 1" / f"note {number % 30}.txt").write_text(f"round {number}\n" * self.draw.randrange(1, 500))

    def begin(self, phase):
        """The commands that run then, the one that is to be met first."""
        if phase.prepare:
            self.station.run(*phase.prepare)
        words = self.words_of(phase)
        beside = [self.in_background("station", "sync")] if phase.name.endswith("beside a push") else []
        return [self.in_background(phase.on, *words), *beside]

    def duration(self, phase, number):
        """How long the command takes when nobody is killed."""
        if phase.name not in self.durations:
            self.change_documents(number)
            commands = self.begin(phase)
            began = time.monotonic()
            for command in commands:
                self.assertEqual(0, command.wait(timeout=COMMAND_TIMEOUT_S), phase.name)
            self.durations[phase.name] = time.monotonic() - began
            self.note_snapshots()
        return self.durations[phase.name]

    def kill_during(self, phase, number):
        """Runs the command of a phase, kills the victim at a moment of it, and starts the victim again."""
        duration, victim = self.duration(phase, number), self.daemon(phase.victim)
        self.change_documents(number)
        commands = self.begin(phase)
        time.sleep(self.draw.uniform(0, duration))
        moment = "during" if commands[0].poll() is None else "after"
        victim.kill()
        self.kills[f"{phase.name}, {phase.victim} killed: {moment}"] += 1
        victim.start()
        for command in commands:
            command.wait(timeout=COMMAND_TIMEOUT_S)

    def note_snapshots(self):
        """Whatever is new is of the documents as they are now; whatever has a receipt must come back for ever."""
        now = compare.describe(self.source)
        listed = self.station.json("snapshots")["snapshots"]
        for snapshot in listed:
            self.contents.setdefault(snapshot["id"], now)
        self.acknowledged = [snapshot["id"] for snapshot in listed if snapshot["receipt"] is not None]

    def assert_nothing_acknowledged_is_forgotten(self, before):
        self.assertEqual([], [snapshot for snapshot in before if snapshot not in self.contents or snapshot not in self.acknowledged])

    def assert_restores(self, snapshot):
        target = self.scene.folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        self.station.run("restore", f"{snapshot}:{self.source}", "--target", target, "--from", "peer")
        self.assertEqual([], compare.differences(self.contents[snapshot], compare.describe(target / self.source.name)))

    def assert_all_is_well(self, number):
        before = list(self.acknowledged)
        self.note_snapshots()
        self.assert_nothing_acknowledged_is_forgotten(before)
        read_data = ("--read-data",) if number % READ_DATA_EVERY == 0 else ()
        for place in "local", "peer":
            self.assertEqual(0, self.station.json("check", *read_data, "--at", place)["damages_total"], place)
        # What had its receipt when the kill came, before anything mends it; then what gets one now.
        if self.acknowledged:
            self.assert_restores(self.acknowledged[-1])
            self.assert_restores(self.draw.choice(self.acknowledged))
        self.assertIsNotNone(self.station.json("sync")["receipt"])
        self.note_snapshots()
        self.assertEqual(len(self.contents), len(self.acknowledged), "a snapshot got no receipt")

    def assert_nothing_is_left_lying(self):
        leftovers = [name for _, _, names in os.walk(self.target()) for name in names if name.startswith(".beffroi-")]
        self.assertEqual([], leftovers)

    def test_killed_at_random_moments(self):
        self.station.backup()
        self.note_snapshots()
        for number in range(ROUNDS):
            phase = PHASES[number % len(PHASES)]
            with self.subTest(f"round {number}: {phase.name}, {phase.victim} killed"):
                self.kill_during(phase, number)
                self.assert_nothing_is_left_lying()
                self.assert_all_is_well(number)
        self.assert_all_is_well(0)
        for what, count in sorted(self.kills.items()):
            print(f"{count:4} {what}")
        self.assertGreater(sum(count for what, count in self.kills.items() if what.endswith("during")), 0)

    def test_both_run_on_after_a_clean_stop_in_the_middle(self):
        command = self.in_background("station", "backup")
        time.sleep(0.3)
        self.assertEqual(0, self.station.stop())
        command.wait(timeout=60)
        self.station.start()
        stopper = threading.Timer(0.3, self.peer.stop)
        stopper.start()
        self.station.run("backup", check=False)
        stopper.join()
        self.peer.start()
        self.station.backup()
        self.assert_all_is_well(0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
