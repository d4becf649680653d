#include "storage/merge/three_way.h"

#include <set>

#include "storage/tree/tree_edit.h"
#include "storage/tree/tree_walk.h"

namespace beffroi::storage {
namespace {

Result<ObjectId> empty_tree(const ObjectOpener& opener, ObjectSink& sink) {
  BEFFROI_TRY(const TreeRoot root, TreeBuilder(opener.keys(), sink).finish());
  return root.object.id;
}

Result<TreeRoot> root_of(const ObjectOpener& opener, const ObjectId& id) {
  BEFFROI_TRY(const TreePage page, open_tree_page(opener, id));
  return TreeRoot{
      .object = page.self.ref, .digest = page.self.digest, .entries = page.self.entries, .bytes = page.self.bytes};
}

bool says_the_same(const std::optional<Entry>& a, const std::optional<Entry>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || encode_entry_logical(*a) == encode_entry_logical(*b);
}

/// All paths at which one of the three trees may differ from another, and the merged tree from them.
std::set<std::string_view> touched_paths(const SideChanges& ours, const SideChanges& theirs,
                                         const Placement& placement) {
  std::set<std::string_view> out;
  const auto take = [&](const auto& map) {
    for (const auto& [path, value] : map) out.insert(path);
  };
  for (const SideChanges* side : {&ours, &theirs}) {
    take(side->removed);
    take(side->added);
    take(side->edited);
  }
  take(placement.placed);
  return out;
}

/// What one side has to do.
class ChangeList {
 public:
  ChangeList(const MergeGraph& graph, const Placement& placement, MergeSide side)
      : graph_(graph), placement_(placement), side_(side) {}

  std::vector<MergeChange> over(const std::set<std::string_view>& paths) const {
    std::vector<MergeChange> out;
    for (const std::string_view path : paths) {
      MergeChange change{.path = std::string(path), .before = now_at(path), .after = merged_at(path), .moved_from = {}};
      if (says_the_same(change.before, change.after)) continue;
      change.moved_from = source_of(path);
      out.push_back(std::move(change));
    }
    return out;
  }

 private:
  std::optional<Entry> now_at(std::string_view path) const {
    if (const auto found = placement_.involved.find(path); found != placement_.involved.end()) return found->second;
    const Entry* const entry = graph_.now_at(side_, path);
    return entry == nullptr ? std::nullopt : std::optional(*entry);
  }

  std::optional<Entry> merged_at(std::string_view path) const {
    const auto found = placement_.placed.find(path);
    return found == placement_.placed.end() ? std::nullopt : std::optional(found->second.entry);
  }

  std::optional<std::string> source_of(std::string_view path) const {
    const auto found = placement_.placed.find(path);
    if (found == placement_.placed.end()) return std::nullopt;
    const std::optional<std::string>& source = found->second.had_at[static_cast<std::size_t>(side_)];
    if (!source || *source == path) return std::nullopt;
    const std::optional<Entry> left_there = merged_at(*source);
    if (left_there && same_content(*left_there, found->second.entry)) return std::nullopt;
    return source;
  }

  const MergeGraph& graph_;
  const Placement& placement_;
  MergeSide side_;
};

std::vector<TreeChange> edits_of(const std::vector<MergeChange>& changes) {
  std::vector<TreeChange> out;
  out.reserve(changes.size());
  for (const MergeChange& change : changes) out.push_back({change.path, change.after});
  return out;
}

/// One side's tree stands for itself when it is the merged one.
Result<TreeRoot> merged_root(const ObjectOpener& opener, const MergeInput& input, const MergedTree& merged,
                             ObjectSink& sink) {
  if (merged.for_ours.empty()) return root_of(opener, input.ours);
  if (merged.for_theirs.empty()) return root_of(opener, input.theirs);
  return edit_tree(opener, input.ours, edits_of(merged.for_ours), sink);
}

}  // namespace

Result<MergedTree> merge_trees(const ObjectOpener& opener, const MergeInput& input, ObjectSink& sink) {
  BEFFROI_TRY(const ObjectId ancestor, input.ancestor ? Result<ObjectId>(*input.ancestor) : empty_tree(opener, sink));
  BEFFROI_TRY(const SideChanges ours, changes_since(opener, ancestor, input.ours));
  BEFFROI_TRY(const SideChanges theirs, changes_since(opener, ancestor, input.theirs));
  MergeGraph graph(ours, theirs);
  BEFFROI_CHECK(graph.build());
  BEFFROI_TRY(Placement placement,
              place_nodes(graph, TreeReader(opener, ancestor), {input.our_author, input.their_author}));
  const std::set<std::string_view> paths = touched_paths(ours, theirs, placement);
  MergedTree out;
  out.for_ours = ChangeList(graph, placement, MergeSide::ours).over(paths);
  out.for_theirs = ChangeList(graph, placement, MergeSide::theirs).over(paths);
  out.conflicts = std::move(placement.conflicts);
  BEFFROI_TRY(out.root, merged_root(opener, input, out, sink));
  return out;
}

}  // namespace beffroi::storage
