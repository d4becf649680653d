#!/usr/bin/env python3
"""Computes share.json: an invitation to a share and what follows from its token, a request to join, a refusal; those that are accepted and
those that are refused; the log of a share; and from them the seeds of their fuzz targets.

An implementation of its own of storage/space/share_invitation.h, join_request.h and share_ceremony.h in Python. Run it in this folder only when
the format gets a new suite.
"""
import copy
import importlib.util
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("space_vectors", HERE / "generate_space.py")
space = importlib.util.module_from_spec(spec)
spec.loader.exec_module(space)
crypto, cbor = space.crypto, space.cbor

TOKEN, SPACE, EXPIRES = bytes(range(16)), bytes(range(32)), 1_700_604_800
ADDRESS = b"peer.example:8440"
DEVICE, ROOT = space.STATION, space.ROOT
CERTIFICATE = ROOT.signature("bfr1 sig device", DEVICE.id)


def derived(label, data=b""):
    return crypto.blake2b(label, data, TOKEN)


KNOCK = crypto.ed25519_public(derived("bfr1 share knock"))


def invitation(check_sum=None, extra=(), **changes):
    fields = {"address": ADDRESS, "transport": space.PEER.transport, "sign": space.PEER.sign, "space": SPACE, "token": TOKEN, "role": 2,
              "expires": EXPIRES, "check": 1}
    fields.update(changes)
    payload = cbor([*fields.values(), *extra])
    text = space.base32(payload + (crypto.blake2b("bfr1 share check", payload)[:4] if check_sum is None else check_sum))
    return "bfs1-" + "-".join(text[i:i + 5] for i in range(0, len(text), 5))


def invitation_vectors():
    good = invitation()
    bad = [("empty", "usage", ""), ("a word", "usage", "bonjour"), ("prefix alone", "usage", "bfs1"),
           ("later version", "unsupported_version", "bfs2-" + good[5:]), ("version 0", "usage", "bfs0-" + good[5:]),
           ("an invitation of a peer", "usage", space.invitation()), ("last letter missing", "usage", good[:-1]),
           ("last group missing", "usage", good[:good.rindex("-")]), ("wrong checksum", "usage", invitation(bytes(4))),
           ("no address", "usage", invitation(address=b"")), ("address with a blank", "usage", invitation(address=b"peer example:1")),
           ("short space id", "usage", invitation(space=bytes(31))), ("token of 15 bytes", "usage", invitation(token=bytes(15))),
           ("role 0", "usage", invitation(role=0)), ("role 5", "usage", invitation(role=5)),
           ("expires before 1970", "usage", invitation(expires=-1)), ("expires after 9999", "usage", invitation(expires=253_402_300_800)),
           ("check 0", "usage", invitation(check=0)), ("check 3", "usage", invitation(check=3)),
           ("a field too many", "usage", invitation(extra=[0]))]
    return {"address": ADDRESS.decode(), "transport": space.PEER.transport.hex(), "sign": space.PEER.sign.hex(), "space": SPACE.hex(),
            "token": TOKEN.hex(), "role": 2, "expires": EXPIRES, "check": 1, "transport_seed": derived("bfr1 share knock").hex(),
            "transport_key": KNOCK.hex(), "preshared": derived("bfr1 share psk").hex(),
            "founder_preshared": crypto.blake2b("bfr1 found psk", SPACE, DEVICE.preshared).hex(), "code": good,
            "forgiven": [good.upper(), good.replace("-", ""), good.replace("-", " - ") + "\r\n"],
            "malformed": [{"name": n, "error": e, "code": c} for n, e, c in bad]}


def padded(content, size):
    return struct.pack("<I", len(content)) + content + bytes(size - 4 - len(content))


def sealed(plaintext, what):
    return crypto.seal(derived("bfr1 share encr", what), derived("bfr1 share nonce", what), SPACE, plaintext)


def clear(**changes):
    fields = {"space": SPACE, "knock": KNOCK, "root": ROOT.public, "device": DEVICE.public, "suite": 1, "certificate": CERTIFICATE,
              "identity": "Mairie de Saint-Flour", "name": "PC de l'accueil"}
    fields.update(changes)
    return cbor(list(fields.values()))


def request(suite=1, signer=DEVICE, label="bfr1 sig join", **changes):
    return padded(space.envelope(label, clear(**changes), signer, suite), 1024)


def check_words():
    bits = int.from_bytes(derived("bfr1 check words", SPACE + b"".join(
        d.sign + d.box + d.transport for d in (ROOT, DEVICE)))[:9], "big") >> 6
    words = crypto.word_list()
    return [words[bits >> 11 * i & 2047] for i in reversed(range(6))]


