"""A snapshot's tree: entries, leaves and nodes, content trees, and the bytes of files."""

import cbor
from cbor import array, ascending, identifier, octets, unsigned
from objects import BUNDLE, CHUNK, CONTENT_LEAF, CONTENT_NODE, LEAF, MAX_RAW_BYTES, NODE
from primitives import require, siphash24

FILE, DIRECTORY, SYMLINK, FIFO, CHARACTER_DEVICE, BLOCK_DEVICE = range(1, 7)
CHANGED, STALE, UNREADABLE = 1, 2, 4
PATH, TYPE, MODE, UID, GID, USER, GROUP, MTIME, MTIME_NS, SIZE, XATTRS, TARGET, MAJOR, MINOR, HARD_LINK, FLAGS, DIGEST, SEGMENTS, ROOT = range(19)
MAX_PATH, MAX_FILE = 65536, (1 << 63) - 1
MAX_LEVEL, MAX_CHILD_HEIGHT = 63, 63
NO_NAME = (USER, GROUP)


class Segment:
    """length, digest (None: a hole), child id, child height, offset (None: a whole chunk)."""

    def __init__(self, item, children):
        require(isinstance(item, list) and len(item) in (1, 4, 5), "a segment")
        self.length = unsigned(item[0], 1, MAX_FILE)
        self.digest = self.child = self.height = self.offset = None
        if len(item) > 1:
            self.digest = identifier(item[1])
            self.child, self.height = reference(item[2:4], children)
            self.offset = unsigned(item[4], 0, MAX_RAW_BYTES) if len(item) == 5 else None
            require(self.length + (self.offset or 0) <= MAX_RAW_BYTES, "a segment beyond its object")

    def logical(self):
        return [self.length, self.digest]


def reference(pair, children):
    index, height = unsigned(pair[0]), unsigned(pair[1], 0, MAX_CHILD_HEIGHT)
    require(index < len(children), "a child beyond the list")
    return children[index], height


def read_segments(items, children, most):
    out = [Segment(item, children) for item in array(items, most, least=1)]
    require(all(a.digest or b.digest for a, b in zip(out, out[1:])), "two holes side by side")
    require(sum(s.length for s in out) <= MAX_FILE, "a file that is too long")
    return out


def is_valid_path(path):
    names = path.split(b"\0")
    return len(path) <= MAX_PATH and (path == b"" or all(n not in (b"", b".", b"..") and b"/" not in n for n in names))


def c_string(value, most):
    require(b"\0" not in octets(value, most), "a zero byte in a name")
    return value


def read_xattrs(items):
    out = [(c_string(name, 255), octets(value, 65536)) for name, value in (array(i, exactly=2) for i in array(items, 1024))]
    ascending([name for name, _ in out])
    require(all(name for name, _ in out) and sum(len(n) + len(v) for n, v in out) <= 524288, "extended attributes")
    return out


def is_one_piece(segments):
    return len(segments) == 1 and segments[0].digest is not None


