"""Folders of documents for the end-to-end tests: plain ones, and ones with every kind of name and metadata."""

import ctypes
import os
import random
import socket
import subprocess
from pathlib import Path

SECRET_NAME = "deliberation-confidentielle-vidange"
SECRET_WORDS = b"Le maire a vendu le terrain communal a son beau-frere"


def plain(folder, files=60, seed=1, big_bytes=3 << 20):
    """Text, incompressible and empty files in a few folders, with one bigger file. Deterministic."""
    draw = random.Random(seed)
    folder = Path(folder)
    for number in range(files):
        path = folder / f"dossier {number % 7}" / f"courrier {number:04}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = number % 4
        if kind == 0:
            path.write_bytes(draw.randbytes(draw.randrange(1, 90_000)))
        elif kind == 3 and number % 8 == 3:
            path.write_bytes(b"")
        else:
            path.write_text("\n".join(f"ligne {draw.randrange(10**9)}" for _ in range(draw.randrange(1, 3000))))
    (folder / f"{SECRET_NAME}.txt").write_bytes(SECRET_WORDS * 40)
    (folder / "scan.bin").write_bytes(draw.randbytes(big_bytes))
    return folder


def add_hostile_names_and_metadata(folder):
    """All that POSIX allows and that backup tools get wrong."""
    folder = os.fsencode(folder)
    join = lambda *parts: os.path.join(folder, *parts)
    os.makedirs(folder, exist_ok=True)
    for name in (b"latin1-\xe9t\xe9.txt", b"new\nline", b"tab\there", b" leading and trailing ", b"-dash", b"quote'\"", b"back\\slash",
                 "cafe\u0301".encode(), "caf\u00e9".encode(), b"a", b"a b", b"a.txt", b"a-b", b"\x01control", "\u202ebidi".encode(), b"x" * 255):
        Path(os.fsdecode(join(name))).write_bytes(b"name: " + name)
    os.makedirs(join(b"a.d", b"empty folder"))
    Path(os.fsdecode(join(b"a.d", b"file"))).write_bytes(b"in a.d")
    path = join(b"times")
    Path(os.fsdecode(path)).write_bytes(b"t")
    os.utime(path, ns=(0, 1_234_567_890_123_456_789))
    old = join(b"before 1970")
    Path(os.fsdecode(old)).write_bytes(b"o")
    os.utime(old, ns=(0, -1_500_000_001))
    os.symlink(b"nowhere at all", join(b"dangling"))
    os.symlink(b"/etc/hostname", join(b"absolute"))
    os.symlink(b"a.d/../a", join(b"relative"))
    os.link(join(b"a"), join(b"a.d", b"hard link"))
    os.link(join(b"a"), join(b"zz hard link"))
    os.mkfifo(join(b"fifo"), 0o640)
    for name, mode in ((b"set-uid", 0o4755), (b"set-gid", 0o2750), (b"no rights", 0o000), (b"odd", 0o1644)):
        Path(os.fsdecode(join(name))).write_bytes(b"mode")
        os.chmod(join(name), mode)
    os.makedirs(join(b"sticky"))
    os.chmod(join(b"sticky"), 0o1777)
    with open(join(b"sparse"), "wb") as file:
        file.write(b"head")
        file.seek(40 << 20)
        file.write(b"middle")
        file.truncate(90 << 20)
    with open(join(b"only a hole"), "wb") as file:
        file.truncate(8 << 20)
    if os.geteuid() == 0:
        os.mknod(join(b"null device"), 0o20666, os.makedev(1, 3))
        os.mknod(join(b"block device"), 0o60660, os.makedev(7, 200))
        os.chown(join(b"odd"), 12345, 54321)
        os.lchown(join(b"dangling"), 12345, 54321)
    os.setxattr(join(b"a"), b"user.beffroi.note", b"\x00\xff binary")
    os.setxattr(join(b"a.d"), b"user.folder", b"1")
    subprocess.run([b"setfacl", b"-m", b"u:12345:r--,g:54321:rw-", join(b"times")], check=True)
    subprocess.run([b"setfacl", b"-d", b"-m", b"u:12345:r-x", join(b"a.d")], check=True)
    _very_long_path(folder)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fsdecode(join(b"socket")))
    listener.close()
    os.utime(join(b"a.d"), ns=(0, 999_999_999))
    return folder


def _very_long_path(folder, depth=20):
    """A path of more than PATH_MAX (4,096) bytes, made step by step."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    name = b"very long folder name " + b"y" * 220
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    file = os.open(b"deep file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=at)
    os.write(file, b"found me")
    os.close(file)
    os.close(at)


def disable_core_limits():
    """So that a child may be dumped by a debugger that root attaches."""
    ctypes.CDLL(None).prctl(4, 1)
