#include "storage/tree/tree_walk.h"

#include "crypto/assert.h"
#include "storage/tree/tree_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kPrefetchedSubtrees = 16;

void describe_leaf(const DigestKeys& keys, TreePage& page) {
  std::vector<Bytes> logical;
  logical.reserve(page.entries.size());
  for (const Entry& entry : page.entries) {
    logical.push_back(encode_entry_logical(entry));
    page.self.bytes = saturating_add(page.self.bytes, entry.size);
  }
  page.self.entries = page.entries.size();
  page.self.digest = leaf_digest(keys, logical);
}

void describe_node(const DigestKeys& keys, TreePage& page) {
  for (const TreeChild& child : page.children) {
    page.self.entries = saturating_add(page.self.entries, child.entries);
    page.self.bytes = saturating_add(page.self.bytes, child.bytes);
  }
  page.self.level = static_cast<std::uint8_t>(page.children.front().level + 1);
  page.self.digest = node_digest(keys, page.self.level, page.children);
}

Result<void> decode_page(const OpenedObject& object, TreePage& page) {
  if (object.header.kind == ObjectKind::node) {
    BEFFROI_TRY(page.children, decode_node(object));
  } else {
    BEFFROI_TRY(page.entries, decode_leaf(object));
  }
  return {};
}

}  // namespace

Result<TreePage> open_tree_page(const ObjectOpener& opener, const ObjectId& id) {
  BEFFROI_TRY(const OpenedObject object, opener.open(id));
  TreePage page{.kind = object.header.kind, .self = {}, .entries = {}, .children = {}};
  if (const auto decoded = decode_page(object, page); !decoded)
    return about_tree_object(decoded.error(), id, object.header.kind);
  page.self.ref = {.id = id, .height = object.header.height};
  if (page.kind == ObjectKind::node)
    describe_node(opener.keys().digests(), page);
  else
    describe_leaf(opener.keys().digests(), page);
  if (page.size() > 0) page.self.first_path = page.path(0);
  return page;
}

Result<void> TreeWalk::start() {
  BEFFROI_TRY(TreePage page, open_tree_page(opener_, root_));
  if (page.kind == ObjectKind::node && page.size() < 2) return contradicts_reference(root_, page.kind);
  digest_ = page.self.digest;
  frames_.push_back({.page = std::move(page), .next = 0, .end = std::nullopt});
  leave_finished();
  return {};
}

const TreeChild* TreeWalk::subtree() const {
  if (at_end() || frames_.back().page.self.level == 0) return nullptr;
  return &frames_.back().page.children[frames_.back().next];
}

const Entry* TreeWalk::entry() const {
  if (at_end() || frames_.back().page.self.level > 0) return nullptr;
  return &frames_.back().page.entries[frames_.back().next];
}

Entry TreeWalk::take_entry() {
  Entry out = std::move(frames_.back().page.entries[frames_.back().next]);
  pass();
  return out;
}

std::vector<Entry> TreeWalk::take_entries() {
  Frame& frame = frames_.back();
  std::vector<Entry> out = std::move(frame.page.entries);
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(frame.next));
  frames_.pop_back();
  leave_finished();
  return out;
}

TreeLeaf TreeWalk::take_leaf() {
  BEFFROI_ASSERT(frames_.back().page.self.level == 0 && frames_.back().next == 0);
  TreeLeaf out{.self = std::move(frames_.back().page.self), .entries = {}};
  out.entries = take_entries();
  return out;
}

void TreeWalk::pass() {
  ++frames_.back().next;
  leave_finished();
}

void TreeWalk::leave_finished() {
  while (!frames_.empty() && frames_.back().next == frames_.back().page.size()) frames_.pop_back();
}

Result<void> TreeWalk::enter() {
  Frame& parent = frames_.back();
  const TreeChild& child = parent.page.children[parent.next++];
  BEFFROI_TRY(TreePage page, open_tree_page(opener_, child.ref.id));
  std::optional<std::string> end = parent.end;
  if (parent.next < parent.page.size()) end = parent.page.path(parent.next);
  // An empty leaf fails too: no reference says that it has no entries.
  if (page.self != child || (end && page.path(page.size() - 1) >= *end))
    return contradicts_reference(child.ref.id, page.kind);
  frames_.push_back({.page = std::move(page), .next = 0, .end = std::move(end)});
  return {};
}

Result<void> TreeWalk::seek_at_least(std::string_view path) {
  // From the root down: where the next subtree begins at or before the path, all that is open further down is behind
  // us.
  for (std::size_t depth = 0; depth + 1 < frames_.size(); ++depth) {
    const Frame& frame = frames_[depth];
    if (frame.next == frame.page.size() || frame.page.path(frame.next) > path) continue;
    frames_.resize(depth + 1);
    break;
  }
  while (!at_end()) {
    Frame& top = frames_.back();
    if (top.page.self.level == 0) {
      while (top.next < top.page.size() && top.page.path(top.next) < path) ++top.next;
      leave_finished();
      return {};
    }
    while (top.next + 1 < top.page.size() && top.page.path(top.next + 1) <= path) ++top.next;
    if (top.page.path(top.next) >= path) return {};
    BEFFROI_CHECK(enter());
  }
  return {};
}

void TreeWalk::prefetch() const {
  const Frame& top = frames_.back();
  if (top.next % kPrefetchedSubtrees != 0) return;
  std::vector<ObjectId> ids;
  for (std::size_t i = top.next; i < std::min(top.page.size(), top.next + kPrefetchedSubtrees); ++i)
    ids.push_back(top.page.children[i].ref.id);
  opener_.source().prefetch(ids);
}

}  // namespace beffroi::storage
