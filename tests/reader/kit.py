"""The recovery kit: from a text that a person copied to the keys of the root."""

import base64
import re
import unicodedata
from pathlib import Path

from primitives import FormatError, blake2b, corrupt, ed25519_public, newer, x25519_public

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "format.md"
LABELS = {"espace": "space", "space": "space", "pair": "peer", "peer": "peer", "adresse": "address", "address": "address",
          "cle": "key", "clef": "key", "key": "key", "nom": "name", "name": "name", "date": "date"}


def word_list():
    """The appendix of the format's document."""
    block = DOCUMENT.read_text(encoding="utf-8").split("```words\n")[1].split("```")[0]
    words = block.split()
    assert len(words) == 2048 and words == sorted(words), "the document's word list"
    return words


def fold(text):
    """Lower case without accents; None for what no French word has."""
    text = text.replace("œ", "oe").replace("Œ", "oe").replace("æ", "ae").replace("Æ", "ae")
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not 0x300 <= ord(c) <= 0x36F).lower()
    return plain if re.fullmatch("[a-z]*", plain) else None


def word_index(words, typed):
    plain = fold(typed.strip())
    if plain is None or len(plain) < 4:
        return None
    return next((i for i, word in enumerate(words) if word.startswith(plain)), None)


# GF(2^11) modulo x^11 + x^2 + 1, alpha = x.
POWER = [1]
for _ in range(2046):
    POWER.append((POWER[-1] << 1) ^ (0x805 if POWER[-1] & 1024 else 0))
LOGARITHM = {value: i for i, value in enumerate(POWER)}


def multiply(a, b):
    return POWER[(LOGARITHM[a] + LOGARITHM[b]) % 2047] if a and b else 0


def divide(a, b):
    return POWER[(LOGARITHM[a] - LOGARITHM[b]) % 2047] if a else 0


def syndromes(symbols):
    out = []
    for j in range(1, 5):
        value = 0
        for symbol in symbols:
            value = multiply(value, POWER[j]) ^ symbol
        out.append(value)
    return out


def corrected(symbols, erased):
    """The nearest codeword: at most two symbols differ, those of `erased` among them; and which. None when there is none."""
    found = syndromes(symbols)
    locator = [POWER[27 - i] for i in range(28)]
    candidates = [()] + [(i,) for i in range(28)] + [(i, j) for i in range(28) for j in range(i + 1, 28)]
    for places in candidates:
        if not set(erased) <= set(places):
            continue
        if len(places) == 2:  # S1 = aX + bY, S2 = aX² + bY²
            x, y = locator[places[0]], locator[places[1]]
            changes = [divide(found[1] ^ multiply(found[0], y), multiply(x, x ^ y)),
                       divide(found[1] ^ multiply(found[0], x), multiply(y, x ^ y))]
        else:
            changes = [divide(found[0], locator[p]) for p in places]
        out = list(symbols)
        for place, change in zip(places, changes):
            out[place] ^= change
        if not any(syndromes(out)):
            return out, places
    return None


def read_words(typed):
    """The secret of 32 bytes, and the corrections as (number, word)."""
    words = word_list()
    if len(typed) != 28:
        raise FormatError("usage", f"{len(typed)} words, not 28")
    indices = [word_index(words, word) for word in typed]
    erased = [i for i, index in enumerate(indices) if index is None]
    result = corrected([index or 0 for index in indices], erased)
    if result is None:
        raise corrupt("more than two wrong words")
    symbols, places = result
    value = 0
    for symbol in symbols[:24]:
        value = value << 11 | symbol
    payload = value.to_bytes(33, "big")
    if payload[0] != 1:
        raise corrupt("more than two wrong words") if payload[0] == 0 or len(places) == 2 else newer("a later kit")
    return payload[1:], [(place + 1, words[symbols[place]]) for place in places]


def base32(text):
    """Lower-case or upper-case digits without padding; left-over bits must be zero."""
    try:
        out = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        raise FormatError("usage", "no base32") from None
    if base64.b32encode(out).decode().rstrip("=") != text.upper():
        raise FormatError("usage", "no base32")
    return out


def labelled(line):
    name, colon, value = line.partition(":")
    known = LABELS.get(fold(name.split("/")[0].strip()) or "") if colon else None
    value = value.strip(" ")
    return known and (known, "" if re.fullmatch("[_.\\- ]*", value) else value)


def numbered(line):
    """[[number, word or ""]…] when the line is made of numbered words throughout, else None."""
    out = []
    for token in line:
        match = re.fullmatch(r"(\d+)[.)]?(.*)", token)
        if match:
            out.append([int(match[1]), match[2]])
        elif out and not out[-1][1]:
            out[-1][1] = token
        else:
            return None
    return out or None


def read_text(data):
    """What a kit's text or a .peer file holds: {"words": […], "space": bytes, "address": str, "key": bytes, …}."""
    if len(data) > 65536:
        raise FormatError("limit_exceeded", "too large for a kit")
    text = data.decode("utf-8", "surrogateescape")
    for before, after in (("\t", " "), ("\u00a0", " "), ("\u202f", " "), ("\ufeff", ""), ("\r", "\n"), ("\f", "\n")):
        text = text.replace(before, after)
    out, by_number, unnumbered, open_number = {}, {}, [], None
    for line in (line.strip(" ") for line in text.split("\n")):
        if not line or line[0] in "#":
            continue
        found = labelled(line)
        if found:
            name, value = found
            if value:
                out[name] = base32(re.sub("[ -]", "", value)) if name in ("space", "key") else value
            continue
        if line.startswith("-"):
            continue
        tokens = [token for token in re.split("[ ,;|]+", line) if token]
        pairs = numbered(tokens)
        if pairs:
            for number, word in pairs:
                if not 1 <= number <= 28 or number in by_number:
                    raise FormatError("usage", f"word number {number}")
                by_number[number] = word
            open_number = pairs[-1][0] if not pairs[-1][1] else None
        elif open_number and len(tokens) == 1:
            by_number[open_number], open_number = tokens[0], None
        else:
            open_number = None
            unnumbered += [] if ":" in line else tokens
    out["words"] = [by_number.get(i, "") for i in range(1, 29)] if by_number else unnumbered
    return out


class Keys:
    """Seeds sign ‖ box ‖ transport ‖ pre-shared secret of a device or root, and what is public of them."""

    def __init__(self, seeds):
        assert len(seeds) == 128
        self.box_secret, self.preshared = seeds[32:64], seeds[96:]
        self.sign, self.box, self.transport = ed25519_public(seeds[:32]), x25519_public(seeds[32:64]), ed25519_public(seeds[64:96])
        self.id = device_id(self.sign, self.box, self.transport)

    @classmethod
    def of_kit(cls, secret):
        return cls(b"".join(blake2b(f"bfr1 root {use}", b"", secret) for use in ("sign", "box", "trans", "psk")))


def device_id(sign, box, transport):
    return blake2b("bfr1 device id", b"\1\1\1" + sign + box + transport)
