#include "storage/tree/tree_pieces.h"

#include "storage/tree/tree_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

// Equal content has equally many segments, whether they are in chunks or bundles: a logical number.
std::size_t references_of(const Entry& entry) { return entry.segments.size() + (entry.content_root ? 1 : 0); }

}  // namespace

bool OpenLeaf::takes(const Item& item) const {
  if (entries_.empty()) return true;
  return bytes_ + item.logical.size() <= kMaxTreeObjectLogicalBytes &&
         references_ + references_of(item.entry) <= kMaxTreeObjectReferences;
}

bool OpenLeaf::add(Item item) {
  const bool ends = ends_tree_object(keys_.digests(), 0, item.entry.path, item.logical.size());
  bytes_ += item.logical.size();
  references_ += references_of(item.entry);
  entries_.push_back(std::move(item.entry));
  logical_.push_back(std::move(item.logical));
  return ends;
}

Result<TreeChild> OpenLeaf::seal() {
  TreeChild leaf{.first_path = entries_.empty() ? "" : entries_.front().path,
                 .ref = {},
                 .digest = leaf_digest(keys_.digests(), logical_),
                 .entries = entries_.size()};
  ChildTable table;
  for (const Entry& entry : entries_) {
    collect_children(entry, table);
    leaf.bytes = saturating_add(leaf.bytes, entry.size);
  }
  BEFFROI_TRY(leaf.ref, put_unless_present(sink_, ObjectKind::leaf, leaf.digest, std::move(table),
                                           [&](const ChildTable& frozen) { return encode_leaf(entries_, frozen); }));
  entries_.clear();
  logical_.clear();
  bytes_ = references_ = 0;
  return leaf;
}

bool OpenLeaf::ends_by_content(const DigestKeys& keys, const TreePage& page) {
  const Entry& last = page.entries.back();
  return ends_tree_object(keys, 0, last.path, encode_entry_logical(last).size());
}

OpenNode::Item::Item(TreeChild from) : child(std::move(from)), logical_size(encode_child_logical(child).size()) {}

bool OpenNode::takes(const Item& item) const {
  if (children_.empty()) return true;
  return children_.size() < kMaxTreeObjectReferences && bytes_ + item.logical_size <= kMaxTreeObjectLogicalBytes;
}

bool OpenNode::add(Item item) {
  const bool ends = ends_tree_object(keys_.digests(), level_, item.child.first_path, item.logical_size);
  bytes_ += item.logical_size;
  children_.push_back(std::move(item.child));
  return ends && children_.size() >= 2;
}

Result<TreeChild> OpenNode::seal() {
  const std::vector<TreeChild> children = std::exchange(children_, {});
  bytes_ = 0;
  return seal_tree_node(keys_, sink_, level_, children);
}

bool OpenNode::ends_by_content(const DigestKeys& keys, const TreePage& page) {
  const TreeChild& last = page.children.back();
  return page.children.size() >= 2 &&
         ends_tree_object(keys, page.self.level, last.first_path, encode_child_logical(last).size());
}

Result<TreeChild> seal_tree_node(const KeyRing& keys, ObjectSink& sink, std::uint8_t level,
                                 const std::vector<TreeChild>& children) {
  TreeChild out{.first_path = children.front().first_path,
                .ref = {},
                .digest = node_digest(keys.digests(), level, children),
                .level = level};
  ChildTable table;
  for (const TreeChild& child : children) {
    table.add(child.ref);
    out.entries = saturating_add(out.entries, child.entries);
    out.bytes = saturating_add(out.bytes, child.bytes);
  }
  BEFFROI_TRY(out.ref,
              put_unless_present(sink, ObjectKind::node, out.digest, std::move(table),
                                 [&](const ChildTable& frozen) { return encode_node(level, children, frozen); }));
  return out;
}

}  // namespace beffroi::storage
