#include "storage/store/collector.h"

#include "crypto/assert.h"
#include "crypto/planted.h"
#include "storage/store/object_row.h"

namespace beffroi::storage {
namespace {

using crypto::Fault;
using crypto::planted;

constexpr std::uint64_t kFilterBitsPerObject = 10;
// In a small space nothing seems to be in use that is not.
constexpr std::uint64_t kFilterBytesMin = 64UL * 1024;

}  // namespace

std::size_t marks_filter_bytes(std::uint64_t objects, const CollectorLimits& limits) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max(objects / 8 * kFilterBitsPerObject, kFilterBytesMin), limits.filter_bytes_max));
}

Result<std::unique_ptr<Collector>> Collector::begin(ObjectStore& store, const SpaceId& space, crypto::Random& random,
                                                    const CollectorLimits& limits) {
  BEFFROI_TRY(const std::uint64_t insertions, store.insertions(space));
  return std::unique_ptr<Collector>(new Collector(store, space, insertions, random, limits));
}

// The filter is made for all puts that ever were: how many of them are still here nobody counts.
Collector::Collector(ObjectStore& store, const SpaceId& space, std::uint64_t insertions, crypto::Random& random,
                     const CollectorLimits& limits)
    : store_(store),
      space_(space),
      last_insertion_(insertions),
      shades_max_(limits.shades_max),
      marks_(marks_filter_bytes(insertions + limits.never_put, limits), random),
      walk_(store, space, marks_),
      trees_(limits.trees_max) {}

CollectorCounts Collector::counts() const {
  return {.marked = marks_.count(), .removed = removed_, .removed_bytes = removed_bytes_};
}

void Collector::add_roots(std::span<const ObjectId> roots) {
  BEFFROI_ASSERT(!roots_ended_ && roots.size() <= ClosureWalk::kRootsMax);
  walk_.add(roots);
}

void Collector::shade(std::span<const ObjectId> ids) {
  const std::lock_guard lock(shades_mutex_);
  if (shades_.size() + ids.size() > shades_max_)
    too_many_shades_ = true;
  else
    shades_.insert(shades_.end(), ids.begin(), ids.end());
}

Result<void> Collector::take_shades() {
  std::vector<ObjectId> shades;
  bool too_many = false;
  {
    const std::lock_guard lock(shades_mutex_);
    shades.swap(shades_);
    too_many = too_many_shades_;
  }
  walk_.add(shades);
  if (!too_many && walk_.roots() <= 2 * shades_max_) return {};
  return fail(ErrorCode::limit_exceeded,
              N_("Clearing up was stopped: the space is changing faster than what is in use can be noted."));
}

Result<void> Collector::note(Result<void> outcome) {
  if (!outcome) failure_ = outcome.error();
  return outcome;
}

Result<void> Collector::advance_unlocked(std::size_t objects) {
  BEFFROI_ASSERT(objects > 0);
  if (failure_) return std::unexpected(*failure_);
  return note(mark_or_find(objects));
}

Result<void> Collector::advance_locked(std::size_t objects) {
  BEFFROI_ASSERT(objects > 0);
  if (failure_) return std::unexpected(*failure_);
  return note(mark_and_sweep(objects));
}

Result<void> Collector::mark_or_find(std::size_t objects) {
  BEFFROI_CHECK(take_shades());
  if (!walk_.idle()) return walk_.advance(objects, ClosureWalk::Rows::may_come);
  if (phase_ == Phase::finding_trees) return find_trees(objects);
  if (phase_ == Phase::finding_leaves) return find_leaves(objects);
  if (phase_ != Phase::marking || !roots_ended_) return {};
  // From here on every child is looked up: the search meets each tree once, also those that headers denied.
  walk_.look_up_all();
  begin_scan(planted(Fault::sweep_children_first) ? Phase::finding_leaves : Phase::finding_trees);
  return {};
}

Result<void> Collector::mark_and_sweep(std::size_t objects) {
  if (!is_sweeping()) return {};
  BEFFROI_CHECK(take_shades());
  walk_.retry_unsettled();
  BEFFROI_CHECK(walk_.advance(objects, ClosureWalk::Rows::are_all));
  if (!walk_.idle()) return {};
  return phase_ == Phase::sweeping_trees ? sweep_trees(objects) : sweep_leaves(objects);
}

