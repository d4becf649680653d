"""Commits, receipts, expiries, the log and its rules, epochs, boxes, invitations."""

import re
import struct

import cbor
from cbor import array, ascending, boolean, identifier, octets, signed, unsigned
from kit import base32, device_id
from objects import ContentKeys, EpochKeys, derive, padded_length
from primitives import FormatError, aead_open, blake2b, ed25519_public, newer, require, verify, x25519

MAX_SUITE_BYTES, MAX_ROTATIONS = 16384, 64
MANAGER, WRITER, READER, DEPOSITOR = range(1, 5)
GENESIS, MEMBER, DEVICE, REMOVAL, EPOCH, RETENTION, PIN, HOME, RECOVERY, HANDOVER, DELETION, CANCEL, SETTINGS = range(1, 14)
VAULT, SHARE = 1, 2
U32 = (1 << 32) - 1


def outside(data, most, parts):
    """The parts behind the suite of a commit, receipt or record."""
    require(len(data) <= most, "too long")
    reader = cbor.Reader(data)
    major, items = reader.head()
    require(major == 4 and items, "no array")
    major, suite = reader.head()
    require(major == 0, "no suite")
    if suite > 1:
        raise newer("a later suite")
    value = cbor.decode(data)
    require(suite == 1 and len(value) == parts + 1 and all(isinstance(v, bytes) for v in value[1:]), "an envelope")
    octets(value[-1], exactly=64)
    return value[1:]


class Commit:
    def __init__(self, data):
        self.clear, self.sealed, self.signature = outside(data, 256 * 1024, 3)
        fields = array(cbor.decode(self.clear), exactly=10)
        self.space, self.device, self.sequence = identifier(fields[0]), identifier(fields[1]), unsigned(fields[2], 1)
        self.parents = ascending([identifier(p) for p in array(fields[3], 16)])
        self.root, self.epoch, self.log_head = identifier(fields[4]), unsigned(fields[5], 1, U32), identifier(fields[6])
        self.last_receipt = fields[7] and identifier(fields[7])
        require(fields[7] is None or self.last_receipt, "a receipt's id")
        self.clock, self.flags = signed(fields[8]), unsigned(fields[9], 0, U32)
        require(self.parents or self.sequence == 1, "no parents")
        if self.flags > 3:
            raise newer("a commit's flags")
        self.id = blake2b("bfr1 commit id", b"".join(struct.pack("<Q", len(p)) + p for p in (self.clear, self.sealed)))

    def is_signed_by(self, key):
        parts = b"".join(blake2b("bfr1 part hash", part) for part in (self.clear, self.sealed))
        return verify("bfr1 sig commit", key, b"\1" + self.space + parts, self.signature)

    def open(self, keys):
        return CommitSealed(aead_open(keys.commit_key, self.sealed[:24], self.clear, self.sealed[24:]))


class CommitSealed:
    def __init__(self, padded):
        require(len(padded) >= 4, "no length")
        length = struct.unpack_from("<I", padded)[0]
        require(len(padded) == padded_length(4 + length) and not any(padded[4 + length:]), "padding")
        fields = array(cbor.decode(padded[4:4 + length]), 12, least=11)
        self.label, self.host = octets(fields[0], 255), octets(fields[1], 255)
        self.sources = [octets(s, 4096) for s in array(fields[2], 1024)]
        self.tags = [octets(t, 255) for t in array(fields[3], 64)]
        require(sum(map(len, self.sources)) <= 65536, "sources")
        self.generation, self.tree_digest = unsigned(fields[4], 1, U32), identifier(fields[5])
        self.root_height, self.entries = unsigned(fields[6], 0, 64), unsigned(fields[7])
        self.statistics = [unsigned(n) for n in array(fields[8], exactly=13)]
        self.problems = [self.problem(p) for p in array(fields[9], 500)]
        require(sum(len(cbor.encode(p)) for p in self.problems) <= 112 * 1024, "problems")
        self.problems_total = unsigned(fields[10], len(self.problems))
        self.author, self.conflicts, self.conflicts_total = self.share(fields[11]) if len(fields) == 12 else (None, [], 0)

    @staticmethod
    def share(item):
        """Of a commit in a share: its author with the words and the local time of copies' names, and the copies that its merge made."""
        author, conflicts, total = array(item, exactly=3)
        *texts, offset = array(author, exactly=5)
        require(abs(signed(offset)) < 86_400, "a UTC offset")
        listed = [[octets(text, 4096) for text in array(pair, exactly=2)] for pair in array(conflicts, 1000)]
        require(sum(len(cbor.encode(pair)) for pair in listed) <= 48 * 1024, "conflicts")
        return [*(octets(text, 255) for text in texts), offset], listed, unsigned(total, len(listed))

    @staticmethod
    def problem(item):
        path, reason, arguments = array(item, exactly=3)
        return [octets(path, 4096), octets(reason, 4096), [octets(a, 4096) for a in array(arguments, 8)]]


