#include "storage/tree/content_format.h"
#include "storage/tree/segment_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

using Visit = std::function<Result<void>(const Segment&)>;

std::uint64_t total_bytes(const std::vector<ContentItems::Child>& children) {
  std::uint64_t total = 0;
  for (const ContentItems::Child& child : children) total = saturating_add(total, child.bytes);
  return total;
}

/// Walks a content tree from the root. What an object says of itself must be what its parent says of it.
class ContentWalk {
 public:
  ContentWalk(const ObjectOpener& opener, const Visit& visit) : opener_(opener), visit_(visit) {}

  Result<void> walk_root(const ObjectRef& root) {
    BEFFROI_TRY(const Page page, open(root));
    if (page.level > 0 && page.items.children.size() < 2) return contradicts_reference(root.id, page.kind);
    return walk(page);
  }

 private:
  struct Page {
    ObjectKind kind = ObjectKind::content_leaf;
    std::uint8_t level = 0;
    ContentItems items;
  };

  Result<Page> open(const ObjectRef& ref) const {
    BEFFROI_TRY(const OpenedObject object, opener_.open(ref.id));
    const ObjectKind kind = object.header.kind;
    if (object.header.height != ref.height) return contradicts_reference(ref.id, kind);
    auto items = decode_content(object);
    if (!items) return about_tree_object(items.error(), ref.id, kind);
    const bool is_leaf = kind == ObjectKind::content_leaf;
    const int level = is_leaf ? 0 : items->children.front().level + 1;
    return Page{kind, static_cast<std::uint8_t>(level), std::move(*items)};
  }

  bool fits(const ContentItems::Child& child, const Page& page) const {
    const DigestKeys& keys = opener_.keys().digests();
    if (page.level != child.level) return false;
    if (page.level == 0)
      return total_length(page.items.segments) == child.bytes &&
             content_leaf_digest(keys, page.items.segments) == child.digest;
    return total_bytes(page.items.children) == child.bytes &&
           content_node_digest(keys, page.level, page.items.children) == child.digest;
  }

  // As deep as the levels, which descend by one: at most kMaxTreeLevel.
  Result<void> walk(const Page& page) const {
    for (const Segment& segment : page.items.segments) BEFFROI_CHECK(visit_(segment));
    for (const ContentItems::Child& child : page.items.children) {
      BEFFROI_TRY(const Page below, open(child.ref));
      if (!fits(child, below)) return contradicts_reference(child.ref.id, below.kind);
      BEFFROI_CHECK(walk(below));
    }
    return {};
  }

  const ObjectOpener& opener_;
  const Visit& visit_;
};

}  // namespace

Result<void> for_each_segment(const Entry& entry, const ObjectOpener& opener, const Visit& visit) {
  if (entry.type != EntryType::file || (entry.flags & kEntryUnreadable) != 0) return {};
  ContentDigester digester(opener.keys().digests());
  std::uint64_t bytes = 0;
  const Visit count_and_visit = [&](const Segment& segment) {
    bytes = saturating_add(bytes, segment.length);
    digester.add(segment);
    return visit(segment);
  };
  if (entry.content_root) BEFFROI_CHECK(ContentWalk(opener, count_and_visit).walk_root(*entry.content_root));
  for (const Segment& inline_segment : entry.segments) BEFFROI_CHECK(count_and_visit(inline_segment));
  if (bytes != entry.size || digester.finish() != entry.content_digest)
    return fail(ErrorCode::corrupt, N_("The content of {} is not what its entry says: run a check."),
                to_display_path(entry.path));
  return {};
}

}  // namespace beffroi::storage
