#!/usr/bin/env python3
"""Computes cbor.json, payloads.json, objects.json and chunker.json: accepted and refused bytes of every layer below the tree;
and from them the seeds of the fuzz targets.

An implementation of its own of storage/format/*.h in Python, with the zstd command for the frames (1.5.4; another version may compress
otherwise, which no reader may depend on). Run it in this folder only when the format gets a new suite.
"""
import importlib.util
import json
import re
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("crypto_vectors", HERE.parent / "crypto" / "generate.py")
crypto = importlib.util.module_from_spec(spec)
spec.loader.exec_module(crypto)

SPACE = bytes(range(32))
EPOCH = 7
EPOCH_SECRET = bytes(range(32, 64))
BOUNDARY = bytes(range(64, 96))
DEDUP = bytes(range(96, 128))
NO_CHILD = 0xFFFF
STORED, ZSTD, DELTA, DICTIONARY = range(4)
KINDS = {"chunk": 1, "bundle": 2, "leaf": 3, "node": 4, "content leaf": 5, "content node": 6, "dictionary": 7}


def derived(label, parent, context=b""):
    return crypto.blake2b(label, context, parent)


ENCRYPT = derived("bfr1 obj encrypt", EPOCH_SECRET)
NONCE = derived("bfr1 obj nonce", EPOCH_SECRET)


def digest(kind, data):
    return crypto.blake2b(f"bfr1 dig {kind}", data, derived(f"bfr1 dig {kind}", DEDUP))


def padded_length(length):
    whole = max(256, (length + 255) // 256 * 256)
    exponent = whole.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (whole + mask) & ~mask


def payload(codec, raw_length, data, reference=NO_CHILD, reserved=0, data_length=None, length=None):
    data_length = len(data) if data_length is None else data_length
    out = struct.pack("<BBHII", codec, reserved, reference, raw_length, data_length) + data
    return out.ljust(padded_length(len(out)) if length is None else length, b"\0")


def header(kind, children=(), height=0, suite=1, space=SPACE, epoch=EPOCH, reserved=0, tail=0, count=None):
    count = len(children) if count is None else count
    return struct.pack("<BBBBI32sHH", suite, kind, height, reserved, epoch, space, count, tail) + b"".join(children)


def seal(clear, padded):
    return clear + crypto.seal(ENCRYPT, NONCE, clear, padded)


def object_id(sealed):
    return crypto.blake2b("bfr1 object id", sealed)


def zstd(data, *options, reference=None, flag=None):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "raw")
        source.write_bytes(data)
        command = ["zstd", "-q", "-c", "--no-check", *options]
        if reference is not None:
            base = Path(folder, "base")
            base.write_bytes(reference)
            command += [f"--patch-from={base}"] if flag == "patch" else ["-D", str(base)]
        return subprocess.run([*command, str(source)], capture_output=True, check=True).stdout


TEXT = "".join(f"Délibération n° {i} du conseil municipal : le budget de l'école est voté.\n" for i in range(40)).encode()
EDITED = TEXT[:1000] + "Amendement du maire.\n".encode() + TEXT[1000:]
EDITED_TWICE = EDITED[:2000] + "Second amendement.\n".encode() + EDITED[2100:]
WORDS = "le conseil municipal, la délibération, le budget de l'école, voté à l'unanimité, ".encode() * 4


class Golden:
    """Objects that open, by name."""

    def __init__(self):
        self.objects = {}

    def add(self, name, kind, codec, raw, data, children=(), reference=None):
        refs = sorted(self.objects[c]["id_bytes"] for c in children)
        height = 1 + max((self.objects[c]["height"] for c in children), default=-1)
        index = NO_CHILD if reference is None else refs.index(self.objects[reference]["id_bytes"])
        sealed = seal(header(KINDS[kind], refs, height), payload(codec, len(raw), data, index))
        self.objects[name] = {
            "id_bytes": object_id(sealed), "kind": kind, "codec": codec, "height": height, "children": refs,
            "reference_child": None if reference is None else index, "plaintext": raw, "object": sealed,
        }

    def json(self):
        out = []
        for name, o in self.objects.items():
            out.append({
                "name": name, "kind": o["kind"], "codec": o["codec"], "height": o["height"], "id": o["id_bytes"].hex(),
                "children": [c.hex() for c in o["children"]], "reference_child": o["reference_child"],
                "plaintext": o["plaintext"].hex(), "object": o["object"].hex(),
                "digests": {k: digest(k, o["plaintext"]).hex() for k in ("chunk", "content", "tree")},
            })
        return out


