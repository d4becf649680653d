"""Goal: the corpora that figures are measured on are what their page says: the same seed gives the same bytes, files are real files of their
kind and compress as such files do, and a day changes what it says and nothing else."""

import os
import sqlite3
import sys
import tempfile
import unittest
import zipfile
import zlib
from pathlib import Path

import corpus
import office
from words import Draw

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import compare  # noqa: E402  (needs the line above)

SCALE = 0.0025
TINY_SCALE = 0.003


def described(folder):
    """Without the facts that belong to the machine."""
    return {path: {key: fact[key] for key in ("content", "mtime_ns", "size", "mode") if key in fact and (key != "size" or "content" in fact)}
            for path, fact in compare.describe(folder).items()}


class CorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = tempfile.TemporaryDirectory(prefix="beffroi-corpus-")
        cls.folder = Path(cls.scene.name, "office")
        corpus.generate(cls.folder, "office", SCALE, "test")
        cls.before = described(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.scene.cleanup()

    def generated(self, name, kind="office", scale=SCALE, seed="test", workers=None):
        folder = Path(self.scene.name, name)
        corpus.generate(folder, kind, scale, seed, workers)
        return folder

    def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(self):
        self.assertEqual([], compare.differences(self.before, described(self.generated("again", workers=1))))

    def test_another_seed_gives_other_bytes(self):
        other = described(self.generated("other", seed="other"))
        contents = {fact["content"] for fact in self.before.values() if fact.get("size")}
        self.assertTrue(contents.isdisjoint(fact["content"] for fact in other.values() if fact.get("size")))

    def test_counts_and_size_follow_the_scale(self):
        files = [fact for fact in self.before.values() if "content" in fact]
        self.assertAlmostEqual(20_000 * SCALE, len(files), delta=0.4 * 20_000 * SCALE)
        self.assertAlmostEqual(SCALE * (2 << 30), sum(fact["size"] for fact in files), delta=SCALE * (1 << 30))
        self.assertLess(len({fact["content"] for fact in files}), len(files), "no duplicate")

    def test_files_are_what_their_names_say(self):
        kinds = {kind: sorted(self.folder.rglob(f"*.{kind}")) for kind in ("docx", "xlsx", "odt", "pdf", "jpg", "mbox", "sqlite", "sql", "csv")}
        for kind in office.MAIN_PARTS:
            for path in kinds[kind]:
                with zipfile.ZipFile(path) as archive:
                    self.assertIsNone(archive.testzip())
                    self.assertIn(office.MAIN_PARTS[kind], archive.namelist())
        self.assertTrue(kinds["docx"] and kinds["pdf"] and kinds["jpg"] and kinds["mbox"] and kinds["csv"])
        self.assertTrue(all(path.read_bytes().startswith(b"%PDF-1.5") and path.read_bytes().endswith(b"%%EOF\n") for path in kinds["pdf"]))
        self.assertTrue(all(len(zlib.compress(path.read_bytes())) > 0.98 * path.stat().st_size for path in kinds["jpg"]))
        for path in kinds["mbox"]:
            content = path.read_bytes()
            self.assertTrue(content.startswith(b"From ") and b"Content-Transfer-Encoding: base64" in content)
        database = sqlite3.connect(kinds["sqlite"][0])
        self.assertEqual([("ok",)], database.execute("PRAGMA integrity_check").fetchall())
        database.close()

    def test_text_compresses_as_text_does(self):
        content = Draw("test", "text").text_bytes(1 << 20)
        self.assertTrue(2.4 < len(content) / len(zlib.compress(content)) < 3.6)

    def test_tiny_files_are_small_many_and_different(self):
        folder = self.generated("tiny", "tiny", TINY_SCALE)
        contents = [path.read_bytes() for path in folder.rglob("*.*") if path.is_file()]
        self.assertEqual(200_000 * TINY_SCALE, len(contents))
        self.assertEqual(len(contents), len(set(contents)))
        self.assertTrue(1500 < sum(map(len, contents)) / len(contents) < 2600)
        together = b"".join(contents)
        self.assertTrue(2.4 < len(together) / len(zlib.compress(together)) < 4.2)


class DayTest(unittest.TestCase):
    def setUp(self):
        self.scene = tempfile.TemporaryDirectory(prefix="beffroi-day-")
        self.addCleanup(self.scene.cleanup)
        self.folder = Path(self.scene.name, "documents")
        corpus.generate(self.folder, "office", SCALE, "test")

    def test_a_day_changes_what_it_says_and_nothing_else(self):
        before = described(self.folder)
        changes = corpus.day(self.folder, "monday")
        after = described(self.folder)
        old, new = map(os.fsencode, changes.renamed)
        renamed = {new + path[len(old):] if path == old or path.startswith(old + b"/") else path: fact for path, fact in before.items()}
        files = {path for path in after if "content" in after[path]}
        self.assertEqual(set(map(os.fsencode, changes.new)), files - renamed.keys())
        self.assertEqual(set(), renamed.keys() - after.keys())
        changed = {path for path in files & renamed.keys() if after[path] != renamed[path]}
        named = {path for path in changed if path.startswith((b"Base/", b"Courrier/"))} | {os.fsencode(changes.inserted_at_head)}
        self.assertEqual(3 + 1, len(named))
        self.assertEqual(set(map(os.fsencode, changes.edited)), changed - named)
        self.assertEqual(max(1, round(0.01 * len(before.keys() & files))), len(changes.edited))
        self.assertTrue(all(after[path]["mtime_ns"] > max(fact["mtime_ns"] for fact in before.values()) for path in changed))

    def test_the_same_day_gives_the_same_bytes(self):
        again = Path(self.scene.name, "again")
        corpus.generate(again, "office", SCALE, "test")
        self.assertEqual(vars(corpus.day(self.folder, "monday")), vars(corpus.day(again, "monday")))
        self.assertEqual([], compare.differences(described(self.folder), described(again)))

    def test_few_pages_of_the_database_change(self):
        path = self.folder / "Base" / "registre.sqlite"
        before = path.read_bytes()
        changes = corpus.day(self.folder, "monday")
        after = path.read_bytes()
        pages = [at for at in range(0, len(after), 4096) if before[at:at + 4096] != after[at:at + 4096]]
        self.assertEqual(len(before), len(after))
        self.assertTrue(changes.rows_updated <= len(pages) + 2 and len(pages) <= 2 * changes.rows_updated + 2, (changes.rows_updated, len(pages)))

    def test_an_edited_office_file_has_one_other_part(self):
        content = office.document("docx", ["un", "deux", "trois"], [office.picture(Draw("p"), 9000)], "titre")
        after = office.edited(content, "ajouté & relu")
        Path(self.folder, "a").write_bytes(content)
        Path(self.folder, "b").write_bytes(after)
        with zipfile.ZipFile(self.folder / "a") as one, zipfile.ZipFile(self.folder / "b") as two:
            different = [name for name in one.namelist() if one.read(name) != two.read(name)]
            self.assertEqual(one.namelist(), two.namelist())
            self.assertIn("ajouté &amp; relu", two.read("word/document.xml").decode())
        self.assertEqual(["word/document.xml"], different)
        self.assertIsNone(office.edited(b"no container", "text"))


if __name__ == "__main__":
    unittest.main()
