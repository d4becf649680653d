// Collecting the garbage of one hosted space beside its running pushes.
#pragma once

#include "storage/store/collector.h"

namespace beffroi::daemon {

/// Lives no longer than its space's host. For one thread at a time; destroyed at any moment, what is deleted until then
/// was garbage.
class SpaceCollection {
 public:
  virtual ~SpaceCollection() = default;
  /// A little of the work: stations of the space wait for a few milliseconds at most. True while there is more. After
  /// an error nothing more is deleted.
  virtual Result<bool> step() = 0;
  virtual storage::CollectorCounts counts() const = 0;
};

}  // namespace beffroi::daemon