def golden_objects():
    g = Golden()
    g.add("stored chunk", "chunk", STORED, b"The belfry holds the charters.\n", b"The belfry holds the charters.\n")
    g.add("empty bundle", "bundle", STORED, b"", b"")
    g.add("zstd chunk", "chunk", ZSTD, TEXT, zstd(TEXT))
    g.add("delta chunk", "chunk", DELTA, EDITED, zstd(EDITED, reference=TEXT, flag="patch"), ["zstd chunk"], "zstd chunk")
    g.add("delta of a delta", "chunk", DELTA, EDITED_TWICE, zstd(EDITED_TWICE, reference=EDITED, flag="patch"), ["delta chunk"],
          "delta chunk")
    g.add("dictionary", "dictionary", STORED, WORDS, WORDS)
    g.add("zstd bundle", "bundle", ZSTD, TEXT[:900], zstd(TEXT[:900]))
    g.add("bundle with dictionary", "bundle", DICTIONARY, TEXT[:300], zstd(TEXT[:300], reference=WORDS, flag="dictionary"),
          ["dictionary"], "dictionary")
    g.add("leaf", "leaf", STORED, b"\x80", b"\x80")
    g.add("leaf with dictionary", "leaf", DICTIONARY, TEXT[:400], zstd(TEXT[:400], reference=WORDS, flag="dictionary"),
          ["stored chunk", "zstd bundle", "dictionary"], "dictionary")
    g.add("node", "node", STORED, b"node", b"node", ["leaf", "leaf with dictionary"])
    g.add("content leaf", "content leaf", STORED, b"segments", b"segments", ["stored chunk", "delta of a delta"])
    g.add("content node", "content node", ZSTD, b"references " * 40, zstd(b"references " * 40), ["content leaf"])
    return g


def malformed_objects(g):
    o = g.objects
    chunk, zchunk, words = (o[n]["id_bytes"] for n in ("stored chunk", "zstd chunk", "dictionary"))
    low, high = sorted((chunk, zchunk))
    plain = payload(STORED, 3, b"abc")
    good = seal(header(1), plain)
    delta = zstd(EDITED, reference=TEXT, flag="patch")
    absent = bytes([0xEE]) * 32

    def sealed(name, error, padded=plain, **fields):
        return name, error, seal(header(**({"kind": 1} | fields)), padded)

    cases = [
        ("empty", "corrupt", b""),
        ("shorter than a header", "corrupt", good[:43]),
        ("header alone", "corrupt", good[:44]),
        ("no payload", "corrupt", seal(header(1), b"")),
        ("payload of 255 bytes", "corrupt", seal(header(1), plain[:255])),
        ("one byte too long", "corrupt", good + b"\0"),
        ("not a Padme length", "corrupt", seal(header(1), bytes(256 * 33))),
        ("longer than any payload", "corrupt", header(1) + bytes(40 + 34 * 65536)),
        ("last byte of the tag flipped", "corrupt", good[:-1] + bytes([good[-1] ^ 1])),
        ("nonce flipped", "corrupt", good[:44] + bytes([good[44] ^ 1]) + good[45:]),
        ("header changed under the seal", "corrupt", header(2) + good[44:]),
        sealed("suite 0", "corrupt", suite=0),
        sealed("suite 2", "unsupported_version", suite=2),
        sealed("kind 0", "corrupt", kind=0),
        sealed("kind 8", "unsupported_version", kind=8),
        sealed("epoch 0", "corrupt", epoch=0),
        sealed("epoch without a key", "refused", epoch=EPOCH + 1),
        sealed("another space", "corrupt", space=bytes(32)),
        sealed("reserved byte", "corrupt", reserved=1),
        sealed("reserved tail", "corrupt", tail=0x100),
        sealed("height without children", "corrupt", height=1),
        sealed("children without height", "corrupt", kind=3, children=[low]),
        sealed("height 65", "corrupt", kind=3, children=[low], height=65),
        sealed("children descending", "corrupt", kind=3, children=[high, low], height=1),
        sealed("child twice", "corrupt", kind=3, children=[low, low], height=1),
        sealed("more children announced than there are", "corrupt", kind=3, children=[low], height=1, count=60),
        sealed("chunk with an unused child", "corrupt", children=[chunk], height=1),
        sealed("dictionary with a child", "corrupt", kind=7, children=[chunk], height=1),
        sealed("delta with a second child", "corrupt", payload(DELTA, len(EDITED), delta, [low, high].index(zchunk)),
               children=[low, high], height=1),
        sealed("delta index beyond the children", "corrupt", payload(DELTA, len(EDITED), delta, 1), children=[zchunk], height=1),
        sealed("delta of a dictionary", "corrupt", payload(DELTA, len(EDITED), delta, 0), children=[words], height=1),
        sealed("delta of another base", "corrupt", payload(DELTA, len(EDITED), delta, 0), children=[chunk], height=1),
        sealed("delta of an absent base", "not_found", payload(DELTA, len(EDITED), delta, 0), children=[absent], height=1),
        sealed("delta as high as its base", "corrupt", payload(DELTA, 5, zstd(b"abcde", reference=EDITED, flag="patch"), 0),
               children=[o["delta chunk"]["id_bytes"]], height=1),
        sealed("leaf as a delta", "corrupt", payload(DELTA, len(EDITED), delta, 0), kind=3, children=[zchunk], height=1),
        sealed("chunk as dictionary", "corrupt",
               payload(DICTIONARY, 300, zstd(TEXT[:300], reference=WORDS, flag="dictionary"), 0), children=[chunk], height=1),
        sealed("dictionary with a dictionary", "corrupt",
               payload(DICTIONARY, 300, zstd(TEXT[:300], reference=WORDS, flag="dictionary"), 0), kind=7, children=[words], height=1),
        sealed("codec 4", "unsupported_version", payload(4, 3, b"abc")),
        sealed("padding", "corrupt", plain[:-1] + b"\1"),
    ]
    # What follows the last byte that is not zero is given as a number: one case has 2 MiB of it.
    return [{"name": n, "error": e, "object": b.rstrip(b"\0").hex(), "zeros": len(b) - len(b.rstrip(b"\0"))} for n, e, b in cases]


