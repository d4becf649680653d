"""Hostile names and all metadata survive backup, loss of the station, recovery and restore."""

import os
import shutil
import unittest

import compare
import documents
from harness import Scene


class Metadata(unittest.TestCase):
    def test_everything_posix_allows_comes_back(self):
        with Scene() as scene:
            peer, station = scene.peer(), scene.station()
            station.init()
            station.join(peer)
            source = scene.folder / "source"
            documents.add_hostile_names_and_metadata(source)
            expected = compare.describe(source)
            self.assertTrue(any(fact.get("sparse") for fact in expected.values()))
            station.run("source", "add", source)
            result = station.backup()
            self.assertEqual(1, result["sockets_skipped"])
            self.assertEqual(0, result["errors_total"], result["errors"])
            again = station.backup()
            self.assertEqual(0, again["files_new"] + again["files_changed"])
            paper = station.paper(scene.folder / "paper")
            station.stop()
            shutil.rmtree(station.folder)
            fresh = scene.station("fresh")
            fresh.run("recover", "--kit", paper)
            fresh.run("restore", "latest", "--target", scene.folder / "out", "--from", "peer")
            restored = os.fsencode(scene.folder / "out") + os.fsencode(source)
            self.assertEqual([], compare.differences(expected, compare.describe(restored)))
            dry = fresh.json("restore", "latest", "--target", scene.folder / "never", "--dry-run")
            self.assertFalse((scene.folder / "never").exists(), dry)

    def test_excludes_with_globs_files_caches_and_sizes(self):
        with Scene() as scene:
            station = scene.station()
            station.init()
            source = scene.folder / "source"
            for name in ("keep.txt", "drop.tmp", "sub/drop.tmp", "sub/keep.tmp", "build/out.o", "deep/a/b/c.log", "cache/data", "big"):
                path = source / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
            (source / "cache" / "CACHEDIR.TAG").write_bytes(b"Signature: 8a477f597d28d172789f06886806bc55\n")
            (source / "sub" / ".beffroiignore").write_text("ignored-*\n")
            (source / "sub" / "ignored-1").write_text("x")
            (source / "big").write_bytes(b"b" * 100_000)
            station.run("source", "add", source, "--exclude", "*.tmp", "--exclude", "!keep.tmp", "--exclude", "build/", "--exclude",
                        "deep/**/*.log", "--exclude-file", ".beffroiignore", "--max-file-size", "50KiB")
            station.backup()
            entries = station.json("ls", "--recursive", f"latest:{source}")["entries"]
            files = sorted(os.path.relpath(entry["path"], source) for entry in entries if entry["type"] == "file")
            self.assertEqual(sorted(["keep.txt", "sub/keep.tmp", "sub/.beffroiignore", "cache/CACHEDIR.TAG"]), files)


if __name__ == "__main__":
    unittest.main(verbosity=2)