def request_vectors():
    good = request()
    newer_device = [2, bytes(40), *DEVICE.public[2:]]
    bad = [("another space", "corrupt", request(space=bytes(32))), ("another invitation", "corrupt", request(knock=bytes(32))),
           ("signed by the root", "corrupt", request(signer=ROOT)), ("signed as a record", "corrupt", request(label="bfr1 sig record")),
           ("certificate of another", "corrupt", request(certificate=bytes(64))), ("suite 2", "unsupported_version", request(suite=2)),
           ("device of suite 2", "unsupported_version", request(device=newer_device)), ("no name", "corrupt", request(identity="")),
           ("name of 65 bytes", "corrupt", request(name="x" * 65)), ("name of two lines", "corrupt", request(name="a\nb")),
           ("length beyond the end", "corrupt", struct.pack("<I", 1021) + good[4:]), ("padding not zero", "corrupt", good[:-1] + b"\1"),
           ("too short", "corrupt", good[:-1]), ("nothing", "corrupt", bytes(1024))]
    return {"root": ROOT.seeds.hex(), "device": DEVICE.seeds.hex(), "certificate": CERTIFICATE.hex(), "identity_name": "Mairie de Saint-Flour",
            "device_name": "PC de l'accueil", "sealed": sealed(good, b"q").hex(), "words": check_words(),
            "malformed": [{"name": n, "error": e, "sealed": sealed(p, b"q").hex()} for n, e, p in bad]}


def refusal(*fields):
    return padded(cbor(list(fields)), 512)


def refusal_vectors():
    good = refusal(1, "Ce n'est pas la bonne personne.")
    bad = [("suite 2", "corrupt", refusal(2, "x")), ("a field too many", "corrupt", refusal(1, "x", 0)),
           ("reason of two lines", "corrupt", refusal(1, "a\nb")), ("reason of 401 bytes", "corrupt", refusal(1, "x" * 401)),
           ("padding not zero", "corrupt", good[:-1] + b"\1"), ("too short", "corrupt", good[:-1])]
    return {"reason": "Ce n'est pas la bonne personne.", "sealed": sealed(good, b"a").hex(),
            "malformed": [{"name": n, "error": e, "sealed": sealed(p, b"a").hex()} for n, e, p in bad]}, good, bad


def with_preshared(device, secret):
    out = copy.copy(device)
    out.preshared = secret
    return out


def encoded_names(members, devices):
    return [[[d.sign, n] for d, n in sorted(members, key=lambda item: item[0].sign)],
            [[d.id, n] for d, n in sorted(devices, key=lambda item: item[0].id)]]


class Share:
    """A share's life, as the ceremonies make it with SeededRandom(SEED): founded, joined by a friend, who becomes a writer, renames its computer,
    becomes a reader again and leaves."""

    def __init__(self):
        self.log, self.random, self.secrets, self.content = space.Log(), space.Random(space.SEED), [], None
        self.log.add("genesis", space.GENESIS, [2, ROOT.public, self.random.take(16)])
        self.root, self.founder = (with_preshared(d, crypto.blake2b("bfr1 found psk", self.log.space, d.preshared)) for d in (ROOT, DEVICE))
        self.laptop = with_preshared(space.LAPTOP, derived("bfr1 share psk"))
        founder, friend, laptop = self.founder, space.FRIEND, self.laptop
        self.log.add("founder", space.DEVICE, space.device_body(founder, ROOT, space.MANAGER))
        members, devices = [(ROOT, "Mairie")], [(founder, "PC du maire")]
        self.epoch("first epoch", [founder], encoded_names(members, devices), ROOT)
        self.log.add("retention", space.RETENTION, space.DEFAULT_RETENTION)
        self.log.add("friend", space.MEMBER, [friend.public, space.READER], founder)
        self.log.add("laptop", space.DEVICE, space.device_body(laptop, friend, space.MANAGER), founder)
        members.append((friend, "Claire"))
        self.epoch("admission", [founder, laptop], encoded_names(members, [*devices, (laptop, "PC mairie")]), founder)
        self.log.add("writer", space.MEMBER, [friend.public, space.WRITER], founder)
        self.epoch("names by the writer", [founder, laptop], encoded_names(members, [*devices, (laptop, "Portable")]), laptop)
        end = [laptop.id, space.COMMIT_A, 5]
        self.log.add("reader again", space.MEMBER, [friend.public, space.READER, [end]], founder)
        self.log.add("leaving", space.REMOVAL, [[end], friend.sign, False], laptop)
        self.epoch("rotation", [founder], encoded_names(members[:1], devices), founder)

    def epoch(self, name, devices, names, author):
        number = len(self.secrets) + 1
        handed = [[number - 1, self.secrets[-1]["secret"], self.secrets[-1]["reader_key"]]] if self.secrets else None
        body, secrets = space.epoch_body(self.log.space, number, [(d, True) for d in [self.root, *devices]], self.random, self.content,
                                         handed=handed, names=names)
        self.secrets.append(secrets)
        self.content = secrets["boundary"], secrets["dedup"]
        self.log.add(name, space.EPOCH, body, author)

    def vectors(self):
        people = {"root": ROOT, "founder": DEVICE, "friend": space.FRIEND, "laptop": space.LAPTOP}
        return {"seed": space.SEED, "clock": space.CLOCK, "name": space.NAME, "keys": {n: d.seeds.hex() for n, d in people.items()},
                "token": TOKEN.hex(), "end": {"commit": space.COMMIT_A.hex(), "sequence": 5},
                "epochs": [s["secret"].hex() for s in self.secrets],
                "records": [{"name": n, "record": r.hex()} for n, r in zip(self.log.names, self.log.records)]}


