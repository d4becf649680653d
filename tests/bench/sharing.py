"""Measures shared folders with the real programs: how soon an edit of 1 MiB is on two other stations, on loopback and over a line of 50 ms;
what a big folder costs while nothing happens in it, and when one file changes; how quickly a folder is shared for the first time beside a
backup of the same files; and whether anything is lost when three stations that were apart for a thousand edits each come together again.

Each station is the real program with a folder of its own, and the peer too, with TLS over the loopback interface. Build first: scripts/build.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

import machine
from proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402  (needs the line above)
import sharing  # noqa: E402

MIB = 1 << 20
PARTS = ("edit", "first", "big", "apart")
EDIT_GOAL_S, FAR_EDIT_GOAL_S, FAR_RTT_S = 2.0, 5.0, 0.05
FIRST_GOAL, IDLE_GOAL, CHANGE_GOAL_MS = 0.7, 0.01, 100
IDLE_S = 60
PATIENCE_S = 600
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--edits", type=int, default=20, help="edits of 1 MiB that are timed")
    parser.add_argument("--first-files", type=int, default=10_000)
    parser.add_argument("--big-files", type=int, default=100_000)
    parser.add_argument("--apart-edits", type=int, default=1_000, help="of each of three stations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="writes the figures there, too")
    return parser.parse_args()


def cpu_s(daemon):
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def hosted(peer):
    """What the peer has of the share."""
    return next(tenant for tenant in peer.json("peer", "tenants")["tenants"] if tenant["kind"] == "share")


def write_files(folder, count, draw, bytes_max=20_000):
    """Like documents: some small, some not, text that is like no other."""
    for number in range(count):
        path = folder / f"dossier {number % 100:02}" / f"acte {number:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw.randbytes(draw.randrange(500, bytes_max) // 2).hex().encode())


class Communes:
    """Some stations at one peer, and a space that all are in."""

    def __init__(self, ends, count, rtt_s=0, prepare=None):
        self.scene = ends.enter_context(harness.Scene())
        self.peer = self.scene.peer()
        if rtt_s:
            proxy = Proxy(self.peer.port, rtt_s, None)
            ends.callback(proxy.close)
            self.peer.address = f"127.0.0.1:{proxy.port}"
        self.stations = [sharing.member_station(self.scene, self.peer, f"C{number}") for number in range(count)]
        folder = self.scene.folder / "folder 0"
        folder.mkdir()
        if prepare:
            prepare(folder)
        self.members = [sharing.found(self.stations[0], "Communes", folder)]

    def let_others_in(self):
        for number, station in enumerate(self.stations[1:], 1):
            self.members.append(sharing.let_in(self.members[0], station, self.scene.folder / f"folder {number}"))


def edit(arguments, rtt_s):
    """Seconds from the saving of 1 MiB in one folder until both others have it whole."""
    draw, times = random.Random(arguments.seed), []
    with contextlib.ExitStack() as ends:
        communes = Communes(ends, 3, rtt_s)
        communes.let_others_in()
        first, *others = communes.members
        for number in range(arguments.edits):
            content = draw.randbytes(MIB)
            began = time.monotonic()
            first.write("délibération.bin", content)
            sharing.wait_until(lambda: all((member.folder / "délibération.bin").exists() and
                                           (member.folder / "délibération.bin").read_bytes() == content for member in others), "the edit is everywhere")
            times.append(time.monotonic() - began)
            time.sleep(draw.uniform(0.5, 2))
    return times


def first_sync(arguments):
    """Files per second of a folder's first cycle until its receipt, and of a first backup of the same files until its."""
    with contextlib.ExitStack() as ends:
        draw = random.Random(arguments.seed)
        scene = ends.enter_context(harness.Scene())
        peer = scene.peer()
        source = scene.folder / "source"
        source.mkdir()
        write_files(source, arguments.first_files, draw)
        time.sleep(2)  # so that no file is taken for one that is being written
        backup = sharing.member_station(scene, peer, "B")
        backup.run("source", "add", source)
        began = time.monotonic()
        assert backup.backup()["receipt"]
        backup_s = time.monotonic() - began
        backup.stop()
        station = sharing.member_station(scene, peer, "S")
        began = time.monotonic()
        member = sharing.found(station, "Premier", source)
        result = member.json("sync")
        shared_s = time.monotonic() - began
        assert result["confirmed"], result
        return {"files": arguments.first_files, "backup_s": backup_s, "shared_s": shared_s, "ratio": backup_s / shared_s}


def big(arguments):
    with contextlib.ExitStack() as ends:
        draw = random.Random(arguments.seed)
        communes = Communes(ends, 1, prepare=lambda folder: write_files(folder, arguments.big_files, draw, 2_000))
        station, member = communes.stations[0], communes.members[0]
        began = time.monotonic()
        assert member.json("sync")["confirmed"]
        first_s = time.monotonic() - began
        time.sleep(10)
        before = cpu_s(station)
        time.sleep(IDLE_S)
        idle = (cpu_s(station) - before) / IDLE_S
        changes = []
        for number in range(5):
            had, began_cpu = hosted(communes.peer), cpu_s(station)
            member.write(f"dossier {number:02}/acte {number:06}.txt", draw.randbytes(700).hex().encode())
            sharing.wait_until(lambda: hosted(communes.peer)["commits"] > had["commits"], "the change is passed on")
            time.sleep(1)
            changes.append({"cpu_ms": 1000 * (cpu_s(station) - began_cpu), "bytes": hosted(communes.peer)["used_bytes"] - had["used_bytes"]})
        return {"files": arguments.big_files, "first_s": first_s, "idle": idle, "changes": changes, "peak_mib": station.peak_resident_kib() / 1024}


