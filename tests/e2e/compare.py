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
    """Yields (relative path, lstat) for everything below root, root included, in a fixed order. Names are bytes."""
    pending = [b""]
    while pending:
        relative = pending.pop()
        full = os.path.join(root, relative) if relative else root
        info = os.lstat(full)
        yield relative, info
        if stat.S_ISDIR(info.st_mode):
            for name in sorted(os.listdir(full), reverse=True):
                pending.append(os.path.join(relative, name) if relative else name)


def describe(root, owners=True, contents=True, xattrs=True):
    """Everything that a faithful restore must bring back: {relative path: facts}."""
    root = os.fsencode(root)
    facts, groups = {}, {}
    for relative, info in _walk(root):
        if stat.S_ISSOCK(info.st_mode):
            continue  # a socket belongs to a running program: skipped and counted by design
        full = os.path.join(root, relative) if relative else root
        fact = {"type": stat.S_IFMT(info.st_mode), "mode": stat.S_IMODE(info.st_mode), "mtime_ns": info.st_mtime_ns}
        if owners:
            fact["owner"] = (info.st_uid, info.st_gid)
        if xattrs:
            fact["xattrs"] = _xattrs(full)
        if stat.S_ISREG(info.st_mode):
            fact["size"] = info.st_size
            fact["sparse"] = info.st_blocks * 512 + SPARSE_SLACK_BYTES < info.st_size
            if info.st_nlink > 1:
                groups.setdefault((info.st_dev, info.st_ino), []).append(relative)
            if contents:
                fact["content"] = _digest(full)
        elif stat.S_ISLNK(info.st_mode):
            fact["target"] = os.readlink(full)
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
