"""Compares two folder trees, byte for byte and attribute for attribute, without any code of Beffroi."""

import hashlib
import os
import stat

READ_BYTES = 1 << 20
SPARSE_SLACK_BYTES = 1 << 20


def _digest(path):
    hasher = hashlib.blake2b()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(READ_BYTES):
            hasher.update(block)
    return hasher.digest()


def _xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    found = {}
    for name in names:
        try:
            found[name] = os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            continue
    return found


def _walk(root):
    """Yields (relative path, short path, lstat) for everything below root, root included. Names are bytes. The short path goes by way of
    an open folder (/proc/self/fd), since a whole path may be longer than the kernel takes."""
    yield b"", root, os.lstat(root)
    if not stat.S_ISDIR(os.lstat(root).st_mode):
        return
    pending = [(b"", os.open(root, os.O_RDONLY | os.O_DIRECTORY))]
    while pending:
        above, folder = pending.pop()
        here = b"/proc/self/fd/%d/" % folder
        for name in sorted(map(os.fsencode, os.listdir(folder))):
            info = os.lstat(here + name)
            relative = above + b"/" + name if above else name
            yield relative, here + name, info
            if stat.S_ISDIR(info.st_mode):
                pending.append((relative, os.open(here + name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)))
        os.close(folder)


def describe(root, contents=True):
    """Everything that a faithful restore must bring back: {relative path: facts}."""
    facts, groups = {}, {}
    for relative, path, info in _walk(os.fsencode(root)):
        if stat.S_ISSOCK(info.st_mode):
            continue  # a socket belongs to a running program: skipped and counted by design
        fact = {"type": stat.S_IFMT(info.st_mode), "mode": stat.S_IMODE(info.st_mode), "mtime_ns": info.st_mtime_ns,
                "owner": (info.st_uid, info.st_gid), "xattrs": _xattrs(path)}
        if stat.S_ISREG(info.st_mode):
            fact["size"] = info.st_size
            fact["sparse"] = info.st_blocks * 512 + SPARSE_SLACK_BYTES < info.st_size
            if info.st_nlink > 1:
                groups.setdefault((info.st_dev, info.st_ino), []).append(relative)
            if contents:
                fact["content"] = _digest(path)
        elif stat.S_ISLNK(info.st_mode):
            fact["target"] = os.readlink(path)
        elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
            fact["device"] = info.st_rdev
        facts[relative] = fact
    for members in groups.values():
        if len(members) > 1:
            for member in members:
                facts[member]["links"] = tuple(sorted(members))
    return facts


def differences(before, after):
    """Human-readable differences of two descriptions; empty when identical."""
    out = []
    for path in sorted(before.keys() | after.keys()):
        shown = path.decode("utf-8", "backslashreplace") or "."
        if path not in after:
            out.append(f"missing: {shown}")
        elif path not in before:
            out.append(f"unexpected: {shown}")
        else:
            for key in sorted(before[path].keys() | after[path].keys()):
                if before[path].get(key) != after[path].get(key):
                    values = "" if key == "content" else f" ({before[path].get(key)!r} became {after[path].get(key)!r})"
                    out.append(f"{key} differs: {shown}{values}")
    return out
