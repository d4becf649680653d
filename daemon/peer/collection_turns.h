// Whose turn it is to be collected, and for how long: a space that is very large, or never at rest, does not keep the
// others waiting.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "storage/store/database.h"

namespace beffroi::daemon {

/// How long a space's collection may take. One that is cut off begins anew the next time: then it may take twice as
/// long as before, up to the longest turn.
inline constexpr std::chrono::hours kFirstTurn{1};
inline constexpr std::chrono::hours kLongestTurn{32};

/// For one thread at a time.
class CollectionTurns {
 public:
  /// Reads back who came last. `database` outlives it.
  explicit CollectionTurns(storage::Database& database);

  /// The order of a round: behind the space that came last, so that a restart does not begin with the same ones again;
  /// those that were cut off come at the end.
  bool comes_before(const storage::SpaceId& one, const storage::SpaceId& other) const;
  std::chrono::milliseconds longest(const storage::SpaceId& space) const;
  /// Kept on disk ("peer/collecting" → space), buffered. Blocking.
  Result<void> begin(const storage::SpaceId& space);
  /// `whole`: it was not cut off for want of time.
  void end(const storage::SpaceId& space, bool whole);

 private:
  storage::Database& database_;
  std::optional<storage::SpaceId> last_;
  std::map<storage::SpaceId, std::chrono::hours> longer_turns_;  ///< of those that were cut off
};

}  // namespace beffroi::daemon
