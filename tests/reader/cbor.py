"""The subset of CBOR that docs/format.md defines: what is accepted is what a writer would write, byte for byte."""

from primitives import corrupt, require

MAX_DEPTH = 8
MAX_STRING_BYTES = 4 * 1024 * 1024
ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
WORDS = {0xF4: False, 0xF5: True, 0xF6: None}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def head(self):
        require(self.at < len(self.data), "CBOR ends early")
        initial = self.data[self.at]
        major, value = initial >> 5, initial & 31
        self.at += 1
        if major == 7:
            require(initial in WORDS, "a CBOR simple value or float")
            return major, initial
        if value >= 24:
            size = ARGUMENT_BYTES.get(value)
            require(size and self.at + size <= len(self.data), "a CBOR head")
            value = int.from_bytes(self.data[self.at:self.at + size], "big")
            require(value >= (24 if size == 1 else 1 << 4 * size), "a CBOR head that is not the shortest")
            self.at += size
        return major, value

    def item(self, depth=0):
        major, value = self.head()
        if major == 0:
            return value
        if major == 1:
            require(value < 1 << 63, "an integer below -2^63")
            return -1 - value
        if major in (2, 3):
            require(value <= min(MAX_STRING_BYTES, len(self.data) - self.at), "a CBOR string is cut")
            self.at += value
            text = self.data[self.at - value:self.at]
            return text if major == 2 else self.utf8(text)
        if major == 7:
            return WORDS[value]
        require(major in (4, 5), "a CBOR tag")
        require(depth < MAX_DEPTH and value * (major - 3) <= len(self.data) - self.at, "a CBOR container")
        if major == 4:
            return [self.item(depth + 1) for _ in range(value)]
        return self.map(value, depth)

    def map(self, pairs, depth):
        out, last = {}, -1
        for _ in range(pairs):
            major, key = self.head()
            require(major == 0 and key > last, "a CBOR map's keys")
            out[key] = self.item(depth + 1)
            last = key
        return out

    @staticmethod
    def utf8(text):
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            raise corrupt("a CBOR text is not UTF-8") from None


def decode(data):
    reader = Reader(data)
    out = reader.item()
    require(reader.at == len(data), "bytes behind a CBOR item")
    return out


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ARGUMENT_BYTES.items():
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError(value)


def encode(item):
    if item is None or isinstance(item, bool):
        return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[item]])
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, dict):
        return head(5, len(item)) + b"".join(head(0, k) + encode(item[k]) for k in sorted(item))
    return head(4, len(item)) + b"".join(encode(i) for i in item)


# What a field may be; each raises on anything else and gives the value back.

def unsigned(value, low=0, high=(1 << 64) - 1):
    require(isinstance(value, int) and not isinstance(value, bool) and low <= value <= high, "a number out of bounds")
    return value


def signed(value):
    return unsigned(value, -(1 << 63), (1 << 63) - 1)


def boolean(value):
    require(isinstance(value, bool), "no boolean")
    return value


def octets(value, most=MAX_STRING_BYTES, exactly=None):
    require(isinstance(value, bytes) and len(value) <= most and exactly in (None, len(value)), "a byte string of a wrong length")
    return value


def identifier(value):
    return octets(value, exactly=32)


def array(value, most=1 << 63, exactly=None, least=0):
    require(isinstance(value, list) and least <= len(value) <= most and exactly in (None, len(value)), "an array of a wrong length")
    return value


def ascending(items):
    require(all(a < b for a, b in zip(items, items[1:])), "a list that does not ascend")
    return items
