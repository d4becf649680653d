#!/usr/bin/env python3
"""Computes space.json: log records, epochs, commits, receipts, expiries, losses and invitations, those that are accepted and those that are refused;
and from them the seeds of their fuzz targets.

An implementation of its own of storage/space/*.h in Python. Run it in this folder only when the format gets a new suite.
"""
import importlib.util
import json
import struct
from base64 import b32encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("object_vectors", HERE / "generate.py")
objects = importlib.util.module_from_spec(spec)
spec.loader.exec_module(objects)
crypto = objects.crypto

SEED = 4
CLOCK = 1_700_000_000
NAME = "Mairie de Saint-Flour"


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(item):
    """Deterministic CBOR of integers, bytes, text, lists, booleans and None."""
    if item is None:
        return b"\xf6"
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    return head(4, len(item)) + b"".join(cbor(i) for i in item)


class Device:
    """The four seeds of a device and what follows from them."""

    def __init__(self, seeds):
        self.seeds = seeds
        sign, self.box_secret, transport, self.preshared = (seeds[i:i + 32] for i in range(0, 128, 32))
        self.private = Ed25519PrivateKey.from_private_bytes(sign)
        self.sign, self.transport = crypto.ed25519_public(sign), crypto.ed25519_public(transport)
        self.box = crypto.x25519_public(self.box_secret)
        self.id = crypto.blake2b("bfr1 device id", b"\x01\x01\x01" + self.sign + self.box + self.transport)
        self.public = [1, self.sign, 1, self.box, 1, self.transport]

    def signature(self, label, message):
        return self.private.sign(label.encode().ljust(16, b"\0") + message)


ROOT = Device(crypto.root_keys(bytes(range(32)))["seeds"])
STATION, LAPTOP, NEXT_ROOT, PEER, FRIEND = (
    Device(b"".join(crypto.blake2b("vectors", bytes([n, i])) for i in range(4))) for n in range(5))


def envelope(label, clear, signer, suite=1):
    return cbor([suite, clear, signer.signature(label, bytes([suite]) + clear)])


def record_id(record):
    return crypto.blake2b("bfr1 record id", record)


class Log:
    """A chain of records, each with the name under which the vectors tell of it."""

    def __init__(self):
        self.records, self.names = [], []

    @property
    def space(self):
        return record_id(self.records[0])

    def encode(self, kind, body, author, **changes):
        first = not self.records
        fields = {"space": b"" if first else self.space, "sequence": len(self.records),
                  "previous": b"" if first else record_id(self.records[-1]), "type": kind, "signer": author.sign, "clock": CLOCK,
                  "body": body}
        suite = changes.pop("suite", 1)
        extra = changes.pop("extra", [])
        fields.update(changes)
        return envelope("bfr1 sig record", cbor(list(fields.values()) + extra), author, suite)

    def add(self, name, kind, body, signer=ROOT):
        self.records.append(self.encode(kind, body, signer))
        self.names.append(name)


GENESIS, MEMBER, DEVICE, REMOVAL, EPOCH, RETENTION, PIN, HOME, RECOVERY, HANDOVER, DELETION, CANCEL = range(1, 13)
ZERO_NONCE = bytes(24)


class Random:
    """SeededRandom: one ChaCha20 stream for each call."""

    def __init__(self, seed):
        self.seed, self.calls = seed, 0

    def take(self, size):
        self.calls += 1
        return crypto.seeded_random(self.seed, self.calls - 1, size)


def derived(label, parent):
    return crypto.blake2b(label, b"", parent)


def epoch_body(space, number, recipients, random, content=None, generation=1, handed=None, names=None):
    """The body of an epoch record; `recipients` are pairs of device and whether it reads older epochs; `names` as encoded."""
    secret, reader_key = random.take(32), random.take(32)
    boundary, dedup = content or (random.take(32), random.take(32))
    context = struct.pack("<I", number) + space
    check = derived("bfr1 reader chk", reader_key)
    recipients = sorted(recipients, key=lambda pair: pair[0].id)
    shared = cbor([generation, boundary, dedup, check, NAME.encode(), [[d.id, d.preshared] for d, _ in recipients], *([names] if names else [])])
    boxes = [[d.id, 1, crypto.box(random.take(32), d.box, d.preshared, context + d.id, secret + (reader_key if reads else b""))]
             for d, reads in recipients]
    committed = context + struct.pack("<I", generation) + boundary + dedup + check
    sealed_handed = b"" if handed is None else crypto.aead_seal(derived("bfr1 reader wrap", reader_key), ZERO_NONCE, context,
                                                                cbor(handed))
    body = [number, crypto.blake2b("bfr1 epoch comm", committed, secret), generation,
            crypto.aead_seal(derived("bfr1 epoch share", secret), ZERO_NONCE, context, shared), sealed_handed, boxes]
    return body, {"secret": secret, "reader_key": reader_key, "boundary": boundary, "dedup": dedup, "generation": generation}


