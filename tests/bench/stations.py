"""Measures a peer under load: what fifty stations that push at once get through to their receipts, beside one alone with as many bytes; by
how much a garbage collection of a million objects delays a push; and how long a peer with millions of objects thinks over "which of these
1,000 ids do you lack?".

The peer is the real program in a folder of its own, with TLS over the loopback interface. The stations are one small program that replays what
was sealed before (beffroi_many_stations), so that nearly all of the CPU is the peer's: but on a machine of two cores what the program takes
is missing to the peer, so its CPU is said as well. Rounds take turns (1, 50, 1, 50, …), each with a fresh peer. Build first:
scripts/build, then scripts/build release micro.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import measure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402  (needs the line above)

BENCH = Path(os.environ.get("BEFFROI_BENCH_PROGRAMS", ROOT / "build" / "release" / "tests" / "bench"))
MIB = 1 << 20
RATIO_GOAL, PEAK_GOAL_MIB, P99_GOAL_MS, DELAY_GOAL = 0.7, 300, 20, 0.1
PARTS = ("throughput", "garbage", "lacks")
ALONE = 1
SEALED_VERSION = 2  # of what sealed_set.cpp makes: another one makes them anew
# Of the vault whose space is then filled with invented objects.
LACKS_VAULT_MIB = 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=50)
    parser.add_argument("--mib", type=int, default=1500, help="sealed bytes of a run, whatever the number of stations; default: 1500")
    parser.add_argument("--rounds", type=int, default=3, help="of the first two; default: 3")
    parser.add_argument("--parts", default=",".join(PARTS), help="what is measured; default: %(default)s")
    parser.add_argument("--millions", type=int, default=10, help="objects of the peer that is asked what it lacks; default: 10")
    parser.add_argument("--garbage", type=int, default=1, help="millions of objects that are collected beside a push; default: 1")
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="for sealed vaults, which are kept, and peers, which are not")
    parser.add_argument("--json", type=Path, help="default: stations.json in the folder")
    parser.add_argument("--quick", action="store_true", help="8 stations, 64 MiB, one round, a million objects: does everything work?")
    arguments = parser.parse_args()
    for unknown in set(arguments.parts.split(",")) - set(PARTS):
        parser.error(f"no part {unknown}; there are {', '.join(PARTS)}")
    if arguments.quick:
        arguments.stations, arguments.mib, arguments.rounds, arguments.millions, arguments.questions = 8, 64, 1, 1, 200
    arguments.json = arguments.json or arguments.folder / "stations.json"
    return arguments


def bench(program, *words, codes=()):
    """What it printed, as JSON if it printed anything."""
    done = subprocess.run([BENCH / program, *map(str, words)], input="".join(f"{code}\n" for code in codes), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"stations: {program} {words[0]} failed: {done.stderr}")
    return json.loads(done.stdout) if done.stdout else None


def sealed(folder, stations, mib):
    """A set of vaults, made once."""
    out = folder / f"sealed-{SEALED_VERSION}-{stations}-{mib}"
    if not out.exists():
        making = Path(f"{out}.part")
        shutil.rmtree(making, ignore_errors=True)
        print(f"sealing {mib} MiB for {stations}…", file=sys.stderr)
        bench("beffroi_many_stations", "seal", making, stations, mib)
        making.rename(out)
    measure.warm(out)
    return out


def push(folder, vaults, stations):
    """One run at a fresh peer."""
    with harness.Scene(tempfile.mkdtemp(prefix="peer-", dir=folder)) as scene:
        peer = scene.peer()
        meter = measure.ProcessMeter(peer.process.pid)
        codes = [peer.invite(f"Mairie {number}") for number in range(stations)]
        measure.make_durable(folder)
        cpu_before, load = meter.cpu_s(), os.getloadavg()[0]
        found = bench("beffroi_many_stations", "push", vaults, codes=codes)
        return found | {"mib_per_s": found["sealed_bytes"] / MIB / found["wall_s"], "peer_cpu_s": meter.cpu_s() - cpu_before,
                        "peer_peak_mib": meter.peak_kib() / 1024, "load_before": load}


def throughput(arguments):
    sets = {count: sealed(arguments.folder, count, arguments.mib) for count in (ALONE, arguments.stations)}
    rounds = []
    for number in range(arguments.rounds):
        rounds.append({count: push(arguments.folder, vaults, count) for count, vaults in sets.items()})
        for count, found in rounds[-1].items():
            print(f"round {number + 1}, {count} at once: {found['mib_per_s']:.1f} MiB/s, peer {found['peer_peak_mib']:.0f} MiB", file=sys.stderr)
    return rounds


def filled_peer(scene, arguments, millions):
    """(peer, the code of its first station): that station's space has millions of objects besides, of no snapshot. It collects when it is told to."""
    vaults = sealed(arguments.folder, ALONE, LACKS_VAULT_MIB)
    peer = scene.peer(settings="[gc]\nevery_hours = 0\n[scrub]\nevery_days = 0\n")
    code = peer.invite()
    bench("beffroi_many_stations", "push", vaults, codes=[code])
    peer.stop()
    print(f"filling a peer with {millions} million objects…", file=sys.stderr)
    bench("beffroi_many_ids", "fill", vaults, peer.data, millions)
    return peer.start(), code