def payload_vectors():
    frame = zstd(TEXT)
    size = len(TEXT)
    delta = zstd(EDITED, reference=TEXT, flag="patch")
    dictionary = zstd(TEXT[:300], reference=WORDS, flag="dictionary")
    skippable = bytes.fromhex("502a4d18") + struct.pack("<I", 4) + b"skip"
    return [
        ("stored", None, payload(STORED, 3, b"abc"), b"", b"abc"),
        ("stored, empty", None, payload(STORED, 0, b""), b"", b""),
        ("stored, exactly 256 bytes", None, payload(STORED, 244, b"x" * 244), b"", b"x" * 244),
        ("zstd", None, payload(ZSTD, size, frame), b"", TEXT),
        ("zstd with a checksum", None, payload(ZSTD, size, zstd(TEXT, "--check")), b"", TEXT),
        ("delta", None, payload(DELTA, len(EDITED), delta, 0), TEXT, EDITED),
        ("dictionary", None, payload(DICTIONARY, 300, dictionary, 4095), WORDS, TEXT[:300]),
        ("empty input", "corrupt", b"", b"", b""),
        ("shorter than its header", "corrupt", bytes(11), b"", b""),
        ("not padded", "corrupt", payload(STORED, 3, b"abc", length=15), b"", b""),
        ("padded too far", "corrupt", payload(STORED, 3, b"abc", length=512), b"", b""),
        ("padding not zero", "corrupt", payload(STORED, 3, b"abc")[:-1] + b"\1", b"", b""),
        ("padding not zero behind the data", "corrupt", payload(STORED, 3, b"abcd", data_length=3), b"", b""),
        ("reserved byte", "corrupt", payload(STORED, 3, b"abc", reserved=1), b"", b""),
        ("codec 4", "unsupported_version", payload(4, 3, b"abc"), b"", b""),
        ("codec 255", "unsupported_version", payload(255, 3, b"abc"), b"", b""),
        ("stored with a reference", "corrupt", payload(STORED, 3, b"abc", 0), b"", b""),
        ("zstd with a reference", "corrupt", payload(ZSTD, size, frame, 0), b"", b""),
        ("delta without a reference", "corrupt", payload(DELTA, len(EDITED), delta), b"", b""),
        ("dictionary without a reference", "corrupt", payload(DICTIONARY, 300, dictionary), b"", b""),
        ("reference 4096", "corrupt", payload(DELTA, len(EDITED), delta, 4096), TEXT, b""),
        ("stored, longer than it says", "corrupt", payload(STORED, 2, b"abc"), b"", b""),
        ("stored, shorter than it says", "corrupt", payload(STORED, 4, b"abc"), b"", b""),
        ("data length beyond the payload", "corrupt", payload(STORED, 3, b"abc", data_length=245), b"", b""),
        ("data length of 4 GiB", "corrupt", payload(STORED, 3, b"abc", data_length=0xFFFFFFFF), b"", b""),
        ("raw length beyond 2 MiB", "corrupt", payload(ZSTD, 2 * 1024 * 1024 + 1, frame), b"", b""),
        ("zstd of nothing", "corrupt", payload(ZSTD, 0, zstd(b"")), b"", b""),
        ("zstd, one byte more than it says", "corrupt", payload(ZSTD, size - 1, frame), b"", b""),
        ("zstd, one byte less than it says", "corrupt", payload(ZSTD, size + 1, frame), b"", b""),
        ("zstd, two frames", "corrupt", payload(ZSTD, 2 * size, frame + frame), b"", b""),
        ("zstd behind a skippable frame", "corrupt", payload(ZSTD, size, skippable + frame), b"", b""),
        ("zstd before a skippable frame", "corrupt", payload(ZSTD, size, frame + skippable), b"", b""),
        ("zstd and a byte more", "corrupt", payload(ZSTD, size, frame + b"\1"), b"", b""),
        ("zstd cut short", "corrupt", payload(ZSTD, size, frame[:-1]), b"", b""),
        ("zstd without data", "corrupt", payload(ZSTD, size, b""), b"", b""),
        ("no zstd frame", "corrupt", payload(ZSTD, size, b"abcdefgh"), b"", b""),
        ("zstd, damaged checksum", "corrupt", payload(ZSTD, size, zstd(TEXT, "--check")[:-1] + b"\0"), b"", b""),
        ("delta on a shorter base", "corrupt", payload(DELTA, len(EDITED), delta, 0), TEXT[:10], b""),
    ]