void Collector::begin_scan(Phase phase) {
  phase_ = phase;
  cursor_ = ObjectId{};
  trees_.clear();
}

Result<void> Collector::scan(std::size_t objects,
                             const std::function<void(const ObjectId&, const ObjectInfo&)>& visit) {
  const ObjectId first = *cursor_;
  cursor_.reset();
  std::size_t visited = 0;
  return store_.iterate_from(space_, first, [&](const ObjectId& id, const ObjectInfo& info) {
    if (visited++ == objects) {
      cursor_ = id;
      return false;
    }
    visit(id, info);
    return true;
  });
}

Result<void> Collector::find_trees(std::size_t objects) {
  std::vector<ObjectId> in_doubt;
  BEFFROI_CHECK(scan(objects, [&](const ObjectId& id, const ObjectInfo& info) {
    if (info.height == 0) return;
    // The child of a header that says it has none, or the filter errs: it stays, with all below it.
    if (marks_.in_doubt(id, info))
      in_doubt.push_back(id);
    else if (may_go(id, info))
      trees_.add(id, info.height);
  }));
  walk_.add(in_doubt);
  if (cursor_) return {};
  phase_ = Phase::sweeping_trees;
  if (trees_.size() == 0) end_trees();
  return {};
}

Result<void> Collector::find_leaves(std::size_t objects) {
  BEFFROI_CHECK(scan(objects, [&](const ObjectId& id, const ObjectInfo& info) {
    if (info.height == 0 && may_go(id, info)) leaves_.push_back({.id = id, .info = info});
  }));
  if (!leaves_.empty())
    phase_ = Phase::sweeping_leaves;
  else if (!cursor_)
    end_leaves();
  return {};
}

// Their rows are read again: what came back meanwhile has another number.
Result<void> Collector::sweep_trees(std::size_t objects) {
  const auto ids = trees_.take_highest(objects);
  BEFFROI_TRY(const auto infos, store_.info_many(space_, ids));
  std::vector<Leaf> garbage;
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (infos[i] && may_go(ids[i], *infos[i])) garbage.push_back({.id = ids[i], .info = *infos[i]});
  BEFFROI_CHECK(remove(garbage));
  if (trees_.size() > 0) return {};
  if (trees_.is_complete())
    end_trees();
  else
    begin_scan(Phase::finding_trees);
  return {};
}

// Parents are gone: what is left has none.
void Collector::end_trees() {
  if (planted(Fault::sweep_children_first))
    phase_ = Phase::done;
  else
    begin_scan(Phase::finding_leaves);
}

void Collector::end_leaves() {
  if (planted(Fault::sweep_children_first))
    begin_scan(Phase::finding_trees);
  else
    phase_ = Phase::done;
}

// The filter knows ids: it knows those that came back meanwhile, too.
Result<void> Collector::sweep_leaves(std::size_t objects) {
  const std::size_t count = std::min(objects, leaves_.size());
  std::vector<Leaf> garbage(leaves_.end() - static_cast<std::ptrdiff_t>(count), leaves_.end());
  leaves_.resize(leaves_.size() - count);
  std::erase_if(garbage, [&](const Leaf& leaf) { return marks_.contains(leaf.id, leaf.info); });
  BEFFROI_CHECK(remove(garbage));
  if (!leaves_.empty()) return {};
  if (cursor_)
    phase_ = Phase::finding_leaves;
  else
    end_leaves();
  return {};
}

Result<void> Collector::remove(std::span<const Leaf> objects) {
  std::vector<ObjectId> ids;
  ids.reserve(objects.size());
  for (const Leaf& object : objects) ids.push_back(object.id);
  if (tell_ && !ids.empty()) BEFFROI_CHECK(tell_(ids));
  BEFFROI_CHECK(store_.remove(space_, ids));
  for (const Leaf& object : objects) removed_bytes_ += is_here(object.info) ? object.info.sealed_bytes : 0;
  removed_ += objects.size();
  return {};
}

}  // namespace beffroi::storage