def device_body(device, owner, role):
    return [owner.sign, device.public, role, 1, owner.signature("bfr1 sig device", device.id)]


MANAGER, WRITER, READER, DEPOSITOR = range(1, 5)
COMMIT_A, COMMIT_B = sorted((bytes([0xAA] * 32), bytes([0x0B] * 32)))
DEFAULT_RETENTION = [30, 0, 48, 60, 26, 36, 10]


def make_log():
    """A vault's life: founded as found_vault() does it with SeededRandom(SEED), then one record of each type."""
    log, random, keys = Log(), Random(SEED), []
    log.add("genesis", GENESIS, [1, ROOT.public, random.take(16)])
    log.add("station", DEVICE, device_body(STATION, ROOT, WRITER))
    body, epoch = epoch_body(log.space, 1, [(ROOT, True), (STATION, True)], random)
    keys.append(epoch)
    log.add("first epoch", EPOCH, body)
    log.add("first retention", RETENTION, DEFAULT_RETENTION)
    log.add("member", MEMBER, [FRIEND.public, WRITER])
    log.add("depositor", DEVICE, device_body(LAPTOP, ROOT, DEPOSITOR))
    everybody = [(ROOT, True), (STATION, True), (LAPTOP, False)]
    content = (epoch["boundary"], epoch["dedup"])
    body, epoch = epoch_body(log.space, 2, everybody, random, content, handed=[[1, epoch["secret"], epoch["reader_key"]]])
    keys.append(epoch)
    log.add("rotation by the station", EPOCH, body, STATION)
    body, epoch = epoch_body(log.space, 3, everybody, random, content, handed=[[2, epoch["secret"], None]])
    keys.append(epoch)
    log.add("rotation by a depositor", EPOCH, body, LAPTOP)
    log.add("retention", RETENTION, [60, 7, 24, 30, 12, 24, 5])
    log.add("pin", PIN, [COMMIT_A, True])
    log.add("home", HOME, [1, PEER.transport, 1, PEER.sign, b"peer.example:8440"])
    log.add("deletion", DELETION, [[COMMIT_A, COMMIT_B]])
    log.add("cancel", CANCEL, [record_id(log.records[-1])])
    log.add("removal", REMOVAL, [[[STATION.id, COMMIT_B, 17]], None, True])
    log.add("removal of a member", REMOVAL, [[], FRIEND.sign, False])
    log.add("recovery", RECOVERY, [LAPTOP.id, [COMMIT_A, COMMIT_B]])
    handed = [[2, keys[1]["secret"], keys[1]["reader_key"]], [3, keys[2]["secret"], keys[2]["reader_key"]]]
    body, epoch = epoch_body(log.space, 4, [(ROOT, True), (LAPTOP, False)], random, generation=2, handed=handed)
    keys.append(epoch)
    log.add("new content keys", EPOCH, body)
    log.add("handover", HANDOVER, [NEXT_ROOT.public])
    return log, keys


