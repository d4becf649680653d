#include "storage/tree/tree_edit.h"

#include <type_traits>

#include "crypto/assert.h"
#include "storage/tree/tree_levels.h"
#include "storage/tree/tree_pieces.h"

namespace beffroi::storage {
namespace {

/// Stands for the old items of a level that have begin <= key < end (nullopt: all behind begin).
template <class Raw>
struct Patch {
  std::string begin;
  std::optional<std::string> end;
  std::vector<Raw> items;
};

/// Splits a row of items into leaves or nodes.
template <class Open>
class Grouping {
 public:
  explicit Grouping(Open open) : open_(std::move(open)) {}

  Result<void> add(typename Open::Item item) {
    if (!open_.takes(item)) BEFFROI_CHECK(close());
    return open_.add(std::move(item)) ? close() : Result<void>{};
  }
  Result<void> close() {
    BEFFROI_TRY(TreeChild sealed, open_.seal());
    sealed_.push_back(std::move(sealed));
    return {};
  }
  const Open& open() const { return open_; }
  std::vector<TreeChild>& sealed() { return sealed_; }

 private:
  Open open_;
  std::vector<TreeChild> sealed_;
};

/// Works the patches of one level's items into its leaves or nodes, region by region. A region begins with the leaf or
/// node in which the first patch is, and ends where an old one begins with an item that stays, and a new one as well.
template <class Open>
class LevelEdit {
 public:
  using Raw = typename Open::Raw;
  LevelEdit(TreeLevelReader& old, const KeyRing& keys, std::uint8_t level, const std::vector<Patch<Raw>>& patches,
            std::function<Open()> make)
      : old_(old), keys_(keys), level_(level), patches_(patches), make_(std::move(make)) {}

  Result<void> run() {
    while (at_ < patches_.size()) BEFFROI_CHECK(edit_region());
    return {};
  }
  /// The patches of the level above.
  std::vector<Patch<TreeChild>>& replaced() { return replaced_; }
  /// The whole tree, when that is known.
  const std::optional<TreeChild>& root() const { return root_; }

 private:
  Result<void> edit_region() {
    BEFFROI_TRY(TreePlace place, first_place());
    Grouping<Open> grouping(make_());
    const bool is_first = place.is_first();
    Patch<TreeChild> out{.begin = place.page->self.first_path, .end = std::nullopt, .items = {}};
    for (;;) {
      out.end = place.end();
      BEFFROI_CHECK(add_page(*place.page, out.end, grouping));
      if (!out.end) break;
      const bool next_stays = stays(*out.end);
      // Where nothing is left, a neighbour is taken in: a level of one node is then one region.
      if (next_stays && grouping.open().size() == 0 && !grouping.sealed().empty()) break;
      BEFFROI_TRY(auto next, old_.next(place));
      place = std::move(*next);
      // What is open may end just here, for want of room.
      if (next_stays && grouping.open().size() > 0 &&
          !grouping.open().takes(typename Open::Item(Open::items_of(*place.page).front())))
        break;
    }
    BEFFROI_CHECK(end_region(grouping, is_first && !out.end));
    out.items = std::move(grouping.sealed());
    replaced_.push_back(std::move(out));
    return {};
  }

  /// When the first item of a leaf or node changes, the one before may end elsewhere, if it ended for want of room.
  Result<TreePlace> first_place() {
    const std::string& begin = patches_[at_].begin;
    BEFFROI_TRY(TreePlace place, old_.find(level_, begin));
    if (begin > place.page->self.first_path) return place;
    BEFFROI_TRY(auto before, old_.previous(place));
    if (before && !Open::ends_by_content(keys_.digests(), *before->page)) return std::move(*before);
    return place;
  }

  Result<void> add_page(const TreePage& page, const std::optional<std::string>& end, Grouping<Open>& grouping) {
    for (const Raw& item : Open::items_of(page)) {
      while (at_ < patches_.size() && patches_[at_].begin <= Open::key(item)) BEFFROI_CHECK(add_patch(grouping));
      if (!stays(Open::key(item))) continue;
      last_is_new_ = false;
      BEFFROI_CHECK(grouping.add(typename Open::Item(item)));
    }
    while (at_ < patches_.size() && (!end || patches_[at_].begin < *end)) BEFFROI_CHECK(add_patch(grouping));
    return {};
  }

  Result<void> add_patch(Grouping<Open>& grouping) {
    for (const Raw& item : patches_[at_].items) {
      last_is_new_ = true;
      BEFFROI_CHECK(grouping.add(typename Open::Item(item)));
    }
    ++at_;
    return {};
  }