class Receipt:
    def __init__(self, data, peer):
        clear, signature = outside(data, 4096, 2)
        require(verify("bfr1 sig receipt", peer, b"\1" + clear, signature), "a receipt's signature")
        fields = array(cbor.decode(clear), exactly=6)
        self.space, self.counter = identifier(fields[0]), unsigned(fields[1], 1)
        self.previous = None if fields[2] is None else identifier(fields[2])
        self.commit, self.log_head, self.time = identifier(fields[3]), identifier(fields[4]), signed(fields[5])
        require(self.previous is not None or self.counter == 1, "a receipt's previous")
        self.id = blake2b("bfr1 receipt id", data)


class Expiry:
    """Commits that the peer let go: .gone has the id of each, and that of the deletion's record, or None for the rules."""

    def __init__(self, data, peer):
        clear, signature = outside(data, 72 * 1024, 2)
        require(verify("bfr1 sig expiry", peer, b"\1" + clear, signature), "an expiry's signature")
        fields = array(cbor.decode(clear), exactly=6)
        self.space, self.counter = identifier(fields[0]), unsigned(fields[1], 1)
        self.previous = None if fields[2] is None else identifier(fields[2])
        self.as_of, self.log_head = signed(fields[3]), identifier(fields[4])
        self.gone = [self.cause(*array(item, exactly=2)) for item in array(fields[5], 1024, least=1)]
        ascending([commit for commit, _ in self.gone])
        require(self.previous is not None or self.counter == 1, "an expiry's previous")
        self.id = blake2b("bfr1 expiry id", data)

    @staticmethod
    def cause(commit, cause):
        return identifier(commit), identifier(cause) if isinstance(cause, bytes) else (unsigned(cause, 0, 0) or None)


# What a terminal obeys instead of showing it.
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def is_shown(text, most):
    """Text that a terminal may show, of so many bytes at most."""
    return isinstance(text, str) and len(text.encode()) <= most and not UNSHOWN.search(text)


def is_name(text):
    return is_shown(text, 64) and text and text == text.strip(" ")


class Loss:
    """What the peer says that it lost: .receipts and .expiries are ((number, id) kept, (number, id) of the head)."""

    def __init__(self, data, peer):
        clear, signature = outside(data, 1024, 2)
        require(verify("bfr1 sig loss", peer, b"\1" + clear, signature), "a loss's signature")
        fields = array(cbor.decode(clear), exactly=8)
        self.space, self.counter = identifier(fields[0]), unsigned(fields[1], 1)
        self.previous = None if fields[2] is None else identifier(fields[2])
        self.declared, self.since = signed(fields[3]), signed(fields[4])
        self.receipts, self.expiries = self.chain(fields[5]), self.chain(fields[6])
        self.reason = cbor.Reader.utf8(octets(fields[7], 255))
        require(is_shown(self.reason, 255), "a loss's reason")
        require((self.previous is None) == (self.counter == 1) and self.since <= self.declared, "a loss's order")
        self.id = blake2b("bfr1 loss id", data)

    @staticmethod
    def chain(item):
        kept, kept_id, head, head_id = array(item, exactly=4)
        ends = [(unsigned(number), None if which is None else identifier(which)) for number, which in ((kept, kept_id), (head, head_id))]
        require(all((number == 0) == (which is None) for number, which in ends), "an end of a chain")
        require(kept < head or ends[0] == ends[1], "the order of a chain's ends")
        return tuple(ends)


class Public:
    """Three public keys: sign, box, transport."""

    def __init__(self, item, newer_seen):
        array(item, exactly=6)
        self.sign, self.box, self.transport = (key(item[i], item[i + 1], newer_seen) for i in (0, 2, 4))

    def keys(self):
        return {self.sign, self.box, self.transport}

    @property
    def id(self):
        return device_id(self.sign, self.box, self.transport)


