// Content trees: the segment lists of huge files. Content leaves hold segments, content nodes hold references; both end
// behind an item whose digest's first byte is zero (one in 256; never a hole, and never the first item), at 1,024 items
// at the latest, so that inserting a byte rewrites one path.
//
//   content leaf  CBOR [segment…], segments as in an entry (entry.h), 1 to 1,024; no two neighbours are holes
//   content node  CBOR [level, [[child, height, digest, bytes]…]], 1 to 1,024 children of level - 1 (0: leaves); the
//   last
//                 node of a level may have a single child, a root node has two or more
// Digests are DigestKeys::content, of a leaf over [[length, digest | null]…], of a node over [level, [[digest,
// bytes]…]].
#pragma once

#include <functional>

#include "storage/format/sealing.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxContentItems = 1024;

/// Takes the segments of one file in order, of any number, and gives the entry its content in bounded memory:
/// inline segments while they are few, a content tree beyond kMaxInlineSegments. Neighbouring holes become one. After
/// an error it is of no further use. Not thread-safe.
class ContentBuilder {
 public:
  /// `keys` and `sink` outlive the builder.
  ContentBuilder(const KeyRing& keys, ObjectSink& sink);
  ~ContentBuilder();
  /// Precondition: segment.length > 0, and all lengths together are below 2^63.
  Result<void> add(Segment segment);
  /// Sets size, content_digest and segments or content_root of `entry`. Once.
  Result<void> finish(Entry& entry);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Calls `visit` for each segment of the entry's content in order, reading content trees as needed. Stops at the first
/// error that `visit` returns. ErrorCode::corrupt when an object of the content tree is not what refers to it says,
/// lengths don't add up to the entry's size, or the segments don't have the entry's content digest (the last two are
/// known at the end only). An entry without content (unreadable, no file) has no segments.
Result<void> for_each_segment(const Entry& entry, const ObjectOpener& opener,
                              const std::function<Result<void>(const Segment&)>& visit);

/// Opens the bytes of segments, and keeps the bundles opened last: files that were packed together are read together.
/// Memory: at most 8 bundles. Not thread-safe.
class SegmentReader {
 public:
  /// `opener` outlives the reader.
  explicit SegmentReader(const ObjectOpener& opener);
  ~SegmentReader();
  /// The segment's bytes, digest verified (corrupt otherwise). Not for holes (asserted).
  Result<Bytes> read(const Segment& segment);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same for a single segment.
Result<Bytes> read_segment(const Segment& segment, const ObjectOpener& opener);

/// Decoded items of a content leaf or node, for those that walk the object graph (check, push order).
struct ContentItems {
  std::vector<Segment> segments;  ///< of a content leaf
  struct Child {
    ObjectRef ref;
    Digest digest;
    std::uint64_t bytes = 0;
    std::uint8_t level = 0;  ///< of the child: 0 for a content leaf
    bool operator==(const Child&) const = default;
  };
  std::vector<Child> children;  ///< of a content node
};
/// ErrorCode::corrupt when it is no content object, or malformed, or names children that its payload does not use.
Result<ContentItems> decode_content(const OpenedObject& object);

}  // namespace beffroi::storage
