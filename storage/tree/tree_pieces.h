// Leaves and nodes of a tree under construction: what fits into one, what ends it, how it is stored. The rules stand in
// tree.h. Builder and editor share leaves and the storing of nodes; which children make a node the builder asks its
// LevelStack, which must say the same as OpenNode.
#pragma once

#include "storage/tree/tree_walk.h"

namespace beffroi::storage {

/// Entries on their way into one leaf. Not thread-safe.
class OpenLeaf {
 public:
  using Raw = Entry;
  struct Item {
    explicit Item(Entry from) : entry(std::move(from)), logical(encode_entry_logical(entry)) {}
    Entry entry;
    Bytes logical;
  };
  /// Both outlive it.
  OpenLeaf(const KeyRing& keys, ObjectSink& sink) : keys_(keys), sink_(sink) {}

  std::size_t size() const { return entries_.size(); }
  /// False when the leaf must end before this one.
  bool takes(const Item& item) const;
  /// True when the leaf ends behind this one. Precondition: takes().
  bool add(Item item);
  /// Stores the leaf, unless an equal one is there, and is empty again. One without entries is an empty tree.
  Result<TreeChild> seal();

  static const std::string& key(const Entry& entry) { return entry.path; }
  static const std::vector<Entry>& items_of(const TreePage& page) { return page.entries; }
  /// Whether this leaf ends where it does whatever comes behind it.
  static bool ends_by_content(const DigestKeys& keys, const TreePage& page);

 private:
  const KeyRing& keys_;
  ObjectSink& sink_;
  std::vector<Entry> entries_;
  std::vector<Bytes> logical_;
  std::size_t bytes_ = 0;
  std::size_t references_ = 0;
};

/// The same for the children of one node of a level.
class OpenNode {
 public:
  using Raw = TreeChild;
  struct Item {
    explicit Item(TreeChild from);
    TreeChild child;
    std::size_t logical_size;
  };
  OpenNode(const KeyRing& keys, ObjectSink& sink, std::uint8_t level) : keys_(keys), sink_(sink), level_(level) {}

  std::size_t size() const { return children_.size(); }
  const TreeChild& front() const { return children_.front(); }
  bool takes(const Item& item) const;
  bool add(Item item);
  /// Precondition: not empty.
  Result<TreeChild> seal();

  static const std::string& key(const TreeChild& child) { return child.first_path; }
  static const std::vector<TreeChild>& items_of(const TreePage& page) { return page.children; }
  static bool ends_by_content(const DigestKeys& keys, const TreePage& page);

 private:
  const KeyRing& keys_;
  ObjectSink& sink_;
  const std::uint8_t level_;
  std::vector<TreeChild> children_;
  std::size_t bytes_ = 0;
};

/// Stores a node of these children, unless an equal one is there, and names it.
Result<TreeChild> seal_tree_node(const KeyRing& keys, ObjectSink& sink, std::uint8_t level,
                                 const std::vector<TreeChild>& children);

}  // namespace beffroi::storage