def key(suite, value, newer_seen, size=32):
    """A key or signature beside its suite; of a later suite it may have another length."""
    unsigned(suite, 1, 255)
    if suite == 1:
        return octets(value, exactly=size)
    newer_seen.append(suite)
    return octets(value, MAX_SUITE_BYTES)


def ids(items, most=1024, least=0):
    return ascending([identifier(i) for i in array(items, most, least=least)])


class Record:
    def __init__(self, data):
        self.data = data
        clear, signature = outside(data, 1024 * 1024, 2)
        fields = array(cbor.decode(clear), exactly=7)
        space, self.sequence, previous, self.type, signer, clock, body = fields
        unsigned(self.sequence)
        unsigned(self.type, 1)
        first = 0 if self.type == GENESIS else 32
        self.previous, self.signer, self.clock = octets(previous, exactly=first), identifier(signer), signed(clock)
        octets(space, exactly=first)
        require((self.sequence == 0) == (self.type == GENESIS), "a genesis elsewhere")
        require(verify("bfr1 sig record", self.signer, b"\1" + clear, signature), "a record's signature")
        self.id = blake2b("bfr1 record id", data)
        self.space = space or self.id
        if self.type > SETTINGS:
            raise newer("a record type")
        later = []
        self.body = BODIES[self.type](body, later)
        if later:
            raise newer("a record")