def push_beside(arguments, collecting):
    """A push of another station, and a collection that begins with it."""
    with harness.Scene(tempfile.mkdtemp(prefix="peer-", dir=arguments.folder)) as scene:
        peer, _ = filled_peer(scene, arguments, arguments.garbage)
        measure.ProcessMeter(peer.process.pid).wait_until_idle()
        code = peer.invite("Mairie")
        os.sync()
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            began = time.monotonic()
            collection = beside.submit(lambda: (peer.json("peer", "gc"), time.monotonic() - began)) if collecting else None
            found = bench("beffroi_many_stations", "push", sealed(arguments.folder, ALONE, arguments.mib), codes=[code])
            if collection:
                result, found["gc_s"] = collection.result()
                found["removed"] = result["objects"]
        return found


def delays(arguments):
    rounds = []
    for number in range(arguments.rounds):
        rounds.append({name: push_beside(arguments, name == "beside") for name in ("alone", "beside")})
        alone, beside = (rounds[-1][name] for name in ("alone", "beside"))
        print(f"round {number + 1}, push {alone['wall_s']:.1f} s; beside a collection {beside['wall_s']:.1f} s, which took {beside['gc_s']:.1f} s "
              f"and removed {beside['removed']:,}", file=sys.stderr)
    return rounds


def lacks(arguments):
    vaults = sealed(arguments.folder, ALONE, LACKS_VAULT_MIB)
    with harness.Scene(tempfile.mkdtemp(prefix="peer-", dir=arguments.folder)) as scene:
        peer, code = filled_peer(scene, arguments, arguments.millions)
        meter = measure.ProcessMeter(peer.process.pid)
        meter.wait_until_idle()
        cpu_before = meter.cpu_s()
        found = bench("beffroi_many_ids", "ask", vaults, arguments.millions, arguments.questions, codes=[code])
        stored, _ = measure.folder_bytes(peer.data)
        return found | {"peer_cpu_s": meter.cpu_s() - cpu_before, "peer_peak_mib": meter.peak_kib() / 1024, "stored_mib": stored / MIB}


def cell(rounds, count, field, digits=1):
    """Median, and the spread when there are several rounds."""
    numbers = [one[count][field] for one in rounds]
    shown = f"{statistics.median(numbers):.{digits}f}"
    return shown if len(numbers) == 1 else f"{shown} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


def verdict(good):
    return "met" if good else "missed"


