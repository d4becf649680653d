"""Measures Beffroi beside restic and borg: every step of every tool in turn, in the same run. docs/performance.md says what is measured.

The seed `report` is for runs whose figures are kept; whoever tunes something uses another one, so that nothing is tuned to the corpus that
is reported.
"""

import argparse
import os
import random
import shutil
import sys
import time
from pathlib import Path

import corpus as corpora
import day as days
import machine
import measure
import report
from tools import BACKUPS, STEPS, TOOLS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import compare  # noqa: E402  (needs the line above)

ROOT = Path(__file__).resolve().parents[2]
SETTLE_S = 1.5  # all tools distrust files changed in the second of the backup


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Round:
    """One folder, one repository per tool, all steps."""

    def __init__(self, arguments, pristine, number, tools, steps):
        self.arguments = arguments
        self.source = arguments.work / "documents"
        self.scratch = arguments.work / "restored"
        self.number = number
        copy(pristine, self.source)
        self.steps = steps
        self.tools = [tools[name](arguments.work / "repositories", self.source) for name in arguments.tools]
        self.expected = None

    def run(self):
        """{tool: {step: Measurement as a dict}}"""
        found = {tool.name: {} for tool in self.tools}
        for tool in self.tools:
            tool.init()
        for step in self.steps:
            if step == "day":
                changes = days.day(self.source, f"{self.arguments.seed} day")
                say(f"a day passed: {changes.summary()}")
            if step in BACKUPS:
                time.sleep(SETTLE_S)
            for tool in self.in_turn(step):
                found[tool.name][step] = vars(self.step(tool, step))
        return found

    def in_turn(self, step):
        """Another order at every step and round: who comes first may find a colder or a warmer machine."""
        first = (self.number + self.steps.index(step)) % len(self.tools)
        return self.tools[first:] + self.tools[:first]

    def step(self, tool, step):
        path = one_file(self.source) if step == "one" else None
        # Removed at the end of the round only: ext4 gives no inode out again for a minute (more while its table is dirty), and whoever makes
        # many files meanwhile pays for the search.
        target = self.scratch / f"{step} {tool.name}"
        target.mkdir(parents=True)
        if step in BACKUPS:
            measure.warm(self.source)  # before each tool: borg drops from the page cache what it has read
        try:
            result = tool.step(step, path, target)
        finally:
            tool.rest()
        say(f"round {self.number + 1}  {tool.name:12} {step:10} {result.wall_s:9.2f} s  {result.cpu_s:8.2f} s CPU  {result.peak_kib // 1024:5} MiB"
            f"  {result.stored_bytes / 2**20:9.1f} MiB stored")
        self.verify(tool, step, path, target)
        return result

    def verify(self, tool, step, path, target):
        """After the clock has stopped: what came back is what was there."""
        if step == "one" and tool.restored(path, target).read_bytes() != path.read_bytes():
            raise measure.StepFailed(f"{tool.name}: {path} came back changed")
        if step == "all":
            self.expected = self.expected or compare.describe(self.source)
            wrong = compare.differences(self.expected, compare.describe(tool.restored(self.source, target)))
            if wrong:
                raise measure.StepFailed(f"{tool.name}: restored tree differs in {len(wrong)} points: {wrong[:5]}")

    def close(self):
        for tool in self.tools:
            tool.close()
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        os.sync()


def one_file(folder):
    """A file of ordinary size from the middle of the folder, always the same."""
    paths = sorted(Path(above, name) for above, _, names in os.walk(folder) for name in names)
    ordinary = [path for path in paths if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size < 1 << 20]
    return random.Random("one file").choice(ordinary)


def copy(source, target):
    """With all attributes; `cp` because Python's copytree loses some of them."""
    shutil.rmtree(target, ignore_errors=True)
    if os.spawnlp(os.P_WAIT, "cp", "cp", "-a", "--reflink=auto", str(source), str(target)):
        raise measure.StepFailed(f"could not copy {source}")