class Body:
    """Fields by name."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


def genesis(body, later):
    kind, root, nonce = array(body, exactly=3)
    if unsigned(kind, 1, 255) > SHARE:
        later.append(kind)
    return Body(kind=kind, root=Public(root, later), nonce=octets(nonce, exactly=16))


def branch_ends(items):
    """Devices that lose a right, each with the last commit that counts and its number, or None."""
    out = []
    for item in array(items, 1023):
        require(isinstance(item, list) and len(item) in (1, 3), "the end of a branch")
        last = (identifier(item[1]), unsigned(item[2], 1)) if len(item) == 3 else None
        out.append((identifier(item[0]), last))
    ascending([d for d, _ in out])
    return dict(out)


def member(body, later):
    require(isinstance(body, list) and len(body) in (2, 3), "a member")
    ends = branch_ends(body[2]) if len(body) == 3 else {}
    require(len(body) == 2 or ends, "a member without ends")
    return Body(root=Public(body[0], later), role=unsigned(body[1], MANAGER, DEPOSITOR), ends=ends)


def device(body, later):
    array(body, exactly=5)
    return Body(identity=identifier(body[0]), device=Public(body[1], later), role=unsigned(body[2], MANAGER, DEPOSITOR),
                certificate=key(body[3], body[4], later, 64))


def removal(body, _):
    devices, identity, hostile = array(body, exactly=3)
    out = branch_ends(devices)
    require(out or identity is not None, "a removal of nothing")
    return Body(devices=out, identity=None if identity is None else identifier(identity), hostile=boolean(hostile))


def epoch(body, _):
    array(body, exactly=6)
    number, generation = unsigned(body[0], 1, U32), unsigned(body[2], 1, U32)
    boxes = [(identifier(r), unsigned(s, 1, 255), octets(b, MAX_SUITE_BYTES)) for r, s, b in (array(i, exactly=3) for i in array(body[5], 1024))]
    ascending([r for r, _, _ in boxes])
    require(all(b for _, _, b in boxes) and body[3] != b"", "something empty in an epoch")
    handed = octets(body[4], 512 * 1024)
    require((number == 1) == (handed == b""), "handed keys")
    return Body(number=number, commitment=identifier(body[1]), generation=generation, shared=octets(body[3], 128 * 1024), handed=handed, boxes=boxes)


def retention(body, _):
    array(body, exactly=7)
    within, *windows = [unsigned(w, 0, 1_000_000) for w in body[1:]]
    return Body(lock_days=unsigned(body[0], 1, 3650), within_days=within, windows=windows)


def pin(body, _):
    return Body(commit=identifier(array(body, exactly=2)[0]), pinned=boolean(body[1]))


def is_address(address):
    return re.fullmatch(rb"[!-~]{1,300}", address) is not None


def home(body, later):
    array(body, exactly=5)
    require(is_address(octets(body[4])), "an address")
    return Body(transport=key(body[0], body[1], later), sign=key(body[2], body[3], later), address=body[4])


def recovery(body, _):
    return Body(device=identifier(array(body, exactly=2)[0]), heads=ids(body[1]))


def handover(body, later):
    return Body(root=Public(array(body, exactly=1)[0], later))


def deletion(body, _):
    return Body(commits=ids(array(body, exactly=1)[0], least=1))


def cancel(body, _):
    return Body(deletion=identifier(array(body, exactly=1)[0]))


def settings(body, later):
    require(isinstance(body, list) and 1 <= len(body) <= 64, "settings")
    if unsigned(body[0], 1) > 1:
        later.append(body[0])
        return Body(ignore=None)
    return Body(ignore=ignore_rules(array(body, exactly=2)[1], later))


def is_pattern(text):
    parts = text.removesuffix("/").removeprefix("/").split("/")
    shown = 0 < len(text.encode()) <= 255 and not text.startswith("!") and not re.search("[\x00-\x1f\x7f]", text) and text.strip("*/")
    return shown and all(p not in ("", ".", "..") and (p == "**" or "**" not in p) for p in parts)


def ignore_rules(item, later):
    require(isinstance(item, list) and 1 <= len(item) <= 64 and len(cbor.encode(item)) <= 16 * 1024, "rules for names to leave out")
    if unsigned(item[0], 1) > 1:
        later.append(item[0])
        return None
    patterns = array(array(item, exactly=2)[1], 256)
    require(all(isinstance(p, str) and is_pattern(p) for p in patterns), "a rule for names to leave out")
    return ascending([p.encode() for p in patterns])


BODIES = dict(enumerate((genesis, member, device, removal, epoch, retention, pin, home, recovery, handover, deletion, cancel, settings), 1))


def refuse(condition, text):
    if not condition:
        raise FormatError("refused", text)


def includes(identity_role, device_role):
    return identity_role in (device_role, MANAGER) or (identity_role == WRITER and device_role != MANAGER)


class Device:
    def __init__(self, body, position, since, owner):
        self.keys, self.identity, self.certified, self.since = body.device, body.identity, body.role, since
        self.roles, self.cuts, self.removed_at, self.last = [(position, self.under(owner))], [], None, None

    def under(self, owner):
        """Its role when its identity has the role `owner`."""
        return self.certified if includes(owner, self.certified) else owner

    @property
    def role(self):
        return self.roles[-1][1]

    def role_at(self, position):
        if self.removed_at is not None and position >= self.removed_at:
            return None
        return next((role for start, role in reversed(self.roles) if start <= position), None)


# type: who may sign in a vault and in a share, beside the root; and whether it may come while a rotation is due.
NOBODY, MANAGERS, WRITERS, ANYBODY = range(4)
RULES = {MEMBER: (NOBODY, MANAGERS, "root"), DEVICE: (NOBODY, MANAGERS, "root"), REMOVAL: (NOBODY, ANYBODY, "all"), EPOCH: (WRITERS, WRITERS, "all"),
         RETENTION: (NOBODY, MANAGERS, ""), PIN: (NOBODY, MANAGERS, ""), HOME: (NOBODY, MANAGERS, "root"), RECOVERY: (NOBODY, NOBODY, "root"),
         HANDOVER: (NOBODY, NOBODY, ""), DELETION: (NOBODY, MANAGERS, ""), CANCEL: (ANYBODY, ANYBODY, ""),
         SETTINGS: (NOBODY, MANAGERS, "")}


class Log:
    """Verifies records one by one, from the genesis."""

    def __init__(self, records, expected=None):
        first = Record(records[0])
        require(first.type == GENESIS and first.signer == first.body.root.sign and len(first.body.root.keys()) == 3, "a genesis")
        require(expected in (None, first.id), "the log of another space")
        self.space, self.kind, self.root = first.id, first.body.kind, first.body.root
        self.records, self.positions, self.devices = [first], {first.id: 0}, {}
        self.members = {self.root.sign: [self.root, MANAGER, True]}  # root, role, still a member
        self.used, self.cancelled = set(self.root.keys()), set()
        self.epoch, self.generation, self.rotation_due, self.hostile, self.rotations = 0, 1, True, False, 0
        self.history, self.ignore = [(0, True)], None  # None: what a new space begins with
        for data in records[1:]:
            self.append(data)

    def active(self):
        return {i: d for i, d in self.devices.items() if d.removed_at is None}

    def entitled(self):
        return sorted([self.root.id, *self.active()])

    def append(self, data):
        record = Record(data)
        refuse(record.type != GENESIS, "a second genesis")
        require(record.space == self.space and record.previous in self.positions, "a record of another log")
        require(record.sequence == self.positions[record.previous] + 1, "a record's sequence")
        if record.previous != self.records[-1].id:
            raise FormatError("conflict", "an older head")
        by_root = record.signer == self.root.sign
        author = next((d for d in self.active().values() if d.keys.sign == record.signer), None)
        self.check_signer(record.type, by_root, author)
        manages = by_root or (self.kind == SHARE and author.role == MANAGER)
        if record.type == REMOVAL and not manages:
            self.check_leaves(record.body, author)
        in_a_row = max(self.rotations - 1, 0) if record.type == REMOVAL else self.rotations + 1
        if author is None or (self.kind == SHARE and author.role == MANAGER):
            in_a_row = 0
        CHANGES[record.type](self, record, by_root, manages)
        self.rotations = in_a_row
        self.positions[record.id] = len(self.records)
        self.records.append(record)
        self.history.append((self.epoch, self.rotation_due))

    def check_signer(self, kind, by_root, author):
        who, while_due = RULES[kind][self.kind - 1], RULES[kind][2]
        allowed = author is not None and (who == ANYBODY or (who == WRITERS and author.role != READER) or (who == MANAGERS and author.role == MANAGER))
        refuse(by_root or allowed, "no right to sign this")
        refuse(not self.rotation_due or while_due == "all" or (while_due == "root" and by_root), "a rotation is due")

    def check_leaves(self, body, author):
        """Who manages nothing takes itself out, and nothing else."""
        refuse(set(body.devices) == {author.keys.id} and body.identity in (None, author.identity) and not body.hostile, "a removal of others")

    def use(self, public):
        refuse(len(public.keys()) == 3 and not public.keys() & self.used, "a key that was used before")
        self.used |= public.keys()

    def manager_stays(self, by_root, going):
        refuse(by_root or any(d.role == MANAGER and i not in going for i, d in self.active().items()), "the last manager")

    def member(self, record, by_root, _):
        body = record.body
        known = self.members.get(body.root.sign)
        if known is None:
            refuse(not body.ends, "ends of a new member's branches")
            refuse(sum(m[2] for m in self.members.values()) < 1024, "too many members")
            self.use(body.root)
            self.members[body.root.sign] = [body.root, body.role, True]
            return
        refuse(known[0].id == body.root.id and body.root.id != self.root.id, "a member's keys")
        theirs = {i: d for i, d in self.active().items() if d.identity == body.root.sign}
        refuse(all(includes(body.role, d.certified) or includes(d.certified, body.role) for d in theirs.values()), "a device would gain a right")
        losing = {i for i, d in theirs.items() if d.role != READER and d.under(body.role) == READER}
        refuse(losing == set(body.ends), "where the branches of a device that may write no more end")
        if body.role != MANAGER:
            self.manager_stays(by_root, theirs)
        self.members[body.root.sign] = [body.root, body.role, True]
        for d in theirs.values():
            if d.under(body.role) != d.role:
                d.roles.append((len(self.records), d.under(body.role)))
        for identity, last in body.ends.items():
            self.devices[identity].cuts.append((len(self.records), last))

    def device(self, record, _, __):
        body = record.body
        owner = self.members.get(body.identity)
        refuse(owner and owner[2], "a device's owner")
        refuse(includes(owner[1], body.role) or (self.kind == SHARE and includes(body.role, owner[1])), "a device's role")
        refuse(verify("bfr1 sig device", body.identity, body.device.id, body.certificate), "a device's certificate")
        refuse(len(self.entitled()) <= 1023, "too many devices")
        self.use(body.device)
        self.devices[body.device.id] = Device(body, len(self.records), self.epoch + 1, owner[1])

    def removal(self, record, by_root, _):
        body = record.body
        refuse(set(body.devices) <= set(self.active()), "a device that is not here")
        if body.identity is not None:
            owner = self.members.get(body.identity)
            refuse(owner and owner[2] and body.identity != self.root.sign, "who is to be removed")
            refuse(all(i in body.devices for i, d in self.active().items() if d.identity == body.identity), "a device would stay")
        if body.devices:
            self.manager_stays(by_root, body.devices)
        for identity, last in body.devices.items():
            self.devices[identity].removed_at, self.devices[identity].last = len(self.records), last
            self.devices[identity].cuts.append((len(self.records), last))
        if body.identity is not None:
            self.members[body.identity][2] = False
        self.rotation_due = self.rotation_due or bool(body.devices) or body.hostile
        self.hostile = self.hostile or body.hostile

    def next_epoch(self, record, _, manages):
        body = record.body
        refuse(body.number == self.epoch + 1, "an epoch's number")
        grows = body.generation == self.generation + 1
        if self.epoch == 0:
            refuse(manages and body.generation == 1, "the first epoch")
        else:
            refuse((grows and manages) or (body.generation == self.generation and not self.hostile), "a content generation")
        refuse(manages or self.rotations < MAX_ROTATIONS, "too many rotations in a row")
        refuse(manages or self.has_honest_size(body), "an epoch longer than an honest one")
        refuse([r for r, _, _ in body.boxes] == self.entitled(), "boxes for others than the entitled")
        self.epoch, self.generation, self.rotation_due, self.hostile = body.number, body.generation, False, False

    def has_honest_size(self, body):
        """What is sealed can't be judged from outside: who may only rotate may not make the log as long as it likes."""
        short = all(suite != 1 or len(box) <= 512 for _, suite, box in body.boxes)
        return short and len(body.shared) <= 1024 + (336 if self.kind == SHARE else 128) * len(self.entitled()) and len(body.handed) <= 1024 + 256 * self.epoch

    def nothing(self, *_):
        pass

    def recovery(self, record, _, __):
        refuse(record.body.device in self.active(), "a device that is not here")

    def handover(self, record, _, __):
        self.use(record.body.root)
        self.root = record.body.root
        self.members[self.root.sign] = [self.root, MANAGER, True]
        self.rotation_due = self.hostile = True

    def cancel(self, record, _, __):
        position = self.positions.get(record.body.deletion)
        refuse(position is not None and self.records[position].type == DELETION and record.body.deletion not in self.cancelled, "no such deletion")
        self.cancelled.add(record.body.deletion)

    def settings(self, record, _, __):
        refuse(self.kind == SHARE, "settings of a vault")
        self.ignore = record.body.ignore

    def accepts(self, commit):
        require(commit.space == self.space, "a commit of another space")
        author = self.devices.get(commit.device)
        refuse(author is not None, "a commit by a stranger")
        require(commit.is_signed_by(author.keys.sign), "a commit's signature")
        position = self.positions.get(commit.log_head)
        refuse(position is not None, "a log head that is not known")
        refuse(author.role_at(position) in (MANAGER, WRITER, DEPOSITOR), "no right to write")
        refuse(self.history[position] == (commit.epoch, False), "an epoch that was not in use")
        for at, last in author.cuts:
            stands = last and (commit.sequence < last[1] or (commit.id, commit.sequence) == last)
            refuse(position >= at or stands, "a device that was removed, or may write no more")


