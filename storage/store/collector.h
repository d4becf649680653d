// Garbage collection of one space: marks what given roots reach, then removes the rest, parents before children. Needs
// no key; peers and stations use it alike.
//
// The driver of a collection:
//
//   auto collector = Collector::begin(…);      // then: make it known to everybody who must shade
//   for (each portion of roots) {              // retained commits, pins of leases: read after begin()
//     collector->add_roots(portion);
//     while (!collector->wants_roots()) collector->advance_unlocked(n);
//   }
//   collector->end_roots();
//   while (!collector->is_done()) {
//     collector->advance_unlocked(n);
//     if (collector->wants_lock()) { take the space's lock; collector->advance_locked(m); }
//   }
//
// The space's lock is the one under which objects are put, and questions whether an object is there are answered and
// what they were answered with is pinned. While it is not held, objects may come and become live: shade() tells.
//
// Nothing of a collection is kept on the disk. Objects go in an order of which any beginning is safe, and
// ObjectStore::remove keeps the order across a power cut: no object is ever there without what it is made of. After a
// crash what is gone stays gone, and the next collection begins anew; that is all that resuming means here.
//
// Memory, for a space of 100 million objects: filter 119 MiB (10 bits for each object ever put, at most 128 MiB), marks
// of trees 20 MiB when the objects were put once, and at most 208 MiB (see ClosureWalk), roots and shades 32 MiB each
// at most, the way down 8.5 MiB, the list of trees to remove 16 to 32 MiB.
#pragma once

#include <mutex>

#include "storage/store/closure_walk.h"
#include "storage/store/removal_list.h"

namespace beffroi::storage {

struct CollectorLimits {
  /// Above 107 million puts fewer bits are left for each, and more garbage seems to be in use until the next time.
  std::size_t filter_bytes_max = 128UL * 1024 * 1024;
  /// Trees that are listed for removal at once; when there are more, the space is searched again.
  std::size_t trees_max = 500'000;
  /// Objects that have rows here and never had bytes (ObjectInfo::insertion): the filter is made for them as well.
  std::uint64_t never_put = 0;
  /// What shade() may give between two steps; twice as much may wait to be walked.
  std::size_t shades_max = ClosureWalk::kRootsMax;
};
/// What the filter for so many objects takes.
std::size_t marks_filter_bytes(std::uint64_t objects, const CollectorLimits& limits);

struct CollectorCounts {
  std::uint64_t marked = 0;  ///< objects in use, about
  std::uint64_t removed = 0;
  std::uint64_t removed_bytes = 0;  ///< sealed bytes of what was removed and whose bytes were here
};

/// shade() from any thread; everything else from one at a time.
class Collector {
 public:
  /// Objects that are put from now on are never removed by this collection. `store` outlives it, and nobody else
  /// removes objects, or erases the space, before its end.
  static Result<std::unique_ptr<Collector>> begin(ObjectStore& store, const SpaceId& space, crypto::Random& random,
                                                  const CollectorLimits& limits = {});

  /// What these reach stays. At most ClosureWalk::kRootsMax at a time, not after end_roots() (both asserted). Ids
  /// without a row are passed over; quarantined and evicted objects are walked through like others.
  void add_roots(std::span<const ObjectId> roots);
  /// The roots so far are marked, and more may be added.
  bool wants_roots() const { return phase_ == Phase::marking && !roots_ended_ && walk_.idle(); }
  /// Without this nothing is ever removed.
  void end_roots() { roots_ended_ = true; }

  /// Told of objects right before they are removed, under the space's lock; its error ends the collection.
  using BeforeRemoval = std::function<Result<void>(std::span<const ObjectId>)>;
  void tell_before_removal(BeforeRemoval tell) { tell_ = std::move(tell); }

  /// What these reach became live: call it under the space's lock, before it is let go, for all that is put, pinned or
  /// committed, before or after its row is there. Cheap. When more than CollectorLimits::shades_max wait, the
  /// collection fails.
  void shade(std::span<const ObjectId> ids);

  /// Marks, or looks for what to remove: goes over about so many objects, at least 1 (asserted, here and below).
  Result<void> advance_unlocked(std::size_t objects);
  /// The caller holds the space's lock. Marks what became live meanwhile, about so many objects; when nothing of that
  /// is left, removes at most so many.
  Result<void> advance_locked(std::size_t objects);
  bool wants_lock() const { return !failure_ && is_sweeping() && walk_.idle(); }
  /// Never after an error: that ends the collection, and both advance functions say it again and do nothing more.
  bool is_done() const { return phase_ == Phase::done; }
  CollectorCounts counts() const;

 private:
  enum class Phase : std::uint8_t { marking, finding_trees, sweeping_trees, finding_leaves, sweeping_leaves, done };
  /// An object without children that is to be removed.
  struct Leaf {
    ObjectId id;
    ObjectInfo info;
  };

  Collector(ObjectStore& store, const SpaceId& space, std::uint64_t insertions, crypto::Random& random,
            const CollectorLimits& limits);
  bool is_sweeping() const { return phase_ == Phase::sweeping_trees || phase_ == Phase::sweeping_leaves; }
  Result<void> note(Result<void> outcome);
  Result<void> take_shades();
  Result<void> mark_or_find(std::size_t objects);
  Result<void> mark_and_sweep(std::size_t objects);
  Result<void> scan(std::size_t objects, const std::function<void(const ObjectId&, const ObjectInfo&)>& visit);
  void begin_scan(Phase phase);
  void end_trees();
  void end_leaves();
  Result<void> find_trees(std::size_t objects);
  Result<void> find_leaves(std::size_t objects);
  Result<void> sweep_trees(std::size_t objects);
  Result<void> sweep_leaves(std::size_t objects);
  Result<void> remove(std::span<const Leaf> objects);
  bool may_go(const ObjectId& id, const ObjectInfo& info) const {
    return info.insertion <= last_insertion_ && !marks_.contains(id, info);
  }

  ObjectStore& store_;
  const SpaceId space_;
  const std::uint64_t last_insertion_;  ///< what came later stays
  const std::size_t shades_max_;
  Marks marks_;
  ClosureWalk walk_;
  Phase phase_ = Phase::marking;
  bool roots_ended_ = false;
  std::optional<Error> failure_;
  std::optional<ObjectId> cursor_;  ///< where the scan goes on; nullopt: it is over
  RemovalList trees_;
  std::vector<Leaf> leaves_;  ///< at most as many as one advance goes over
  std::uint64_t removed_ = 0;
  std::uint64_t removed_bytes_ = 0;

  std::mutex shades_mutex_;
  std::vector<ObjectId> shades_;
  bool too_many_shades_ = false;

  BeforeRemoval tell_;
};

}  // namespace beffroi::storage
