"""Invitations to a share, requests to join it, check words and refusals."""

import re
import struct

import cbor
import kit
from cbor import array, identifier, octets, unsigned
from objects import derive
from primitives import FormatError, aead_open, blake2b, ed25519_public, newer, require, verify
from spaces import Public, is_address, is_name, is_shown, key, outside


class ShareInvitation:
    def __init__(self, code):
        digits = re.sub("[-\\s]", "", code).lower()
        if not digits.startswith("bfs1"):
            raise newer("an invitation") if re.match("bfs[2-9].", digits) else FormatError("usage", "no invitation")
        payload = kit.base32(digits[4:])
        content, check = payload[:-4], payload[-4:]
        try:
            require(len(payload) > 4 and blake2b("bfr1 share check", content)[:4] == check, "a checksum")
            fields = array(cbor.decode(content), exactly=8)
            self.address, self.token = octets(fields[0]), octets(fields[4], exactly=16)
            self.transport, self.sign, self.space = map(identifier, fields[1:4])
            self.role, self.expires, self.check = unsigned(fields[5], 1, 4), unsigned(fields[6], 0, 253_402_300_799), unsigned(fields[7], 1, 2)
            require(is_address(self.address), "an address")
        except FormatError as error:
            raise FormatError("usage", "an invitation code that is cut or mistyped") from error
        self.transport_seed = derive("bfr1 share knock", self.token)
        self.transport_key = ed25519_public(self.transport_seed)
        self.preshared = derive("bfr1 share psk", self.token)

    def open(self, sealed, what, size):
        """The content of a request (`what` is b"q") or refusal (b"a")."""
        require(len(sealed) == size + 40, "a sealed length")
        plaintext = aead_open(derive("bfr1 share encr", self.token, what), sealed[:24], self.space, sealed[24:])
        length = struct.unpack_from("<I", plaintext)[0]
        require(length <= size - 4 and not any(plaintext[4 + length:]), "padding")
        return plaintext[4:4 + length]

    def refusal(self, sealed):
        suite, reason = array(cbor.decode(self.open(sealed, b"a", 512)), exactly=2)
        require(suite == 1 and is_shown(reason, 400), "a refusal")
        return reason


class JoinRequest:
    def __init__(self, invitation, sealed):
        clear, signature = outside(invitation.open(sealed, b"q", 1024), 1024, 2)
        fields, later = array(cbor.decode(clear), exactly=8), []
        require(identifier(fields[0]) == invitation.space and identifier(fields[1]) == invitation.transport_key, "another invitation")
        self.root, self.device = Public(fields[2], later), Public(fields[3], later)
        self.certificate = key(fields[4], fields[5], later, 64)
        if later:
            raise newer("a request to join")
        self.identity_name, self.device_name = fields[6:]
        for name in fields[6:]:
            require(is_name(name), "a name")
        require(verify("bfr1 sig join", self.device.sign, b"\1" + clear, signature), "a request's signature")
        require(verify("bfr1 sig device", self.root.sign, self.device.id, self.certificate), "a certificate")

    def words(self, invitation):
        keys = b"".join(p.sign + p.box + p.transport for p in (self.root, self.device))
        bits = int.from_bytes(blake2b("bfr1 check words", invitation.space + keys, invitation.token), "big") >> 256 - 66
        return [kit.word_list()[bits >> 11 * i & 2047] for i in reversed(range(6))]
