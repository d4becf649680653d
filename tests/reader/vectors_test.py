#!/usr/bin/env python3
"""The independent reader against the golden vectors: what is accepted, what each malformed case is refused with, and a whole vault.

    vectors_test.py [TEST…]     or by ctest as reader.vectors
"""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import cbor
import kit
import objects
import primitives
import read_vault
import shares
import spaces
import trees
from primitives import FormatError, blake2b

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SECRET = bytes(range(32))


def load(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def unhex(values):
    return {k: bytes.fromhex(v) if isinstance(v, str) and re.fullmatch("([0-9a-f]{2})*", v) else v for k, v in values.items()}


def seeded(seed, call, size):
    return primitives.chacha20_stream(seed.to_bytes(8, "little").ljust(32, b"\0"), call.to_bytes(8, "little"), size)


class Reads(unittest.TestCase):
    def refuses(self, error, action, *arguments, why=""):
        with self.subTest(why=why), self.assertRaises(FormatError) as caught:
            action(*arguments)
        if hasattr(caught, "exception"):
            self.assertEqual(caught.exception.code, error, f"{why}: {caught.exception}")


class CryptoTest(Reads):
    """Goal: every derivation of the document gives the bytes of the worked values."""

    vectors = load("crypto/composed.json")

    def test_hashes_and_keys(self):
        for v in map(unhex, self.vectors["hash"]):
            self.assertEqual(blake2b(v["label"], v["input"], v["key"]), v["output"])
        for v in map(unhex, self.vectors["derive_key"]):
            self.assertEqual(objects.derive(v["label"], v["parent"], v["context"]), v["output"])
        for v in map(unhex, self.vectors["password"]):
            stretched = primitives.argon2id(v["password"], v["salt"], v["memory_kib"], v["passes"])
            self.assertEqual(objects.derive("bfr1 pw key", stretched), v["key"])
            self.assertEqual(objects.derive("bfr1 pw comm", stretched), v["commitment"])

    def test_seals(self):
        for v in map(unhex, self.vectors["seal"]):
            nonce, rest = v["sealed"][:24], v["sealed"][24:]
            self.assertEqual(objects.siv_nonce(v["nonce"], v["associated"], v["plaintext"]), nonce)
            self.assertEqual(primitives.aead_open(v["encrypt"], nonce, v["associated"], rest), v["plaintext"])
        good = unhex(self.vectors["seal"][0])
        for v in map(unhex, self.vectors["malformed"]["seal"]):
            self.refuses(v["error"], primitives.aead_open, good["encrypt"], v["sealed"][:24].ljust(24, b"\0"), good["associated"], v["sealed"][24:], why=v["why"])

    def test_nonces(self):
        v = unhex(load("crypto/official.json")["poly1305"])
        self.assertEqual(primitives.poly1305(v["key"], v["message"]), v["tag"])
        for v in map(unhex, self.vectors["siv_nonce"]):
            self.assertEqual(objects.siv_nonce(v["nonce"], v["associated"], seeded(v["seed"], 0, v["size"])), v["output"], v["size"])

    def test_signatures(self):
        for v in map(unhex, self.vectors["sign"]):
            self.assertTrue(primitives.verify(v["label"], v["public"], v["message"], v["signature"]))
            self.assertFalse(primitives.verify(v["label"], v["public"], v["message"] + b"!", v["signature"]))

    def test_boxes(self):
        good = unhex(self.vectors["box"][0])
        keys = kit.Keys(bytes(32) + good["recipient_secret"] + bytes(32) + good["preshared"])
        self.assertEqual(keys.box, good["recipient"])
        self.assertEqual(spaces.open_box(1, keys, good["context"], good["box"]), good["plaintext"])
        self.refuses("corrupt", spaces.open_box, 1, keys, good["context"] + b"!", good["box"])
        for v in map(unhex, self.vectors["malformed"]["box"]):
            self.refuses(v["error"], spaces.open_box, v["suite"], keys, good["context"], v["box"], why=v["why"])

    def test_root(self):
        v = unhex(self.vectors["root_keys"][0])
        root = kit.Keys.of_kit(v["kit_secret"])
        self.assertEqual(root.sign + root.box + root.transport, v["public"])
        self.assertEqual(root.id, v["device_id"])

    def test_chunk_boundaries_need_official_siphash(self):
        v = load("crypto/official.json")["siphash24"]
        for length, output in v["outputs"].items():
            self.assertEqual(primitives.siphash24(bytes.fromhex(v["key"]), bytes(range(int(length)))), int(output, 16))


class KitTest(Reads):
    """Goal: the words give the secret, wrong ones are put right, and a sheet is read as a person may have copied it."""

    vectors = load("crypto/composed.json")

    def test_words(self):
        for v in self.vectors["kit"]:
            self.assertEqual(kit.read_words(v["words"].split()), (bytes.fromhex(v["secret"]), []))
        for v in self.vectors["malformed"]["kit"]:
            self.refuses(v["error"], kit.read_words, v["words"].split(), why=v["why"])

    def test_two_wrong_words(self):
        good = self.vectors["kit"][2]["words"].split()
        for first, second in ((0, 27), (3, 4), (12, 24)):
            typed = list(good)
            typed[first], typed[second] = "zoologie", "?"
            self.assertEqual(kit.read_words(typed), (SECRET, [(first + 1, good[first]), (second + 1, good[second])]))
        later = next(m["words"] for m in self.vectors["malformed"]["kit"] if m["why"] == "version 2").split()
        self.refuses("corrupt", kit.read_words, ["?", "?", *later[2:]], why="two wrong words, and another version")
        self.assertEqual(kit.read_words([w[:4].upper() for w in good]), (SECRET, []))
        self.assertEqual(kit.word_index(kit.word_list(), "Dé\u0301e\u0300SSE"), kit.word_index(kit.word_list(), "deesse"))

    def test_sheets(self):
        sheet = (VECTORS / "vault" / "kit.txt").read_bytes()
        good = kit.read_text(sheet)
        self.assertEqual(kit.read_words(good["words"])[0], SECRET)
        self.assertNotIn("address", good)
        whole = kit.read_text(sheet + (VECTORS / "vault" / "kit.peer").read_bytes())
        self.assertEqual(whole["address"], "peer.example:8440")
        words = good["words"]
        for text in (" ".join(words), "\r\n".join(words), "# " + "x " * 9 + "\n" + ", ".join(words) + "\nSpace / Espace\u202f: ____\n"):
            self.assertEqual(kit.read_text(text.encode())["words"], words)
        one_by_one = "\n".join(f"{i + 1}.\n{w}" for i, w in reversed(list(enumerate(words))))
        self.assertEqual(kit.read_text(one_by_one.encode())["words"], words)


class CborTest(Reads):
    def test_vectors(self):
        vectors = load("storage/cbor.json")
        for v in vectors["accept"]:
            self.assertEqual(cbor.encode(cbor.decode(bytes.fromhex(v["hex"]))).hex(), v["hex"], v["note"])
        for v in vectors["reject"]:
            self.refuses("corrupt", cbor.decode, bytes.fromhex(v["hex"]), why=v["note"])


class ObjectsTest(Reads):
    """Goal: objects of every kind and codec open with nothing but their keys; malformed ones are refused with the right reason."""

    vectors = load("storage/objects.json")

    def setUp(self):
        self.by_id = {v["id"]: bytes.fromhex(v["object"]) for v in self.vectors["objects"]}
        keys = objects.EpochKeys(bytes.fromhex(self.vectors["epoch_secret"]))
        self.opener = objects.Opener(bytes.fromhex(self.vectors["space"]), {self.vectors["epoch"]: keys}, self.get)

    def get(self, identifier):
        if identifier.hex() not in self.by_id:
            raise FormatError("not_found")
        return self.by_id[identifier.hex()]

    def test_objects(self):
        content = objects.ContentKeys(bytes.fromhex(self.vectors["boundary"]), bytes.fromhex(self.vectors["dedup"]))
        kinds = "chunk", "bundle", "leaf", "node", "content leaf", "content node", "dictionary"
        self.assertEqual({v["codec"] for v in self.vectors["objects"]}, {0, 1, 2, 3})
        self.assertEqual({v["kind"] for v in self.vectors["objects"]}, set(kinds))
        for v in self.vectors["objects"]:
            opened = self.opener.open(bytes.fromhex(v["id"]))
            self.assertEqual((kinds[opened.kind - 1], opened.codec, opened.height), (v["kind"], v["codec"], v["height"]))
            self.assertEqual([c.hex() for c in opened.children], v["children"])
            self.assertEqual((opened.reference, opened.plaintext.hex()), (v["reference_child"], v["plaintext"]))
            for use, digest in v["digests"].items():
                self.assertEqual(content.digest(use, opened.plaintext).hex(), digest)

    def test_malformed(self):
        for v in self.vectors["malformed"]:
            data = bytes.fromhex(v["object"]) + bytes(v["zeros"])
            self.refuses(v["error"], self.opener.open_bytes, objects.object_id(data), data, why=v["name"])

    def test_payloads(self):
        for v in load("storage/payloads.json"):
            padded, reference = bytes.fromhex(v["payload"]), bytes.fromhex(v["reference"])
            if v["error"]:
                self.refuses(v["error"], lambda: objects.Payload(padded).decode(reference), why=v["name"])
            else:
                self.assertEqual(objects.Payload(padded).decode(reference).hex(), v["plaintext"], v["name"])

    def test_padded_lengths(self):
        lengths = [objects.padded_length(n) for n in range(0, 1 << 21, 4099)]
        self.assertTrue(all(n == objects.padded_length(n) and n % 256 == 0 for n in lengths))
        self.assertEqual(objects.padded_length(12 + (2 << 20)), objects.MAX_PAYLOAD_BYTES)


class ChunkerTest(Reads):
    def test_gear_table(self):
        self.assertEqual([f"{g:016x}" for g in objects.GEAR], load("storage/chunker.json")["gear"])

    def test_cut_points(self):
        # The first megabyte of each stream: the whole would take this interpreter long, and tells nothing more.
        for v in load("storage/chunker.json")["cuts"]:
            data, key, start = seeded(v["seed"], 0, v["size"]), bytes.fromhex(v["key"]), 0
            for cut in v["cuts"][:5]:
                start += objects.next_cut(key, data[start:start + (1 << 20)])
                self.assertEqual(start, cut)


class ShareTest(Reads):
    """Goal: an invitation to a share, a request to join and a refusal say what the document says, and nothing else passes for them."""

    vectors = load("storage/share.json")

    def setUp(self):
        self.invitation = shares.ShareInvitation(self.vectors["invitation"]["code"])

    def test_invitations(self):
        v = self.vectors["invitation"]
        for code in [v["code"], *v["forgiven"]]:
            invitation = shares.ShareInvitation(code)
            for field in ("transport", "sign", "space", "token", "transport_seed", "transport_key", "preshared"):
                self.assertEqual(getattr(invitation, field).hex(), v[field])
            self.assertEqual([invitation.address.decode(), invitation.role, invitation.expires, invitation.check],
                             [v["address"], v["role"], v["expires"], v["check"]])
        for m in v["malformed"]:
            self.refuses(m["error"], shares.ShareInvitation, m["code"], why=m["name"])

    def share_keys(self, who, secret):
        keys = kit.Keys(bytes.fromhex(self.vectors["log"]["keys"][who]))
        keys.preshared = secret(keys) if callable(secret) else secret
        return keys

    def test_log(self):
        v = self.vectors["log"]
        log = spaces.Log([bytes.fromhex(r["record"]) for r in v["records"]])
        root, founder = (self.share_keys(who, lambda k: objects.derive("bfr1 found psk", k.preshared, log.space)) for who in ("root", "founder"))
        laptop, friend = self.share_keys("laptop", self.invitation.preshared), kit.Keys(bytes.fromhex(v["keys"]["friend"]))
        for keys, opened in ((root, 4), (founder, 4), (laptop, 3)):
            access = spaces.Access(log, keys)
            self.assertEqual(access.problems, [])
            self.assertEqual([access.grants[n].secret.hex() for n in range(1, opened + 1)], v["epochs"][:opened])
            self.assertEqual(max(access.grants), opened)
        names = spaces.Access(log, founder).grants[3].names
        self.assertEqual(names, [{root.sign: "Mairie", friend.sign: "Claire"}, {founder.id: "PC du maire", laptop.id: "Portable"}])
        end = (bytes.fromhex(v["end"]["commit"]), v["end"]["sequence"])
        self.assertEqual([last for _, last in log.devices[laptop.id].cuts], [end, end])
        self.assertEqual([role for _, role in log.devices[laptop.id].roles], [spaces.READER, spaces.WRITER, spaces.READER])
        self.assertFalse(log.members[friend.sign][2])

    def test_notes(self):
        v = self.vectors["notes"]
        keys = objects.EpochKeys(bytes.fromhex(self.vectors["log"]["epochs"][0]))
        sealed = spaces.Commit(bytes.fromhex(v["commit"])).open(keys)
        self.assertEqual(sealed.author, [b"Claire", b"PC mairie", b"conflit", b"h", 3600])
        self.assertEqual((sealed.conflicts[0][0], len(sealed.conflicts), sealed.conflicts_total), (b"rapport.docx", 1, 1))
        for m in v["malformed"]:
            self.refuses("corrupt", spaces.Commit(bytes.fromhex(m["commit"])).open, keys, why=m["name"])

    def test_settings(self):
        v, log = self.vectors["settings"], spaces.Log([bytes.fromhex(r["record"]) for r in self.vectors["log"]["records"][:4]])
        self.assertEqual(log.ignore, None)
        log.append(bytes.fromhex(v["record"]))
        self.assertEqual([p.decode() for p in log.ignore], v["patterns"])
        for m in v["malformed"]:
            self.refuses(m["error"], spaces.Record, bytes.fromhex(m["record"]), why=m["name"])

    def test_secret_of_a_founder(self):
        device = kit.Keys(bytes.fromhex(self.vectors["request"]["device"]))
        secret = objects.derive("bfr1 found psk", device.preshared, self.invitation.space)
        self.assertEqual(secret.hex(), self.vectors["invitation"]["founder_preshared"])

    def test_requests(self):
        v = self.vectors["request"]
        request = shares.JoinRequest(self.invitation, bytes.fromhex(v["sealed"]))
        self.assertEqual(request.device.id, kit.Keys(bytes.fromhex(v["device"])).id)
        self.assertEqual(request.root.id, kit.Keys(bytes.fromhex(v["root"])).id)
        self.assertEqual((request.identity_name, request.device_name), (v["identity_name"], v["device_name"]))
        self.assertEqual(request.words(self.invitation), v["words"])
        for m in v["malformed"]:
            self.refuses(m["error"], shares.JoinRequest, self.invitation, bytes.fromhex(m["sealed"]), why=m["name"])

    def test_refusals(self):
        v = self.vectors["refusal"]
        self.assertEqual(self.invitation.refusal(bytes.fromhex(v["sealed"])), v["reason"])
        for m in v["malformed"]:
            self.refuses(m["error"], self.invitation.refusal, bytes.fromhex(m["sealed"]), why=m["name"])


class SpaceTest(Reads):
    """Goal: a log with every type of record verifies, its epochs open for whoever has a box, its commits and receipts are read."""

    vectors = load("storage/space.json")

    def setUp(self):
        self.people = {name: kit.Keys(bytes.fromhex(seeds)) for name, seeds in self.vectors["keys"].items()}
        self.records = [bytes.fromhex(r["record"]) for r in self.vectors["records"]]
        self.space = bytes.fromhex(self.vectors["space"])

    def test_log(self):
        log = spaces.Log(self.records, self.space)
        self.assertEqual([r.id.hex() for r in log.records], [r["id"] for r in self.vectors["records"]])
        self.assertEqual({r.type for r in log.records}, set(range(1, 13)))
        self.assertTrue(log.rotation_due)
        self.assertEqual(log.root.id, self.people["next_root"].id)
        self.refuses("corrupt", spaces.Log, self.records, bytes(32))
        self.refuses("conflict", log.append, self.records[2])
        self.refuses("corrupt", spaces.Log, self.records[:3] + self.records[4:])
        self.refuses("corrupt", spaces.Log, self.records[1:])

    def record(self, log, kind, body, signer):
        seed = bytes.fromhex(self.vectors["keys"][signer])[:32]
        clear = cbor.encode([log.space, len(log.records), log.records[-1].id, kind, self.people[signer].sign, 0, body])
        return cbor.encode([1, clear, primitives.sign("bfr1 sig record", seed, b"\1" + clear)])

    def public(self, name):
        keys = self.people[name]
        return [1, keys.sign, 1, keys.box, 1, keys.transport]

    def test_rules(self):
        retention, pin = [30, 0, 0, 0, 0, 0, 0], [bytes(32), True]
        friend, station = self.people["friend"], self.people["station"]
        boxes = [[recipient, 1, bytes(512)] for recipient in sorted((self.people["root"].id, station.id))]
        cases = {  # name: (records before it, type, body, signer)
            "a station in a vault": (3, spaces.RETENTION, retention, "station"), "a stranger": (3, spaces.RETENTION, retention, "friend"),
            "before the first epoch": (2, spaces.PIN, pin, "root"), "handover while a rotation is due": (2, spaces.HANDOVER, [self.public("next_root")], "root"),
            "known keys": (5, spaces.HANDOVER, [self.public("friend")], "root"), "the root's role": (3, spaces.MEMBER, [self.public("root"), 2], "root"),
            "no certificate": (5, spaces.DEVICE, [friend.sign, self.public("laptop"), 2, 1, bytes(64)], "root"),
            "no such device": (3, spaces.REMOVAL, [[[bytes(32)]], None, False], "root"),
            "the root": (3, spaces.REMOVAL, [[[station.id]], self.people["root"].sign, False], "root"),
            "an epoch too far": (3, spaces.EPOCH, [3, bytes(32), 1, b"x", b"x", []], "root"),
            "an epoch without boxes": (3, spaces.EPOCH, [2, bytes(32), 1, b"x", b"x", []], "root"),
            "a device's generation": (3, spaces.EPOCH, [2, bytes(32), 2, b"x", b"x", []], "station"),
            "a long shared part": (3, spaces.EPOCH, [2, bytes(32), 1, bytes(1281), b"x", boxes], "station"),
            "long handed keys": (3, spaces.EPOCH, [2, bytes(32), 1, b"x", bytes(1281), boxes], "station"),
            "a long box": (3, spaces.EPOCH, [2, bytes(32), 1, b"x", b"x", [boxes[0], [boxes[1][0], 1, bytes(513)]]], "station"),
            "a deletion that is none": (3, spaces.CANCEL, [self.space], "root"), "recovery of nobody": (3, spaces.RECOVERY, [bytes(32), []], "root"),
            "a removed device": (18, spaces.EPOCH, [5, bytes(32), 2, b"x", b"x", []], "station"),
            "the former root": (18, spaces.RETENTION, retention, "root"), "before the next epoch": (18, spaces.RETENTION, retention, "next_root"),
        }
        for why, (before, kind, body, signer) in cases.items():
            log = spaces.Log(self.records[:before])
            self.refuses("refused", log.append, self.record(log, kind, body, signer), why=why)
        log = spaces.Log(self.records[:3])
        log.append(self.record(log, spaces.RETENTION, retention, "root"))
        self.assertEqual(len(log.records), 4)
        for signer, length in (("station", 1280), ("root", 1281)):
            log = spaces.Log(self.records[:3])
            log.append(self.record(log, spaces.EPOCH, [2, bytes(32), 1, bytes(length), bytes(length), boxes], signer))

    def test_rotations_in_a_row(self):
        log = spaces.Log(self.records[:3])
        boxes = [[recipient, 1, b"box"] for recipient in sorted((self.people["root"].id, self.people["station"].id))]
        for number in range(2, 2 + spaces.MAX_ROTATIONS):
            log.append(self.record(log, spaces.EPOCH, [number, bytes(32), 1, b"x", b"x", boxes], "station"))
        epoch = [number + 1, bytes(32), 1, b"x", b"x", boxes]
        self.refuses("refused", log.append, self.record(log, spaces.EPOCH, epoch, "station"))
        log.append(self.record(log, spaces.EPOCH, epoch, "root"))

    def test_malformed_records(self):
        for v in self.vectors["malformed_records"]:
            self.refuses(v["error"], spaces.Record, bytes.fromhex(v["record"]), why=v["name"])

    def test_epochs(self):
        log = spaces.Log(self.records)
        secrets = {n: unhex(e) for n, e in enumerate(self.vectors["epochs"], 1)}
        for name, opens in (("root", {1, 2, 3, 4}), ("station", {1, 2, 3}), ("laptop", {2, 3, 4}), ("friend", set())):
            access = spaces.Access(log, self.people[name])
            self.assertEqual((set(access.grants), access.problems), (opens, []), name)
            for number, grant in access.grants.items():
                for field in ("secret", "boundary", "dedup", "generation"):
                    self.assertEqual(getattr(grant, field), secrets[number][field])
                if grant.reader_key is not None:
                    self.assertEqual(grant.reader_key, secrets[number]["reader_key"])
                self.assertEqual(grant.name.decode(), self.vectors["name"])

    def test_epochs_without_boxes_of_their_own(self):
        """Who has the newest box only reads the older epochs by the keys that were handed on."""
        log = spaces.Log(self.records)
        for record in log.records:
            if record.type == spaces.EPOCH and record.body.number < 4:
                record.body.boxes = []
        access = spaces.Access(log, self.people["root"])
        self.assertEqual({n: g.secret.hex() for n, g in access.grants.items()}, {n: e["secret"] for n, e in enumerate(self.vectors["epochs"], 1)})

    def test_contradictions_in_an_epoch(self):
        body = spaces.Log(self.records).records[2].body
        secret, other = (bytes.fromhex(self.vectors["epochs"][n]["secret"]) for n in (0, 1))
        self.refuses("corrupt", spaces.Grant, self.space, body, other)
        self.refuses("corrupt", spaces.Grant, self.space, body, secret, other)
        body.commitment = bytes(32)
        self.refuses("corrupt", spaces.Grant, self.space, body, secret)

    def test_commits(self):
        keys = objects.EpochKeys(bytes.fromhex(self.vectors["epochs"][0]["secret"]))
        for name in ("commit", "first_commit"):
            commit = spaces.Commit(bytes.fromhex(self.vectors[name]["commit"]))
            self.assertEqual(commit.id.hex(), self.vectors[name]["id"])
            self.assertTrue(commit.is_signed_by(self.people["station"].sign))
            self.assertFalse(commit.is_signed_by(self.people["root"].sign))
            sealed = commit.open(keys)
            self.assertEqual((sealed.label.decode(), sealed.statistics[0], sealed.problems_total), (self.vectors["name"], 100, 3))
            spaces.Log(self.records[:13]).accepts(commit)
        whole = spaces.Log(self.records)  # the station is removed there, and number 17 is another commit than its last valid one
        whole.accepts(commit)
        self.refuses("refused", whole.accepts, spaces.Commit(bytes.fromhex(self.vectors["commit"]["commit"])))
        self.assertEqual(objects.siv_nonce(keys.commit_nonce_key, commit.clear, bytes.fromhex(self.vectors["sealed_plaintext"])), commit.sealed[:24])
        self.refuses("corrupt", commit.open, objects.EpochKeys(SECRET))
        for v in self.vectors["malformed_commits"]:
            self.refuses(v["error"], spaces.Commit, bytes.fromhex(v["commit"]), why=v["name"])
        for v in self.vectors["malformed_sealed"]:
            self.refuses("corrupt", spaces.Commit(bytes.fromhex(v["commit"])).open, keys, why=v["name"])

    def test_receipts(self):
        peer = self.people["peer"].sign
        receipt = spaces.Receipt(bytes.fromhex(self.vectors["receipt"]["receipt"]), peer)
        self.assertEqual((receipt.id.hex(), receipt.counter), (self.vectors["receipt"]["id"], 2))
        for v in self.vectors["malformed_receipts"]:
            self.refuses(v["error"], spaces.Receipt, bytes.fromhex(v["receipt"]), peer, why=v["name"])

    def test_expiries(self):
        peer = self.people["peer"].sign
        expiry = spaces.Expiry(bytes.fromhex(self.vectors["expiry"]["expiry"]), peer)
        self.assertEqual((expiry.id.hex(), expiry.counter, expiry.as_of), (self.vectors["expiry"]["id"], 2, self.vectors["clock"]))
        deletion = next(bytes.fromhex(r["id"]) for r in self.vectors["records"] if r["name"] == "deletion")
        self.assertEqual(expiry.gone, [(b"\x0b" * 32, None), (b"\xaa" * 32, deletion)])
        for v in self.vectors["malformed_expiries"]:
            self.refuses(v["error"], spaces.Expiry, bytes.fromhex(v["expiry"]), peer, why=v["name"])

    def test_losses(self):
        peer = self.people["peer"].sign
        loss = spaces.Loss(bytes.fromhex(self.vectors["loss"]["loss"]), peer)
        self.assertEqual((loss.id.hex(), loss.counter, loss.declared), (self.vectors["loss"]["id"], 2, self.vectors["clock"]))
        self.assertEqual(loss.receipts, ((3, b"\x55" * 32), (5, b"\x56" * 32)))
        self.assertEqual((loss.expiries, loss.reason), (((0, None), (0, None)), "Disque remplacé"))
        for v in self.vectors["malformed_losses"]:
            self.refuses(v["error"], spaces.Loss, bytes.fromhex(v["loss"]), peer, why=v["name"])

    def test_invitations(self):
        v = self.vectors["invitation"]
        for code in [v["code"], *v["forgiven"]]:
            invitation = spaces.Invitation(code)
            for field in ("transport", "sign", "token", "transport_seed", "transport_key"):
                self.assertEqual(getattr(invitation, field).hex(), v[field])
            self.assertEqual(invitation.address.decode(), v["address"])
        for m in v["malformed"]:
            self.refuses(m["error"], spaces.Invitation, m["code"], why=m["name"])

    def test_device_request(self):
        station = self.people["station"]
        keys, preshared = cbor.decode(bytes.fromhex(self.vectors["device_request"]))
        self.assertEqual((keys, preshared), ([1, station.sign, 1, station.box, 1, station.transport], station.preshared))


class VaultTest(Reads):
    """Goal: kit and files alone give everything back, and nothing that was changed is given back."""

    folder = VECTORS / "vault"

    @staticmethod
    def vault():
        return read_vault.Vault((VaultTest.folder / "kit.txt").read_bytes(), read_vault.Folder(VaultTest.folder))

    def manifest(self, sequence):
        out = {}
        for line in (self.folder / f"manifest-{sequence}.txt").read_text(encoding="ascii").splitlines():
            path, kind, size, digest = line.split(" ")
            out[bytes.fromhex(path)] = int(kind), int(size), digest
        return out

    def test_every_snapshot(self):
        vault = self.vault()
        self.assertEqual((len(vault.commits), vault.refused, set(vault.access.epochs)), (2, [], {1, 2}))
        vault.check_receipts(kit.Keys(bytes.fromhex(load("storage/space.json")["keys"]["peer"])).sign)
        for commit in vault.commits.values():
            tree, found = vault.tree(commit), {}
            for entry in tree.entries():
                parts = [] if entry.flags & trees.UNREADABLE or entry.type != trees.FILE else tree.segments(entry)
                content = b"".join(bytes(s.length) if s.digest is None else tree.read(s) for s in parts)
                found[entry.path] = entry.type, entry.size, blake2b("bfr1 local file", content).hex()
            self.assertEqual(found, self.manifest(commit.sequence))
        self.assertEqual(vault.newest().sequence, 2)

    def test_boundaries_are_where_a_writer_puts_them(self):
        vault = self.vault()
        for commit in vault.commits.values():
            tree = vault.tree(commit)
            leaves = [trees.Page(vault.opener.open(c.id), tree.keys) for c in tree.page.children]
            for number, leaf in enumerate(leaves):
                ends = [trees.ends_object(tree.keys, 0, e.path, len(e.logical)) for e in leaf.entries]
                self.assertFalse(any(ends[:-1]))
                self.assertTrue(ends[-1] or number == len(leaves) - 1)
            for entry in (e for leaf in leaves for e in leaf.entries if e.path.endswith(b"register")):
                content = b"".join(tree.read(s) for s in tree.segments(entry))
                cuts = [objects.next_cut(tree.keys.chunk_cut_key, content)]
                self.assertEqual(cuts[0], entry.segments[0].length)
                self.assertGreater(len(entry.segments), 1)

    def test_a_restored_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out")
            command = [sys.executable, str(Path(read_vault.__file__)), str(self.folder / "kit.txt"), str(self.folder), str(out), "--json"]
            answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            self.assertEqual((answer["commits"], answer["entries"], answer["problems"]), (2, 17, []))
            for path, (kind, size, digest) in self.manifest(2).items():
                target = os.path.join(os.fsencode(out), *path.split(b"\0"))
                if kind == trees.FILE and b"unreadable" not in path:
                    self.assertEqual(hashlib.blake2b(Path(os.fsdecode(target)).read_bytes(), digest_size=32, person=b"bfr1 local file\0").hexdigest(), digest)
                    self.assertEqual(os.stat(target).st_size, size)
                elif kind == trees.DIRECTORY:
                    self.assertTrue(os.path.isdir(target))
            self.assertEqual(os.readlink(out / "home" / "link"), "archive/../note")
            self.assertEqual(os.stat(out / "home" / "register").st_ino, os.stat(out / "home" / "register.link").st_ino)
            self.assertEqual(os.stat(out / "home" / "archive").st_mode & 0o7777, 0o2750)
            self.assertEqual(os.stat(out / "home" / "note").st_mtime_ns % 10**9, 123_456_789)

    def test_nothing_is_written_below_a_link(self):
        class Entries:
            @staticmethod
            def entries():
                yield trees.Entry({0: b"a", 1: 3, 11: b".."}, [])
                yield trees.Entry({0: b"a\0b", 1: 4}, [])

        with tempfile.TemporaryDirectory() as folder:
            self.refuses("corrupt", read_vault.Restorer(Entries, os.path.join(folder, "out")).run)
            self.assertEqual(os.listdir(folder), ["out"])

    def test_damage_is_seen(self):
        """Each object in turn is swapped for another one, or one bit of it is: nothing is read from it."""
        good = self.vault()
        for name, file in good.folder.objects.items():
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 1
            self.refuses("corrupt", good.opener.open_bytes, bytes.fromhex(name), bytes(data), why=name)

    def test_what_a_file_is_made_of_is_compared(self):
        vault = self.vault()
        tree = vault.tree(vault.newest())
        entries = {e.path: e for e in tree.entries()}
        note, letter, sparse = (entries[b"home\0" + name] for name in (b"note", b"letter", b"sparse"))
        note.digest = letter.digest
        self.refuses("corrupt", lambda: list(tree.segments(note)))
        sparse.segments[0].length += 1
        self.refuses("corrupt", lambda: list(tree.segments(sparse)))
        letter.segments[0].digest = note.segments[0].digest
        self.refuses("corrupt", tree.read, letter.segments[0])
        note.segments[0].offset += 1
        self.refuses("corrupt", tree.read, note.segments[0])
        leaf = vault.opener.open(tree.page.children[1].id)
        leaf.children.append(b"\xff" * 32)
        self.refuses("corrupt", trees.Page, leaf, tree.keys)

    def test_a_tree_object_of_another_snapshot_is_refused(self):
        """A peer that has keys of its own (a former member) can seal what it likes; it can't make a commit's tree of it."""
        vault = self.vault()
        first, second = sorted(vault.commits.values(), key=lambda c: c.sequence)
        second.root, true_root = first.root, second.root
        self.refuses("corrupt", vault.tree, second)
        second.root = true_root
        tree = vault.tree(second)
        tree.page.children[-1].id = trees.Page(vault.opener.open(first.root), tree.keys).children[-1].id
        self.refuses("corrupt", lambda: list(tree.entries()))


class TreeTest(Reads):
    """Goal: entries are taken and refused as the document says."""

    children = [bytes([i] * 32) for i in range(1, 4)]

    piece = [3, b"\xbb" * 32, 0, 2, 7]

    def read(self, **changes):
        fields = {0: b"home\0note", 1: 1, 17: [self.piece]}
        fields.update({int(k[1:]): v for k, v in changes.items()})
        return trees.Entry(cbor.decode(cbor.encode({k: v for k, v in fields.items() if v is not ...})), self.children)

    def test_accepted(self):
        self.assertEqual(self.read().references(), [(self.children[0], 2)])
        self.read(_9=5, _16=b"\xcc" * 32, _17=..., _18=[1, 63])
        self.read(_16=b"\xcc" * 32, _17=...)
        self.read(_9=5, _15=4, _17=...)
        self.read(_0=b"", _1=2, _17=...)
        self.read(_1=3, _17=..., _11=b"../x")
        self.read(_1=6, _17=..., _12=8, _13=1)

    def test_what_follows_from_the_segments(self):
        def said(entry):
            return cbor.decode(entry.logical)

        digest = b"\xcc" * 32
        self.assertEqual(said(self.read()), {0: b"home\0note", 1: 1, 9: 3, 16: self.piece[1]})
        for segments, size in (([[7], self.piece], 10), ([self.piece, self.piece], 6), ([[7]], 7)):
            self.assertEqual(said(self.read(_16=digest, _17=segments)), {0: b"home\0note", 1: 1, 9: size, 16: digest})
            self.refuses("corrupt", lambda: self.read(_17=segments), why="no digest")
            self.refuses("corrupt", lambda: self.read(_9=size, _16=digest, _17=segments), why="a size that follows")
        self.refuses("corrupt", lambda: self.read(_9=3), why="a size that follows")
        self.refuses("corrupt", lambda: self.read(_16=self.piece[1]), why="a digest that follows")

    def test_content_digests(self):
        class Piece:
            def __init__(self, length, digest):
                self.length, self.digest = length, digest

            def logical(self):
                return [self.length, self.digest]

        keys = objects.ContentKeys(bytes(32), bytes(32))
        piece, other, hole = Piece(3, b"\xbb" * 32), Piece(3, b"\xaa" * 32), Piece(4, None)

        def of(*segments):
            digester = trees.ContentDigest(keys)
            for segment in segments:
                digester.add(segment)
            return digester.finish()

        self.assertEqual(of(piece), piece.digest)
        self.assertEqual(of(), keys.digest("content", b"\0"))
        self.assertEqual(of(hole), keys.digest("content", bytes.fromhex("8204f601")))
        self.assertEqual(of(hole, hole), keys.digest("content", bytes.fromhex("8208f601")))
        self.assertEqual(of(piece, other), keys.digest("content", cbor.encode(piece.logical()) + cbor.encode(other.logical()) + b"\2"))
        self.assertEqual(len({of(), of(hole), of(piece), of(piece, other), of(piece, hole), of(hole, piece)}), 6)

    def test_refused(self):
        no_content = {"_17": ...}
        digest = b"\xcc" * 32
        for why, changes in {
                "absolute": {"_0": b"/etc"}, "dot dot": {"_0": b"a\0..\0b"}, "empty component": {"_0": b"a\0\0b"}, "file as root": {"_0": b""},
                "no path": {"_0": ...}, "type 7": {"_1": 7}, "mode": {"_2": 0o10000}, "zero mode": {"_2": 0}, "nanoseconds": {"_8": 10**9},
                "unknown flag": {"_15": 8}, "unknown field": {"_19": 1}, "zero digest": {"_16": bytes(32), "_17": [[7]]},
                "zero digest of a piece": {"_17": [[3, bytes(32), 0, 2, 7]]}, "no digest": {"_17": ...}, "size of nothing": {"_9": 4, "_16": digest, "_17": ...},
                "two holes": {"_16": digest, "_17": [[1], [1]]}, "no segments": {"_16": digest, "_17": []}, "child": {"_17": [[3, digest, 3, 2, 7]]},
                "height": {"_17": [[3, digest, 0, 64, 7]]}, "long segment": {"_17": [[1 << 22, digest, 0, 2]]},
                "both": {"_18": [1, 2]}, "unreadable with content": {"_15": 4}, "link without target": {"_1": 3, **no_content},
                "target of a file": {"_11": b"x"}, "device numbers of a file": {"_12": 1}, "directory with hard link": {"_1": 2, "_14": b"a", **no_content},
                "xattrs": {"_10": [[b"b", b""], [b"a", b""]]}, "xattr without name": {"_10": [[b"", b"x"]]}, "size of a directory": {"_1": 2, "_9": 3, "_17": ...},
        }.items():
            self.refuses("corrupt", lambda c=changes: self.read(**c), why=why)


class StoreTest(Reads):
    """Goal: the rows of the local store say of objects what their headers say."""

    def test_facts_of_objects(self):
        known = {v["id"]: bytes.fromhex(v["object"]) for v in load("storage/objects.json")["objects"]}
        rows = [(bytes.fromhex(r["key"]), bytes.fromhex(r["value"])) for r in load("storage/store.json") if r["table"] == "info"]
        self.assertEqual(len(rows), 3)
        for key, value in rows:
            data = known[key[32:].hex()]
            header = objects.check_object(data)
            kind, height, flags, epoch, length, children, insertion = struct.unpack_from("<BBBxIIHxxQ", value)
            self.assertEqual((kind, height, epoch, length, key[:32]), (header.kind, header.height, header.epoch, len(data), header.space))
            self.assertEqual(value[24:], b"".join(header.children))
            self.assertEqual((children, insertion > 0), (len(header.children), flags & 1 == 1))


class DocumentTest(unittest.TestCase):
    """Goal: the examples in docs/format.md are the bytes of the vectors, its labels and words those of the program."""

    document = kit.DOCUMENT.read_text(encoding="utf-8")
    sources = kit.DOCUMENT.parents[1] / "crypto"
    # Constants of the program, and what the document says of them.
    limits = {
        "storage/format/types.h": {
            "kMaxObjectBytes": "An object has at most {} bytes.",
            "kMaxChildren": "number of children, at most {}",
            "kMaxHeight": "height of the children, at most {}",
            "kMaxRawBytes": "bytes of plaintext, at most {}",
            "kMaxDeltaDepth": "A reader follows at most {} references in a row.",
            "kMaxCommitBytes": "At most {} bytes: `[1, clear, sealed, signature]`",
            "kMaxReceiptBytes": "signed by the peer's signing key, at most {} bytes",
            "kMaxExpiryBytes": "signed by the same key, at most {} bytes",
            "kMaxRecordBytes": "signed by the key that `signer` names, at most {} bytes",
        },
        "storage/format/object.h": {
            "kMaxPayloadBytes": "a padded length of at least 256 and at most {} bytes",
        },
        "storage/format/chunker.h": {
            "kChunkMinBytes": "A length L, from {} to",
            "kChunkNormalBytes": "up to L = {}",
            "kChunkMaxBytes": "or at {} bytes. Data of",
        },
        "storage/tree/bundle.h": {
            "kSmallFileBytes": "Small files (1 to {} bytes)",
            "kBundleTargetBytes": "It is sealed as soon as it has {} bytes.",
        },
        "storage/tree/content.h": {
            "kMaxContentItems": "Content leaf: `[segment…]`, 1 to {}",
        },
        "storage/tree/entry.h": {
            "kMaxPathBytes": "At most {} bytes; no empty component",
            "kMaxOwnerNameBytes": "names of user and group | bytes, at most {}",
            "kMaxXattrs": "names strictly ascending; at most {};",
            "kMaxXattrNameBytes": "a name has 1 to {} bytes",
            "kMaxXattrValueBytes": "a value at most {};",
            "kMaxXattrsBytes": "at most {} bytes together",
            "kMaxInlineSegments": "A file of more than {} segments has a content root",
        },
        "storage/tree/tree.h": {
            "kTreeObjectTargetBytes": "size >= {} or",
            "kMaxTreeObjectLogicalBytes": "would take it over {} bytes of logical encodings",
            "kMaxTreeObjectReferences": "or over {} references",
        },
        "storage/space/commit.h": {
            "kMaxParents": "At most {} parents",
            "kMaxProblems": "Problems: at most {}, each",
            "kMaxNameBytes": "Label, host and each tag: at most {} bytes",
            "kMaxTextBytes": "each text of at most {} bytes",
            "kMaxTags": "at most {} tags",
            "kMaxSources": "absolute paths; at most {},",
            "kMaxProblemArguments": "each with at most {} arguments",
            "kMaxSourcesBytes": "bytes each and {} together",
            "kMaxProblemsBytes": "have at most {} bytes together",
            "kMaxConflicts": "give to copies: at most {},",
            "kMaxConflictsBytes": "their encodings have at most {} bytes together. `conflicts",
            "kMaxUtcOffsetS": "to {} seconds",
        },
        "storage/space/expiry.h": {
            "kMaxExpiredCommits": "1 to {} commits that have gone",
        },
        "storage/space/loss.h": {
            "kMaxLossReasonBytes": "at most {} bytes of UTF-8",
            "kMaxLossBytes": "`bfr1 sig loss`, signed by the same key, at most {} bytes",
            "kMaxLosses": "at most {} losses",
        },
        "storage/space/epoch.h": {
            "kMaxSpaceNameBytes": "the name has at most {} bytes",
        },
        "storage/space/log.h": {
            "kMaxRotationsInARow": "after {} records by such devices in a row",
        },
        "storage/space/record.h": {
            "kMaxBoxes": "at most {} boxes",
            "kMaxDevices": "At most {} devices at once",
            "kMaxMembers": "fewer than {} members",
            "kMaxNamedCommits": "at most {} commits",
            "kMaxHandedKeysBytes": "handed keys at most {},",
            "kMaxSharedBytes": "shared 1 to {} bytes",
            "kMaxAddressBytes": "1 to {} bytes from 0x21",
            "kMaxLockDays": "1 to {} days",
            "kMaxRetentionWindow": "windows up to {} of their unit",
        },
        "crypto/box.h": {
            "kMaxSuiteBytes": "of 1 to {} bytes, recipients",
        },
        "crypto/password.h": {
            "kMaxPasswordBytes": "passwords of at most {} bytes",
            "kMaxPasswordPasses": "1 to {} passes",
        },
        "crypto/sheet_lines.h": {
            "kMaxSheetBytes": "UTF-8, at most {} bytes",
        },
    }

    def setUp(self):
        self.space, self.sealed = load("storage/space.json"), load("storage/objects.json")
        self.named = {v["name"]: v for v in self.sealed["objects"]}
        self.records = {r["name"]: bytes.fromhex(r["record"]) for r in self.space["records"]}
        self.people = {name: kit.Keys(bytes.fromhex(seeds)) for name, seeds in self.space["keys"].items()}
        self.vault = VaultTest.vault()
        self.opener, self.newest = self.vault.opener, self.vault.tree(self.vault.newest())
        self.entries = {e.path: e for e in self.newest.entries()}
        self.grants = spaces.Access(spaces.Log(list(self.records.values())), self.people["root"]).grants

    def example(self, name):
        """The bytes that an example is of."""
        kind, _, which = name.partition(" ")
        found = {
            "hash": lambda: bytes.fromhex(load("crypto/composed.json")["hash"][0]["output"]),
            "keyed-hash": lambda: bytes.fromhex(load("crypto/composed.json")["hash"][1]["output"]),
            "signature": lambda: bytes.fromhex(load("crypto/composed.json")["sign"][0]["signature"]),
            "siv-keys": lambda: self.siv(lambda key, *_: b"".join(blake2b("bfr1 siv hash", bytes([i]), key) for i in range(2))),
            "siv-text": lambda: self.siv(objects.siv_text),
            "seal": lambda: bytes.fromhex(load("crypto/composed.json")["seal"][0]["sealed"]),
            "password": lambda: bytes.fromhex("".join(load("crypto/composed.json")["password"][0][k] for k in ("argon2id", "key", "commitment"))),
            "gear": lambda: bytes.fromhex("".join(load("storage/chunker.json")["gear"])),
            "cut-keys": self.cut_keys,
            "cbor": lambda: bytes.fromhex(which),
            "root": lambda: bytes.fromhex(load("crypto/composed.json")["root_keys"][0]["public"]),
            "device-id": lambda: self.device_id(self.people[which]),
            "object": lambda: self.object(which)[0],
            "header": lambda: self.object(which)[0][:objects.check_object(self.object(which)[0]).size],
            "payload": lambda: self.payload(*self.object(which)),
            "entry": lambda: self.entry(b"\0".join(which.encode("latin-1").split(b"/"))),
            "logical": lambda: self.entries[b"\0".join(which.encode().split(b"/"))].logical,
            "digested": lambda: self.digested(which),
            "plaintext": lambda: self.plaintext(which),
            "commit": lambda: bytes.fromhex(self.space["first_commit" if which == "first" else "commit"]["commit"]),
            "sealed_plaintext": lambda: bytes.fromhex(self.space["sealed_plaintext"]),
            "share_plaintext": lambda: bytes.fromhex(load("storage/share.json")["notes"]["plaintext"]),
            "settings": lambda: cbor.encode(cbor.decode(cbor.decode(bytes.fromhex(load("storage/share.json")["settings"]["record"]))[1])[6]),
            "receipt": lambda: self.receipt(which),
            "expiry": lambda: bytes.fromhex(self.space["expiry"]["expiry"]),
            "loss": lambda: bytes.fromhex(self.space["loss"]["loss"]),
            "record": lambda: self.records[which],
            "body": lambda: cbor.encode(cbor.decode(cbor.decode(self.records[which])[1])[6]),
            "signed": lambda: self.signed(*which.split(" ", 1)),
            "box": lambda: bytes.fromhex(load("crypto/composed.json")["box"][0]["box"]),
            "boxed": lambda: self.boxed(*which.split(" "))[0],
            "context": lambda: self.boxed(*which.split(" "))[1],
            "shared": lambda: self.part("epoch share", self.grants[int(which)].secret, int(which), "shared"),
            "handed": lambda: self.part("reader wrap", self.grants[int(which)].reader_key, int(which), "handed"),
            "committed": lambda: self.committed(self.grants[int(which)]),
            "kit": lambda: self.kit(bytes.fromhex(which)),
            "space": lambda: self.sheet()["space"],
            "key": lambda: self.sheet()["key"],
            "invitation": lambda: kit.base32(self.space["invitation"]["code"].replace("-", "")[4:]),
            "request": lambda: bytes.fromhex(self.space["device_request"]),
            "store": lambda: next(bytes.fromhex(r["key"] + r["value"]) for r in load("storage/store.json") if r["name"] == which),
            "keys": lambda: bytes.fromhex(self.space["keys"][which]),
        }
        return found[kind]()

    def object(self, which):
        """A sealed object and the keys that open it: by its name in objects.json, or by the beginning of its id in the vault."""
        if which in self.named:
            return bytes.fromhex(self.named[which]["object"]), objects.EpochKeys(bytes.fromhex(self.sealed["epoch_secret"]))
        data = next(f.read_bytes() for name, f in self.vault.folder.objects.items() if name.startswith(which))
        return data, self.vault.access.epochs[objects.check_object(data).epoch]

    @staticmethod
    def siv(made):
        """What is made on the way to the nonce of the first seal."""
        v = unhex(load("crypto/composed.json")["seal"][0])
        return made(v["nonce"], v["associated"], v["plaintext"])

    def cut_keys(self):
        keys = objects.ContentKeys(*(bytes.fromhex(self.sealed[name]) for name in ("boundary", "dedup")))
        return keys.chunk_cut_key + keys.tree_cut_key

    def plaintext(self, which):
        if which in self.named:
            return bytes.fromhex(self.named[which]["plaintext"])
        return self.opener.open(objects.object_id(self.object(which)[0])).plaintext

    @staticmethod
    def payload(data, keys):
        size = objects.check_object(data).size
        return primitives.aead_open(keys.object_key, data[size:size + 24], data[:size], data[size + 24:])

    def entry(self, path):
        for child in self.newest.page.children:
            for fields in cbor.decode(self.opener.open(child.id).plaintext):
                if fields[0] == path:
                    return cbor.encode(fields)
        raise KeyError(path)

    def digested(self, which):
        """What the content digest of a file is made from, or the tree digest of a node."""
        keys, entry = self.newest.keys, self.entries.get(b"\0".join(which.encode().split(b"/")))
        if entry is None:
            page = trees.Page(self.opener.open(objects.object_id(self.object(which)[0])), keys)
            text = cbor.encode([page.self.level, [c.logical() for c in page.children]])
            self.assertEqual(keys.digest("tree", text), page.self.digest)
            return text
        digester = trees.ContentDigest(keys)
        for segment in self.newest.segments(entry):
            digester.add(segment)
        digester.close_hole()
        text = b"".join(digester.text) + cbor.encode(digester.items)
        self.assertEqual(keys.digest("content", text), entry.digest)
        return text

    def device_id(self, keys):
        text = b"\1\1\1" + keys.sign + keys.box + keys.transport
        self.assertEqual(blake2b("bfr1 device id", text), keys.id)
        return text

    def receipt(self, which):
        return (VECTORS / "vault" / "receipts" / "1").read_bytes() if which == "first" else bytes.fromhex(self.space["receipt"]["receipt"])

    def signed(self, kind, which):
        """All that a signature covers, label included."""
        if kind == "commit":
            _, clear, sealed, signature = cbor.decode(self.example(f"commit {which}"))
            parts = b"".join(blake2b("bfr1 part hash", part) for part in (clear, sealed))
            label, signer, message = "bfr1 sig commit", self.people["station"].sign, b"\1" + bytes.fromhex(self.space["space"]) + parts
        elif kind == "certificate":
            body = spaces.Record(self.records[which]).body
            label, signer, message, signature = "bfr1 sig device", body.identity, body.device.id, body.certificate
        else:
            _, clear, signature = cbor.decode(self.example(f"{kind} {which}"))
            label, message = f"bfr1 sig {kind}", b"\1" + clear
            signer = self.people["peer"].sign if kind == "receipt" else cbor.decode(clear)[4]
        self.assertTrue(primitives.verify(label, signer, message, signature))
        return primitives.label(label) + message

    def boxed(self, number, name):
        """What a box of an epoch holds, and its context."""
        grant, keys = self.grants[int(number)], self.people[name]
        suite, box = next((s, b) for r, s, b in grant.body.boxes if r == keys.id)
        return spaces.open_box(suite, keys, grant.context + keys.id, box), grant.context + keys.id

    def part(self, label, key, number, name):
        """A sealed part of an epoch's record, opened."""
        grant = self.grants[number]
        return primitives.aead_open(objects.derive(f"bfr1 {label}", key), bytes(24), grant.context, getattr(grant.body, name))

    def committed(self, grant):
        check = objects.derive("bfr1 reader chk", grant.reader_key)
        text = grant.context + grant.generation.to_bytes(4, "little") + grant.boundary + grant.dedup + check
        self.assertEqual(blake2b("bfr1 epoch comm", text, grant.secret), grant.body.commitment)
        return text

    def kit(self, secret):
        words = next(v["words"] for v in load("crypto/composed.json")["kit"] if v["secret"] == secret.hex()).split()
        value = 0
        for index in (kit.word_index(kit.word_list(), word) for word in words[:24]):
            value = value << 11 | index
        return value.to_bytes(33, "big")

    def test_examples(self):
        blocks = re.findall(r"^```bytes (.+)\n((?:.*\n)*?)```$", self.document, re.M)
        self.assertGreaterEqual(len(blocks), 96)
        for name, text in blocks:
            with self.subTest(example=name):
                columns = [re.split(" {3,}", line.strip())[0] for line in text.splitlines()]
                shown = "".join("".join(columns).split())
                self.assertRegex(shown, "^[0-9a-f\u2026]+$")
                self.assertTrue(re.fullmatch(shown.replace("\u2026", "([0-9a-f]{2})*?"), self.example(name).hex()), self.example(name).hex())

    def block(self, kind):
        """What is behind the kind of a block, and the text in it."""
        return re.search(f"^```{kind}(?: (.+))?\n((?:.*\n)*?)```$", self.document, re.M).groups()

    def sheet(self):
        return kit.read_text(self.block("sheet")[1].encode())

    def test_kit_example(self):
        secret, words = self.block("words-of")
        self.assertEqual(kit.read_words(words.split()), (bytes.fromhex(secret), []))
        of, values = self.block("values-of")
        listed = kit.word_list()
        self.assertEqual((of, [listed[int(value)] for value in values.split()]), (secret, words.split()))

    def test_sheet_example(self):
        vault = VECTORS / "vault"
        good, copied = kit.read_text((vault / "kit.txt").read_bytes() + (vault / "kit.peer").read_bytes()), self.sheet()
        words = kit.read_words(copied.pop("words"))
        self.assertEqual(words, (SECRET, [(26, "reiterer")]))
        self.assertEqual(copied, {name: good[name] for name in ("space", "peer", "address", "key")})
        self.assertEqual(self.block("peer")[1], (vault / "kit.peer").read_text(encoding="utf-8"))

    def test_invitation_example(self):
        self.assertEqual("".join(self.block("code")[1].split()), self.space["invitation"]["code"])

    def test_labels(self):
        defined = re.findall(r'make_label\("([^"]+)"\)', (self.sources / "labels.h").read_text(encoding="utf-8"))
        chapter = self.document.split("## 2. Labels")[1].split("## 3.")[0]
        self.assertEqual(sorted(re.findall(r"^\| `(bfr1 [^`]+)` \|", chapter, re.M)), sorted(defined))

    def test_limits(self):
        plain = " ".join(self.document.split())
        for header, sentences in self.limits.items():
            text = (self.sources.parent / header).read_text(encoding="utf-8")
            text = re.sub(r"//.*|std::size_t(?=\{)|\b(\d[\d']*)U?\b", lambda m: (m[1] or "").replace("'", ""), text)
            known = {"kMaxRawBytes": objects.MAX_RAW_BYTES}
            for name, value in re.findall(r"^inline constexpr [\w:]+ (k\w+) = ([\w*+\-{}\s]+);", text, re.M):
                if set(re.findall(r"k\w+", value)) <= set(known):
                    known[name] = eval(value.translate(str.maketrans("{}", "()")), {}, known)
            for name, sentence in sentences.items():
                with self.subTest(constant=name):
                    self.assertIn(sentence.format(f"{known[name]:,}"), plain)

    def test_words(self):
        text = (self.sources / "kit_word_list.cpp").read_text(encoding="utf-8")
        self.assertEqual(kit.word_list(), re.findall(r'"([a-z]+)"', text.split("= {")[1]))


if __name__ == "__main__":
    unittest.main()
