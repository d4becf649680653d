// One level of a stored tree as a row of leaves or nodes, read one at a time, forwards and backwards: what an editor of
// trees moves on.
#pragma once

#include "storage/tree/tree_walk.h"

namespace beffroi::storage {

using TreePagePointer = std::shared_ptr<const TreePage>;

/// A leaf or node, and the way to it from the root.
struct TreePlace {
  struct Step {
    TreePagePointer node;
    std::size_t child = 0;
  };
  std::vector<Step> above;
  TreePagePointer page;
  /// Where the next one of its level begins: nullopt for the last.
  std::optional<std::string> end() const;
  bool is_first() const;
};

/// Reads what is asked for, and keeps the page of each level that was read last. Everything read is compared with what
/// its parent says (corrupt otherwise). Not thread-safe.
class TreeLevelReader {
 public:
  /// `opener` outlives it.
  TreeLevelReader(const ObjectOpener& opener, ObjectId root) : opener_(opener), root_id_(root) {}
  /// Reads the root. Before anything else.
  Result<void> start();
  const TreePage& root() const { return *root_; }

  /// The leaf (0) or node of this level in which `path` is, or would be. Precondition: not above the root's level.
  Result<TreePlace> find(std::uint8_t level, std::string_view path);
  /// Its neighbours in its level; nullopt when there is none.
  Result<std::optional<TreePlace>> next(const TreePlace& place);
  Result<std::optional<TreePlace>> previous(const TreePlace& place);
  /// Of the child, and of all that is below while that is an only child, the last.
  Result<TreeChild> without_only_parents(TreeChild child);

 private:
  enum class Side { left, right };
  Result<void> descend(TreePlace& place, std::uint8_t level, Side side);
  Result<void> enter(TreePlace& place, std::size_t child);
  Result<TreePagePointer> read(const TreeChild& child);

  const ObjectOpener& opener_;
  const ObjectId root_id_;
  TreePagePointer root_;
  std::vector<TreePagePointer> latest_;  ///< by level
};

}  // namespace beffroi::storage
