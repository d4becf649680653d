"""The main job on a real folder: a mairie's documents, backed up, pushed to a peer, lost, recovered from paper, compared."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import compare
from harness import Scene

CHANGED_FILES = 12


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024


def regular_files(root):
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def a_days_work(root):
    """What people do between two backups: edits, a rename, a move, a deletion, a new file, bytes put at the head of a big one."""
    files = sorted(regular_files(root))
    if not files:
        raise SystemExit(f"{root} holds no files: choose a folder with documents.")
    for path in files[:: max(1, len(files) // CHANGED_FILES)][:CHANGED_FILES]:
        with open(path, "ab") as file:
            file.write(b"\nRelu et complete.\n")
    biggest = max(files, key=os.path.getsize)
    content = open(biggest, "rb").read()
    with open(biggest, "wb") as file:
        file.write(b"#" + content)
    os.remove(files[-1])
    if len(files) > 2:
        shutil.copy2(files[1], files[1] + b" (copie)")
    folders = sorted(entry.path for entry in os.scandir(os.fsencode(root)) if entry.is_dir(follow_symlinks=False))
    if folders:
        os.rename(folders[-1], folders[-1] + b"-archive")
    Path(root, "deliberation.txt").write_text("Le conseil municipal a delibere.\n")


class Demo:
    def __init__(self, folder, keep):
        self.folder = folder
        self.keep = keep
        self.rows = []

    def step(self, title, action, result_of=lambda result: {}):
        started = time.monotonic()
        result = action()
        facts = result_of(result) or {}
        self.rows.append((title, facts, time.monotonic() - started))
        return result

    def run(self):
        with Scene() as scene:
            if self.keep:
                print(f"working in {scene.folder}")
            documents = scene.folder / "mairie" / "Documents"
            documents.parent.mkdir()
            say(f"1. The mairie's documents: a copy of {self.folder}")
            subprocess.run(["cp", "-a", "--", str(self.folder), str(documents)], check=True)

            say("2. A peer at the EPCI and a station at the mairie, two processes on loopback")
            peer, station = scene.peer(), scene.station()
            print(station.run("init", "--name", "Mairie de Saint-Exemple", "--kit", station.kit, "--no-confirm").stdout, end="")
            code = peer.invite("Saint-Exemple")
            print(station.run("join", code).stdout, end="")
            print(station.run("source", "add", documents).stdout, end="")

            say("3. First backup, pushed to the peer")
            first = self.step("first backup", station.backup, backup_facts)
            self.require_receipt(first)

            say("4. A day's work, and the second backup")
            a_days_work(documents)
            second = self.step("second backup", station.backup, backup_facts)
            self.require_receipt(second)
            unchanged = self.step("unchanged backup", station.backup, backup_facts)
            self.require_receipt(unchanged)
            expected = compare.describe(documents)

            say("5. The fire: the station's data is gone; what is left is paper")
            paper = station.paper(scene.folder / "paper.txt")
            station.stop()
            shutil.rmtree(station.folder)
            shutil.rmtree(documents)

            say("6. A new station, recovered from the kit alone")
            fresh = scene.station("new-station")
            recovered = self.step("recover", lambda: fresh.run("recover", "--kit", paper))
            print(recovered.stdout, end="")

            say("7. Everything restored from the peer")
            target = scene.folder / "restored"
            restored = self.step("restore", lambda: fresh.json("restore", "latest", "--target", str(target), "--from", "peer"),
                                 lambda result: {"files": result.get("files"), "read": result.get("bytes")})
            found = compare.describe(str(target) + str(documents))
            wrong = compare.differences(expected, found)
            self.table()
            for line in wrong[:20]:
                print(line)
            if wrong:
                print(f"\nNOT IDENTICAL: {len(wrong)} differences")
                return 1
            files = sum(1 for fact in found.values() if "size" in fact)
            print(f"\nIDENTICAL: {len(found):,} entries, {files:,} files, every byte and all metadata.")
            assert restored is not None
            return 0

    @staticmethod
    def require_receipt(result):
        if not result["receipt"]:
            raise SystemExit(f"the peer gave no receipt: {result.get('sync_error')}")

    def table(self):
        print(f"\n{'step':<18}{'files':>10}{'read':>12}{'stored':>12}{'sent':>12}{'seconds':>10}")
        for title, facts, seconds in self.rows:
            cells = [f"{facts['files']:,}" if facts.get("files") is not None else ""]
            cells += [size(facts[key]) if facts.get(key) is not None else "" for key in ("read", "stored", "sent")]
            print(f"{title:<18}{cells[0]:>10}{cells[1]:>12}{cells[2]:>12}{cells[3]:>12}{seconds:>10.1f}")


def backup_facts(result):
    return {"files": result["files_new"] + result["files_changed"] + result["files_unchanged"], "read": result["bytes_read"],
            "stored": result["bytes_added"], "sent": result["bytes_sent"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="/usr/share/doc", help="a real folder; it is only read")
    parser.add_argument("--keep", action="store_true", help="say where the demo works")
    options = parser.parse_args()
    folder = Path(options.folder).resolve()
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not a folder.")
    return Demo(folder, options.keep).run()


if __name__ == "__main__":
    sys.exit(main())
