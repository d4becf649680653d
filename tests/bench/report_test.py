"""Goal: the tables say what was measured: medians, ratios and goals come out right, a kept result replaces the one of the same name and leaves
the rest of the page alone, and nothing is divided by nothing."""

import json
import sys
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

import report
from tools import STEPS, Measurement, table_of


def result(ours_s, theirs_s, name="office"):
    """Rounds in which ours and theirs took these seconds at every step."""
    one = lambda seconds: {step: vars(Measurement(seconds, seconds, 1024, 10, 20, 0, 5)) for step in STEPS}
    rounds = [{"beffroi": one(ours), "restic": one(theirs)} for ours, theirs in zip(ours_s, theirs_s)]
    about = {"cpu": "a", "cores": 2, "memory_mib": 1, "file_system": "b", "kernel": "c", "load_before": 0, "commit": "d", "date": "e"}
    return {"name": name, "title": f"corpus {name}", "files": 1, "bytes": 1, "tools": ["beffroi", "restic"], "steps": STEPS,
            "versions": {"beffroi": "1", "restic": "2"}, "machine": about, "rounds": rounds}


class ReportTest(unittest.TestCase):
    def test_the_ratio_is_that_of_medians(self):
        self.assertEqual(3.0, report.ratio(result([2, 1, 9], [6, 6, 100]), "wall_s", "first"))

    def test_goals_are_met_or_missed(self):
        self.assertEqual("2 met", report.verdict(result([1], [2]), "wall_s", "first"))
        self.assertEqual("2 missed", report.verdict(result([1], [1.9]), "wall_s", "first"))
        self.assertEqual("", report.verdict(result([1], [2], "folder"), "wall_s", "first"))

    def test_nothing_is_divided_by_nothing(self):
        self.assertIsNone(report.ratio(result([0], [2]), "wall_s", "first"))
        alone = result([1], [2])
        alone["tools"] = ["beffroi"]
        self.assertIn("first backup", report.text(alone))

    def test_a_run_that_ends_early_is_shown(self):
        early = result([1], [2]) | {"steps": ("first",)}
        early["rounds"] = [{tool: {"first": steps["first"]} for tool, steps in one.items()} for one in early["rounds"]]
        self.assertIn("first backup", report.text(early))
        self.assertIn("first backup", report.chart([early]))
        self.assertNotIn("working day", report.chart([early]))

    def test_the_spread_is_shown(self):
        self.assertIn("2.00 (1.00 to 9.00)", report.text(result([2, 1, 9], [6, 6, 100])))

    def test_a_kept_result_replaces_its_own_section_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "performance.md")
            page.write_text(f"head\n\n{report.BEGIN}\n\nnothing yet\n\n{report.END}\n\ntail\n")
            report.keep(result([1], [7]), folder)
            report.keep(result([1], [8], "tiny"), folder)
            report.keep(result([1], [9]), folder)
            text = page.read_text()
            self.assertTrue(text.startswith("head\n\n") and text.endswith("\n\ntail\n"))
            self.assertNotIn("nothing yet", text)
            self.assertEqual((1, 1), (text.count("### Office"), text.count("### Tiny")))
            self.assertTrue("| 9.00 |" in text and "| 8.00 |" in text and "| 7.00 |" not in text)
            self.assertEqual({"office", "tiny"}, json.loads(Path(folder, "performance.json").read_text()).keys())
            xml.dom.minidom.parse(str(Path(folder, "performance.svg")))

    def test_the_page_of_the_project_has_the_marks(self):
        page = (Path(__file__).resolve().parents[2] / "docs" / "performance.md").read_text()
        self.assertLess(page.index(report.BEGIN), page.index(report.END))

    def test_a_table_file_is_told_by_its_properties(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"rows \x00\x10\x01rocksdb.column.family.id\x03\x16\x04\x05namefiles\n\x08\x0aomparator")
            file.flush()
            self.assertEqual(b"files", table_of(file.name))
            file.truncate(10)
            self.assertIsNone(table_of(file.name))


if __name__ == "__main__":
    sys.exit(unittest.main())
