"""Measures how room is given back: several working days are backed up, then all snapshots between the first and the last go.

Beffroi as its users do it: `beffroi peer gc` at the peer, where the rules let go what the lock has held, and `beffroi forget` at the
station; restic `forget … --prune`; borg `delete …` and `compact`. Each tool loses the same snapshots, its newest is then restored and compared.
For Beffroi 400 days pass in between: both daemons are started with Debian's libfaketime (package faketime), and the peer is told that its clock is right.
"""

import json
import os
import shutil
import statistics
import sys
import sysconfig
from pathlib import Path

import corpus as corpora
import day as days
import machine
import measure
import report
import run
from tools import STEPS, BeffroiWithPeer, Borg, BorgZstd, Restic, harness

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import compare  # noqa: E402  (needs the line above)

FAKETIME = Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "faketime", "libfaketimeMT.so.1")
LATER = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+400d", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
GOAL = 3
FIELDS = ("wall_s", "cpu_s", "peak_kib", "before_bytes", "after_bytes")


class PrunedRestic(Restic):
    def prune(self):
        measure.run([*self.base, "snapshots", "--json"], self.environment, self.folder, self.output)
        ids = [one["id"] for one in sorted(json.loads(self.output.read_text()), key=lambda one: one["time"])]
        yield [*self.base, "forget", *ids[1:-1], "--prune"]


class PrunedBorg(Borg):
    """Archives are numbered."""

    def __init__(self, folder, source):
        super().__init__(folder, source)
        self.count = 0

    def command(self, step, path, target):
        words, folder = super().command(step, path, target)
        if step == "day":
            self.count += 1
            self.last = f"day{self.count}"
            words[-2] = f"{self.location}::{self.last}"
        return words, folder

    def prune(self):
        yield ["borg", "delete", self.location, *(f"day{number}" for number in range(1, self.count))]
        yield ["borg", "compact", self.location]


class PrunedBorgZstd(PrunedBorg):
    name, compression = BorgZstd.name, BorgZstd.compression


class PrunedBeffroi(BeffroiWithPeer):
    """What is stored is what station and peer store."""

    meters = ()  # of both daemons, while room is given back

    def stored(self):
        mine, peers = super().stored(), measure.folder_bytes(self.peer.data)
        return mine[0] + peers[0], mine[1] + peers[1], mine[2]

    def prune(self):
        self.rest()
        self.peer.stop()
        for daemon in (self.peer, self.station):
            daemon.environment |= LATER
            daemon.start()
        self.peer.run("peer", "clock", "--accept")
        self.meters = [measure.ProcessMeter(daemon.process.pid) for daemon in (self.peer, self.station)]
        for meter in self.meters:
            meter.wait_until_idle()
        yield [harness.BEFFROI, "--socket", self.peer.socket, "peer", "gc"]
        # The station hears what went. It belongs to the nightly run, and takes a fraction of a second.
        yield [*self.base, "sync"]
        yield [*self.base, "forget"]

    def measured(self, arguments, folder):
        if not self.meters:
            return super().measured(arguments, folder)
        before = [meter.cpu_s() for meter in self.meters]
        found = measure.run(arguments, self.environment, folder, self.output)
        for meter, cpu_s in zip(self.meters, before):
            meter.wait_until_idle()
            found["cpu_s"] += meter.cpu_s() - cpu_s
            found["peak_kib"] = max(found["peak_kib"], meter.peak_kib())
        return found


TOOLS = {tool.name: tool for tool in (PrunedBeffroi, PrunedRestic, PrunedBorg, PrunedBorgZstd)}


def pruned(tool):
    """One tool gives the room back; sums over its commands."""
    before = tool.stored()[0]
    found = {"wall_s": 0.0, "cpu_s": 0.0, "peak_kib": 0, "commands": {}}
    for words in tool.prune():
        os.sync()
        one = tool.measured(words, tool.folder)
        found["wall_s"] += one["wall_s"]
        found["cpu_s"] += one["cpu_s"]
        found["peak_kib"] = max(found["peak_kib"], one["peak_kib"])
        name = " ".join(str(word) for word in words if str(word) in ("peer", "gc", "sync", "forget", "delete", "compact"))
        found["commands"][name] = one["wall_s"]
        run.say(f"{tool.name:12} {name:10} {one['wall_s']:8.2f} s  {one['cpu_s']:8.2f} s CPU")
    return found | {"before_bytes": before, "after_bytes": tool.stored()[0]}


