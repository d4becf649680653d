// The files and folders that at least one side changed, each as one node that knows where it was, where each side has
// it, and what becomes of it. A node's place is its parent and its name, so a renamed folder takes along what the other
// side does below it.
#pragma once

#include <array>
#include <deque>

#include "storage/merge/side_changes.h"
#include "storage/merge/version.h"

namespace beffroi::storage {

using NodeIndex = std::size_t;
/// The top folder: always there, whether it has an entry or not.
inline constexpr NodeIndex kRootNode = 0;

struct NodePlace {
  NodeIndex parent = kRootNode;
  std::string name;
  bool operator==(const NodePlace&) const = default;
};

/// One content that a node ends up with.
struct NodeVersion {
  Entry entry;                      ///< its path means nothing
  std::optional<MergeSide> author;  ///< nullopt: both have it
};

struct MergeNode {
  /// False for a folder that no side changed: it is only somebody's parent, and stays at `path`.
  bool changed = false;
  bool is_folder = true;
  std::optional<Entry> base;                ///< in the ancestor; nullopt: new
  std::array<std::optional<Entry>, 2> now;  ///< by side; nullopt: not there
  NodePlace base_place;
  std::array<NodePlace, 2> places;
  // What becomes of it.
  bool stays = false;
  NodePlace place;
  std::vector<NodeVersion> versions;  ///< one, or two that exclude each other
  std::optional<std::string> path;    ///< of a node that stays
};

/// What becomes of each node, as far as one node and its parents tell: deletions, edits, moves, parents that are
/// needed. Names that clash are left to MergePlacement. Symmetrical in its sides but for the order of the nodes.
class MergeGraph {
 public:
  /// Both changes outlive the graph.
  MergeGraph(const SideChanges& ours, const SideChanges& theirs) : sides_{&ours, &theirs} {}
  /// Once. ErrorCode::corrupt when a side has something below a file.
  Result<void> build();

  const std::deque<MergeNode>& nodes() const { return nodes_; }
  /// The ancestor's entry under this path, when at least one side changed it.
  const Entry* changed_base(std::string_view path) const;
  /// What a side has under this path, when it or the other side changed what is there.
  const Entry* now_at(MergeSide side, std::string_view path) const;

 private:
  const SideChanges& changes(MergeSide side) const { return *sides_[static_cast<std::size_t>(side)]; }
  void add_base_nodes();
  void add_new_nodes(MergeSide side);
  std::optional<NodeIndex> same_as_ours(const NodePlace& place, const Entry& entry) const;
  NodeIndex new_node(MergeSide side, const NodePlace& place, const Entry& entry);
  void note_root();
  NodeIndex base_node(std::string_view path);
  NodePlace place_on(MergeSide side, std::string_view path);
  void set_places();
  void decide(MergeNode& node) const;
  NodePlace merge_places(const MergeNode& node) const;
  std::string identity(NodeIndex index) const;
  bool outlives_deletion(const MergeNode& node, MergeSide side) const;
  bool went_with_moved_folder(const MergeNode& node, MergeSide side) const;
  bool is_fixed(NodeIndex index) const { return index == kRootNode || !nodes_[index].changed; }
  std::vector<NodeIndex> nodes_on_cycles() const;
  void break_cycles();
  void keep_parents();
  const std::string& set_path(NodeIndex index);

  std::array<const SideChanges*, 2> sides_;
  std::deque<MergeNode> nodes_;
  ByPath<NodeIndex> by_base_path_;
  std::array<ByPath<NodeIndex>, 2> new_nodes_;  // by side, by its path
  std::map<std::pair<NodeIndex, std::string>, NodeIndex> our_new_places_;
  bool malformed_ = false;
};

}  // namespace beffroi::storage
