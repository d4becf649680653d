// Gives back the room of what no snapshot here needs any more.
#pragma once

#include <functional>

#include "daemon/service/progress.h"
#include "daemon/vault/vault.h"

namespace beffroi::daemon {

struct CollectionResult {
  std::uint64_t snapshots = 0;  ///< that went, and whose room is given back
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< sealed, of objects whose bytes are here
  bool operator==(const CollectionResult&) const = default;
};

struct CollectionPace {
  std::size_t objects = 4096;            ///< gone over between two looks at Progress::cancel
  std::function<void()> each_step = {};  ///< for tests, which cut it there
};

/// Removes every object that no snapshot here needs, set aside or not yet sent ones included, and compacts the database
/// when there were any. Long, blocking. A crash, or an end by Progress::cancel (cancelled), leaves some of it to the
/// next collection, and no snapshot without an object. busy while a backup runs: nobody may store objects meanwhile.
Result<CollectionResult> collect(Vault& vault, crypto::Random& random, Progress& progress,
                                 const CollectionPace& pace = {});

/// What collect() would remove after these snapshots were forgotten; changes nothing. It may count too little: what
/// seems to be in use is left out.
Result<CollectionResult> foresee_collection(Vault& vault, const std::set<storage::CommitId>& forgotten_next,
                                            crypto::Random& random, Progress& progress);

}  // namespace beffroi::daemon
