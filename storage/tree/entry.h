// One entry of a snapshot: a name with all its metadata, and where its content is.
// Paths are bytes, relative to the file system's root, components separated by byte 0 ('/' as 0x00), so that plain byte
// order is depth-first order: a directory stands right before all that is below it. The root directory itself is the
// empty path.
//
// Encoding: a CBOR map; path and type are always there, every other field only when it is not zero or empty.
//   0 path bytes · 1 type · 2 mode · 3 uid · 4 gid · 5 user bytes · 6 group bytes · 7 mtime seconds (signed) · 8 mtime
//   ns 9 size · 10 xattrs [[name bytes, value bytes]…] · 11 link target bytes · 12 device major · 13 device minor 14
//   hard link bytes · 15 flags · 16 content digest bytes 32
// and, only as it stands in a leaf (`child` is an index into the object's header, `height` that child's), where what
// follows from the segments is left out (9 whenever there are segments, 16 when there is one and it is no hole):
//   17 segments [[length] (hole) | [length, digest, child, height] (chunk) | [length, digest, child, height, offset]
//      (slice of a bundle) …] · 18 content root [child, height]
#pragma once

#include <memory>

#include "storage/format/cbor.h"
#include "storage/format/object.h"
#include "storage/format/space_keys.h"

namespace beffroi::storage {

enum class EntryType : std::uint8_t {
  file = 1,
  directory = 2,
  symlink = 3,
  fifo = 4,
  character_device = 5,
  block_device = 6
};

/// Flags of an entry; unknown bits are refused.
enum EntryFlag : std::uint32_t {
  kEntryChangedWhileRead = 1,  ///< content may mix two states of the file
  kEntryStale = 2,             ///< kept from the previous snapshot: its source was missing or suddenly empty
  kEntryUnreadable = 4,        ///< metadata only: the content could not be read and no earlier one was known
};
inline constexpr std::uint32_t kKnownEntryFlags = kEntryChangedWhileRead | kEntryStale | kEntryUnreadable;

/// A stretch of a file: bytes in an object, or a hole.
struct Segment {
  std::uint64_t length = 0;         ///< at least 1
  std::optional<ObjectRef> object;  ///< chunk or bundle; nullopt: a hole of zeros
  std::uint32_t offset = 0;         ///< where in a bundle; 0 for a chunk
  bool in_bundle = false;
  Digest digest;  ///< keyed digest of the bytes (zero for a hole)
  bool operator==(const Segment&) const = default;
};

struct ExtendedAttribute {
  std::string name;
  Bytes value;
  bool operator==(const ExtendedAttribute&) const = default;
  auto operator<=>(const ExtendedAttribute&) const = default;
};

struct Entry {
  std::string path;
  EntryType type = EntryType::file;
  std::uint32_t mode = 0;  ///< permission and set-id bits, 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;   ///< name of uid, empty when unknown
  std::string group;  ///< name of gid
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;             ///< below 1,000,000,000
  std::uint64_t size = 0;                 ///< of a file
  std::vector<ExtendedAttribute> xattrs;  ///< ascending by name; ACLs are system.posix_acl_*
  std::string link_target;                ///< of a symlink
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  /// Files that are hard links of one another carry the path of the first of them; empty for a file with one name.
  std::string hard_link;
  std::uint32_t flags = 0;
  Digest content_digest;  ///< of a file, unless it is flagged unreadable: see content_digest_of()
  /// Of a file, unless it is huge: they add up to `size`, and no two neighbours are holes.
  std::vector<Segment> segments;
  std::optional<ObjectRef> content_root;  ///< root of a content tree, for a huge file

  bool operator==(const Entry&) const = default;
};

inline constexpr std::size_t kMaxPathBytes = 64 * 1024;  ///< of a path, hard link or link target
inline constexpr std::size_t kMaxOwnerNameBytes = 1024;
inline constexpr std::size_t kMaxXattrs = 1024;
inline constexpr std::size_t kMaxXattrNameBytes = 255;
inline constexpr std::size_t kMaxXattrValueBytes = 64 * 1024;
/// Names and values together: an entry must fit a leaf.
inline constexpr std::size_t kMaxXattrsBytes = 512 * 1024;
/// More segments than this go into a content tree.
inline constexpr std::size_t kMaxInlineSegments = 512;

/// '/'-separated, as people see it, and back. `to_entry_path("/a//b/./")` is "a\0b"; ".." is kept, and names nothing.
/// `to_display_path("a\0b")` is "/a/b", and of the root "/".
std::string to_entry_path(std::string_view path);
std::string to_display_path(std::string_view entry_path);
/// True for an entry path that a restore may follow: no empty component, no "." or "..", no '/', at most kMaxPathBytes.
bool is_valid_path(std::string_view path);
/// True when `path` is `top` or stands below it.
bool is_at_or_below(std::string_view path, std::string_view top);

/// What the decoder demands of the fields 0 to 16, and of the content: a writer that checks first can't write what no
/// reader takes.
bool has_valid_metadata(const Entry& entry);
bool has_valid_content(const Entry& entry);

/// Keyed digest of a file's whole content (DigestKeys::content): over [length, digest | null] of each segment,
/// neighbouring holes joined, one CBOR item behind the other, and at the end their number. Of a single segment that is
/// no hole it is that segment's digest: DigestKeys::chunk has a key of its own, so the two can't be confused. Equal
/// content cut by the same keys gives an equal digest, wherever the bytes are stored.
Digest content_digest_of(const DigestKeys& keys, std::span<const Segment> segments);
/// Incremental form for huge files.
class ContentDigester {
 public:
  explicit ContentDigester(const DigestKeys& keys);
  ~ContentDigester();
  void add(const Segment& segment);
  /// Once.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Encoding without any reference to objects: what tree digests and tree boundaries are computed from.
Bytes encode_entry_logical(const Entry& entry);
/// Its inverse; a file's segments are then unknown. ErrorCode::corrupt on any violation.
Result<Entry> decode_entry_logical(ByteView encoded);
/// Encoding as it stands in a leaf: logical fields and content references by child index. Content roots and segments
/// name children of `table`.
void encode_entry(const Entry& entry, const ChildTable& table, CborWriter& out);
/// Reads one entry; `children` come from the leaf's header. Sets the reader's failure on any violation (types, ranges,
/// unsorted xattrs, size differing from the sum of segments…).
Entry decode_entry(CborReader& reader, std::span<const ObjectId> children);

/// Adds every object that the entry refers to.
void collect_children(const Entry& entry, ChildTable& table);

}  // namespace beffroi::storage