class Entry:
    """`fields` as they stand in a leaf: what follows from the segments is not among them."""

    def __init__(self, fields, children):
        require(isinstance(fields, dict) and {PATH, TYPE} <= set(fields) <= set(range(19)), "an entry's fields")
        self.segments = read_segments(fields[SEGMENTS], children, 512) if SEGMENTS in fields else []
        fields = fields | self.following(fields)
        require(all(fields[k] not in (0, b"", [], bytes(32)) for k in fields if k not in (PATH,)), "a field that should be left out")
        self.logical = cbor.encode({k: v for k, v in fields.items() if k < SEGMENTS})
        self.path, self.type = octets(fields[PATH]), unsigned(fields[TYPE], 1, 6)
        self.mode, self.flags = unsigned(fields.get(MODE, 0), 0, 0o7777), unsigned(fields.get(FLAGS, 0), 0, 7)
        self.uid, self.gid, self.major, self.minor = (unsigned(fields.get(k, 0), 0, (1 << 32) - 1) for k in (UID, GID, MAJOR, MINOR))
        self.user, self.group = (c_string(fields.get(k, b""), 1024) for k in NO_NAME)
        self.mtime, self.mtime_ns = cbor.signed(fields.get(MTIME, 0)), unsigned(fields.get(MTIME_NS, 0), 0, 999_999_999)
        self.size, self.xattrs = unsigned(fields.get(SIZE, 0), 0, MAX_FILE), read_xattrs(fields.get(XATTRS, []))
        self.target, self.hard_link = c_string(fields.get(TARGET, b""), MAX_PATH), octets(fields.get(HARD_LINK, b""))
        self.digest = identifier(fields[DIGEST]) if DIGEST in fields else None
        self.root = reference(array(fields[ROOT], exactly=2), children) if ROOT in fields else None
        self.check_fields()
        self.check_content()

    def following(self, fields):
        """Size and content digest, where they follow from the segments."""
        out = {SIZE: sum(s.length for s in self.segments)} if self.segments else {}
        if is_one_piece(self.segments):
            out[DIGEST] = self.segments[0].digest
        require(not set(out) & set(fields), "a field that follows from the segments")
        return out

    def check_fields(self):
        unreadable = bool(self.flags & UNREADABLE)
        require(is_valid_path(self.path) and (self.path or self.type == DIRECTORY), "a path")
        require(is_valid_path(self.hard_link) and not (self.hard_link and self.type == DIRECTORY), "a hard link")
        require(self.type == FILE or not self.size, "a size of what is no file")
        require((self.digest is not None) == (self.type == FILE and not unreadable), "a content digest")
        require(bool(self.target) <= (self.type == SYMLINK), "a link target of what is no link")
        require(self.target or self.type != SYMLINK or unreadable, "a link without target")
        require(self.type in (CHARACTER_DEVICE, BLOCK_DEVICE) or not (self.major or self.minor), "a device number")

    def check_content(self):
        if self.type != FILE or self.flags & UNREADABLE:
            require(not self.segments and not self.root, "content of what has none")
        elif self.root:
            require(not self.segments and self.size, "a content root")
        else:
            require(self.segments or not self.size, "a size without segments")

    def references(self):
        return [(s.child, s.height) for s in self.segments if s.digest] + ([self.root] if self.root else [])


def check_children(opened, named):
    """The header lists what the payload uses, and the height follows from it."""
    heights = [height for _, height in named]
    used = {child for child, _ in named}
    if opened.reference is not None:
        used.add(opened.children[opened.reference])
        heights.append(0)
    require(sorted(used) == opened.children, "a child that is not used")
    require(opened.height == (1 + max(heights) if heights else 0), "a height that does not follow from the children")


class Child:
    """What a node says of a child, or a page of itself."""

    def __init__(self, level, first, height, digest, entries, size, identity=None):
        self.level, self.first, self.height, self.digest, self.entries, self.size, self.id = level, first, height, digest, entries, size, identity

    def says(self):
        return self.level, self.first, self.height, self.digest, self.entries, self.size

    def logical(self):
        return [self.first, self.digest, self.entries, self.size]


def saturated(numbers):
    return min(sum(numbers), (1 << 64) - 1)


class Page:
    """An opened leaf or node."""

    def __init__(self, opened, keys):
        require(opened.kind in (LEAF, NODE), "no tree object")
        self.entries, self.children = [], []
        value = cbor.decode(opened.plaintext)
        if opened.kind == LEAF:
            self.entries = [Entry(fields, opened.children) for fields in array(value)]
            ascending([e.path for e in self.entries])
            named, level = [r for e in self.entries for r in e.references()], 0
            text = cbor.head(4, len(self.entries)) + b"".join(e.logical for e in self.entries)
            count, size = len(self.entries), saturated(e.size for e in self.entries)
        else:
            level, items = array(value, exactly=2)
            unsigned(level, 1, MAX_LEVEL)
            self.children = [self.child(level - 1, item, opened.children) for item in array(items, 2048, least=1)]
            ascending([c.first for c in self.children])
            named = [(c.id, c.height) for c in self.children]
            text = cbor.encode([level, [c.logical() for c in self.children]])
            count, size = saturated(c.entries for c in self.children), saturated(c.size for c in self.children)
        check_children(opened, named)
        paths = self.paths()
        self.self = Child(level, paths[0] if paths else b"", opened.height, keys.digest("tree", text), count, size)

    @staticmethod
    def child(level, item, children):
        array(item, exactly=6)
        identity, height = reference(item[1:3], children)
        return Child(level, octets(item[0], MAX_PATH), height, identifier(item[3]), unsigned(item[4], 1), unsigned(item[5]), identity)

    def paths(self):
        return [e.path for e in self.entries] or [c.first for c in self.children]


