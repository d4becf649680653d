#!/usr/bin/env python3
"""Restores a vault without Beffroi, as docs/format.md describes it: from the kit's text and a folder of what a peer holds.

    read_vault.py KIT FOLDER OUT [--snapshot ID] [--peer PEER_SIGNING_KEY_HEX] [--json]

FOLDER has
    objects/<id>      sealed objects, named by their ids in lower-case hexadecimal (sub-folders are searched as well)
    records/<n>       the log's records, named by their sequence numbers in decimal, without a gap
    commits/<id>      commits, named by their ids in lower-case hexadecimal
    receipts/<n>      optional: receipts, named by their counters in decimal; verified when the peer's key is known
OUT must not exist yet; the snapshot's paths are made below it. Without --snapshot, the newest commit is restored: the one with the
highest epoch, sequence and clock, in this order, among those that stand under the log.
What needs privileges (owners, devices) is done as far as this user may; the rest is named. Nothing is restored in part: a file whose
bytes are not what its entry says stops the whole with exit status 5. Exit status 0 means that every byte was verified.
"""

import argparse
import contextlib
import json
import os
import stat
import sys
from pathlib import Path

import kit
import spaces
import trees
from objects import Opener
from primitives import FormatError, require


class Folder:
    def __init__(self, path):
        self.path = Path(path)
        self.objects = {f.name: f for f in (self.path / "objects").rglob("*") if f.is_file()}

    def object(self, identifier):
        file = self.objects.get(identifier.hex())
        if file is None:
            raise FormatError("not_found", f"object {identifier.hex()}")
        return file.read_bytes()

    def numbered(self, name):
        files = sorted(((int(f.name), f) for f in (self.path / name).iterdir()), key=lambda pair: pair[0])
        return [(number, file.read_bytes()) for number, file in files]

    def records(self):
        found = self.numbered("records")
        require([n for n, _ in found] == list(range(len(found))), "a gap in the log")
        return [data for _, data in found]

    def commits(self):
        return [f.read_bytes() for f in sorted((self.path / "commits").iterdir())]

    def receipts(self):
        return self.numbered("receipts") if (self.path / "receipts").is_dir() else []


class Vault:
    """A vault opened with the root's keys: its log, its keys, and the commits that stand."""

    def __init__(self, kit_text, folder):
        sheet = kit.read_text(kit_text)
        secret, self.corrections = kit.read_words(sheet["words"])
        self.root, self.folder = kit.Keys.of_kit(secret), folder
        self.log = spaces.Log(folder.records(), sheet.get("space"))
        require(self.log.records[0].body.root.id == self.root.id or self.log.root.id == self.root.id, "the kit of another space")
        self.access = spaces.Access(self.log, self.root)
        self.opener = Opener(self.log.space, self.access.epochs, folder.object)
        self.commits, self.refused = {}, []
        for data in folder.commits():
            commit = spaces.Commit(data)
            try:
                self.log.accepts(commit)
                self.commits[commit.id] = commit
            except FormatError as error:
                self.refused.append((commit.id, error))
        self.refuse_unlinked_commits()

    def refuse_unlinked_commits(self):
        """Of a device that was removed, or lost its right to write, count only the last valid commit of before and its ancestors in the branch."""
        for identity, (at, last) in [(i, cut) for i, device in self.log.devices.items() for cut in device.cuts]:
            linked, waiting = set(), [last[0]] if last else []
            while waiting:
                commit = self.commits.get(waiting.pop())
                if commit is not None and commit.device == identity and commit.id not in linked:
                    linked.add(commit.id)
                    waiting += commit.parents
            before = [c for c in self.commits.values() if c.device == identity and self.log.positions[c.log_head] < at]
            for commit in [c for c in before if c.id not in linked]:
                self.refused.append((commit.id, FormatError("refused", "not linked to the last valid commit")))
                del self.commits[commit.id]

    def newest(self):
        require(self.commits, "no commit stands")
        return max(self.commits.values(), key=lambda c: (c.epoch, c.sequence, c.clock))

    def check_receipts(self, peer):
        previous = None
        for counter, data in self.folder.receipts():
            receipt = spaces.Receipt(data, peer)
            require(receipt.space == self.log.space and receipt.counter == counter, "a receipt of another place")
            require(previous is None or receipt.previous == previous, "receipts that do not form a chain")
            previous = receipt.id

    def describe(self, commit):
        return commit.open(self.access.epochs[commit.epoch])

    def tree(self, commit):
        """The tree of a commit, compared with what its sealed part says."""
        sealed = self.describe(commit)
        keys = self.access.generations.get(sealed.generation)
        require(keys is not None, "content keys that are not known")
        tree = trees.Tree(self.opener, keys, commit.root)
        page = tree.page.self
        require((page.digest, page.height, page.entries) == (sealed.tree_digest, sealed.root_height, sealed.entries), "another tree than the commit's")
        return tree


