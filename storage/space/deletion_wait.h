// How long a deletion waits, so that peer and stations count alike.
#pragma once

#include "storage/space/log.h"

namespace beffroi::storage {

/// Days that pass at least between a deletion's arrival at the peer and its end, in which any member may take it back:
/// the longest lock that any rule of the space ever gave, RetentionBody's own when none is longer. (No later rule, and
/// so nothing that is signed together with a deletion, shortens the wait.)
std::uint32_t deletion_wait_days(const SpaceLog& log);

}  // namespace beffroi::storage
