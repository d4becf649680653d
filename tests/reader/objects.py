"""Sealed objects: header, seal, payload, codecs."""

import struct

from primitives import MAX_RAW_BYTES, aead_open, blake2b, FormatError, newer, poly1305, require, siphash24, zstd_frame

CHUNK, BUNDLE, LEAF, NODE, CONTENT_LEAF, CONTENT_NODE, DICTIONARY = range(1, 8)
STORED, ZSTD_FRAME, DELTA, WITH_DICTIONARY = range(4)
NO_CHILD = 0xFFFF
MAX_CHILDREN = 4096
MAX_HEIGHT = 64
MAX_OBJECT_BYTES = MAX_RAW_BYTES + 512 * 1024
MAX_PAYLOAD_BYTES = 33 * 65536
MAX_REFERENCES = 16


def derive(name, parent, context=b""):
    return blake2b(name, context, parent)


def object_id(data):
    return blake2b("bfr1 object id", data)


def padded_length(length):
    whole = max(256, (length + 255) // 256 * 256)
    exponent = whole.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (whole + mask) & ~mask


def siv_text(nonce_key, associated, plaintext):
    """What a nonce is the keyed hash of: the associated data, and of the plaintext its length and two secret hashes."""
    hashes = [poly1305(blake2b("bfr1 siv hash", bytes([i]), nonce_key), plaintext) for i in range(2)]
    return struct.pack("<Q", len(associated)) + associated + struct.pack("<Q", len(plaintext)) + b"".join(hashes)


def siv_nonce(nonce_key, associated, plaintext):
    """No reader needs it: the nonce stands in front of what is sealed."""
    return blake2b("bfr1 siv nonce", siv_text(nonce_key, associated, plaintext), nonce_key, 24)


class Header:
    def __init__(self, data):
        require(len(data) >= 44, "shorter than a header")
        suite, self.kind, self.height, zero, self.epoch, self.space, count, tail = struct.unpack_from("<BBBBI32sHH", data)
        require(suite and self.kind, "suite or kind 0")
        if suite > 1 or self.kind > DICTIONARY:
            raise newer("an object")
        self.size = 44 + 32 * count
        require(zero == 0 and tail == 0 and self.epoch and count <= MAX_CHILDREN and len(data) >= self.size, "a header")
        self.children = [data[44 + 32 * i:76 + 32 * i] for i in range(count)]
        require(all(a < b for a, b in zip(self.children, self.children[1:])), "children that do not ascend")
        require(self.height <= MAX_HEIGHT and (self.height == 0) == (count == 0), "a height that does not fit the children")


def check_object(data):
    """What anybody can check without a key; gives the header."""
    require(len(data) <= MAX_OBJECT_BYTES, "longer than an object")
    header = Header(data)
    payload = len(data) - header.size - 40
    require(0 < payload <= MAX_PAYLOAD_BYTES and payload == padded_length(payload), "a payload of a wrong length")
    return header


class Payload:
    def __init__(self, padded):
        require(12 <= len(padded) <= MAX_PAYLOAD_BYTES, "a payload of a wrong length")
        self.codec, zero, reference, self.raw_length, length = struct.unpack_from("<BBHII", padded)
        if self.codec > WITH_DICTIONARY:
            raise newer("a codec")
        require(zero == 0 and self.raw_length <= MAX_RAW_BYTES, "a payload's header")
        require(length <= len(padded) - 12 and len(padded) == padded_length(12 + length), "a payload of a wrong length")
        require(not any(padded[12 + length:]), "padding that is not zero")
        self.data = padded[12:12 + length]
        if self.codec in (DELTA, WITH_DICTIONARY):
            require(reference < MAX_CHILDREN, "no reference")
            self.reference = reference
        else:
            require(reference == NO_CHILD, "a reference that is not used")
            self.reference = None
        require(length == self.raw_length if self.codec == STORED else self.raw_length > 0, "a raw length")

    def decode(self, reference=None):
        return self.data if self.codec == STORED else zstd_frame(self.data, self.raw_length, reference)


class EpochKeys:
    def __init__(self, secret):
        self.object_key, self.object_nonce_key = derive("bfr1 obj encrypt", secret), derive("bfr1 obj nonce", secret)
        self.commit_key, self.commit_nonce_key = derive("bfr1 cmt encrypt", secret), derive("bfr1 siv nonce", secret, b"c")


class ContentKeys:
    """Digest and cutter keys of one generation."""

    def __init__(self, boundary, dedup):
        self.digest_keys = {use: derive(f"bfr1 dig {use}", dedup) for use in ("chunk", "content", "tree")}
        self.chunk_cut_key = derive("bfr1 cut chunk", boundary)[:16]
        self.tree_cut_key = derive("bfr1 cut tree", boundary)[:16]

    def digest(self, use, data):
        return blake2b(f"bfr1 dig {use}", data, self.digest_keys[use])


class Opened:
    def __init__(self, header, payload, plaintext):
        self.kind, self.height, self.children = header.kind, header.height, header.children
        self.reference, self.codec, self.plaintext = payload.reference, payload.codec, plaintext


class Opener:
    """Opens objects of one space. `get(id)` gives sealed bytes and raises not_found; `epochs` maps numbers to EpochKeys."""

    def __init__(self, space, epochs, get):
        self.space, self.epochs, self.get = space, epochs, get

    def open(self, identifier, *kinds):
        out = self.open_bytes(identifier, self.get(identifier))
        require(not kinds or out.kind in kinds, "an object of another kind")
        return out

    def open_bytes(self, identifier, data, depth=0):
        require(object_id(data) == identifier, "an object that does not hash to its id")
        header = check_object(data)
        require(header.space == self.space, "an object of another space")
        require(depth <= MAX_REFERENCES, "too long a chain of deltas")
        keys = self.epochs.get(header.epoch)
        if keys is None:
            raise FormatError("refused", f"no key of epoch {header.epoch}")
        clear, sealed = data[:header.size], data[header.size:]
        payload = Payload(aead_open(keys.object_key, sealed[:24], clear, sealed[24:]))
        self.check_children(header, payload)
        prefix = None
        if payload.reference is not None:
            base_id = header.children[payload.reference]
            base = self.open_bytes(base_id, self.get(base_id), depth + 1)
            wanted = (CHUNK, BUNDLE) if payload.codec == DELTA else (DICTIONARY,)
            require(base.kind in wanted and header.height > base.height, "a reference to a wrong object")
            prefix = base.plaintext
        return Opened(header, payload, payload.decode(prefix))

    @staticmethod
    def check_children(header, payload):
        contents = header.kind in (CHUNK, BUNDLE)
        require(payload.codec != DELTA or contents, "a delta of a tree object")
        require(payload.codec != WITH_DICTIONARY or header.kind != DICTIONARY, "a dictionary with a dictionary")
        if payload.reference is not None:
            require(payload.reference < len(header.children), "a reference beyond the children")
        if contents or header.kind == DICTIONARY:
            require(len(header.children) == (payload.reference is not None), "a child that is not used")


GEAR = [siphash24(b"bfr1 gear table\0", bytes([i])) for i in range(256)]


def next_cut(key, data):
    """Length of the first chunk of `data`."""
    limit, value, mask = min(len(data), 1 << 20), 0, (1 << 64) - 1
    for length in range(max(1, 32768 - 63), limit + 1):
        value = (2 * value + GEAR[data[length - 1]]) & mask
        if length < 32768 or value >= 1 << 54:
            continue
        if siphash24(key, data[length - 64:length]) < mask // (256 if length <= 98304 else 50):
            return length
    return limit