class Tree:
    """Reads a whole tree, every object compared with what its parent says."""

    def __init__(self, opener, keys, root):
        self.opener, self.keys = opener, keys
        self.page = Page(opener.open(root), keys)
        require(self.page.self.level == 0 or len(self.page.children) >= 2, "a root node of one child")

    def entries(self):
        yield from self.walk(self.page, None)

    def walk(self, page, end):
        yield from page.entries
        for index, child in enumerate(page.children):
            below = Page(self.opener.open(child.id), self.keys)
            bound = page.children[index + 1].first if index + 1 < len(page.children) else end
            require(below.self.says() == child.says(), "a tree object that contradicts its parent")
            require(bound is None or below.paths()[-1] < bound, "paths that overlap")
            yield from self.walk(below, bound)

    def segments(self, entry):
        """The file's segments in order; checks size and content digest at the end."""
        digester = ContentDigest(self.keys)
        pages = self.content(entry.root) if entry.root else [entry.segments]
        for segments in pages:
            for segment in segments:
                digester.add(segment)
                yield segment
        require(digester.size == entry.size and digester.finish() == entry.digest, "content that is not what its entry says")

    def content(self, root):
        level, items = self.content_page(*root)
        require(level == 0 or len(items) >= 2, "a content root of one child")
        yield from self.content_walk(level, items)

    def content_walk(self, level, items):
        if level == 0:
            yield items
            return
        for child, height, digest, size in items:
            below_level, below = self.content_page(child, height)
            require(below_level == level - 1 and (digest, size) == self.content_says(below_level, below), "a content object that contradicts its parent")
            yield from self.content_walk(below_level, below)

    def content_page(self, identity, height):
        opened = self.opener.open(identity, CONTENT_LEAF, CONTENT_NODE)
        require(opened.height == height, "a content object of another height")
        value = cbor.decode(opened.plaintext)
        if opened.kind == CONTENT_LEAF:
            items = read_segments(value, opened.children, 1024)
            check_children(opened, [(s.child, s.height) for s in items if s.digest])
            return 0, items
        level, items = array(value, exactly=2)
        items = [(*reference(array(i, exactly=4)[:2], opened.children), identifier(i[2]), unsigned(i[3], 1)) for i in array(items, 1024, least=1)]
        check_children(opened, [item[:2] for item in items])
        return unsigned(level, 1, MAX_LEVEL), items

    def content_says(self, level, items):
        if level == 0:
            return self.keys.digest("content", cbor.encode([s.logical() for s in items])), sum(s.length for s in items)
        logical = [level, [[digest, size] for _, _, digest, size in items]]
        return self.keys.digest("content", cbor.encode(logical)), saturated(size for *_, size in items)

    def read(self, segment):
        """The bytes of a segment that is no hole."""
        if segment.offset is None:
            out = self.opener.open(segment.child, CHUNK).plaintext
        else:
            out = self.opener.open(segment.child, BUNDLE).plaintext[segment.offset:segment.offset + segment.length]
        require(len(out) == segment.length and self.keys.digest("chunk", out) == segment.digest, "bytes that are not those of the segment")
        return out


class ContentDigest:
    """Over the segments of a whole file, neighbouring holes joined, and their number; of a file of one piece that piece's."""

    def __init__(self, keys):
        self.keys, self.text, self.items, self.hole, self.size, self.last = keys, [], 0, 0, 0, None

    def add(self, segment):
        self.size += segment.length
        self.last = segment.digest
        if segment.digest is None:
            self.hole += segment.length
            return
        self.close_hole()
        self.append(segment.logical())

    def append(self, item):
        self.text.append(cbor.encode(item))
        self.items += 1

    def close_hole(self):
        if self.hole:
            self.append([self.hole, None])
        self.hole = 0

    def finish(self):
        self.close_hole()
        if self.items == 1 and self.last is not None:
            return self.last
        return self.keys.digest("content", b"".join(self.text) + cbor.encode(self.items))


def ends_object(keys, level, key, size):
    """Whether an item is the last of its leaf (level 0) or node by its key and the length of its logical encoding."""
    return size >= 65536 or siphash24(keys.tree_cut_key, bytes([level]) + key) < size << 48
