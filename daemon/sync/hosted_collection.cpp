// The roots of a hosted space, and the collection that keeps what they reach: retained snapshots, and what leases pin.
// (Why leases are all the safety that a push needs: what it put, and what it was told that is here, is pinned before it
// hears of it, and a pin that comes while a collection runs is told to it under the lock under which it deletes.)
#include "daemon/sync/hosted_space.h"

namespace beffroi::daemon {
namespace {

using storage::Collector;
using storage::Durability;
using storage::Lease;
using storage::ObjectId;
using storage::WriteBatch;

// What one step goes over: a few milliseconds.
constexpr std::size_t kMarkedPerStep = 2048;
constexpr std::size_t kRemovedPerStep = 256;
constexpr std::size_t kRootsPerStep = 4096;

}  // namespace

class HostedSpaceImpl::Collection final : public SpaceCollection {
 public:
  Collection(std::shared_ptr<HostedSpaceImpl> space, std::shared_ptr<Collector> collector, std::vector<Lease> leases)
      : space_(std::move(space)), collector_(std::move(collector)), leases_(std::move(leases)) {}
  ~Collection() override { space_->forget_collector(); }

  Result<bool> step() override {
    if (collector_->wants_roots()) BEFFROI_CHECK(add_roots());
    BEFFROI_CHECK(collector_->advance_unlocked(kMarkedPerStep));
    if (collector_->wants_lock()) BEFFROI_CHECK(sweep());
    return !collector_->is_done();
  }
  storage::CollectorCounts counts() const override { return collector_->counts(); }

 private:
  // Snapshots first, then the pins of one lease after the other.
  Result<void> add_roots() {
    if (!commits_read_) {
      commits_read_ = true;
      BEFFROI_TRY(roots_, space_->retained_roots());
    }
    if (!roots_.empty()) {
      const std::size_t count = std::min(roots_.size(), kRootsPerStep);
      collector_->add_roots(std::span(roots_).last(count));
      roots_.resize(roots_.size() - count);
      return {};
    }
    if (leases_.empty()) {
      collector_->end_roots();
      return {};
    }
    return add_pins();
  }

  Result<void> add_pins() {
    std::vector<ObjectId> pins;
    BEFFROI_CHECK(space_->leases_.for_each_pin(leases_.back().id, next_pin_, [&](const ObjectId& id) {
      pins.push_back(id);
      return pins.size() < kRootsPerStep;
    }));
    collector_->add_roots(pins);
    const auto next = pins.size() == kRootsPerStep ? storage::next_id(pins.back()) : std::nullopt;
    next_pin_ = next.value_or(ObjectId{});
    if (!next) leases_.pop_back();
    return {};
  }

  Result<void> sweep() {
    BEFFROI_TRY(const auto writing, space_->begin_change());
    BEFFROI_CHECK(collector_->advance_locked(kRemovedPerStep));
    BEFFROI_CHECK(space_->take_stock());
    return {};
  }

  const std::shared_ptr<HostedSpaceImpl> space_;
  const std::shared_ptr<Collector> collector_;
  std::vector<Lease> leases_;
  std::vector<ObjectId> roots_;
  bool commits_read_ = false;
  ObjectId next_pin_;
};

Result<std::unique_ptr<SpaceCollection>> HostedSpaceImpl::begin_collection() {
  BEFFROI_TRY(const auto writing, begin_change());
  if (collector_) return fail(ErrorCode::busy, N_("A collection is running already."));
  BEFFROI_CHECK(end_expired_leases());
  const std::uint64_t reopenings = parts_.database.reopenings();
  BEFFROI_TRY(auto leases, leases_.all());
  BEFFROI_TRY(auto collector, Collector::begin(parts_.objects, space(), parts_.random));
  collector_ = std::move(collector);
  // A put that had failed is found done then, and may be made of what was garbage without it.
  collector_->tell_before_removal([this, reopenings](std::span<const ObjectId> ids) -> Result<void> {
    if (parts_.database.reopenings() != reopenings)
      return fail(ErrorCode::busy, N_("The disk was full until a moment ago. Try again."));
    return forget_wishes(ids);
  });
  return std::make_unique<Collection>(shared_from_this(), collector_, std::move(leases));
}

Result<void> HostedSpaceImpl::end_expired_leases() {
  BEFFROI_TRY(const auto expired, leases_.expired(lease_seconds()));
  for (const Lease& lease : expired) {
    WriteBatch batch;
    BEFFROI_CHECK(leases_.end(batch, lease.id));
    BEFFROI_CHECK(parts_.database.write(batch, Durability::buffered));
  }
  return {};
}

Result<std::vector<ObjectId>> HostedSpaceImpl::retained_roots() const {
  std::vector<ObjectId> out;
  BEFFROI_CHECK(store_.for_each_held_root([&](const storage::CommitId&, const ObjectId& root) {
    out.push_back(root);
    return true;
  }));
  return out;
}

// Under `writing_`.
void HostedSpaceImpl::shade(std::span<const ObjectId> ids) {
  if (collector_) collector_->shade(ids);
}

void HostedSpaceImpl::forget_collector() {
  const std::lock_guard writing(writing_);
  collector_.reset();
}

// Nobody needs what is collected, so nobody shall be asked for it; under the same lock, for later a parent could be
// taken in that counts on it. And before its facts go: a wish that a crash left behind them would never be forgotten,
// and a station that still has the object could push nothing any more, because what is below it is here no longer.
Result<void> HostedSpaceImpl::forget_wishes(std::span<const ObjectId> ids) {
  WriteBatch batch;
  std::vector<ObjectId> gone;
  const std::lock_guard lock(facts_);
  for (const ObjectId& id : ids) {
    if (!damaged_.contains(id)) continue;
    remove_wanted(batch, space(), id);
    gone.push_back(id);
  }
  if (gone.empty()) return {};
  BEFFROI_CHECK(parts_.database.write(batch, Durability::buffered));
  for (const ObjectId& id : gone) damaged_.erase(id);
  return {};
}

}  // namespace beffroi::daemon
