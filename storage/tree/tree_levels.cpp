#include "storage/tree/tree_levels.h"

#include <algorithm>

#include "storage/tree/tree_object.h"

namespace beffroi::storage {

std::optional<std::string> TreePlace::end() const {
  for (auto step = above.rbegin(); step != above.rend(); ++step)
    if (step->child + 1 < step->node->children.size()) return step->node->children[step->child + 1].first_path;
  return std::nullopt;
}

bool TreePlace::is_first() const {
  return std::ranges::all_of(above, [](const Step& step) { return step.child == 0; });
}

Result<void> TreeLevelReader::start() {
  BEFFROI_TRY(TreePage page, open_tree_page(opener_, root_id_));
  if (page.kind == ObjectKind::node && page.size() < 2) return contradicts_reference(root_id_, page.kind);
  latest_.resize(page.self.level + std::size_t{1});
  root_ = std::make_shared<const TreePage>(std::move(page));
  return {};
}

Result<TreePlace> TreeLevelReader::find(std::uint8_t level, std::string_view path) {
  TreePlace place{.above = {}, .page = root_};
  while (place.page->self.level > level) {
    const auto& children = place.page->children;
    const auto behind = std::ranges::upper_bound(children, path, {}, &TreeChild::first_path);
    const auto at = behind == children.begin() ? behind : std::prev(behind);
    BEFFROI_CHECK(enter(place, static_cast<std::size_t>(at - children.begin())));
  }
  return place;
}

Result<std::optional<TreePlace>> TreeLevelReader::next(const TreePlace& place) {
  TreePlace out{.above = place.above, .page = nullptr};
  while (!out.above.empty()) {
    const TreePlace::Step step = std::move(out.above.back());
    out.above.pop_back();
    if (step.child + 1 == step.node->children.size()) continue;
    out.page = step.node;
    BEFFROI_CHECK(enter(out, step.child + 1));
    BEFFROI_CHECK(descend(out, place.page->self.level, Side::left));
    return out;
  }
  return std::nullopt;
}

Result<std::optional<TreePlace>> TreeLevelReader::previous(const TreePlace& place) {
  TreePlace out{.above = place.above, .page = nullptr};
  while (!out.above.empty()) {
    const TreePlace::Step step = std::move(out.above.back());
    out.above.pop_back();
    if (step.child == 0) continue;
    out.page = step.node;
    BEFFROI_CHECK(enter(out, step.child - 1));
    BEFFROI_CHECK(descend(out, place.page->self.level, Side::right));
    return out;
  }
  return std::nullopt;
}

Result<void> TreeLevelReader::descend(TreePlace& place, std::uint8_t level, Side side) {
  while (place.page->self.level > level)
    BEFFROI_CHECK(enter(place, side == Side::left ? 0 : place.page->children.size() - 1));
  return {};
}

Result<void> TreeLevelReader::enter(TreePlace& place, std::size_t child) {
  place.above.push_back({place.page, child});
  BEFFROI_TRY(place.page, read(place.above.back().node->children[child]));
  const auto end = place.end();
  if (end && place.page->path(place.page->size() - 1) >= *end)
    return contradicts_reference(place.page->self.ref.id, place.page->kind);
  return {};
}

Result<TreePagePointer> TreeLevelReader::read(const TreeChild& child) {
  TreePagePointer& latest = latest_[child.level];
  if (latest && latest->self == child) return latest;
  BEFFROI_TRY(TreePage page, open_tree_page(opener_, child.ref.id));
  // An empty leaf fails too: no reference says that it has no entries.
  if (page.self != child) return contradicts_reference(child.ref.id, page.kind);
  latest = std::make_shared<const TreePage>(std::move(page));
  return latest;
}

Result<TreeChild> TreeLevelReader::without_only_parents(TreeChild child) {
  while (child.level > 0) {
    BEFFROI_TRY(const TreePagePointer page, read(child));
    if (page->children.size() > 1) break;
    child = page->children.front();
  }
  return child;
}

}  // namespace beffroi::storage
