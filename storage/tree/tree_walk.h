// A position in a tree that may stand before a whole subtree without having read it: what cursor, reader and diff are
// made of.
#pragma once

#include "storage/tree/tree.h"

namespace beffroi::storage {

/// An opened leaf or node and what it says of itself.
struct TreePage {
  ObjectKind kind = ObjectKind::leaf;
  TreeChild self;                   ///< as its parent should name it
  std::vector<Entry> entries;       ///< of a leaf
  std::vector<TreeChild> children;  ///< of a node
  std::size_t size() const { return self.level == 0 ? entries.size() : children.size(); }
  const std::string& path(std::size_t item) const {
    return self.level == 0 ? entries[item].path : children[item].first_path;
  }
};
/// Opens, decodes, and computes digest and counts.
Result<TreePage> open_tree_page(const ObjectOpener& opener, const ObjectId& id);

/// Goes forward through a tree, item by item: an item is an entry, or a subtree not yet read. Every object read is
/// compared with what its parent says. After an error it is of no further use. Not thread-safe.
class TreeWalk {
 public:
  TreeWalk(const ObjectOpener& opener, ObjectId root) : opener_(opener), root_(root) {}
  /// Reads the root and stands before its first item. Before anything else.
  Result<void> start();
  /// Of the whole tree.
  const Digest& digest() const { return digest_; }

  bool at_end() const { return frames_.empty(); }
  /// First path of the item. Not at the end.
  const std::string& path() const { return frames_.back().page.path(frames_.back().next); }
  /// The item, when it is a subtree; else nullptr.
  const TreeChild* subtree() const;
  /// The item, when it is an entry; else nullptr.
  const Entry* entry() const;
  /// Moves the entry out and passes it.
  Entry take_entry();
  /// Moves the entry and all behind it in its leaf out and passes them.
  std::vector<Entry> take_entries();
  /// Moves the whole leaf out and passes it. Before its first entry only (asserted).
  TreeLeaf take_leaf();
  /// Goes on behind the item.
  void pass();
  /// Reads the subtree and stands before its first item.
  Result<void> enter();
  /// Goes forward to the first item that holds or follows `path`: an entry whose path is at least that, or a subtree
  /// whose first path is at least that.
  Result<void> seek_at_least(std::string_view path);
  /// Tells the source which subtrees follow this one, every so often.
  void prefetch() const;

 private:
  struct Frame {
    TreePage page;
    std::size_t next = 0;
    std::optional<std::string> end;  ///< all paths are below it; nullopt: no bound
  };
  void leave_finished();

  const ObjectOpener& opener_;
  ObjectId root_;
  Digest digest_;
  std::vector<Frame> frames_;  ///< from the root down; the last one has an item left
};

}  // namespace beffroi::storage
