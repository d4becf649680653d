"""Results as a text table, as JSON, as a section of docs/performance.md and as a picture. A result is what run.py's measure_corpus returns.

`goals` are those of the project: how many times less than the best of the others at that step.
"""

import json
import statistics
from pathlib import Path

import bars
from tools import STEPS

OURS = "beffroi"
MIB = 1 << 20
STEP_NAMES = {"first": "first backup", "unchanged": "nothing changed", "day": "after a working day", "list": "list all files",
              "one": "restore one file", "all": "restore all", "check": "check, all data read"}
GOALS = {
    "office": {("wall_s", "first"): 2, ("wall_s", "unchanged"): 8, ("wall_s", "day"): 5, ("wall_s", "list"): 8, ("wall_s", "one"): 8,
               ("wall_s", "all"): 2.5, ("wall_s", "check"): 2, ("cpu_s", "first"): 1, ("stored_bytes", "first"): 1 / 1.02,
               ("added_bytes", "day"): 10},
    "link-office": {("wall_s", "first"): 2, ("wall_s", "day"): 2, ("sent_bytes", "day"): 10},
    "tiny": {("wall_s", "first"): 4, ("wall_s", "unchanged"): 12, ("wall_s", "all"): 2, ("stored_bytes", "first"): 1.5},
}
PEAK_GOAL_MIB = 150
# (title, field, steps, divisor, digits)
PARTS = (
    ("Wall time, seconds", "wall_s", STEPS, 1, 2),
    ("CPU time, seconds (command and daemon)", "cpu_s", STEPS, 1, 2),
    ("Peak memory, MiB (the larger of command and daemon)", "peak_kib", STEPS, 1024, 0),
    ("Stored after the step, MiB (without caches)", "stored_bytes", ("first", "day"), MIB, 2),
    ("Added by the step, MiB", "added_bytes", ("unchanged", "day"), MIB, 2),
    ("Sent over the line, MiB", "sent_bytes", STEPS, MIB, 2),
    ("Received over the line, MiB", "received_bytes", STEPS, MIB, 2),
    ("Allocated on disk after the step, MiB", "allocated_bytes", ("first", "day"), MIB, 2),
    ("Caches after the step, MiB", "cache_bytes", ("first", "day"), MIB, 2),
)
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def values(result, tool, field, step):
    """One number per round."""
    return [one[tool][step][field] for one in result["rounds"]]


def parts(result):
    """(title, rows) of each part that this result has anything for; the rows begin with the head."""
    for title, field, steps, divisor, digits in PARTS:
        steps = [step for step in steps if step in result["steps"] and None not in values(result, result["tools"][0], field, step)]
        if steps:
            yield title, table(result, field, steps, divisor, digits)


def medians(result, field, step):
    return {tool: statistics.median(values(result, tool, field, step)) for tool in result["tools"]}


def ratio(result, field, step):
    """How many times less than the best of the others; None when there is nothing to compare."""
    found = medians(result, field, step)
    ours = found.pop(OURS, None)
    best = min(found.values(), default=None)
    return best / ours if ours and best and ours > 0 and best > 0 else None


def cell(numbers, divisor, digits):
    """Median, and the spread when there are several rounds."""
    shown = f"{statistics.median(numbers) / divisor:.{digits}f}"
    if len(numbers) == 1:
        return shown
    return f"{shown} ({min(numbers) / divisor:.{digits}f} to {max(numbers) / divisor:.{digits}f})"


def verdict(result, field, step):
    """The goal of a step, and whether it was reached."""
    if field == "peak_kib" and result["name"] in GOALS and OURS in result["tools"]:
        return f"< {PEAK_GOAL_MIB} MiB " + ("met" if medians(result, field, step)[OURS] < PEAK_GOAL_MIB * 1024 else "missed")
    goal, reached = GOALS.get(result["name"], {}).get((field, step)), ratio(result, field, step)
    if goal is None or reached is None:
        return ""
    return f"{goal:.3g} {'met' if reached >= goal else 'missed'}"


def table(result, field, steps, divisor, digits):
    rows = [["step", *result["tools"], "best other / ours", "goal"]]
    for step in steps:
        cells = [cell(values(result, tool, field, step), divisor, digits) for tool in result["tools"]]
        reached = ratio(result, field, step)
        rows.append([STEP_NAMES[step], *cells, f"{reached:.2f}" if reached else "", verdict(result, field, step)])
    return rows


def aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:]))]).rstrip() for row in rows)


def markdown_table(rows):
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def heading(result):
    about, versions = result["machine"], result["versions"]
    tools = ", ".join(dict.fromkeys(versions[tool] for tool in result["tools"]))
    count = len(result["rounds"])
    rounds = "one round" if count == 1 else f"medians of {count} rounds (least to most)"
    return (f"{result['title']}: {result['files']} files, {result['bytes'] / MIB:.1f} MiB; {rounds}. "
            f"{about['cpu']}, {about['cores']} cores, {about['memory_mib']} MiB, {about['file_system']}, Linux {about['kernel']}, load {about['load_before']} "
            f"before the run; {tools}; sources {about['commit']}; {about['date']}.")


def text(result):
    shown = [heading(result), *(f"{title}\n{aligned(rows)}" for title, rows in parts(result))]
    busy = [STEP_NAMES[step] for step in result["steps"] if OURS in result["tools"] and medians(result, "idle_after_s", step)[OURS] > 1]
    if busy:
        shown.append(f"The daemon went on for more than a second after: {', '.join(busy)} (its CPU is counted, the time is not).")
    return "\n\n".join(shown) + "\n"


def markdown(result):
    shown = [f"**{title}**\n\n{markdown_table(rows)}" for title, rows in parts(result)]
    return "\n\n".join([f"### {result['name'].capitalize()}", heading(result), *shown])


def chart(results):
    """The picture of several results: wall times, then bytes."""
    groups = []
    for result in results:
        for title, field, steps, divisor, unit in (("", "wall_s", result["steps"], 1, "s"), ("stored: ", "stored_bytes", ("first",), MIB, "MiB"),
                                                   ("added: ", "added_bytes", ("day",), MIB, "MiB")):
            for step in (step for step in steps if step in result["steps"]):
                found = {tool: value / divisor for tool, value in medians(result, field, step).items()}
                groups.append(bars.Group(f"{result['name']}, {title}{STEP_NAMES[step]}", found, unit))
    return bars.svg(groups)


def write(result, folder):
    """The three files of one run."""
    name = f"result-{result['name']}"
    Path(folder, f"{name}.txt").write_text(text(result))
    Path(folder, f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    Path(folder, f"{name}.svg").write_text(chart([result]))


def keep(result, docs):
    """Puts a result in the place of the one of the same name that is kept in docs/performance.{json,md,svg}."""
    path = Path(docs, "performance.json")
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[result["name"]] = result
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    results = [kept[name] for name in sorted(kept)]
    Path(docs, "performance.svg").write_text(chart(results))
    page = Path(docs, "performance.md")
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    picture = "![Bars: wall time and bytes stored, by tool](performance.svg)"
    page.write_text("\n\n".join([before + BEGIN, picture, *map(markdown, results), END + after]))
