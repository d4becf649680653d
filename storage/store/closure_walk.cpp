#include "storage/store/closure_walk.h"

namespace beffroi::storage {
namespace {

// Looked up at once. Each row may be 128 KiB.
constexpr std::size_t kIdsPerLookUp = 128;

// Somebody may be about to put it, or, where only its facts are known, to put what names its children.
bool may_change(const std::optional<ObjectInfo>& info) { return !info || (info->height > 0 && !info->bytes_present); }

}  // namespace

Result<void> ClosureWalk::advance(std::size_t objects, Rows rows) {
  for (std::size_t done = 0; done < objects && !idle();) {
    BEFFROI_TRY(const std::size_t more, step(rows));
    done += more;
    if (marks_.pages() > kPagesMax)
      return fail(ErrorCode::limit_exceeded,
                  N_("Nothing was removed: the objects in use are too many for the memory that is set aside."));
  }
  return {};
}

void ClosureWalk::retry_unsettled() {
  add(unsettled_);
  unsettled_.clear();
}

Result<std::size_t> ClosureWalk::step(Rows rows) {
  if (!roots_.empty()) return look_up_roots(rows);
  if (frames_.empty()) return expand_last(root_trees_);
  Frame& top = frames_.back();
  if (!top.trees.empty()) return expand_last(top.trees);
  if (top.next < top.ids.size()) return look_up_some();
  frames_.pop_back();
  return 0;
}

Result<std::size_t> ClosureWalk::look_up_roots(Rows rows) {
  const std::size_t count = std::min(roots_.size(), kIdsPerLookUp);
  const std::vector<ObjectId> ids(roots_.end() - static_cast<std::ptrdiff_t>(count), roots_.end());
  roots_.resize(roots_.size() - count);
  BEFFROI_TRY(const auto infos, store_.info_many(space_, ids));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (rows == Rows::may_come && may_change(infos[i])) unsettled_.push_back(ids[i]);
    mark(ids[i], infos[i], root_trees_);
  }
  return ids.size();
}

Result<std::size_t> ClosureWalk::look_up_some() {
  Frame& frame = frames_.back();
  const auto rest = std::span<const ObjectId>(frame.ids).subspan(frame.next);
  const auto ids = rest.first(std::min(rest.size(), kIdsPerLookUp));
  BEFFROI_TRY(const auto infos, store_.info_many(space_, ids));
  for (std::size_t i = 0; i < ids.size(); ++i) mark(ids[i], infos[i], frame.trees);
  frame.next += ids.size();
  return ids.size();
}

// What was marked before has been walked, or waits to be.
void ClosureWalk::mark(const ObjectId& id, const std::optional<ObjectInfo>& info, std::vector<Tree>& trees) {
  if (!info || !marks_.insert(id, *info)) return;
  if (info->height > 0) trees.push_back({.id = id, .height = info->height});
}

Result<std::size_t> ClosureWalk::expand_last(std::vector<Tree>& trees) {
  const Tree tree = trees.back();
  trees.pop_back();
  return expand(tree);
}

Result<std::size_t> ClosureWalk::expand(const Tree& tree) {
  auto children = store_.children(space_, tree.id);
  if (!children && children.error().code == ErrorCode::not_found) return 1;
  if (!children) return forward_error(children);
  const std::size_t count = children->size() + 1;
  if (tree.height == 1 && !looks_up_all_) {
    for (const ObjectId& child : *children) marks_.insert_unseen(child);
    return count;
  }
  if (frames_.size() >= kMaxHeight)
    return fail(ErrorCode::corrupt, N_("Nothing was removed: the object {} lies deeper than any may."), tree.id.hex());
  if (!children->empty()) frames_.push_back({.ids = std::move(*children)});
  return 1;
}

}  // namespace beffroi::storage