AUTHOR = [b"Claire", b"PC mairie", b"conflit", b"h", 3600]
CONFLICT = [b"rapport.docx", "rapport (conflit - Marc, PC école, 2023-11-14 23h13).docx".encode()]


def notes_plaintext(author=AUTHOR, conflicts=(CONFLICT,), total=1, extra=()):
    return space.padded(space.sealed_fields(notes=[author, list(conflicts), total, *extra]))


def notes_vectors(share):
    """What a commit of a share says beside its tree."""
    head = space.record_id(share.log.records[2])

    def commit(plaintext):
        clear = space.clear_fields(share.log.space, head)
        return {n: v.hex() for n, v in space.commit(share.log.space, share.secrets[0]["secret"], clear, plaintext).items()}

    good = notes_plaintext()
    bad = [("no author", notes_plaintext([])), ("an offset of a day", notes_plaintext([*AUTHOR[:4], 86_400])),
           ("an offset of a day before", notes_plaintext([*AUTHOR[:4], -86_400])), ("person too long", notes_plaintext([b"x" * 256, *AUTHOR[1:]])),
           ("fewer conflicts in all than listed", notes_plaintext(total=0)), ("1001 conflicts", notes_plaintext(conflicts=[[b"", b""]] * 1001, total=1001)),
           ("a conflict without copy", notes_plaintext(conflicts=[[b"a"]])), ("copy too long", notes_plaintext(conflicts=[[b"a", b"x" * 4097]])),
           ("a field too many", notes_plaintext(extra=[0])),
           ("13 fields", space.padded(space.sealed_fields(notes=[AUTHOR, [], 0], more=0)))]
    return {"plaintext": good.hex(), **commit(good), "malformed": [{"name": n, **commit(p)} for n, p in bad]}, good, bad


SETTINGS = 13
PATTERNS = ["*.tmp", "/brûlés/"]


def settings_vectors(share):
    """Records that follow those with which the share was founded."""
    base = space.Log()
    base.records = share.log.records[:4]

    def record(body, author=DEVICE, kind=SETTINGS):
        return base.encode(kind, body, author)

    good = record([1, [1, PATTERNS]])
    bad = [("version 0", "corrupt", [0, [1, PATTERNS]]), ("version 2", "unsupported_version", [2, [1, PATTERNS], b"more"]),
           ("rules of version 2", "unsupported_version", [1, [2, 7]]), ("rules of version 0", "corrupt", [1, [0, PATTERNS]]),
           ("no rules", "corrupt", [1]), ("a field too many", "corrupt", [1, [1, PATTERNS], 0]), ("patterns in the wrong order", "corrupt", [1, [1, PATTERNS[::-1]]]),
           ("one pattern twice", "corrupt", [1, [1, ["*.tmp"] * 2]]), ("pattern of bytes", "corrupt", [1, [1, [b"*.tmp"]]]),
           ("pattern that leaves all out", "corrupt", [1, [1, ["*"]]]), ("pattern that goes up", "corrupt", [1, [1, ["../a"]]]),
           ("257 patterns", "corrupt", [1, [1, [f"{i:03}" for i in range(257)]]]), ("nothing", "corrupt", [])]
    bad = [(n, e, record(b)) for n, e, b in bad] + [("type 14", "unsupported_version", record([1, [1, PATTERNS]], kind=14))]
    return {"patterns": PATTERNS, "record": good.hex(), "malformed": [{"name": n, "error": e, "record": r.hex()} for n, e, r in bad]}, good, bad


def main():
    codes, requests = invitation_vectors(), request_vectors()
    refusals, good, bad = refusal_vectors()
    share = Share()
    settings, good_settings, bad_settings = settings_vectors(share)
    notes, good_notes, bad_notes = notes_vectors(share)
    space.objects.write("share.json", {"invitation": codes, "request": requests, "refusal": refusals, "log": share.vectors(), "notes": notes,
                                       "settings": settings})
    seeds = [("settings", good_settings)] + [(f"settings: {n}", r) for n, _, r in bad_settings]
    space.objects.write_corpus("envelope", seeds[:1])
    space.objects.write_corpus("record", [(n, c.replace(DEVICE.sign, ROOT.sign)) for n, c in space.clear_parts(seeds)])
    space.objects.write_corpus("commit_sealed", [("notes of a share", good_notes)] + [(f"notes: {n}", p) for n, p in bad_notes])
    space.objects.write_corpus("share_invitation", [("invitation", codes["code"].encode())] + [
        (f"forgiven {i}", c.encode()) for i, c in enumerate(codes["forgiven"])] + [
        (m["name"], m["code"].encode()) for m in codes["malformed"]])
    space.objects.write_corpus("join_request", [
        ("request", clear()), ("another space", clear(space=bytes(32))), ("no name", clear(identity="")), ("name of two lines", clear(name="a\nb")),
        ("device of suite 2", clear(device=[2, bytes(40), *DEVICE.public[2:]])), ("refusal", good)] + [(f"refusal {n}", p) for n, _, p in bad])


if __name__ == "__main__":
    main()
