"""Bad lines: 1 Mbit/s with an outage, 200 ms, lost packets, repeated cuts. Every backup gets its receipt in the end, what the peer has is not
sent again, and everything comes back from it.

The slow line is a veth pair between two network namespaces with a token bucket (tbf) at each end; this needs root, and belongs to this test
alone. The other lines are tests/bench/proxy.py. The ordinary run sends little; BEFFROI_NETWORK_FULL=1 sends more, and once through all at once.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import compare
import documents
import namespaces
from harness import Scene, Station

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import proxy as lines  # noqa: E402  (needs the line above)

FULL = bool(os.environ.get("BEFFROI_NETWORK_FULL"))
MIB = 1 << 20
SETTINGS = '[schedule]\nenabled = false\n[sync]\nupload_limit = "none"\n'
NEAR, FAR = "10.77.0.1", "10.77.0.2"
OUTAGE_S = 2
# Heads of frames, negotiation, TLS records: a share of what is sent, and what a session costs at least.
OVERHEAD, SESSION_BYTES = 1.03, 64 << 10
# What a peer has received and not stored when a session is cut (docs/protocol.md, daemon/sync/peer_server.cpp): a batch, what it reads ahead,
# and a frame of each.
UNSTORED_BYTES = 2 * MIB + 2 * (300 << 10)


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise unittest.SkipTest(f"shapes a line: {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class ShapedLine:
    """A namespace at the far end of a line that carries so much each way, and drops what does not wait in 400 ms of queue."""

    def __init__(self, rate):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        try:
            self.lay(rate)
        except BaseException:
            self.close()
            raise

    def lay(self, rate):
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{self.holder.pid}/ns/net")
        while os.readlink(ours) == os.readlink(theirs):
            if self.holder.poll() is not None:
                raise unittest.SkipTest("makes network namespaces: unshare failed")
            time.sleep(0.01)
        tool("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(self.holder.pid))
        for prefix, name, address in ([], "near", NEAR), (self.inside, "far", FAR):
            tool(*prefix, "ip", "address", "add", f"{address}/24", "dev", name)
            tool(*prefix, "ip", "link", "set", name, "up")
            tool(*prefix, "tc", "qdisc", "add", "dev", name, "root", "tbf", "rate", rate, "burst", "16kb", "latency", "400ms")

    def carried(self):
        """Bytes that came through from the far end, heads of packets included."""
        return json.loads(tool("ip", "-stats", "-json", "link", "show", "dev", "near"))[0]["stats64"]["rx"]["bytes"]

    def outage(self):
        tool("ip", "link", "set", "near", "down")
        time.sleep(OUTAGE_S)
        tool("ip", "link", "set", "near", "up")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class LineTest(unittest.TestCase):
    peer = None

    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)

    def begin(self, big_bytes, address=None, wrapper=(), **peer_options):
        """A peer, and a station with documents that dials it at this address."""
        self.peer = self.scene.peer(**peer_options) if self.peer is None else self.peer
        self.station = Station(self.scene.folder / "station", settings=SETTINGS)
        self.scene.daemons.append(self.station)
        self.station.start(wrapper)
        self.station.init()
        code = self.peer.json("peer", "invite", "--name", "Mairie", "--address", address or self.peer.address)["code"]
        self.station.json("join", code)
        self.source = documents.plain(self.scene.folder / "source", files=12, big_bytes=big_bytes)
        self.station.run("source", "add", self.source)

    def behind_a_proxy(self, big_bytes, *line, **more):
        self.peer = self.scene.peer()
        self.proxy = lines.Proxy(self.peer.port, *line, **more)
        self.addCleanup(self.proxy.close)
        self.begin(big_bytes, self.proxy.address)

    def assert_acknowledged(self, result):
        self.assertIsNotNone(result["receipt"], result)

    def assert_restores_from_the_peer(self):
        target = self.scene.folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        self.station.run("restore", f"latest:{self.source}", "--target", target, "--from", "peer")
        self.assertEqual([], compare.differences(compare.describe(self.source), compare.describe(target / self.source.name)))

    def assert_sent_once(self, added_bytes, sent_bytes, again_bytes=0):
        self.assertGreater(sent_bytes, added_bytes * 0.9, "the documents did not pass here")
        self.assertLessEqual(sent_bytes, added_bytes * OVERHEAD + 4 * SESSION_BYTES + again_bytes)

    def sync_until_acknowledged(self, tries):
        """Cuts fail a sync with one sentence and exit code 1; each goes on where the last one was."""
        for _ in range(tries):
            result = self.station.run("--json", "sync", check=False)
            if result.returncode == 0:
                return json.loads(result.stdout)
            self.assertEqual(1, result.returncode, result.stdout + result.stderr)
            self.assertRegex(json.loads(result.stdout)["error"]["message"], "cut|does not answer|closed the line")
        self.fail(f"no receipt after {tries} tries")


class SlowLine(LineTest):
    """1 Mbit/s between two network namespaces."""

    @classmethod
    def setUpClass(cls):
        namespaces.own_network()

    def setUp(self):
        super().setUp()
        self.line = ShapedLine("1mbit")
        self.addCleanup(self.line.close)

    def test_a_slow_line_that_fails_for_a_while(self):
        big_bytes = (12 if FULL else 0.4) * MIB
        self.begin(int(big_bytes), wrapper=self.line.inside, host=NEAR)
        before, began = self.line.carried(), time.monotonic()
        outage = threading.Timer(2, self.line.outage)
        outage.start()
        result = self.station.backup()
        outage.join()
        took = time.monotonic() - began
        self.assert_acknowledged(result)
        carried = self.line.carried() - before
        # TCP's and IP's heads, acknowledgements, and what was in the queue when the line failed.
        self.assert_sent_once(result["bytes_added"], carried, again_bytes=result["bytes_added"] * 0.1 + 256 * 1024)
        self.assertGreater(took, carried * 8 / 1e6 * 0.9, "the line was not slow")
        self.assert_restores_from_the_peer()

    @unittest.skipUnless(FULL, "takes minutes: BEFFROI_NETWORK_FULL=1")
    def test_everything_at_once(self):
        """1 Mbit/s, 200 ms, lost packets, and a cut after every 2.5 MiB sent."""
        self.peer = self.scene.peer()
        self.proxy = lines.Proxy(self.peer.port, 0.2, host=NEAR, loss=0.002, cut_after=(5 * MIB // 2, None))
        self.addCleanup(self.proxy.close)
        self.begin(8 * MIB, self.proxy.address, wrapper=self.line.inside)
        added = self.station.backup()["bytes_added"]
        self.assert_acknowledged(self.sync_until_acknowledged(tries=20))
        cuts = self.proxy.cuts.value
        self.assertGreater(cuts, 2)
        self.assert_sent_once(added, self.proxy.counts()[0], again_bytes=cuts * UNSTORED_BYTES)
        self.assert_restores_from_the_peer()


class BadLine(LineTest):
    """Lines through a proxy on the loopback interface."""

    def test_a_far_peer(self):
        rtt_s = 0.2
        self.behind_a_proxy((64 if FULL else 6) * MIB, rtt_s)
        began = time.monotonic()
        result = self.station.backup()
        self.assertGreater(time.monotonic() - began, 3 * rtt_s, "the peer was not far")
        self.assert_acknowledged(result)
        self.assert_sent_once(result["bytes_added"], self.proxy.counts()[0])
        self.assert_restores_from_the_peer()
        # Nothing has changed, so nothing but questions is sent.
        before = self.proxy.counts()[0]
        self.assert_acknowledged(self.station.backup())
        self.assertLess(self.proxy.counts()[0] - before, SESSION_BYTES)

    def test_a_line_that_loses_packets(self):
        self.behind_a_proxy((16 if FULL else 2) * MIB, 0.06, 1_000_000, loss=0.004)
        result = self.station.backup()
        self.assert_acknowledged(result)
        self.assert_sent_once(result["bytes_added"], self.proxy.counts()[0])
        self.assert_restores_from_the_peer()

    def test_a_line_that_is_cut_again_and_again(self):
        rate = 4_000_000
        self.behind_a_proxy((60 if FULL else 12) * MIB, 0.04, rate, cut_after=(5 * MIB, 9 * MIB))
        result = self.station.backup()
        self.assertIsNotNone(result["snapshot"])
        self.assertIsNone(result["receipt"], "the line was not cut")
        self.assert_acknowledged(self.sync_until_acknowledged(tries=60 if FULL else 12))
        cuts = self.proxy.cuts.value
        self.assertGreater(cuts, 1)
        on_its_way = self.proxy.lines[0].held_max
        self.assert_sent_once(result["bytes_added"], self.proxy.counts()[0], again_bytes=cuts * (UNSTORED_BYTES + on_its_way + SESSION_BYTES))
        # A restore is cut as well, and fetches what is left over a fresh line.
        self.assert_restores_from_the_peer()
        self.assertGreater(self.proxy.cuts.value, cuts)

    def test_a_peer_that_is_gone_is_named(self):
        self.behind_a_proxy(100_000, 0.0)
        self.peer.kill()
        result = self.station.run("backup", check=False)
        self.assertEqual(0, result.returncode, result.stderr)
        failed = self.station.run("sync", check=False)
        self.assertEqual(1, failed.returncode)
        self.assertRegex(failed.stderr, re.escape(self.proxy.address))
        self.peer.start()
        self.assert_acknowledged(self.station.json("sync"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