def malformed_records(log):
    """(name, error, record) of single records; most follow the genesis of `log`."""
    base = Log()
    base.records = log.records[:1]
    retention = DEFAULT_RETENTION
    good = base.encode(RETENTION, retention, ROOT)
    out = []

    def case(name, body=None, kind=RETENTION, error="corrupt", **changes):
        out.append((name, error, base.encode(kind, retention if body is None else body, ROOT, **changes)))

    out += [("empty", "corrupt", b""), ("cut short", "corrupt", good[:-1]), ("a byte more", "corrupt", good + b"\0"),
            ("two signatures", "corrupt", cbor([1, b"", bytes(64), bytes(64)])),
            ("suite 0", "corrupt", base.encode(RETENTION, retention, ROOT, suite=0)),
            ("signature of a commit", "corrupt", cbor([1, b"\x80", ROOT.signature("bfr1 sig commit", b"\x01\x80")])),
            ("signed by another", "corrupt", base.encode(RETENTION, retention, STATION, signer=ROOT.sign)),
            ("longer than a record", "corrupt", cbor([1, bytes(1024 * 1024), bytes(64)]))]
    case("suite 2", suite=2, error="unsupported_version")
    case("type 13", kind=13, error="unsupported_version")
    case("type 0", kind=0)
    case("a field too many", extra=[0])
    case("genesis in the middle", [1, ROOT.public, bytes(16)], GENESIS)
    case("genesis with a space", [1, ROOT.public, bytes(16)], GENESIS, sequence=0, previous=b"")
    case("no previous record", previous=b"")
    case("short space id", space=bytes(31))
    case("sequence 0", sequence=0)
    case("short signer", signer=bytes(31))
    genesis = Log()
    for name, kind in (("kind 3", 3), ("kind 0", 0)):
        out.append((name, "unsupported_version" if kind else "corrupt", genesis.encode(GENESIS, [kind, ROOT.public, bytes(16)], ROOT)))
    out.append(("nonce of 15 bytes", "corrupt", genesis.encode(GENESIS, [1, ROOT.public, bytes(15)], ROOT)))
    later_key = [1, ROOT.sign, 2, bytes(1000), 1, ROOT.transport]
    case("key of suite 2", [later_key, READER], MEMBER, error="unsupported_version")
    case("key of suite 0", [[0, *ROOT.public[1:]], READER], MEMBER)
    case("key of suite 2 that is too long", [[1, ROOT.sign, 2, bytes(16385), 1, ROOT.transport], READER], MEMBER)
    case("role 5", [FRIEND.public, 5], MEMBER)
    case("role 0", [FRIEND.public, 0], MEMBER)
    case("short certificate", [ROOT.sign, STATION.public, WRITER, 1, bytes(63)], DEVICE)
    case("removal of nothing", [[], None, False], REMOVAL)
    case("removal of two in the wrong order", [[[b"\2" * 32], [b"\1" * 32]], None, False], REMOVAL)
    case("removal of one twice", [[[b"\1" * 32], [b"\1" * 32]], None, False], REMOVAL)
    case("removal with a commit without number", [[[b"\1" * 32, COMMIT_A]], None, False], REMOVAL)
    case("removal with commit 0", [[[b"\1" * 32, COMMIT_A, 0]], None, False], REMOVAL)
    boxes = [[b"\1" * 32, 1, b"box"], [b"\2" * 32, 9, b"box of a later suite"]]
    epoch = [2, bytes(32), 1, b"shared", b"handed", boxes]
    case("epoch 0", [0, *epoch[1:]], EPOCH)
    case("epoch 1 with handed keys", [1, *epoch[1:]], EPOCH)
    case("epoch 2 without handed keys", [*epoch[:4], b"", boxes], EPOCH)
    case("content generation 0", [2, bytes(32), 0, *epoch[3:]], EPOCH)
    case("short commitment", [2, bytes(31), *epoch[2:]], EPOCH)
    case("no shared part", [*epoch[:3], b"", *epoch[4:]], EPOCH)
    case("boxes in the wrong order", [*epoch[:5], boxes[::-1]], EPOCH)
    case("empty box", [*epoch[:5], [[b"\1" * 32, 1, b""]]], EPOCH)
    case("box of suite 0", [*epoch[:5], [[b"\1" * 32, 0, b"box"]]], EPOCH)
    case("box that is too long", [*epoch[:5], [[b"\1" * 32, 1, bytes(16385)]]], EPOCH)
    case("lock of 0 days", [0, 0, 0, 0, 0, 0, 0])
    case("lock of 3651 days", [3651, 0, 0, 0, 0, 0, 0])
    case("within beyond its bound", [30, 1_000_001, 0, 0, 0, 0, 0])
    case("window beyond its bound", [30, 0, 1_000_001, 0, 0, 0, 0])
    case("negative window", [30, 0, -1, 0, 0, 0, 0])
    case("retention without a window", [30, 0, 0, 0, 0, 0])
    case("pin with a number", [COMMIT_A, 1], PIN)
    home = [1, PEER.transport, 1, PEER.sign]
    case("home without address", [*home, b""], HOME)
    case("home with a blank", [*home, b"peer.example: 1"], HOME)
    case("home with a long address", [*home, b"a" * 301], HOME)
    case("recovery with heads in the wrong order", [STATION.id, [COMMIT_B, COMMIT_A]], RECOVERY)
    case("recovery with too many heads", [STATION.id, [struct.pack(">I", i) + bytes(28) for i in range(1025)]], RECOVERY)
    case("deletion of nothing", [[]], DELETION)
    case("deletion of one twice", [[COMMIT_A, COMMIT_A]], DELETION)
    case("cancel without a record", [b""], CANCEL)
    return out


