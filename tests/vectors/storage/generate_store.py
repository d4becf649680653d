#!/usr/bin/env python3
"""Computes store.json: rows of the local store's tables, from the objects and records in the vectors beside it.

An implementation of its own of storage/store/*.cpp in Python. Run it in this folder only when the store gets a new layout.
"""
import hashlib
import json
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent
OBJECTS = json.loads((HERE / "objects.json").read_text(encoding="utf-8"))
SPACE = json.loads((HERE / "space.json").read_text(encoding="utf-8"))
CLOCK = SPACE["clock"]
HERE_FLAG, RECEIPTED = 1, 2
NULL = b"\xf6"
FALSE = b"\xf4"


def object_named(name):
    found = next(v for v in OBJECTS["objects"] if v["name"] == name)
    return bytes.fromhex(found["id"]), bytes.fromhex(found["object"])


def info(data, flags, insertion):
    """From a sealed object's header: kind at 1, height at 2, number of children at 40, their ids from 44 on."""
    children = struct.unpack_from("<H", data, 40)[0]
    facts = struct.pack("<BBBxIIHxxQ", data[1], data[2], flags, OBJECTS["epoch"], len(data), children, insertion)
    return facts + data[44:44 + 32 * children]


def array(items):
    return bytes([0x80 | len(items)]) + b"".join(items)


def number(value):
    """A CBOR integer of at most 32 bits."""
    heads = ((24, ">B", b""), (1 << 8, ">B", b"\x18"), (1 << 16, ">H", b"\x19"), (1 << 32, ">I", b"\x1a"))
    form, head = next((form, head) for bound, form, head in heads if value < bound)
    return head + struct.pack(form, value)


def octets(value):
    return bytes([0x40 | len(value)] if len(value) < 24 else [0x58, len(value)]) + value


def rows():
    space, vault = bytes.fromhex(OBJECTS["space"]), bytes.fromhex(SPACE["space"])
    chunk_id, chunk = object_named("stored chunk")
    leaf_id, leaf = object_named("leaf with dictionary")
    bundle_id, bundle = object_named("zstd bundle")
    digests = {v["name"]: {use: bytes.fromhex(d) for use, d in v["digests"].items()} for v in OBJECTS["objects"]}
    commit, commit_id = (bytes.fromhex(SPACE["first_commit"][member]) for member in ("commit", "id"))
    device = commit[41:73]  # behind the heads and the space
    lease, transport = bytes(range(0xE0, 0xF0)), bytes.fromhex(SPACE["invitation"]["transport_key"])
    yield "info of a chunk", "info", space + chunk_id, info(chunk, HERE_FLAG | RECEIPTED, 258)
    yield "info of a leaf", "info", space + leaf_id, info(leaf, HERE_FLAG, 259)
    yield "info of an object elsewhere", "info", space + bundle_id, info(bundle, RECEIPTED, 0)
    yield "evictable", "evictable", space + struct.pack(">IQ", OBJECTS["epoch"], 258), chunk_id
    piece, other, tree = (digests[name][use] for name, use in (
        ("stored chunk", "chunk"), ("zstd chunk", "chunk"), ("leaf with dictionary", "tree")))
    yield "dedup of a chunk", "dedup", space + b"\0" + piece[:16], chunk_id + struct.pack("<BQ", 0, 31)
    yield "dedup in a bundle", "dedup", space + b"\0" + other[:16], struct.pack("<IIH", 258, 515, 260)
    yield "dedup number of a bundle", "dedup", space + b"\xfe" + bundle_id, struct.pack("<I", 258)
    yield "dedup bundle of a number", "dedup", space + b"\xff" + struct.pack(">I", 258), bundle_id + b"\0"
    yield "dedup of a leaf", "dedup", space + b"\3" + tree, leaf_id + b"\1"
    fingerprint = struct.pack("<QqIqIQQ", 31, -1, 999_999_999, CLOCK, 5, 4711, 2049)
    yield "files", "files", b"p" + b"home\0note", fingerprint + piece
    attribute = bytes([0x81, 0x82]) + octets(b"user.note") + octets(b"1")
    noted = hashlib.blake2b(attribute, digest_size=32, person=b"bfr1 attributes").digest()
    yield "files with attributes", "files", b"p" + b"home\0noted", fingerprint + piece + noted
    yield "records", "records", vault + struct.pack(">Q", 1), bytes.fromhex(SPACE["records"][1]["record"])
    yield "commits", "commits", vault + commit_id, commit
    yield "branches", "branches", vault + device + struct.pack(">Q", 1), commit_id
    receipt = bytes.fromhex(SPACE["receipt"]["receipt"])
    yield "receipts by counter", "receipts", vault + b"\0" + struct.pack(">Q", 2), receipt
    yield "receipts by commit", "receipts", vault + b"\1" + b"\x0b" * 32, struct.pack(">Q", 2)
    yield "expiries by counter", "receipts", vault + b"\2" + struct.pack(">Q", 2), bytes.fromhex(SPACE["expiry"]["expiry"])
    yield "expiries by commit", "receipts", vault + b"\3" + b"\x0b" * 32, struct.pack(">Q", 2)
    yield "leases", "leases", space + b"\0" + lease, device + struct.pack("<QQ", 600, 660)
    yield "pinned by a lease", "leases", space + b"\1" + lease + chunk_id, b""
    yield "state format", "state", b"format", struct.pack("<I", 1)
    yield "state usage", "state", b"usage/" + space, struct.pack("<QQQ", 2, len(chunk) + len(leaf), 259)
    name, quota = b"Saint-Flour", 500_000_000
    counted = [number(0), number(0), number(1900)]
    times = [number(CLOCK), number(CLOCK + 1), NULL]
    organisation = bytes(range(16))
    facts = array([number(1), octets(name), octets(b"Mme Roux"), number(quota), number(CLOCK), NULL, octets(b"")])
    yield "state organisation", "state", b"peer/organisation/" + organisation, facts
    yield "state tenant", "state", b"peer/tenant/" + vault, array([number(1), octets(organisation), *times, *counted])
    invitation = array([number(1), octets(organisation), number(CLOCK), NULL, FALSE])
    yield "state invitation", "state", b"peer/invitation/" + transport, invitation


def main():
    out = [{"name": name, "table": table, "key": key.hex(), "value": value.hex()} for name, table, key, value in rows()]
    (HERE / "store.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
