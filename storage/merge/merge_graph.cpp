#include "storage/merge/merge_graph.h"

#include "storage/merge/path_parts.h"

namespace beffroi::storage {
namespace {

constexpr std::array kBothSides = {MergeSide::ours, MergeSide::theirs};

std::size_t index_of(MergeSide side) { return static_cast<std::size_t>(side); }

template <class Value>
const Value* find_in(const ByPath<Value>& map, std::string_view path) {
  const auto found = map.find(path);
  return found == map.end() ? nullptr : &found->second;
}

std::vector<NodeVersion> merge_versions(const MergeNode& node) {
  const Entry& ours = *node.now[0];
  const Entry& theirs = *node.now[1];
  const Entry* const base = node.base ? &*node.base : nullptr;
  if (same_content(ours, theirs)) return {{merge_metadata(base, ours, theirs), std::nullopt}};
  if (base != nullptr && same_content(ours, *base)) return {{merge_metadata(base, theirs, ours), MergeSide::theirs}};
  if (base != nullptr && same_content(theirs, *base)) return {{merge_metadata(base, ours, theirs), MergeSide::ours}};
  return {{ours, MergeSide::ours}, {theirs, MergeSide::theirs}};
}

}  // namespace

const Entry* MergeGraph::changed_base(std::string_view path) const {
  for (const MergeSide side : kBothSides) {
    if (const Entry* const entry = find_in(changes(side).removed, path)) return entry;
    if (const auto* const edit = find_in(changes(side).edited, path)) return &edit->before;
  }
  return nullptr;
}

const Entry* MergeGraph::now_at(MergeSide side, std::string_view path) const {
  const SideChanges& made = changes(side);
  if (const Entry* const entry = find_in(made.added, path)) return entry;
  if (const auto* const edit = find_in(made.edited, path)) return &edit->after;
  return made.removed.contains(path) ? nullptr : changed_base(path);
}

Result<void> MergeGraph::build() {
  nodes_.emplace_back();
  nodes_[kRootNode].path = "";
  by_base_path_.emplace("", kRootNode);
  note_root();
  add_base_nodes();
  for (const MergeSide side : kBothSides) add_new_nodes(side);
  set_places();
  if (malformed_)
    return fail(ErrorCode::corrupt, N_("The list of a shared folder's files is damaged: something lies below a file."));
  for (MergeNode& node : nodes_)
    if (node.changed) decide(node);
  break_cycles();
  keep_parents();
  for (NodeIndex i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].stays) set_path(i);
  return {};
}

void MergeGraph::note_root() {
  MergeNode& root = nodes_[kRootNode];
  if (const Entry* const base = changed_base("")) root.base = *base;
  for (const MergeSide side : kBothSides)
    if (const Entry* const entry = now_at(side, "")) root.now[index_of(side)] = *entry;
  root.changed = root.base || root.now[0] || root.now[1];
}

void MergeGraph::add_base_nodes() {
  for (const MergeSide side : kBothSides) {
    for (const auto& [path, entry] : changes(side).removed) base_node(path);
    for (const auto& [path, edit] : changes(side).edited) base_node(path);
  }
}

NodeIndex MergeGraph::base_node(std::string_view path) {
  if (const NodeIndex* const known = find_in(by_base_path_, path)) return *known;
  const NodeIndex index = nodes_.size();
  by_base_path_.emplace(path, index);
  MergeNode& node = nodes_.emplace_back();
  const Entry* const base = changed_base(path);
  node.changed = base != nullptr;
  if (!node.changed) {
    node.path = path;
    return index;
  }
  node.is_folder = base->type == EntryType::directory;
  node.base = *base;
  for (const MergeSide side : kBothSides) {
    const std::string* const moved = find_in(changes(side).moved_to, path);
    const bool removed = changes(side).removed.contains(path);
    const Entry* const now = moved != nullptr ? find_in(changes(side).added, *moved)
                             : removed        ? nullptr
                                              : now_at(side, path);
    if (now != nullptr) node.now[index_of(side)] = *now;
  }
  return index;
}

// In path order, so that a new folder is known before what is in it.
void MergeGraph::add_new_nodes(MergeSide side) {
  for (const auto& [path, entry] : changes(side).added) {
    if (path.empty() || changes(side).moved_from.contains(path)) continue;
    new_nodes_[index_of(side)].emplace(path, new_node(side, place_on(side, path), entry));
  }
}

NodeIndex MergeGraph::new_node(MergeSide side, const NodePlace& place, const Entry& entry) {
  const std::optional<NodeIndex> known = side == MergeSide::theirs ? same_as_ours(place, entry) : std::nullopt;
  const NodeIndex index = known.value_or(nodes_.size());
  MergeNode& node = known ? nodes_[index] : nodes_.emplace_back();
  node.changed = true;
  node.is_folder = entry.type == EntryType::directory;
  node.now[index_of(side)] = entry;
  if (side == MergeSide::ours) our_new_places_.emplace(std::pair(place.parent, place.name), index);
  return index;
}

// Both made the same folder, or put the same file in the same place: one node.
std::optional<NodeIndex> MergeGraph::same_as_ours(const NodePlace& place, const Entry& entry) const {
  const auto found = our_new_places_.find(std::pair(place.parent, place.name));
  if (found == our_new_places_.end()) return std::nullopt;
  const MergeNode& node = nodes_[found->second];
  if (!same_content(*node.now[0], entry)) return std::nullopt;
  return found->second;
}