STATISTICS = list(range(100, 113))
PROBLEMS = [[b"srv/d\xe9p\xf4t", b"Cannot read {}.", [b"/srv"]], [b"a", b"It changed.", []]]


def sealed_fields(label=NAME.encode(), **changes):
    fields = {"label": label, "host": b"mairie", "sources": [b"/home", b"/srv"], "tags": [b"nuit"], "generation": 1, "digest": bytes(32),
              "height": 3, "entries": 20000, "statistics": STATISTICS, "problems": PROBLEMS, "problems_total": 3}
    fields.update(changes)
    return cbor(list(fields.values()))


def padded(fields):
    out = struct.pack("<I", len(fields)) + fields
    return out.ljust(objects.padded_length(len(out)), b"\0")


def clear_fields(space, log_head, **changes):
    fields = {"space": space, "device": STATION.id, "sequence": 17, "parents": [COMMIT_A, COMMIT_B], "root": b"\x0f" * 32, "epoch": 1,
              "log_head": log_head, "last_receipt": b"\x77" * 32, "clock": -1, "flags": 3}
    fields.update(changes)
    return cbor(list(fields.values()))


def commit(space, epoch_secret, clear, plaintext, suite=1):
    encrypt = derived("bfr1 cmt encrypt", epoch_secret)
    nonce = crypto.blake2b("bfr1 siv nonce", b"c", epoch_secret)
    sealed = crypto.seal(encrypt, nonce, clear, plaintext)
    parts = [crypto.blake2b("bfr1 part hash", part) for part in (clear, sealed)]
    signature = STATION.signature("bfr1 sig commit", bytes([suite]) + space + b"".join(parts))
    fields = b"".join(struct.pack("<Q", len(part)) + part for part in (clear, sealed))
    return {"id": crypto.blake2b("bfr1 commit id", fields), "commit": cbor([suite, clear, sealed, signature])}


def commit_vectors(space, log_head, secret):
    def make(plaintext=None, suite=1, **changes):
        return commit(space, secret, clear_fields(space, log_head, **changes), plaintext or padded(sealed_fields()), suite)

    good = make()
    first = make(sequence=1, parents=[], last_receipt=None, flags=0, clock=CLOCK)
    bad = [("empty", "corrupt", b""), ("cut short", "corrupt", good["commit"][:-1]), ("a byte more", "corrupt", good["commit"] + b"\0"),
           ("longer than a commit", "corrupt", cbor([1, b"", bytes(256 * 1024), bytes(64)]))]
    for name, error, changes in (
            ("suite 2", "unsupported_version", {"suite": 2}), ("unknown flag", "unsupported_version", {"flags": 4}),
            ("suite 0", "corrupt", {"suite": 0}), ("sequence 0", "corrupt", {"sequence": 0}), ("epoch 0", "corrupt", {"epoch": 0}),
            ("epoch beyond 32 bits", "corrupt", {"epoch": 1 << 32}), ("no parents after the first", "corrupt", {"parents": []}),
            ("parents in the wrong order", "corrupt", {"parents": [COMMIT_B, COMMIT_A]}),
            ("one parent twice", "corrupt", {"parents": [COMMIT_A, COMMIT_A]}),
            ("17 parents", "corrupt", {"parents": [bytes([i] * 32) for i in range(17)]}),
            ("short root", "corrupt", {"root": bytes(31)}), ("a number as receipt", "corrupt", {"last_receipt": 0})):
        bad.append((name, error, make(**changes)["commit"]))
    fields = sealed_fields()
    sealed = [("no length", b"\0\0\0"), ("length beyond the end", struct.pack("<I", 253).ljust(256, b"\0")),
              ("not padded", padded(fields)[:-1]), ("padded too far", padded(fields) + bytes(256)),
              ("padding not zero", padded(fields)[:-1] + b"\1"), ("a field missing", padded(cbor([NAME.encode()]))),
              ("generation 0", padded(sealed_fields(generation=0))), ("height 65", padded(sealed_fields(height=65))),
              ("label too long", padded(sealed_fields(b"x" * 256))), ("65 tags", padded(sealed_fields(tags=[b""] * 65))),
              ("a statistic missing", padded(sealed_fields(statistics=STATISTICS[1:]))),
              ("fewer problems in all than listed", padded(sealed_fields(problems_total=1))),
              ("501 problems", padded(sealed_fields(problems=[[b"", b"", []]] * 501, problems_total=501)))]
    return good, first, bad, [(name, plaintext, make(plaintext)["commit"]) for name, plaintext in sealed]