CHANGES = {MEMBER: Log.member, DEVICE: Log.device, REMOVAL: Log.removal, EPOCH: Log.next_epoch, RETENTION: Log.nothing, PIN: Log.nothing,
           HOME: Log.nothing, RECOVERY: Log.recovery, HANDOVER: Log.handover, DELETION: Log.nothing, CANCEL: Log.cancel, SETTINGS: Log.settings}


def open_box(suite, keys, context, box):
    if suite != 1:
        raise newer("a box")
    require(80 <= len(box) <= MAX_SUITE_BYTES, "a box's length")
    ephemeral, commitment = box[:32], box[32:64]
    shared = x25519(keys.box_secret, ephemeral)
    box_key = blake2b("bfr1 box key", shared + ephemeral + keys.box + context, keys.preshared)
    require(blake2b("bfr1 box comm", b"", box_key) == commitment, "a box's commitment")
    return aead_open(box_key, bytes(24), context, box[64:])


def names(item):
    """Display names of members and of devices."""
    out = []
    for listed in array(item, exactly=2):
        pairs = [array(pair, exactly=2) for pair in array(listed, 256)]
        ascending([identifier(i) for i, _ in pairs])
        require(all(is_name(n) for _, n in pairs), "a name")
        out.append(dict(pairs))
    require(out[0] or out[1], "names of nobody")
    return out