NodePlace MergeGraph::place_on(MergeSide side, std::string_view path) {
  const std::string_view folder = folder_of(path);
  const SideChanges& made = changes(side);
  NodeIndex parent = kRootNode;
  if (const std::string* const source = find_in(made.moved_from, folder))
    parent = base_node(*source);
  else if (const NodeIndex* const created = find_in(new_nodes_[index_of(side)], folder))
    parent = *created;
  else if (!folder.empty())
    parent = base_node(folder);
  malformed_ = malformed_ || !nodes_[parent].is_folder;
  return {parent, std::string(name_of(path))};
}

// Adds nodes of unchanged parents at the end.
void MergeGraph::set_places() {
  const std::size_t changed = nodes_.size();
  for (NodeIndex i = kRootNode + 1; i < changed; ++i) {
    MergeNode& node = nodes_[i];
    if (!node.changed) continue;
    if (node.base) node.base_place = {base_node(folder_of(node.base->path)), std::string(name_of(node.base->path))};
    for (const MergeSide side : kBothSides)
      if (const auto& now = node.now[index_of(side)]) node.places[index_of(side)] = place_on(side, now->path);
  }
}

void MergeGraph::decide(MergeNode& node) const {
  if (node.now[0] && node.now[1]) {
    node.stays = true;
    node.place = merge_places(node);
    node.versions = merge_versions(node);
    return;
  }
  if (!node.now[0] && !node.now[1]) {
    node.place = node.base_place;
    node.versions = {{*node.base, std::nullopt}};
    return;
  }
  const MergeSide side = node.now[0] ? MergeSide::ours : MergeSide::theirs;
  node.stays = !node.base || outlives_deletion(node, side);
  node.place = node.places[index_of(side)];
  node.versions = {{*node.now[index_of(side)], side}};
}

// Parent and name each as who changed it has it; where both did, as the side has it whose whole path is less.
NodePlace MergeGraph::merge_places(const MergeNode& node) const {
  const auto& [ours, theirs] = node.places;
  if (ours == theirs || !node.base) return ours;
  const auto rank = [&](std::size_t side) {
    return std::pair(node.now[side]->path, identity(node.places[side].parent));
  };
  const NodePlace& both = rank(0) <= rank(1) ? ours : theirs;
  const NodePlace& base = node.base_place;
  NodePlace out = both;
  if (ours.parent == base.parent) out.parent = theirs.parent;
  if (theirs.parent == base.parent) out.parent = ours.parent;
  if (ours.name == base.name) out.name = theirs.name;
  if (theirs.name == base.name) out.name = ours.name;
  return out;
}

// Tells nodes apart by what they are, not by whose they are.
std::string MergeGraph::identity(NodeIndex index) const {
  const MergeNode& node = nodes_[index];
  if (node.base) return "was " + node.base->path;
  if (is_fixed(index)) return "was " + *node.path;
  const NodePlace& place = node.places[node.now[0] ? 0 : 1];
  return "new " + path_in(identity(place.parent), place.name);
}

// A rename keeps a file; a folder's rename keeps what the other side deleted in it only when the other side deleted the
// folder too. New times or rights do not: what was deleted is what there is.
bool MergeGraph::outlives_deletion(const MergeNode& node, MergeSide side) const {
  return !same_content(*node.base, *node.now[index_of(side)]) || node.places[index_of(side)] != node.base_place ||
         went_with_moved_folder(node, side);
}

bool MergeGraph::went_with_moved_folder(const MergeNode& node, MergeSide side) const {
  for (std::string_view path = folder_of(node.base->path); !path.empty(); path = folder_of(path)) {
    const NodeIndex* const index = find_in(by_base_path_, path);
    if (index == nullptr || !nodes_[*index].base) continue;
    const MergeNode& folder = nodes_[*index];
    const bool only_there = folder.now[index_of(side)] && !folder.now[index_of(other_side(side))];
    if (only_there && folder.places[index_of(side)] != folder.base_place) return true;
  }
  return false;
}

// Each side's folders form a tree, but one may have moved P into R while the other moved R into P. Whatever is on such
// a circle stays where the ancestor had it; what that closes anew is broken in the next round.
void MergeGraph::break_cycles() {
  for (;;) {
    const std::vector<NodeIndex> circle = nodes_on_cycles();
    if (circle.empty()) return;
    for (const NodeIndex i : circle)
      if (nodes_[i].base) nodes_[i].place = nodes_[i].base_place;
  }
}

std::vector<NodeIndex> MergeGraph::nodes_on_cycles() const {
  std::vector<NodeIndex> out;
  std::vector<std::size_t> seen_in(nodes_.size(), 0);  // number of the walk; 0: not yet
  for (NodeIndex start = 0; start < nodes_.size(); ++start) {
    NodeIndex at = start;
    for (; !is_fixed(at) && seen_in[at] == 0; at = nodes_[at].place.parent) seen_in[at] = start + 1;
    if (is_fixed(at) || seen_in[at] != start + 1) continue;
    const NodeIndex first = at;
    do {
      out.push_back(at);
      at = nodes_[at].place.parent;
    } while (at != first);
  }
  return out;
}

void MergeGraph::keep_parents() {
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].stays || is_fixed(i)) continue;
    for (NodeIndex at = nodes_[i].place.parent; !is_fixed(at) && !nodes_[at].stays; at = nodes_[at].place.parent)
      nodes_[at].stays = true;
  }
}

const std::string& MergeGraph::set_path(NodeIndex index) {
  MergeNode& node = nodes_[index];
  if (!node.path) node.path = path_in(set_path(node.place.parent), node.place.name);
  return *node.path;
}

}  // namespace beffroi::storage
