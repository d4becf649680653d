// A sealed object: header ‖ nonce ‖ ciphertext ‖ tag. Layout of the header (all integers little-endian):
//   0  suite u8 · 1 kind u8 · 2 height u8 · 3 zero u8 · 4 epoch u32 · 8 space id 32 · 40 child count u16 · 42 zero u16
//   44 child ids, 32 bytes each, ascending and unique
#pragma once

#include "crypto/cipher.h"
#include "storage/format/types.h"

namespace beffroi::storage {

enum class ObjectKind : std::uint8_t {
  chunk = 1,         ///< a piece of a file
  bundle = 2,        ///< small files, concatenated in path order
  leaf = 3,          ///< entries of a snapshot's tree
  node = 4,          ///< references to leaves or nodes
  content_leaf = 5,  ///< segments of a huge file
  content_node = 6,  ///< references to content leaves or nodes
  dictionary = 7,    ///< zstd dictionary
};
const char* object_kind_name(ObjectKind kind);

struct ObjectHeader {
  std::uint8_t suite = kFormatSuite;
  ObjectKind kind = ObjectKind::chunk;
  SpaceId space;
  Epoch epoch;
  std::uint8_t height = 0;         ///< 0 without children, else 1 + the children's maximum
  std::vector<ObjectId> children;  ///< ascending, unique, at most kMaxChildren

  std::size_t encoded_size() const { return 44 + 32 * children.size(); }
};

inline constexpr std::size_t kObjectHeaderFixedBytes = 44;

void encode_header(const ObjectHeader& header, Bytes& out);
/// Parses and checks the header in front of `object`. ErrorCode::corrupt when malformed, unsupported_version for a
/// suite or kind from the future. The header's size is header.encoded_size().
Result<ObjectHeader> decode_header(ByteView object);
/// decode_header, and the checks on the whole that need no key: header + nonce + payload + tag is the length, and the
/// payload is a padded_length() of 256 to kMaxPayloadBytes bytes.
Result<ObjectHeader> check_object(ByteView object);

ObjectId object_id(ByteView object);

/// Smallest Padmé length (Nikitin et al. 2019, "Reducing Metadata Leakage from Encrypted Files and Communication with
/// PURBs") that is a multiple of 256 and at least `length`: at most 12 % more, O(log log) bits leaked. Idempotent.
std::size_t padded_length(std::size_t length);

/// Longest padded payload: of a stored one of kMaxRawBytes.
inline constexpr std::size_t kMaxPayloadBytes = 33 * 64 * 1024;

/// A child as its parent must know it.
struct ObjectRef {
  ObjectId id;
  std::uint8_t height = 0;
  bool operator==(const ObjectRef&) const = default;
};

/// Collects the children of an object under construction and gives each its index in the sorted list.
/// Use: add() all references (repeats are fine), freeze(), then index_of() while the payload is encoded.
class ChildTable {
 public:
  void add(const ObjectRef& child);
  /// Sorts and drops repeats. At most kMaxChildren may remain (asserted). An empty table may be used without it.
  void freeze();
  /// Precondition (asserted): frozen, and `id` was added.
  std::uint16_t index_of(const ObjectId& id) const;
  const std::vector<ObjectId>& ids() const { return ids_; }
  /// Height of the object that has these children. The caller keeps it within kMaxHeight (asserted).
  std::uint8_t parent_height() const;
  std::size_t size() const { return ids_.size(); }

 private:
  std::vector<ObjectId> ids_;
  std::uint8_t max_height_ = 0;
  bool frozen_ = true;
};

}  // namespace beffroi::storage