def receipt(space, log_head, signer=PEER, suite=1, **changes):
    fields = {"space": space, "counter": 2, "previous": b"\x55" * 32, "commit": COMMIT_A, "log_head": log_head, "time": CLOCK}
    fields.update(changes)
    return envelope("bfr1 sig receipt", cbor(list(fields.values())), signer, suite)


def receipt_vectors(space, log_head):
    good = receipt(space, log_head)
    bad = [("empty", "corrupt", b""), ("cut short", "corrupt", good[:-1]), ("a byte more", "corrupt", good + b"\0"),
           ("suite 2", "unsupported_version", receipt(space, log_head, suite=2)),
           ("suite 0", "corrupt", receipt(space, log_head, suite=0)),
           ("signed by another", "corrupt", receipt(space, log_head, ROOT)),
           ("counter 0", "corrupt", receipt(space, log_head, counter=0)),
           ("counter 0 without previous", "corrupt", receipt(space, log_head, counter=0, previous=None)),
           ("second without previous", "corrupt", receipt(space, log_head, previous=None)),
           ("short commit id", "corrupt", receipt(space, log_head, commit=bytes(31)))]
    return good, bad


def expiry(space, log_head, gone, signer=PEER, suite=1, label="bfr1 sig expiry", **changes):
    fields = {"space": space, "counter": 2, "previous": b"\x66" * 32, "as_of": CLOCK, "log_head": log_head, "gone": gone}
    fields.update(changes)
    return envelope(label, cbor(list(fields.values())), signer, suite)


def expiry_vectors(space, deletion):
    """Of two commits: one that no rule keeps, and one that the record `deletion` names."""
    gone = [[COMMIT_A, 0], [COMMIT_B, deletion]]

    def make(gone=gone, **changes):
        return expiry(space, deletion, gone, **changes)

    good = make()
    many = [[struct.pack(">I", i) + bytes(28), 0] for i in range(1025)]
    bad = [("empty", "corrupt", b""), ("cut short", "corrupt", good[:-1]), ("a byte more", "corrupt", good + b"\0"),
           ("suite 2", "unsupported_version", make(suite=2)), ("suite 0", "corrupt", make(suite=0)),
           ("signed by another", "corrupt", make(signer=ROOT)), ("signed as a receipt", "corrupt", make(label="bfr1 sig receipt")),
           ("counter 0", "corrupt", make(counter=0)), ("counter 0 without previous", "corrupt", make(counter=0, previous=None)),
           ("second without previous", "corrupt", make(previous=None)),
           ("nothing gone", "corrupt", make([])), ("too many gone", "corrupt", make(many)),
           ("one commit twice", "corrupt", make([[COMMIT_A, 0], [COMMIT_A, deletion]])),
           ("commits in the wrong order", "corrupt", make(gone[::-1])), ("short commit id", "corrupt", make([[bytes(31), 0]])),
           ("cause 1", "corrupt", make([[COMMIT_A, 1]])), ("no cause", "corrupt", make([[COMMIT_A]])),
           ("null as cause", "corrupt", make([[COMMIT_A, None]])), ("short cause", "corrupt", make([[COMMIT_A, deletion[1:]]])),
           ("list as cause", "corrupt", make([[COMMIT_A, [0]]])), ("two causes", "corrupt", make([[COMMIT_A, 0, deletion]]))]
    return good, make([[COMMIT_A, 0]], counter=1, previous=None), bad


