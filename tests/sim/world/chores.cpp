#include "tests/sim/world/chores.h"

namespace beffroi::sim {

std::shared_ptr<daemon::HostedSpace> PeerChores::space(std::size_t number) const {
  const auto spaces = host_.spaces();
  return number < spaces.size() ? spaces[number] : nullptr;
}

// As daemon/peer/chores.cpp asks: nothing expires while the clock is not believed.
Result<bool> PeerChores::expire_step() {
  const auto next = clock_.expiry_allowed() ? space(expiring_) : nullptr;
  if (!next) {
    expiring_ = 0;
    return false;
  }
  ++expiring_;
  BEFFROI_TRY(const std::uint64_t gone, next->expire(clock_.now()));
  done_.expired += gone;
  return true;
}

Result<bool> PeerChores::collect_step() {
  if (!collection_) {
    const auto next = space(collecting_);
    if (!next) {
      collecting_ = 0;
      return false;
    }
    BEFFROI_TRY(collection_, next->begin_collection());
  }
  const auto more = collection_->step();
  if (more && *more) return true;
  ++collecting_;
  if (more) return end_collection();
  collection_.reset();
  return forward_error(more);
}

Result<bool> PeerChores::end_collection() {
  const std::uint64_t removed = collection_->counts().removed;
  collection_.reset();
  ++done_.collections;
  done_.collected += removed;
  if (removed == 0) return true;
  const SimEnv::WithThread background(env_);
  BEFFROI_CHECK(host_.database().compact());
  return true;
}

Result<bool> PeerChores::scrub_step() {
  constexpr std::uint64_t kBytes = 20'000;
  BEFFROI_TRY(const auto step, scrub_.step(kBytes));
  if (step.ended) ++done_.scrubbed;
  return !step.ended;
}

Result<bool> PeerChores::has_ended(const storage::SpaceId& id, const storage::CommitId& commit) {
  Ended& ended = ended_[id];
  for (const auto& hosted : host_.spaces()) {
    if (hosted->space() != id) continue;
    BEFFROI_TRY(const auto expiries, hosted->expiries_from(ended.counter + 1));
    for (const Bytes& encoded : expiries) {
      BEFFROI_TRY(const auto expiry, storage::decode_expiry(encoded, host_.public_part().sign));
      ended.counter = expiry.counter;
      for (const auto& gone : expiry.gone) ended.commits.insert(gone.commit);
    }
  }
  return ended.commits.contains(commit);
}

}  // namespace beffroi::sim