class Grant:
    """The keys of one epoch, checked against the record's commitment."""

    def __init__(self, space, body, secret, reader_key=None):
        self.body, self.secret, self.reader_key = body, secret, reader_key
        self.context = struct.pack("<I", body.number) + space
        fields = cbor.decode(aead_open(derive("bfr1 epoch share", secret), bytes(24), self.context, body.shared))
        require(isinstance(fields, list) and len(fields) in (6, 7), "a shared part")
        self.generation, self.boundary, self.dedup, check = unsigned(fields[0], 1, U32), *map(identifier, fields[1:4])
        self.name = octets(fields[4], 255)
        self.preshared = {identifier(i): identifier(p) for i, p in (array(item, exactly=2) for item in array(fields[5], 1024))}
        ascending(list(self.preshared))
        self.names = names(fields[6]) if len(fields) == 7 else ({}, {})
        committed = self.context + struct.pack("<I", self.generation) + self.boundary + self.dedup + check
        require(self.generation == body.generation and blake2b("bfr1 epoch comm", committed, secret) == body.commitment, "an epoch's commitment")
        require(reader_key is None or derive("bfr1 reader chk", reader_key) == check, "a reader key")

    def handed(self):
        """(epoch, secret, reader key or None) of older epochs."""
        if self.reader_key is None or not self.body.handed:
            return []
        items = array(cbor.decode(aead_open(derive("bfr1 reader wrap", self.reader_key), bytes(24), self.context, self.body.handed)))
        out = [(unsigned(m, 1, self.body.number - 1), identifier(e), None if r is None else identifier(r)) for m, e, r in (array(i, exactly=3) for i in items)]
        ascending([m for m, _, _ in out])
        return out