def loss_vectors(space):
    """The second of a space: of its five receipts three are older, and it has let nothing go."""
    def make(signer=PEER, suite=1, label="bfr1 sig loss", **changes):
        fields = {"space": space, "counter": 2, "previous": b"\x77" * 32, "declared": CLOCK, "since": CLOCK - 86_400,
                  "receipts": [3, b"\x55" * 32, 5, b"\x56" * 32], "expiries": [0, None, 0, None], "reason": "Disque remplacé".encode()}
        fields.update(changes)
        return envelope(label, cbor(list(fields.values())), signer, suite)

    good = make()
    bad = [("empty", "corrupt", b""), ("cut short", "corrupt", good[:-1]), ("a byte more", "corrupt", good + b"\0"),
           ("suite 2", "unsupported_version", make(suite=2)), ("suite 0", "corrupt", make(suite=0)),
           ("signed by another", "corrupt", make(signer=ROOT)), ("signed as a receipt", "corrupt", make(label="bfr1 sig receipt")),
           ("counter 0", "corrupt", make(counter=0)), ("second without previous", "corrupt", make(previous=None)),
           ("first with previous", "corrupt", make(counter=1)), ("since later than declared", "corrupt", make(since=CLOCK + 1)),
           ("number without receipt", "corrupt", make(receipts=[3, None, 5, b"\x56" * 32])),
           ("receipt without number", "corrupt", make(receipts=[0, b"\x55" * 32, 5, b"\x56" * 32])),
           ("kept behind the head", "corrupt", make(receipts=[6, b"\x55" * 32, 5, b"\x56" * 32])),
           ("two receipts of one number", "corrupt", make(receipts=[5, b"\x55" * 32, 5, b"\x56" * 32])),
           ("short receipt id", "corrupt", make(receipts=[3, bytes(31), 5, b"\x56" * 32])),
           ("no expiries", "corrupt", make(expiries=[])), ("reason too long", "corrupt", make(reason=b"x" * 256)),
           ("reason not UTF-8", "corrupt", make(reason=b"\xff")), ("reason of two lines", "corrupt", make(reason=b"a\nb")),
           ("reason that turns writing round", "corrupt", make(reason="a\u202eb".encode()))]
    return good, make(counter=1, previous=None, receipts=[0, None, 0, None], reason=b""), bad


def base32(data):
    return b32encode(data).decode().rstrip("=").lower()


def invitation(address=b"peer.example:8440", token=bytes(range(16)), check=None, extra=()):
    payload = cbor([address, PEER.transport, PEER.sign, token, *extra])
    check = crypto.blake2b("bfr1 inv check", payload)[:4] if check is None else check
    text = base32(payload + check)
    return "bfr1-" + "-".join(text[i:i + 5] for i in range(0, len(text), 5))


def invitation_vectors():
    good = invitation()
    seed = crypto.blake2b("bfr1 sig enrol", b"", bytes(range(16)))
    bad = [("empty", "usage", ""), ("a word", "usage", "bonjour"), ("prefix alone", "usage", "bfr1"),
           ("later version", "unsupported_version", "bfr2-" + good[5:]), ("last letter missing", "usage", good[:-1]),
           ("last group missing", "usage", good[:good.rindex("-")]), ("wrong checksum", "usage", invitation(check=bytes(4))),
           ("no address", "usage", invitation(b"")), ("address with a blank", "usage", invitation(b"peer example:1")),
           ("address too long", "usage", invitation(b"a" * 301)), ("token of 15 bytes", "usage", invitation(token=bytes(15))),
           ("a field too many", "usage", invitation(extra=[0])), ("a character of no code", "usage", good[:20] + "0" + good[21:])]
    forgiven = [good.upper(), good.replace("-", ""), "  " + good.replace("-", " - ") + "\r\n", good[:40] + "\n" + good[40:]]
    return {"address": "peer.example:8440", "transport": PEER.transport.hex(), "sign": PEER.sign.hex(), "token": bytes(range(16)).hex(),
            "transport_seed": seed.hex(), "transport_key": crypto.ed25519_public(seed).hex(), "code": good, "forgiven": forgiven,
            "malformed": [{"name": n, "error": e, "code": c} for n, e, c in bad]}


def listed(cases, member):
    return [{"name": name, "error": error, member: data.hex()} for name, error, data in cases]


def clear_parts(cases):
    """The clear part of each envelope that has one: [suite, clear bytes, signature]."""
    out = []
    for name, data in cases:
        code = data[2] & 31 if len(data) > 2 and data[2] >> 5 == 2 else 31
        size = 0 if code < 24 else 1 << (code - 24)
        if code < 28:
            length = int.from_bytes(data[3:3 + size], "big") if size else code
            out.append((name, data[3 + size:3 + size + length]))
    return out


def hexed(values):
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in values.items()}


