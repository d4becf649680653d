// Marks everything below given objects, a little at a time.
#pragma once

#include "storage/store/marks.h"

namespace beffroi::storage {

/// Not thread-safe; others may change the store meanwhile. Holds one branch of the graph: at most 64 levels of 4,096
/// ids, 8.4 MiB; beside that the roots that it was given, 32 bytes each. Those without children are done with at once,
/// also while a tree is walked: of what is pinned meanwhile, nearly nothing waits.
class ClosureWalk {
 public:
  /// What may be left out, and what must be asked.
  enum class Rows : std::uint8_t {
    may_come,  ///< somebody puts objects meanwhile: a root without a row is asked about again
    are_all,   ///< the caller holds the space's lock: a root without a row is none
  };

  /// All outlive the walk.
  ClosureWalk(ObjectStore& store, const SpaceId& space, Marks& marks) : store_(store), space_(space), marks_(marks) {}
  void add(std::span<const ObjectId> roots) { roots_.insert(roots_.end(), roots.begin(), roots.end()); }
  /// Goes over about this many objects, at most one object's children more. ErrorCode::limit_exceeded when the marks
  /// need more memory than kPagesMax; corrupt when objects lie deeper than any writer may put them.
  Result<void> advance(std::size_t objects, Rows rows);
  /// All roots but the unsettled ones are walked.
  bool idle() const { return frames_.empty() && roots_.empty() && root_trees_.empty(); }
  /// Roots whose rows were not there, or did not name their children yet, become roots again.
  void retry_unsettled();
  /// Until this is called, the children of an object of height 1 are believed to have none: that saves nearly all
  /// look-ups. A header can be wrong in this only where a child was openly damaged when its parent came.
  void look_up_all() { looks_up_all_ = true; }

  /// 208 MiB of marks.
  static constexpr std::size_t kPagesMax = 2U * 1024 * 1024;
  /// What may wait to be walked: 32 MiB.
  static constexpr std::size_t kRootsMax = 1024UL * 1024;
  std::size_t roots() const { return roots_.size() + root_trees_.size() + unsettled_.size(); }

 private:
  struct Tree {
    ObjectId id;
    std::uint8_t height = 0;
  };
  struct Frame {
    std::vector<ObjectId> ids;
    std::size_t next = 0;       ///< of ids
    std::vector<Tree> trees{};  ///< looked up and marked; their children are not
  };

  /// Each gives how many objects it went over.
  Result<std::size_t> step(Rows rows);
  Result<std::size_t> look_up_roots(Rows rows);
  Result<std::size_t> look_up_some();
  void mark(const ObjectId& id, const std::optional<ObjectInfo>& info, std::vector<Tree>& trees);
  Result<std::size_t> expand_last(std::vector<Tree>& trees);
  Result<std::size_t> expand(const Tree& tree);

  ObjectStore& store_;
  SpaceId space_;
  Marks& marks_;
  bool looks_up_all_ = false;
  std::vector<ObjectId> roots_;
  std::vector<Tree> root_trees_;  ///< of the roots: looked up and marked
  std::vector<ObjectId> unsettled_;
  std::vector<Frame> frames_;
};

}  // namespace beffroi::storage