ACCEPTED_CBOR = """
00 smallest integer|17 23 in the head|1818 24 in one byte|18ff 255|190100 256 in two bytes|19ffff 65535|1a00010000 65536 in four bytes
1affffffff 2^32-1|1b0000000100000000 2^32 in eight bytes|1bffffffffffffffff 2^64-1|20 -1|37 -24|3818 -25|38ff -256|390100 -257
3b7fffffffffffffff smallest 64-bit integer|40 empty bytes|4401020304 bytes|5818000000000000000000000000000000000000000000000000 24 bytes
60 empty text|6161 text|62c3bc two-byte character|63e0a080 U+0800|63ed9fbf U+D7FF|63ee8080 U+E000|64f0908080 U+10000|64f48fbfbf U+10FFFF
6100 text of a zero byte|80 empty array|83010203 array|8181818181818100 eight deep is the default limit, this is seven|a0 empty map
a10000 map|a201020304 keys ascending|a2170018180a keys ascending over a head size|a100a10000 map in a map|f4 false|f5 true|f6 null
828080 empty arrays in an array
"""
REFUSED_CBOR = """
 nothing|1800 0 in a long head|1817 23 in a long head|190000 0 in two bytes|1900ff 255 in two bytes|1a0000ffff 65535 in four bytes
1b00000000ffffffff 2^32-1 in eight bytes|3817 -24 in a long head|5801ff bytes with a long length|780161 text with a long length
980100 array with a long count|b8010000 map with a long count|18 cut in the head|1901 cut in two bytes|1a000100 cut in four bytes
1b000000010000 cut in eight bytes|1c reserved head 28|1d reserved head 29|1e reserved head 30|1f indefinite integer|5f4100ff indefinite bytes
7f6161ff indefinite text|9f00ff indefinite array|bf0000ff indefinite map|ff break|f7 undefined|f0 simple value 16|f820 simple value 32
f814 false in a long head|f818 simple value 24|f90000 half float|f93c00 half float 1.0|f90014 half float that looks like false|fa47c35000 float
fb3ff199999999999a double|c000 tag 0|c11a514b67b0 tag 1|d81800 tag 24|4101ff byte behind the end|0000 two items|40ff break behind the end
41 bytes cut|430102 bytes cut|62c3 text cut|81 array without its item|8200 array without its second item|a1 map without its pair
a100 map without its value|a201020102 key twice|a202000100 keys descending|a21818001700 keys descending over a head size|a12000 negative key
a1614100 text key|a1410000 bytes key|a1f600 null key|a1a00000 map key|3b8000000000000000 below the 64-bit integers
3bffffffffffffffff far below the 64-bit integers|61ff not UTF-8|6180 lone continuation|61c3 cut character|62c080 long form of U+0000
62c1bf long form of U+007F|63e09fbf long form of U+07FF|63eda080 surrogate U+D800|63edbfbf surrogate U+DFFF|64f08fbfbf long form of U+FFFF
64f4908080 U+110000|64f5808080 above Unicode|65f888808080 five-byte form|62c328 broken continuation|9bffffffffffffffff00 2^64-1 items
bbffffffffffffffff00 2^64-1 pairs|5bffffffffffffffff00 2^64-1 bytes|9a7fffffff00 2^31-1 items|81818181818181818100 nine deep
"""


