// Bundles: files of at most 16 KiB, packed in path order into objects of about 1 MiB, each named by (object, offset,
// length). A bundle's plaintext is just the files, one behind the other; the entries say where each begins.
#pragma once

#include <unordered_map>

#include "storage/format/sealing.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

inline constexpr std::size_t kSmallFileBytes = 16 * 1024;
inline constexpr std::size_t kBundleTargetBytes = 1024 * 1024;  ///< full as soon as it is this long

/// Small files on their way into one bundle. Not thread-safe; seal() may run beside the other const members.
class OpenBundle {
 public:
  OpenBundle();
  /// Where the file will be: a segment that lacks its object. `digest` is DigestKeys::chunk of `content`; equal content
  /// is kept once. Precondition: not full, and 0 < content.size() <= kSmallFileBytes.
  Segment add(const Digest& digest, ByteView content);
  /// Where content with this digest is, as add() said, if it is in here.
  std::optional<Segment> find(const Digest& digest) const;
  bool is_empty() const { return content_.empty(); }
  bool is_full() const { return content_.size() >= kBundleTargetBytes; }
  /// Stores it, unless an equal one is there already, and names it. Precondition: not empty. After an error it may be
  /// tried again.
  Result<ObjectRef> seal(const KeyRing& keys, ObjectSink& sink) const;

 private:
  struct Slice {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };
  static Segment segment_of(const Digest& digest, const Slice& slice);
  Bytes content_;
  std::unordered_map<Digest, Slice> slices_;
};

}  // namespace beffroi::storage
