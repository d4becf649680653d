// The prolly tree: a snapshot's entries as one sorted map in leaves and nodes with content-defined boundaries.
//
//   leaf  CBOR [entry…] (entry.h), paths strictly ascending; without entries only as the root of an empty tree
//   node  CBOR [level, [[first path, child, height, digest, entries, bytes]…]], 1 to 2,048 children of level - 1 (0:
//   leaves),
//         first paths strictly ascending; the last node of a level may have a single child, a root node has two or
//         more. Entries and bytes count what is below (bytes: sum of the files' sizes, at most 2^64 - 1)
//
// Logical encodings name no objects: of an entry, its fields 0 to 16; of a child, [first path, digest, entries, bytes].
// Digests are DigestKeys::tree, of a leaf over the array of its logical entries, of a node over [level, [logical
// child…]].
//
// An item ends its object when SipHash-2-4(tree cut key, level byte ‖ key) < size × 2^64 / 65,536, where the key is an
// entry's path or a child's first path, size the length of the logical encoding (65,536 or more: always) and level that
// of the object (0 for a leaf): about 64 KiB of logical encoding per object. In a node this counts from the second
// child on. An object also ends before an item that would take it over 1 MiB of logical encoding or 2,048 references
// (segments, 1 for a content root, 1 for a child). All inputs are logical, so equal trees have equal boundaries and
// equal digests whatever their history.
#pragma once

#include <functional>

#include "storage/format/sealing.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

/// Root of a tree: the object, and the keyed digest of all it means.
struct TreeRoot {
  ObjectRef object;
  Digest digest;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< sum of file sizes
  bool operator==(const TreeRoot&) const = default;
};

inline constexpr std::size_t kTreeObjectTargetBytes = 64 * 1024;
inline constexpr std::size_t kMaxTreeObjectLogicalBytes = 1024 * 1024;
inline constexpr std::size_t kMaxTreeObjectReferences = 2048;

/// A child as a node names it.
struct TreeChild {
  std::string first_path;
  ObjectRef ref;
  Digest digest;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint8_t level = 0;  ///< of the child: 0 for a leaf
  bool operator==(const TreeChild&) const = default;
};

/// A leaf as it was read.
struct TreeLeaf {
  TreeChild self;
  std::vector<Entry> entries;
};

/// Builds a tree from entries in ascending path order. Memory: one leaf and the open nodes. After an error other than
/// limit_exceeded it is of no further use. Not thread-safe.
class TreeBuilder {
 public:
  /// `keys` and `sink` outlive the builder.
  TreeBuilder(const KeyRing& keys, ObjectSink& sink);
  ~TreeBuilder();
  /// Precondition: entry.path is greater than the last one (asserted: the caller sorts). limit_exceeded: the entry is
  /// not has_valid_metadata() or not has_valid_content(), and was left out.
  Result<void> add(const Entry& entry);
  /// Adds all entries of a leaf of another tree of the same content keys, by naming its object, which counts as present
  /// with all below it. False when they would not be a leaf of this tree, just so: then nothing was added.
  /// Precondition: as for add().
  Result<bool> add_leaf(const TreeLeaf& leaf);
  /// Seals what is open. A tree without entries is one empty leaf. Once.
  Result<TreeRoot> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// ErrorCode::corrupt when it is of another kind, or malformed, or names children that its payload does not use.
Result<std::vector<Entry>> decode_leaf(const OpenedObject& object);
Result<std::vector<TreeChild>> decode_node(const OpenedObject& object);

/// Reads a tree. Every object is verified by the opener, and that it is what its parent says: level, first path, counts
/// and digest, and that keys ascend across leaves (corrupt otherwise). The opener has the content keys of the tree's
/// generation. Thread-safe.
class TreeReader {
 public:
  /// `opener` outlives the reader.
  TreeReader(const ObjectOpener& opener, ObjectId root);
  /// Calls `visit` in path order for the entry `path` and all below it ("" for all). Stops at the first error of
  /// `visit`.
  Result<void> for_each(std::string_view path, const std::function<Result<void>(const Entry&)>& visit) const;
  /// nullopt when there is no such path.
  Result<std::optional<Entry>> find(std::string_view path) const;
  /// Direct children of a directory, without descending into what is below them (skips by seeking).
  Result<void> list(std::string_view directory, const std::function<Result<void>(const Entry&)>& visit) const;

 private:
  const ObjectOpener& opener_;
  ObjectId root_;
};

/// Streams the entries of a tree one by one: for merging an old tree with a walk. Verifies as TreeReader does. Memory:
/// one leaf and the nodes above it. After an error it is of no further use. Not thread-safe.
class TreeCursor {
 public:
  /// `opener` outlives the cursor.
  TreeCursor(const ObjectOpener& opener, ObjectId root);
  ~TreeCursor();
  /// The next entry, or nullopt at the end.
  Result<std::optional<Entry>> next();
  /// What is left of the leaf that the next entry stands in, or nullopt at the end.
  Result<std::optional<std::vector<Entry>>> next_entries();
  /// The next leaf, or nullopt at the end. Not between entries of one leaf (asserted).
  Result<std::optional<TreeLeaf>> next_leaf();
  /// Goes forward to the first entry behind `path` and all that is below it; stays where it is when it is there
  /// already.
  Result<void> seek(std::string_view path);
  /// Goes forward to the first entry whose path is `path` or greater; never back.
  Result<void> seek_at_least(std::string_view path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `content`: type, content digest, size, link target or device numbers differ; `metadata`: only other fields do.
enum class Change : std::uint8_t { added, removed, content, metadata };
/// Calls `visit(change, before, after)` for every path that differs; subtrees with equal digests are not read.
/// `before`/`after` is nullptr for added/removed. In path order; stops at the first error of `visit`.
Result<void> diff_trees(const ObjectOpener& opener, ObjectId before, ObjectId after,
                        const std::function<Result<void>(Change, const Entry*, const Entry*)>& visit);
/// The same with an opener for each tree. Across generations of content keys no two digests agree: everything is read,
/// and a file of the same size and mtime counts as the same content.
Result<void> diff_trees(const ObjectOpener& before_opener, ObjectId before, const ObjectOpener& after_opener,
                        ObjectId after, const std::function<Result<void>(Change, const Entry*, const Entry*)>& visit);

}  // namespace beffroi::storage
