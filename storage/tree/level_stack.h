// The nodes above the leaves of a tree, closed from left to right at content-defined boundaries: shared by the trees of
// entries and the trees of segments.
#pragma once

#include <deque>

#include "crypto/assert.h"
#include "storage/format/sealing.h"

namespace beffroi::storage {

/// `Policy` names a type Child, the constants kMaxNodeChildren and kMaxNodeBytes, and gives for a node under
/// construction
///   std::size_t logical_size(const Child&)        what a child counts against kMaxNodeBytes
///   bool ends_node(level, const Child&, size)     whether the child, by its content alone, is the last of its node
///   Result<Child> seal(level, children)           stores the node and names it
/// Levels count from 1, the nodes right above the leaves. A node ends behind a child for which ends_node() says so,
/// from its second child on (why: so each level has at most half the objects of the one below, whatever the content),
/// and before a child that would take it over a maximum. The root is the lowest object that holds everything: a root
/// node has at least two children. After an error the stack is of no further use. Not thread-safe.
template <class Policy>
class LevelStack {
 public:
  using Child = typename Policy::Child;

  explicit LevelStack(Policy policy) : policy_(std::move(policy)) {}

  /// The next leaf.
  Result<void> add(Child leaf) { return add_at(1, std::move(leaf)); }

  /// Closes all that is open. At least one leaf was added.
  Result<Child> finish() {
    for (std::uint8_t level = 1;; ++level) {
      BEFFROI_ASSERT(open_.size() >= level);
      Node& node = open_[level - 1U];
      if (!node.has_left_sibling && node.children.size() == 1) return std::move(node.children.front());
      if (!node.children.empty()) BEFFROI_CHECK(close(level));
    }
  }

 private:
  struct Node {
    std::vector<Child> children;
    std::size_t bytes = 0;
    bool has_left_sibling = false;
  };

  Result<void> add_at(std::uint8_t level, Child child) {
    if (open_.size() < level) open_.emplace_back();
    Node& node = open_[level - 1U];
    const std::size_t size = policy_.logical_size(child);
    const bool full = node.children.size() == Policy::kMaxNodeChildren || node.bytes + size > Policy::kMaxNodeBytes;
    if (full && !node.children.empty()) BEFFROI_CHECK(close(level));
    const bool ends = policy_.ends_node(level, child, size);
    node.children.push_back(std::move(child));
    node.bytes += size;
    return ends && node.children.size() >= 2 ? close(level) : Result<void>{};
  }

  Result<void> close(std::uint8_t level) {
    Node& node = open_[level - 1U];
    const std::vector<Child> children = std::exchange(node.children, {});
    node.bytes = 0;
    node.has_left_sibling = true;
    BEFFROI_TRY(Child parent, policy_.seal(level, children));
    return add_at(static_cast<std::uint8_t>(level + 1), std::move(parent));
  }

  Policy policy_;
  std::deque<Node> open_;  // by level - 1; a deque keeps references while it grows
};

}  // namespace beffroi::storage