def measure_corpus(name, arguments, tools=None, steps=STEPS):
    """All rounds of one corpus; the result as it is kept in JSON. `tools` is {name: what makes a Tool of (folder, source)}."""
    steps = steps[: steps.index(arguments.until) + 1]
    pristine = arguments.work / "pristine"
    shutil.rmtree(arguments.work, ignore_errors=True)  # of a run that was cut short
    arguments.work.mkdir()
    if arguments.folder:
        pristine = arguments.folder
    else:
        say(f"writing the corpus {name}, scale {arguments.scale:g}, seed {arguments.seed}")
        corpora.generate(pristine, name, arguments.scale, arguments.seed)
    count, size = machine.folder_size(pristine)
    say(f"{count} files, {size / 2**20:.1f} MiB")
    facts = machine.facts(arguments.work, ROOT)  # before the load that we make ourselves
    rounds = []
    for number in range(arguments.rounds):
        one = Round(arguments, pristine, number, tools or TOOLS, steps)
        try:
            rounds.append(one.run())
            versions = {tool.name: tool.version() for tool in one.tools}
        finally:
            one.close()
    shutil.rmtree(arguments.work, ignore_errors=True)
    title = "a real folder" if arguments.folder else f"corpus {name}, scale {arguments.scale:g}, seed {arguments.seed}"
    return {"name": name, "title": title, "files": count, "bytes": size, "tools": arguments.tools, "steps": steps, "versions": versions,
            "machine": facts, "rounds": rounds}


def parse(description, add_more=lambda parser: None, steps=STEPS):
    """The arguments that run.py, link.py and prune.py share; `steps` are those of the caller."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=("office", "tiny", "both"), default="both")
    parser.add_argument("--folder", type=Path, help="a real folder instead of a corpus; it is copied, and only the copy has its working day")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", default="report", help="of the corpus and the day; default: report")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--until", choices=steps, default=steps[-1], help="the last step that is measured; default: all")
    parser.add_argument("--tools", default=",".join(TOOLS), help="separated by commas; default: %(default)s")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="where corpus, repositories and results are written")
    parser.add_argument("--keep", action="store_true", help="writes the results into docs/, and not only below --work")
    add_more(parser)
    arguments = parser.parse_args()
    arguments.tools = arguments.tools.split(",")
    for unknown in set(arguments.tools) - TOOLS.keys():
        parser.error(f"no tool {unknown}; there are {', '.join(TOOLS)}")
    arguments.folder = arguments.folder and arguments.folder.resolve()
    if arguments.rounds < 1 or arguments.scale <= 0:
        parser.error("--rounds and --scale must be positive")
    if arguments.keep and arguments.until != steps[-1]:
        parser.error("what is kept has all steps: --keep or --until")
    return arguments


def check_room(arguments, corpus_names):
    """Corpus twice, a restored copy, a repository per tool, and as much again for caches and compaction."""
    full = {"office": 2 << 30, "tiny": 1 << 30}  # as allocated
    size = machine.folder_size(arguments.folder)[1] if arguments.folder else max(full[name] for name in corpus_names) * arguments.scale
    needed, free = size * (4 + len(arguments.tools)), shutil.disk_usage(arguments.work.parent).free
    if free < needed:
        sys.exit(f"bench: {needed / 2**30:.1f} GiB are needed below {arguments.work.parent}, {free / 2**30:.1f} GiB are free; choose --work or --scale")


def measure_all(arguments, measure_one):
    """Runs measure_one(corpus name) for each corpus asked for, prints the results and writes them down."""
    names = ["folder"] if arguments.folder else ["office", "tiny"] if arguments.corpus == "both" else [arguments.corpus]
    results_folder = arguments.work.resolve()
    results_folder.mkdir(parents=True, exist_ok=True)
    arguments.work = results_folder / "work"
    check_room(arguments, names)
    try:
        for name in names:
            result = measure_one(name)
            print(report.text(result))
            report.write(result, results_folder)
            if arguments.keep:
                report.keep(result, ROOT / "docs")
    except measure.StepFailed as error:
        sys.exit(f"bench: {error}")


def main():
    arguments = parse(__doc__)
    measure_all(arguments, lambda name: measure_corpus(name, arguments))


if __name__ == "__main__":
    main()
