#!/usr/bin/env python3
"""Computes composed.json: one worked value of everything that crypto/ builds out of standard primitives.

An implementation of its own, from the contracts in crypto/*.h, on Python's hashlib and the cryptography package (44 or later, for Argon2id): it
shares no code with the program, so agreement means that both read the same specification. Run it only when the format gets a new suite:
    python3 generate.py > composed.json
"""
import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.poly1305 import Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECRET = bytes(range(32))
OTHER = bytes(range(100, 132))


def blake2b(label, data, key=b"", size=32):
    return hashlib.blake2b(data, digest_size=size, key=key, person=label.encode().ljust(16, b"\0")).digest()


def hchacha20(key, nonce16):
    """The draft's HChaCha20: twenty rounds, without the final addition."""
    def rotate(value, bits):
        return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF

    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))

    def quarter(a, b, c, d):
        for target, addend, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[target] = (state[target] + state[addend]) & 0xFFFFFFFF
            state[turned] = rotate(state[turned] ^ state[target], bits)

    for _ in range(10):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for diagonal in range(4):
            quarter(diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4)
    return struct.pack("<8I", *(state[:4] + state[12:]))


def aead_seal(key, nonce24, associated, plaintext):
    subkey = hchacha20(key, nonce24[:16])
    return ChaCha20Poly1305(subkey).encrypt(bytes(4) + nonce24[16:], plaintext, associated)


def siv_nonce(nonce_key, associated, plaintext):
    hashes = (Poly1305.generate_tag(blake2b("bfr1 siv hash", bytes([i]), nonce_key), plaintext) for i in range(2))
    text = struct.pack("<Q", len(associated)) + associated + struct.pack("<Q", len(plaintext)) + b"".join(hashes)
    return blake2b("bfr1 siv nonce", text, nonce_key, 24)


def seal(encrypt, nonce_key, associated, plaintext):
    nonce = siv_nonce(nonce_key, associated, plaintext)
    return nonce + aead_seal(encrypt, nonce, associated, plaintext)


def x25519_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def ed25519_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def box(ephemeral_secret, recipient, preshared, context, plaintext):
    ephemeral = x25519_public(ephemeral_secret)
    shared = X25519PrivateKey.from_private_bytes(ephemeral_secret).exchange(X25519PublicKey.from_public_bytes(recipient))
    key = blake2b("bfr1 box key", shared + ephemeral + recipient + context, preshared)
    return ephemeral + blake2b("bfr1 box comm", b"", key) + aead_seal(key, bytes(24), context, plaintext)


def box_of_small_order(recipient, preshared, context, plaintext):
    """A box that anyone can make who knows the pre-shared secret: with an ephemeral key of small order, X25519 gives zeros."""
    ephemeral, shared = bytes(32), bytes(32)
    key = blake2b("bfr1 box key", shared + ephemeral + recipient + context, preshared)
    return ephemeral + blake2b("bfr1 box comm", b"", key) + aead_seal(key, bytes(24), context, plaintext)


def seeded_random(seed, call, size):
    """SeededRandom: ChaCha20 (64-bit nonce and counter) of key le64(seed), nonce le64(call)."""
    key = struct.pack("<Q", seed).ljust(32, b"\0")
    stream = Cipher(algorithms.ChaCha20(key, bytes(8) + struct.pack("<Q", call)), mode=None).encryptor()
    return stream.update(bytes(size))


def field_multiply(a, b):
    """GF(2^11) by long multiplication modulo x^11 + x^2 + 1."""
    product = 0
    for bit in range(11):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(21, 10, -1):
        if product >> bit & 1:
            product ^= 0x805 << (bit - 11)
    return product


def kit_symbols(secret, version=1):
    bits = "".join(f"{byte:08b}" for byte in bytes([version]) + secret)
    data = [int(bits[i:i + 11], 2) for i in range(0, 264, 11)]
    generator = [1]
    root = 1
    for _ in range(4):
        root = field_multiply(root, 2)
        generator = [a ^ field_multiply(b, root) for a, b in zip(generator + [0], [0] + generator)]
    rest = data + [0] * 4
    for i in range(24):
        lead = rest[i]
        for j in range(5):
            rest[i + j] ^= field_multiply(generator[j], lead)
    return data + rest[24:]


def word_list():
    text = (Path(__file__).parents[3] / "crypto" / "kit_word_list.cpp").read_text()
    return text.split("= {")[1].split("};")[0].replace('"', " ").replace(",", " ").split()


def root_keys(kit_secret):
    sign, box_seed, transport, preshared = (
        blake2b(label, b"", kit_secret) for label in ("bfr1 root sign", "bfr1 root box", "bfr1 root trans", "bfr1 root psk"))
    public = ed25519_public(sign) + x25519_public(box_seed) + ed25519_public(transport)
    return {"seeds": sign + box_seed + transport + preshared, "public": public,
            "device_id": blake2b("bfr1 device id", b"\x01\x01\x01" + public)}


def password(text, salt, memory_kib, passes):
    stretched = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory_kib).derive(text)
    return {"password": text, "salt": salt, "memory_kib": memory_kib, "passes": passes, "argon2id": stretched,
            "key": blake2b("bfr1 pw key", b"", stretched), "commitment": blake2b("bfr1 pw comm", b"", stretched)}


def kit_vectors():
    out = []
    for secret in (bytes(32), bytes([255]) * 32, SECRET, seeded_random(7, 0, 32)):
        out.append({"secret": secret, "words": kit_text_of(secret)})
    return out


def kit_text_of(secret, version=1):
    words = word_list()
    return " ".join(words[symbol] for symbol in kit_symbols(secret, version))