def one_round(arguments, pristine, number):
    one = run.Round(arguments, pristine, number, TOOLS, STEPS)
    try:
        for tool in one.tools:
            tool.init()
        for day in range(arguments.days + 1):
            if day:
                days.day(one.source, f"{arguments.seed} {day}")
            for tool in one.tools:
                one.step(tool, "day" if day else "first")
            shutil.rmtree(one.scratch)  # empty after a backup, and in the way of the next day
        found = {tool.name: pruned(tool) for tool in one.in_turn("first")}
        for tool in one.tools:
            verify(one, tool)
        return found
    finally:
        one.close()


def verify(one, tool):
    target = one.scratch / f"after {tool.name}"
    target.mkdir(parents=True)
    words, folder = tool.command("all", None, target)
    measure.run(words, tool.environment, folder or tool.folder, tool.output)
    wrong = compare.differences(compare.describe(one.source), compare.describe(tool.restored(one.source, target)))
    if wrong:
        raise measure.StepFailed(f"{tool.name}: what was restored after pruning differs in {len(wrong)} points: {wrong[:5]}")


def text(result):
    rounds, tools = result["rounds"], result["tools"]
    middle = {tool: {field: statistics.median(one[tool][field] for one in rounds) for field in FIELDS} for tool in tools}
    lines = [f"{'':12}{'wall, s':>10}{'CPU, s':>10}{'peak, MiB':>11}{'before, MiB':>13}{'after, MiB':>12}"]
    for tool in tools:
        found = middle[tool]
        lines.append(f"{tool:12}{found['wall_s']:10.2f}{found['cpu_s']:10.2f}{found['peak_kib'] / 1024:11.0f}"
                     f"{found['before_bytes'] / report.MIB:13.1f}{found['after_bytes'] / report.MIB:12.1f}")
    if "beffroi" in middle and len(tools) > 1:
        best = min(middle[tool]["wall_s"] for tool in tools if tool != "beffroi")
        ratio = best / middle["beffroi"]["wall_s"]
        lines.append(f"best other / ours: {ratio:.1f} (goal {GOAL}: {'met' if ratio >= GOAL else 'missed'})")
    return "\n".join(lines)


def add_arguments(parser):
    parser.add_argument("--days", type=int, default=6, help="working days after the first backup; default: 6")
    parser.set_defaults(corpus="office", rounds=1)


def main():
    arguments = run.parse(__doc__, add_arguments)
    if arguments.corpus == "both" or arguments.folder or arguments.keep or arguments.until != STEPS[-1]:
        sys.exit("prune: one corpus, office or tiny; --folder, --keep and --until are not for this")
    if arguments.days < 2:
        sys.exit("prune: --days is at least 2, else no snapshot lies between the first and the last")
    if not FAKETIME.exists():
        sys.exit(f"prune: {FAKETIME} is needed (Debian: faketime)")
    results = arguments.work.resolve()
    arguments.work = results / "work"
    shutil.rmtree(arguments.work, ignore_errors=True)  # of a run that was cut short
    arguments.work.mkdir(parents=True)
    run.check_room(arguments, [arguments.corpus])
    pristine = arguments.work / "pristine"
    corpora.generate(pristine, arguments.corpus, arguments.scale, arguments.seed)
    facts = machine.facts(arguments.work, run.ROOT)
    try:
        rounds = [one_round(arguments, pristine, number) for number in range(arguments.rounds)]
    except measure.StepFailed as error:
        sys.exit(f"prune: {error}")
    result = {"name": f"prune-{arguments.corpus}", "days": arguments.days, "tools": arguments.tools, "machine": facts, "rounds": rounds}
    (results / f"{result['name']}.json").write_text(json.dumps(result, indent=1) + "\n")
    shutil.rmtree(arguments.work, ignore_errors=True)
    print(text(result))


if __name__ == "__main__":
    main()