def own_grant(space, body, keys):
    """From one's own box; None when there is none."""
    box = next((b for b in body.boxes if b[0] == keys.id), None)
    if box is None:
        return None
    opened = open_box(box[1], keys, struct.pack("<I", body.number) + space + keys.id, box[2])
    require(len(opened) in (32, 64), "a box's length")
    return Grant(space, body, opened[:32], opened[32:] or None)


class Access:
    """All keys that `keys` can open: .epochs by number, .generations by number; .grants and .problems tell of each epoch."""

    def __init__(self, log, keys):
        bodies = {r.body.number: r.body for r in log.records if r.type == EPOCH}
        known, self.grants, self.problems = {}, {}, []
        for number in sorted(bodies, reverse=True):
            grant = self.attempt(lambda: own_grant(log.space, bodies[number], keys), number)
            if grant is None and number in known:
                grant = Grant(log.space, bodies[number], *known[number])
            if grant is None:
                continue
            grant.reader_key = grant.reader_key or known.get(number, (None, None))[1]
            self.grants[number] = grant
            for older, secret, reader_key in self.attempt(grant.handed, number) or []:
                if self.attempt(lambda: Grant(log.space, bodies[older], secret, reader_key), number):
                    known[older] = secret, reader_key or known.get(older, (None, None))[1]
        self.epochs = {number: EpochKeys(grant.secret) for number, grant in self.grants.items()}
        self.generations = {g.generation: ContentKeys(g.boundary, g.dedup) for g in self.grants.values()}

    def attempt(self, action, number):
        try:
            return action()
        except FormatError as error:
            self.problems.append((number, error))
            return None


class Invitation:
    def __init__(self, code):
        digits = re.sub("[-\\s]", "", code).lower()
        if not digits.startswith("bfr1"):
            raise newer("an invitation") if re.match("bfr[2-9].", digits) else FormatError("usage", "no invitation")
        payload = base32(digits[4:])
        content, check = payload[:-4], payload[-4:]
        self.check(len(payload) > 4 and blake2b("bfr1 inv check", content)[:4] == check)
        try:
            fields = array(cbor.decode(content), exactly=4)
            self.address, self.token = octets(fields[0]), octets(fields[3], exactly=16)
            self.transport, self.sign = identifier(fields[1]), identifier(fields[2])
        except FormatError:
            self.check(False)
        self.check(is_address(self.address))
        self.transport_seed = derive("bfr1 sig enrol", self.token)
        self.transport_key = ed25519_public(self.transport_seed)

    @staticmethod
    def check(condition):
        if not condition:
            raise FormatError("usage", "an invitation code that is cut or mistyped")
