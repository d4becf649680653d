#include "crypto/assert.h"
#include "storage/tree/level_stack.h"
#include "storage/tree/tree_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

/// Nodes of a tree, for LevelStack.
struct TreeLevels {
  using Child = TreeChild;
  static constexpr std::size_t kMaxNodeChildren = kMaxTreeObjectReferences;
  static constexpr std::size_t kMaxNodeBytes = kMaxTreeObjectLogicalBytes;

  const KeyRing& keys;
  ObjectSink& sink;

  std::size_t logical_size(const TreeChild& child) const { return encode_child_logical(child).size(); }
  bool ends_node(std::uint8_t level, const TreeChild& child, std::size_t size) const {
    return ends_tree_object(keys.digests(), level, child.first_path, size);
  }

  Result<TreeChild> seal(std::uint8_t level, const std::vector<TreeChild>& children) const {
    TreeChild out{.first_path = children.front().first_path,
                  .ref = {},
                  .digest = node_digest(keys.digests(), level, children),
                  .level = level};
    ChildTable table;
    for (const TreeChild& child : children) {
      table.add(child.ref);
      out.entries += child.entries;
      out.bytes = saturating_add(out.bytes, child.bytes);
    }
    BEFFROI_TRY(out.ref,
                put_unless_present(sink, ObjectKind::node, out.digest, std::move(table),
                                   [&](const ChildTable& frozen) { return encode_node(level, children, frozen); }));
    return out;
  }
};

// Equal content has equally many segments, whether they are in chunks or bundles: a logical number.
std::size_t references_of(const Entry& entry) { return entry.segments.size() + (entry.content_root ? 1 : 0); }

}  // namespace

struct TreeBuilder::State {
  const KeyRing& keys;
  ObjectSink& sink;
  LevelStack<TreeLevels> levels;
  // The open leaf.
  std::vector<Entry> entries;
  std::vector<Bytes> logical;
  std::size_t bytes = 0;
  std::size_t references = 0;
  // Since the beginning.
  std::optional<std::string> last_path;
  bool has_leaf = false;

  State(const KeyRing& ring, ObjectSink& objects) : keys(ring), sink(objects), levels({ring, objects}) {}
  Result<void> append(const Entry& entry);
  Result<void> close_leaf();
};

Result<void> TreeBuilder::State::append(const Entry& entry) {
  Bytes encoded = encode_entry_logical(entry);
  const std::size_t size = encoded.size();
  const std::size_t wanted = references_of(entry);
  const bool full = bytes + size > kMaxTreeObjectLogicalBytes || references + wanted > kMaxTreeObjectReferences;
  if (full && !entries.empty()) BEFFROI_CHECK(close_leaf());
  entries.push_back(entry);
  logical.push_back(std::move(encoded));
  bytes += size;
  references += wanted;
  return ends_tree_object(keys.digests(), 0, entry.path, size) ? close_leaf() : Result<void>{};
}

Result<void> TreeBuilder::State::close_leaf() {
  TreeChild leaf{.first_path = entries.empty() ? "" : entries.front().path,
                 .ref = {},
                 .digest = leaf_digest(keys.digests(), logical),
                 .entries = entries.size()};
  ChildTable table;
  for (const Entry& entry : entries) {
    collect_children(entry, table);
    leaf.bytes = saturating_add(leaf.bytes, entry.size);
  }
  BEFFROI_TRY(leaf.ref, put_unless_present(sink, ObjectKind::leaf, leaf.digest, std::move(table),
                                           [&](const ChildTable& frozen) { return encode_leaf(entries, frozen); }));
  entries.clear();
  logical.clear();
  bytes = references = 0;
  has_leaf = true;
  return levels.add(std::move(leaf));
}

TreeBuilder::TreeBuilder(const KeyRing& keys, ObjectSink& sink) : state_(std::make_unique<State>(keys, sink)) {}

TreeBuilder::~TreeBuilder() = default;

Result<void> TreeBuilder::add(const Entry& entry) {
  BEFFROI_ASSERT(!state_->last_path || entry.path > *state_->last_path);
  if (!has_valid_metadata(entry) || !has_valid_content(entry))
    return fail(ErrorCode::limit_exceeded,
                N_("{} can't be stored: its name or another part of its metadata is too long or not allowed."),
                to_display_path(entry.path));
  state_->last_path = entry.path;
  return state_->append(entry);
}

/// It ends where this tree's leaf would, and begins where the last one ended. (One that ended only because the next
/// entry did not fit might take another one in.)
Result<bool> TreeBuilder::add_leaf(const TreeLeaf& leaf) {
  if (!state_->entries.empty() || leaf.entries.empty()) return false;
  const Entry& last = leaf.entries.back();
  if (!ends_tree_object(state_->keys.digests(), 0, last.path, encode_entry_logical(last).size())) return false;
  BEFFROI_ASSERT(!state_->last_path || leaf.entries.front().path > *state_->last_path);
  state_->last_path = last.path;
  state_->has_leaf = true;
  BEFFROI_CHECK(state_->levels.add(leaf.self));
  return true;
}

Result<TreeRoot> TreeBuilder::finish() {
  if (!state_->entries.empty() || !state_->has_leaf) BEFFROI_CHECK(state_->close_leaf());
  BEFFROI_TRY(const TreeChild root, state_->levels.finish());
  return TreeRoot{.object = root.ref, .digest = root.digest, .entries = root.entries, .bytes = root.bytes};
}

}  // namespace beffroi::storage