def main():
    log, keys = make_log()
    head = record_id(log.records[2])
    good, first, bad_commits, bad_sealed = commit_vectors(log.space, head, keys[0]["secret"])
    good_receipt, bad_receipts = receipt_vectors(log.space, head)
    deletion = record_id(log.records[log.names.index("deletion")])
    good_expiry, first_expiry, bad_expiries = expiry_vectors(log.space, deletion)
    good_loss, first_loss, bad_losses = loss_vectors(log.space)
    bad_records = malformed_records(log)
    request = cbor([STATION.public, STATION.preshared])
    people = {"root": ROOT, "station": STATION, "laptop": LAPTOP, "next_root": NEXT_ROOT, "peer": PEER, "friend": FRIEND}
    objects.write("space.json", {
        "seed": SEED, "clock": CLOCK, "name": NAME, "keys": {name: device.seeds.hex() for name, device in people.items()},
        "space": log.space.hex(), "device_request": request.hex(),
        "records": [{"name": n, "id": record_id(r).hex(), "record": r.hex()} for n, r in zip(log.names, log.records)],
        "epochs": [hexed(k) for k in keys],
        "malformed_records": listed([c for c in bad_records if len(c[2]) < 100_000], "record"),
        "commit": hexed(good), "first_commit": hexed(first), "sealed_plaintext": padded(sealed_fields()).hex(),
        "malformed_commits": listed([c for c in bad_commits if len(c[2]) < 100_000], "commit"),
        "malformed_sealed": [{"name": n, "commit": c.hex()} for n, _, c in bad_sealed],
        "receipt": {"id": crypto.blake2b("bfr1 receipt id", good_receipt).hex(), "receipt": good_receipt.hex()},
        "malformed_receipts": listed(bad_receipts, "receipt"),
        "expiry": {"id": crypto.blake2b("bfr1 expiry id", good_expiry).hex(), "expiry": good_expiry.hex()},
        "malformed_expiries": listed([c for c in bad_expiries if len(c[2]) < 10_000], "expiry"),
        "loss": {"id": crypto.blake2b("bfr1 loss id", good_loss).hex(), "loss": good_loss.hex()},
        "malformed_losses": listed(bad_losses, "loss"), "invitation": invitation_vectors()})
    record_seeds = list(zip(log.names, log.records)) + [(n, r) for n, _, r in bad_records]
    receipt_seeds = [("receipt", good_receipt)] + [(n, r) for n, _, r in bad_receipts]
    expiry_seeds = [("expiry", good_expiry), ("first expiry", first_expiry)] + [(n, e) for n, _, e in bad_expiries]
    loss_seeds = [("loss", good_loss), ("first loss", first_loss)] + [(n, e) for n, _, e in bad_losses]
    objects.write_corpus("envelope", record_seeds + receipt_seeds + expiry_seeds[:2] + loss_seeds[:1])
    objects.write_corpus("record", [(n, c) for n, c in clear_parts(record_seeds) if ROOT.sign in c])
    objects.write_corpus("receipt", clear_parts(receipt_seeds))
    objects.write_corpus("expiry", clear_parts(expiry_seeds))
    objects.write_corpus("loss", clear_parts(loss_seeds))
    objects.write_corpus("device_request", [("request", request), ("cut short", request[:-1])])
    parts = [("handed keys", [[1, bytes(32), None], [2, bytes(32), bytes(32)]]), ("nothing handed", []),
             ("epoch 0", [[0, bytes(32), None]]), ("epochs in the wrong order", [[2, bytes(32), None], [1, bytes(32), None]]),
             ("shared", [1, bytes(32), bytes(32), bytes(32), b"name", [[bytes(32), bytes(32)]]])]
    objects.write_corpus("epoch_parts", [(n, cbor(p)) for n, p in parts])
    objects.write_corpus("commit", [("commit", good["commit"]), ("first commit", first["commit"])] + [(n, c) for n, _, c in bad_commits])
    objects.write_corpus("commit_sealed", [("good", padded(sealed_fields()))] + [(n, p) for n, p, _ in bad_sealed])
    codes = invitation_vectors()
    objects.write_corpus("invitation", [("invitation", codes["code"].encode())] + [
        (f"forgiven {i}", c.encode()) for i, c in enumerate(codes["forgiven"])] + [
        (m["name"], m["code"].encode()) for m in codes["malformed"]])


if __name__ == "__main__":
    main()