def throughput_text(result):
    rounds, many = result["rounds"], result["stations"]
    lines = [f"{'':24}{'one station':>26}{f'{many} stations':>26}"]
    for title, field in (("MiB/s until the receipts", "mib_per_s"), ("wall time, s", "wall_s"), ("CPU of the peer, s", "peer_cpu_s"),
                         ("CPU of the stations, s", "client_cpu_s"), ("peak of the peer, MiB", "peer_peak_mib")):
        lines.append(f"{title:24}{cell(rounds, ALONE, field):>26}{cell(rounds, many, field):>26}")
    lines.append(f"{many} stations get {result['ratio']:.2f} of what one gets (goal {RATIO_GOAL}: {verdict(result['ratio'] >= RATIO_GOAL)}); "
                 f"by round: {', '.join(f'{ratio:.2f}' for ratio in result['ratios'])}")
    lines.append(f"peak memory of the peer with {many}: {result['peak_mib']:.0f} MiB (goal below {PEAK_GOAL_MIB}: {verdict(result['peak_mib'] < PEAK_GOAL_MIB)})")
    return lines


def delays_text(rounds):
    alone, beside, collection = (statistics.median(one[name][field] for one in rounds)
                                 for name, field in (("alone", "wall_s"), ("beside", "wall_s"), ("beside", "gc_s")))
    delay = beside / alone - 1
    return (f"a push of {alone:.1f} s takes {beside:.1f} s beside a collection that removes {rounds[0]['beside']['removed']:,} objects in {collection:.1f} s: "
            f"{delay:+.1%} (goal below {DELAY_GOAL:.0%}: {verdict(delay < DELAY_GOAL)})")


def text(result):
    about = result["machine"]
    lines = [f"{about['cpu']}, {about['cores']} cores, {about['memory_mib']} MiB, {about['file_system']}, Linux {about['kernel']}, load "
             f"{about['load_before']} before the run; sources {about['commit']}; {about['date']}; {result['mib']} MiB a run"]
    if result["rounds"]:
        lines += throughput_text(result)
    if result["delays"]:
        lines.append(delays_text(result["delays"]))
    if found := result["lacks"]:
        lines.append(f"which of {found['ids']} ids do you lack, {found['objects']:,} objects, {found['questions']} questions: p50 {found['p50_ms']:.1f} ms, "
                     f"p90 {found['p90_ms']:.1f}, p99 {found['p99_ms']:.1f} (goal below {P99_GOAL_MS}: {verdict(found['p99_ms'] < P99_GOAL_MS)}), "
                     f"at most {found['max_ms']:.1f}, the first {found['first_ms']:.1f}; peer {found['peer_peak_mib']:.0f} MiB at most")
    return "\n".join(lines)


def sum_up(result):
    """Ratios of throughput, of each round and of the medians, and the highest peak."""
    rounds = result["rounds"]
    alone, together = ([one[count]["mib_per_s"] for one in rounds] for count in (ALONE, result["stations"]))
    if rounds:
        result["ratios"] = [many / one for many, one in zip(together, alone)]
        result["ratio"] = statistics.median(together) / statistics.median(alone)
        result["peak_mib"] = max(one[result["stations"]]["peer_peak_mib"] for one in rounds)
    return result


def main():
    arguments = parse()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if os.getloadavg()[0] > machine.LOAD_LIMIT:
        print(f"stations: the machine is not idle (load {os.getloadavg()[0]:.2f}): the figures will be noisy", file=sys.stderr)
    result = {"machine": machine.facts(arguments.folder, ROOT), "stations": arguments.stations, "mib": arguments.mib}
    parts = arguments.parts.split(",")
    result["rounds"] = throughput(arguments) if "throughput" in parts else []
    result["delays"] = delays(arguments) if "garbage" in parts else []
    result["lacks"] = lacks(arguments) if "lacks" in parts else None
    sum_up(result)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(text(result))


if __name__ == "__main__":
    main()