  /// No patch stands for the old item with this key. Precondition: patches that begin before it were added.
  bool stays(const std::string& key) const {
    if (at_ < patches_.size() && patches_[at_].begin <= key) return false;
    return at_ == 0 || (patches_[at_ - 1].end && *patches_[at_ - 1].end <= key);
  }

  Result<void> end_region(Grouping<Open>& grouping, bool is_whole_level) {
    const bool is_first = grouping.sealed().empty();
    if constexpr (std::is_same_v<Open, OpenNode>) {
      // A node of a single child is no root: that child is, or what is below it.
      if (is_whole_level && is_first && grouping.open().size() == 1) {
        root_ = grouping.open().front();
        // (A new one that is alone ended by its content, and so has two children.)
        if (last_is_new_) return {};
        BEFFROI_TRY(root_, old_.without_only_parents(*root_));
        return {};
      }
    }
    const bool is_empty_tree = is_whole_level && is_first && level_ == 0;
    if (grouping.open().size() > 0 || is_empty_tree) BEFFROI_CHECK(grouping.close());
    if (is_whole_level && grouping.sealed().size() == 1) root_ = grouping.sealed().front();
    return {};
  }

  TreeLevelReader& old_;
  const KeyRing& keys_;
  const std::uint8_t level_;
  const std::vector<Patch<Raw>>& patches_;
  const std::function<Open()> make_;
  std::size_t at_ = 0;        ///< of patches_: the next one
  bool last_is_new_ = false;  ///< of the items that were added
  std::vector<Patch<TreeChild>> replaced_;
  std::optional<TreeChild> root_;
};

/// The levels above the old root, when that became several.
Result<TreeChild> build_upwards(std::vector<TreeChild> row, const KeyRing& keys, ObjectSink& sink) {
  while (row.size() > 1) {
    Grouping<OpenNode> grouping(OpenNode(keys, sink, static_cast<std::uint8_t>(row.front().level + 1)));
    for (TreeChild& child : row) BEFFROI_CHECK(grouping.add(OpenNode::Item(std::move(child))));
    if (grouping.open().size() > 0) BEFFROI_CHECK(grouping.close());
    row = std::move(grouping.sealed());
  }
  return std::move(row.front());
}

Result<std::vector<Patch<Entry>>> patches_of(std::span<const TreeChange> changes) {
  std::vector<Patch<Entry>> out;
  out.reserve(changes.size());
  for (const TreeChange& change : changes) {
    BEFFROI_ASSERT(out.empty() || change.path > out.back().begin);
    // The least path behind this one.
    Patch<Entry> patch{.begin = change.path, .end = change.path + '\0', .items = {}};
    if (change.entry) {
      BEFFROI_ASSERT(change.entry->path == change.path);
      if (!has_valid_metadata(*change.entry) || !has_valid_content(*change.entry))
        return fail(ErrorCode::limit_exceeded,
                    N_("{} can't be stored: its name or another part of its metadata is too long or not allowed."),
                    to_display_path(change.path));
      patch.items.push_back(*change.entry);
    }
    out.push_back(std::move(patch));
  }
  return out;
}

TreeRoot as_root(const TreeChild& child) {
  return {.object = child.ref, .digest = child.digest, .entries = child.entries, .bytes = child.bytes};
}

}  // namespace

Result<TreeRoot> edit_tree(const ObjectOpener& opener, ObjectId root, std::span<const TreeChange> changes,
                           ObjectSink& sink) {
  BEFFROI_TRY(const auto entries, patches_of(changes));
  const KeyRing& keys = opener.keys();
  TreeLevelReader old(opener, root);
  BEFFROI_CHECK(old.start());
  if (entries.empty()) return as_root(old.root().self);
  LevelEdit<OpenLeaf> leaves(old, keys, 0, entries, [&] { return OpenLeaf(keys, sink); });
  BEFFROI_CHECK(leaves.run());
  if (leaves.root()) return as_root(*leaves.root());
  std::vector<Patch<TreeChild>> replaced = std::move(leaves.replaced());
  const std::uint8_t top = old.root().self.level;
  for (std::uint8_t level = 1; level <= top; ++level) {
    LevelEdit<OpenNode> nodes(old, keys, level, replaced, [&] { return OpenNode(keys, sink, level); });
    BEFFROI_CHECK(nodes.run());
    if (nodes.root()) return as_root(*nodes.root());
    replaced = std::move(nodes.replaced());
  }
  // The root's level is one region.
  BEFFROI_TRY(const TreeChild built, build_upwards(std::move(replaced.front().items), keys, sink));
  return as_root(built);
}

}  // namespace beffroi::storage