def nonce_vectors():
    """Around the blocks of Poly1305 and the pieces in which a program may take them, up to the longest payload."""
    sizes = (0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 65535, 65536, 65537, 131072, 200001, 33 * 65536)
    return [{"nonce": OTHER, "associated": b"header in clear", "seed": 1792, "size": size,
             "output": siv_nonce(OTHER, b"header in clear", seeded_random(1792, 0, size))} for size in sizes]


def flipped(data, bit):
    return data[:bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1:]


def malformed_vectors(sealed, boxed):
    """What must be refused, with the name of its error code. Keys and context are those of the first vector of each kind."""
    good = kit_text_of(SECRET).split()
    longest = 16 * 1024
    return {
        "seal": [{"why": why, "sealed": data, "error": "corrupt"} for why, data in (
            ("empty", b""), ("shorter than nonce and tag", sealed[:39]), ("cut by one byte", sealed[:-1]),
            ("one byte more", sealed + b"\0"), ("nonce flipped", flipped(sealed, 0)),
            ("ciphertext flipped", flipped(sealed, 24 * 8)), ("tag flipped", flipped(sealed, len(sealed) * 8 - 1)))],
        "box": [{"why": why, "suite": suite, "box": data, "error": error} for why, suite, data, error in (
            ("empty", 1, b"", "corrupt"), ("shorter than its fixed parts", 1, boxed[:79], "corrupt"),
            ("cut by one byte", 1, boxed[:-1], "corrupt"), ("one byte more", 1, boxed + b"\0", "corrupt"),
            ("ephemeral key flipped", 1, flipped(boxed, 0), "corrupt"),
            ("ephemeral key of small order, else consistent", 1,
             box_of_small_order(x25519_public(OTHER), bytes([7]) * 32, b"space 1, epoch 3", SECRET), "corrupt"),
            ("ephemeral key of order eight", 1,
             bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800") + boxed[32:], "corrupt"),
            ("commitment flipped", 1, flipped(boxed, 32 * 8), "corrupt"),
            ("ciphertext flipped", 1, flipped(boxed, 64 * 8), "corrupt"),
            ("longer than any box", 1, boxed + bytes(longest + 1 - len(boxed)), "corrupt"),
            ("suite 0", 0, boxed, "unsupported_version"), ("suite 2", 2, boxed, "unsupported_version"))],
        "kit": [{"why": why, "words": words, "error": error} for why, words, error in (
            ("nothing", "", "usage"), ("27 words", " ".join(good[:27]), "usage"),
            ("29 words", " ".join(good + good[:1]), "usage"),
            ("three words in no list", " ".join(["ordinateur"] * 3 + good[3:]), "corrupt"),
            ("three wrong words", " ".join(["zoologie"] * 3 + good[3:]), "corrupt"),
            ("in reverse", " ".join(reversed(good)), "corrupt"),
            ("version 0", kit_text_of(SECRET, 0), "corrupt"),
            ("version 2", kit_text_of(SECRET, 2), "unsupported_version"),
            ("version 255", kit_text_of(SECRET, 255), "unsupported_version"))],
    }


def main():
    associated, plaintext = b"header in clear", b"Registre des deliberations, 1792"
    recipient = x25519_public(OTHER)
    box_args = {"recipient_secret": OTHER, "recipient": recipient, "preshared": bytes([7]) * 32, "context": b"space 1, epoch 3",
                "plaintext": SECRET, "random_seed": 42}
    vectors = {
        "hash": [{"label": "bfr1 object id", "key": b"", "input": b"abc", "output": blake2b("bfr1 object id", b"abc")},
                 {"label": "bfr1 dig chunk", "key": SECRET, "input": b"abc", "output": blake2b("bfr1 dig chunk", b"abc", SECRET)},
                 {"label": "bfr1 object id", "key": b"", "input": b"", "output": blake2b("bfr1 object id", b"")}],
        "derive_key": [{"label": "bfr1 obj encrypt", "parent": SECRET, "context": b"ctx",
                        "output": blake2b("bfr1 obj encrypt", b"ctx", SECRET)}],
        "seeded_random": [{"seed": 42, "call": call, "output": seeded_random(42, call, 32)} for call in (0, 1)],
        "seal": [{"encrypt": SECRET, "nonce": OTHER, "associated": a, "plaintext": p, "sealed": seal(SECRET, OTHER, a, p)}
                 for a, p in ((associated, plaintext), (b"", b""), (b"", plaintext), (associated, b""))],
        "siv_nonce": nonce_vectors(),
        "box": [box_args | {"box": box(seeded_random(42, 0, 32), recipient, bytes([7]) * 32, b"space 1, epoch 3", SECRET)}],
        "sign": [{"label": "bfr1 sig commit", "seed": SECRET, "message": b"commit",
                  "public": ed25519_public(SECRET),
                  "signature": Ed25519PrivateKey.from_private_bytes(SECRET).sign(b"bfr1 sig commit\0" + b"commit")}],
        "root_keys": [{"kit_secret": SECRET} | root_keys(SECRET)],
        "password": [password(b"correct horse", bytes(range(16)), 8192, 1), password(b"", bytes(range(16)), 8192, 3),
                     password("Été 1792".encode(), bytes([9]) * 16, 65536, 2)],
        "kit": kit_vectors(),
    }
    vectors["malformed"] = malformed_vectors(vectors["seal"][0]["sealed"], vectors["box"][0]["box"])
    json.dump(vectors, sys.stdout, indent=1, default=bytes.hex)
    print()


if __name__ == "__main__":
    main()
