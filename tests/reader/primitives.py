"""The standard primitives that docs/format.md names, from libsodium, libzstd and hashlib. Nothing of Beffroi's is in here."""

import ctypes
import hashlib

MAX_RAW_BYTES = 2 * 1024 * 1024


class FormatError(Exception):
    """`code` is one of the names in tests/vectors: corrupt, unsupported_version, refused, conflict, not_found, usage, limit_exceeded."""

    def __init__(self, code, text=""):
        super().__init__(f"{code}: {text}")
        self.code = code


def corrupt(text):
    return FormatError("corrupt", text)


def newer(text):
    return FormatError("unsupported_version", text)


def require(condition, text):
    if not condition:
        raise corrupt(text)


def load(name, signatures):
    library = ctypes.CDLL(name)
    for function, (result, *arguments) in signatures.items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


BYTES, LONG, SIZE, INT, POINTER = ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p

SODIUM = load("libsodium.so.23", {
    "sodium_init": (INT,),
    "crypto_aead_xchacha20poly1305_ietf_decrypt": (INT, POINTER, POINTER, POINTER, BYTES, LONG, BYTES, LONG, BYTES, BYTES),
    "crypto_sign_ed25519_verify_detached": (INT, BYTES, BYTES, LONG, BYTES),
    "crypto_sign_ed25519_seed_keypair": (INT, POINTER, POINTER, BYTES),
    "crypto_sign_ed25519_detached": (INT, POINTER, POINTER, BYTES, LONG, BYTES),
    "crypto_scalarmult_curve25519": (INT, POINTER, BYTES, BYTES),
    "crypto_scalarmult_curve25519_base": (INT, POINTER, BYTES),
    "crypto_shorthash_siphash24": (INT, POINTER, BYTES, LONG, BYTES),
    "crypto_stream_chacha20": (INT, POINTER, LONG, BYTES, BYTES),
    "crypto_pwhash_argon2id": (INT, POINTER, LONG, BYTES, LONG, BYTES, LONG, SIZE, INT),
})
if SODIUM.sodium_init() < 0:
    raise RuntimeError("libsodium can't be used")

ZSTD = load("libzstd.so.1", {
    "ZSTD_createDCtx": (POINTER,),
    "ZSTD_freeDCtx": (SIZE, POINTER),
    "ZSTD_DCtx_refPrefix": (SIZE, POINTER, BYTES, SIZE),
    "ZSTD_decompressDCtx": (SIZE, POINTER, POINTER, SIZE, BYTES, SIZE),
    "ZSTD_findFrameCompressedSize": (SIZE, BYTES, SIZE),
    "ZSTD_isError": (ctypes.c_uint, SIZE),
})


def label(text):
    return text.encode("ascii").ljust(16, b"\0")


def blake2b(name, data, key=b"", size=32):
    """BLAKE2b (RFC 7693), its personalisation being the label `name`."""
    return hashlib.blake2b(data, digest_size=size, key=key, person=label(name)).digest()


def poly1305(key, data):
    """RFC 8439, section 2.5, in its own words: a polynomial over blocks of 16 bytes, modulo 2^130 - 5."""
    r, s = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, int.from_bytes(key[16:], "little")
    value = 0
    for at in range(0, len(data), 16):
        value = (value + int.from_bytes(data[at:at + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((value + s) % (1 << 128)).to_bytes(16, "little")


def aead_open(key, nonce, associated, ciphertext):
    """XChaCha20-Poly1305; the last 16 bytes of `ciphertext` are the tag."""
    require(len(ciphertext) >= 16, "too short to be sealed")
    out = ctypes.create_string_buffer(len(ciphertext) - 16 + 1)
    failed = SODIUM.crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, None, None, ciphertext, len(ciphertext), associated, len(associated), nonce, key)
    require(failed == 0, "a seal does not open")
    return out.raw[:-1]


def verify(name, key, message, signature):
    """Ed25519 over label and message."""
    text = label(name) + message
    return len(signature) == 64 and SODIUM.crypto_sign_ed25519_verify_detached(signature, text, len(text), key) == 0


def ed25519_pair(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    SODIUM.crypto_sign_ed25519_seed_keypair(public, secret, seed)
    return public.raw, secret.raw


def ed25519_public(seed):
    return ed25519_pair(seed)[0]


def sign(name, seed, message):
    """Only for records that the tests make up."""
    out, text = ctypes.create_string_buffer(64), label(name) + message
    SODIUM.crypto_sign_ed25519_detached(out, None, text, len(text), ed25519_pair(seed)[1])
    return out.raw


def x25519_public(secret):
    out = ctypes.create_string_buffer(32)
    SODIUM.crypto_scalarmult_curve25519_base(out, secret)
    return out.raw


def x25519(secret, public):
    out = ctypes.create_string_buffer(32)
    require(SODIUM.crypto_scalarmult_curve25519(out, secret, public) == 0, "an X25519 key of small order")
    return out.raw


def siphash24(key, data):
    out = ctypes.create_string_buffer(8)
    SODIUM.crypto_shorthash_siphash24(out, data, len(data), key)
    return int.from_bytes(out.raw, "little")


def chacha20_stream(key, nonce8, size):
    """Only for the vectors' pseudo-random data."""
    out = ctypes.create_string_buffer(size)
    SODIUM.crypto_stream_chacha20(out, size, nonce8, key)
    return out.raw


def argon2id(password, salt, memory_kib, passes):
    out = ctypes.create_string_buffer(32)
    if SODIUM.crypto_pwhash_argon2id(out, 32, password, len(password), salt, passes, memory_kib * 1024, 2) != 0:
        raise MemoryError("Argon2id")
    return out.raw


def zstd_frame(data, raw_length, prefix=None):
    """Decompresses what must be one zstd frame of exactly `raw_length` bytes; `prefix` is the delta's base or the dictionary."""
    require(data[:4] == bytes.fromhex("28b52ffd"), "no zstd frame")
    require(ZSTD.ZSTD_findFrameCompressedSize(data, len(data)) == len(data), "not one zstd frame")
    require(0 < raw_length <= MAX_RAW_BYTES, "a raw length out of bounds")
    context = ZSTD.ZSTD_createDCtx()
    try:
        if prefix is not None:
            require(not ZSTD.ZSTD_isError(ZSTD.ZSTD_DCtx_refPrefix(context, prefix, len(prefix))), "a zstd prefix")
        out = ctypes.create_string_buffer(raw_length)
        written = ZSTD.ZSTD_decompressDCtx(context, out, raw_length, data, len(data))
    finally:
        ZSTD.ZSTD_freeDCtx(context)
    require(written == raw_length, "a zstd frame does not decompress to its length")
    return out.raw
