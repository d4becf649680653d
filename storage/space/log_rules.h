// Who may sign which record, and what it may say. Internal to the log.
#pragma once

#include "storage/space/log.h"

namespace beffroi::storage {

/// A record that opens a log. ErrorCode::corrupt unless it is a genesis that its own root signed.
Result<void> check_genesis(const Record& record);
/// Authority and content of a record that is chained to the head and whose signature is right. ErrorCode::refused with
/// the reason.
Result<void> check_rules(const SpaceLog& log, const Record& record);

}  // namespace beffroi::storage