class Restorer:
    """Writes a tree below a new folder."""

    def __init__(self, tree, out):
        self.tree, self.out, self.written, self.notes, self.folders = tree, os.fsencode(out), {}, [], []
        self.bytes = self.entries = 0
        self.no_folder = None  # the last path that is no directory: what is below it would follow right behind
        os.mkdir(self.out)

    def run(self):
        for entry in self.tree.entries():
            self.entries += 1
            require(self.no_folder is None or not entry.path.startswith(self.no_folder + b"\0"), "an entry below what is no directory")
            self.no_folder = self.no_folder if entry.type == trees.DIRECTORY else entry.path
            self.restore(entry)
        for target, entry in reversed(self.folders):  # from the bottom up, so that times and modes stay
            self.attributes(target, entry)

    def target(self, path):
        return os.path.join(self.out, *path.split(b"\0")) if path else self.out

    def restore(self, entry):
        target = self.target(entry.path)
        if entry.type == trees.DIRECTORY:
            if entry.path:
                os.makedirs(target, exist_ok=True)
            self.folders.append((target, entry))
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if entry.type == trees.FILE and entry.flags & trees.UNREADABLE:
            self.note(entry, "it could not be read when it was backed up")
            return
        try:
            if not self.make(entry, target):
                return
        except OSError as error:
            self.note(entry, error.strerror)
            return
        self.attributes(target, entry)

    def make(self, entry, target):
        """False when there is nothing left to do."""
        if entry.type == trees.FILE and entry.hard_link in self.written and entry.hard_link:
            os.link(self.written[entry.hard_link], target)
            return False
        if entry.type == trees.FILE:
            self.file(entry, target)
            self.written[entry.path] = target
        elif entry.type == trees.SYMLINK:
            os.symlink(entry.target, target)
        elif entry.type == trees.FIFO:
            os.mkfifo(target)
        else:
            kind = stat.S_IFCHR if entry.type == trees.CHARACTER_DEVICE else stat.S_IFBLK
            os.mknod(target, kind | 0o600, os.makedev(entry.major, entry.minor))
        return True

    def file(self, entry, target):
        with open(target, "xb") as file:
            for segment in self.tree.segments(entry):
                if segment.digest is None:
                    file.seek(segment.length, os.SEEK_CUR)
                else:
                    file.write(self.tree.read(segment))
            file.truncate(entry.size)
        self.bytes += entry.size

    def attributes(self, target, entry):
        link = entry.type == trees.SYMLINK
        with contextlib.suppress(OSError):  # before what the system drops when the owner changes
            os.chown(target, entry.uid, entry.gid, follow_symlinks=False)
        for name, value in entry.xattrs:
            try:
                os.setxattr(target, name, value, follow_symlinks=False)
            except OSError as error:
                self.note(entry, f"{os.fsdecode(name)}: {error.strerror}")
        if not link:
            os.chmod(target, entry.mode)
        os.utime(target, ns=(0, entry.mtime * 1_000_000_000 + entry.mtime_ns), follow_symlinks=False)

    def note(self, entry, text):
        self.notes.append(["/" + os.fsdecode(entry.path.replace(b"\0", b"/")), text])


def main():
    parser = argparse.ArgumentParser(description="Restores a vault from its kit and a folder of what a peer holds.")
    parser.add_argument("kit")
    parser.add_argument("folder")
    parser.add_argument("out")
    parser.add_argument("--snapshot", help="id of the commit, or its beginning")
    parser.add_argument("--peer", help="the peer's signing key, to verify the receipts with")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        vault = Vault(Path(arguments.kit).read_bytes(), Folder(arguments.folder))
        if arguments.peer:
            vault.check_receipts(bytes.fromhex(arguments.peer))
        chosen = [c for c in vault.commits.values() if c.id.hex().startswith(arguments.snapshot or "-")]
        require(not arguments.snapshot or len(chosen) == 1, "no such snapshot, or several")
        commit = chosen[0] if chosen else vault.newest()
        restorer = Restorer(vault.tree(commit), arguments.out)
        restorer.run()
    except FormatError as error:
        print(error, file=sys.stderr)
        return 5
    out = {"space": vault.log.space.hex(), "name": os.fsdecode(vault.describe(commit).label), "snapshot": commit.id.hex(), "commits": len(vault.commits),
           "refused": [[identity.hex(), str(error)] for identity, error in vault.refused], "corrections": len(vault.corrections),
           "entries": restorer.entries, "bytes": restorer.bytes, "not_restored": restorer.notes,
           "problems": [[number, str(error)] for number, error in vault.access.problems]}
    print(json.dumps(out, indent=1) if arguments.json else f"{out['name']}: {out['entries']} entries, {out['bytes']} bytes of snapshot {out['snapshot']}")
    for path, text in restorer.notes:
        print(f"{path}: {text}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