def cbor_vectors(text):
    out = []
    for item in text.replace("\n", "|").split("|"):
        if item.strip():
            digits, _, note = item.partition(" ")
            out.append({"hex": digits, "note": note})
    return out


def siphash24(key, data):
    """Aumasson, Bernstein 2012."""
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(value, bits):
        return (value << bits | value >> (64 - bits)) & mask

    def rounds(count):
        for _ in range(count):
            for a, b, bits in ((0, 1, 13), (2, 3, 16)):
                v[a] = (v[a] + v[b]) & mask
                v[b] = rotate(v[b], bits) ^ v[a]
            v[0] = rotate(v[0], 32)
            for a, b, bits in ((2, 1, 17), (0, 3, 21)):
                v[a] = (v[a] + v[b]) & mask
                v[b] = rotate(v[b], bits) ^ v[a]
            v[2] = rotate(v[2], 32)

    padded = data + bytes((-len(data) - 1) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


GEAR = [siphash24(b"bfr1 gear table".ljust(16, b"\0"), bytes([i])) for i in range(256)]


def cuts(key, data):
    out, start, mask = [], 0, (1 << 64) - 1
    while start < len(data):
        limit, value, cut = min(len(data) - start, 1 << 20), 0, None
        for length in range(32768 - 63, limit + 1):
            value = (2 * value + GEAR[data[start + length - 1]]) & mask
            if length < 32768 or value >= 1 << 54:
                continue
            if siphash24(key, data[start + length - 64:start + length]) < mask // (256 if length <= 98304 else 50):
                cut = length
                break
        start += cut or limit
        out.append(start)
    return out


def chunker_vectors():
    out = []
    for seed, size in ((1, 3 << 20), (2, 40000), (3, 500)):
        key = bytes(range(seed, seed + 16))
        out.append({"key": key.hex(), "seed": seed, "size": size, "cuts": cuts(key, crypto.seeded_random(seed, 0, size))})
    return {"gear": [f"{g:016x}" for g in GEAR], "cuts": out}


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_corpus(target, inputs):
    """Seeds for tests/fuzz: (name, bytes)."""
    folder = HERE.parent.parent / "fuzz" / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in inputs:
        slug = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
        if len(data) <= 10000:
            (folder / slug).write_bytes(data)


def corpora(golden):
    payloads = [(n, p) for n, _, p, _, _ in payload_vectors()]
    write_corpus("payload", payloads)
    write_corpus("object_open", [(n, bytes([i % 7, i % 16]) + p) for i, (n, p) in enumerate(payloads)])
    malformed = [(m["name"], bytes.fromhex(m["object"]) + bytes(m["zeros"])) for m in malformed_objects(golden)]
    write_corpus("object_header", [(n, o["object"]) for n, o in golden.objects.items()] + malformed)
    items = [v for text in (ACCEPTED_CBOR, REFUSED_CBOR) for v in cbor_vectors(text)]
    write_corpus("cbor", [(v["hex"][:24] + "-" + v["note"], bytes.fromhex(v["hex"])) for v in items])


def main():
    golden = golden_objects()
    corpora(golden)
    keys = {"space": SPACE, "epoch_secret": EPOCH_SECRET, "boundary": BOUNDARY, "dedup": DEDUP}
    write("objects.json", {
        "epoch": EPOCH, **{k: v.hex() for k, v in keys.items()}, "objects": golden.json(), "malformed": malformed_objects(golden)})
    write("payloads.json", [
        {"name": n, "error": e, "payload": p.hex(), "reference": r.hex(), "plaintext": t.hex()} for n, e, p, r, t in payload_vectors()])
    write("chunker.json", chunker_vectors())
    write("cbor.json", {"accept": cbor_vectors(ACCEPTED_CBOR), "reject": cbor_vectors(REFUSED_CBOR)})


if __name__ == "__main__":
    main()