def apart(arguments):
    """All edits are made while the peer is away: new files, and edits and deletions of files that all have."""
    draw = random.Random(arguments.seed)
    with contextlib.ExitStack() as ends:
        communes = Communes(ends, 3, prepare=lambda folder: write_files(folder, arguments.apart_edits, draw, 1_000))
        communes.let_others_in()
        sharing.wait_until_same(communes.members, patience_s=PATIENCE_S)
        shared = sorted(communes.members[0].files())
        communes.peer.stop()
        written = set()
        for number, member in enumerate(communes.members):
            for count in range(arguments.apart_edits):
                content = f"{number} {count} {draw.random()}".encode()
                name = draw.choice(shared) if count % 3 else f"nouveau {draw.randrange(arguments.apart_edits)}.txt"
                member.write(name, content)
                written = {each for each in written if each[0] != (number, name)} | {((number, name), hashlib.sha256(content).digest())}
                if count % 100 == 99:
                    member.station.run("space", "resume", member.space, check=False)
        began = time.monotonic()
        communes.peer.start()

        def settled():
            for member in communes.members:
                if member.json("status")["brake"]:
                    member.station.run("space", "resume", member.space, check=False)
            held = [sharing.contents_below(member.folder) for member in communes.members]
            return held[0] == held[1] == held[2] and {digest for _, digest in written} <= held[0]
        with contextlib.suppress(AssertionError):
            sharing.wait_until(settled, "all have all", PATIENCE_S)
        held = [sharing.contents_below(member.folder) for member in communes.members]
        lost = sum(digest not in held[0] & held[1] & held[2] for _, digest in written)
        same = len({json.dumps(sorted(member.files()), ensure_ascii=False) for member in communes.members}) == 1
        return {"edits": 3 * arguments.apart_edits, "last_versions": len(written), "lost": lost, "same": same, "healed_s": time.monotonic() - began}


def verdict(good):
    return "met" if good else "missed"


def text(result):
    about = result["machine"]
    lines = [f"{about['cpu']}, {about['cores']} cores, {about['memory_mib']} MiB, {about['file_system']}, Linux {about['kernel']}, load "
             f"{about['load_before']} before the run; sources {about['commit']}; {about['date']}"]
    for key, where, goal in (("edit", "on loopback", EDIT_GOAL_S), ("far_edit", f"over {FAR_RTT_S * 1000:.0f} ms", FAR_EDIT_GOAL_S)):
        if times := result.get(key):
            lines.append(f"an edit of 1 MiB is on two other stations {where} after {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}, "
                         f"{len(times)} edits; goal {goal:.0f}: {verdict(max(times) < goal)})")
    if found := result.get("first"):
        lines.append(f"{found['files']:,} files shared for the first time in {found['shared_s']:.1f} s, backed up in {found['backup_s']:.1f} s: {found['ratio']:.2f} of its "
                     f"speed (goal {FIRST_GOAL}: {verdict(found['ratio'] >= FIRST_GOAL)})")
    if found := result.get("big"):
        costs = [change["cpu_ms"] for change in found["changes"]]
        lines.append(f"{found['files']:,} files: first {found['first_s']:.1f} s, {found['peak_mib']:.0f} MiB at most; idle {found['idle']:.2%} of a core (goal below "
                     f"{IDLE_GOAL:.0%}: {verdict(found['idle'] < IDLE_GOAL)}); a change of one file {statistics.median(costs):.0f} ms of CPU ({min(costs):.0f} to {max(costs):.0f}; "
                     f"goal below {CHANGE_GOAL_MS}: {verdict(statistics.median(costs) < CHANGE_GOAL_MS)}) and {max(change['bytes'] for change in found['changes']) / 1024:.0f} KiB more at the peer, with 256 bytes for each object")
    if found := result.get("apart"):
        lines.append(f"{found['edits']:,} edits on three stations apart, together again after {found['healed_s']:.0f} s: {found['lost']} of {found['last_versions']:,} last versions "
                     f"lost, {'one tree' if found['same'] else 'DIFFERENT TREES'} (goal 0: {verdict(found['lost'] == 0 and found['same'])})")
    return "\n".join(lines)


def main():
    arguments = parse()
    parts = arguments.parts.split(",")
    result = {"machine": machine.facts(Path("."), ROOT)}
    if "edit" in parts:
        result |= {"edit": edit(arguments, 0), "far_edit": edit(arguments, FAR_RTT_S)}
    if "first" in parts:
        result["first"] = first_sync(arguments)
    if "big" in parts:
        result["big"] = big(arguments)
    if "apart" in parts:
        result["apart"] = apart(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(text(result))


if __name__ == "__main__":
    main()
