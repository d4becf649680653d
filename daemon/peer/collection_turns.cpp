#include "daemon/peer/collection_turns.h"

#include <algorithm>
#include <tuple>

namespace beffroi::daemon {
namespace {

using storage::SpaceId;

constexpr std::string_view kKey = "peer/collecting";

}  // namespace

CollectionTurns::CollectionTurns(storage::Database& database) : database_(database) {
  const auto kept = database_.get(storage::Table::state, as_bytes(kKey));
  if (kept && *kept) last_ = SpaceId::from(**kept);
}

bool CollectionTurns::comes_before(const SpaceId& one, const SpaceId& other) const {
  const auto place = [this](const SpaceId& space) {
    return std::tuple(longer_turns_.contains(space), last_ && space <= *last_, space);
  };
  return place(one) < place(other);
}

std::chrono::milliseconds CollectionTurns::longest(const SpaceId& space) const {
  const auto longer = longer_turns_.find(space);
  return longer == longer_turns_.end() ? kFirstTurn : longer->second;
}

Result<void> CollectionTurns::begin(const SpaceId& space) {
  last_ = space;
  return database_.put(storage::Table::state, as_bytes(kKey), space, storage::Durability::buffered);
}

void CollectionTurns::end(const SpaceId& space, bool whole) {
  if (whole) {
    longer_turns_.erase(space);
    return;
  }
  const auto had = std::chrono::duration_cast<std::chrono::hours>(longest(space));
  longer_turns_[space] = std::min(had * 2, kLongestTurn);
}

}  // namespace beffroi::daemon
