#include "crypto/assert.h"
#include "storage/tree/level_stack.h"
#include "storage/tree/tree_format.h"
#include "storage/tree/tree_pieces.h"

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
    return seal_tree_node(keys, sink, level, children);
  }
};

}  // namespace

struct TreeBuilder::State {
  const KeyRing& keys;
  LevelStack<TreeLevels> levels;
  OpenLeaf leaf;
  // Since the beginning.
  std::optional<std::string> last_path;
  bool has_leaf = false;

  State(const KeyRing& ring, ObjectSink& objects) : keys(ring), levels({ring, objects}), leaf(ring, objects) {}
  Result<void> append(const Entry& entry);
  Result<void> close_leaf();
};

Result<void> TreeBuilder::State::append(const Entry& entry) {
  OpenLeaf::Item item(entry);
  if (!leaf.takes(item)) BEFFROI_CHECK(close_leaf());
  return leaf.add(std::move(item)) ? close_leaf() : Result<void>{};
}

Result<void> TreeBuilder::State::close_leaf() {
  BEFFROI_TRY(TreeChild sealed, leaf.seal());
  has_leaf = true;
  return levels.add(std::move(sealed));
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
  if (state_->leaf.size() > 0 || leaf.entries.empty()) return false;
  const Entry& last = leaf.entries.back();
  if (!ends_tree_object(state_->keys.digests(), 0, last.path, encode_entry_logical(last).size())) return false;
  BEFFROI_ASSERT(!state_->last_path || leaf.entries.front().path > *state_->last_path);
  state_->last_path = last.path;
  state_->has_leaf = true;
  BEFFROI_CHECK(state_->levels.add(leaf.self));
  return true;
}

Result<TreeRoot> TreeBuilder::finish() {
  if (state_->leaf.size() > 0 || !state_->has_leaf) BEFFROI_CHECK(state_->close_leaf());
  BEFFROI_TRY(const TreeChild root, state_->levels.finish());
  return TreeRoot{.object = root.ref, .digest = root.digest, .entries = root.entries, .bytes = root.bytes};
}

}  // namespace beffroi::storage
