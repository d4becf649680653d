// What RocksDB's failures mean in our terms.
#pragma once

#include "crypto/result.h"

namespace rocksdb {
class Status;
}

namespace beffroi::storage {

/// The error for a status that is neither ok nor NotFound. `folder` is named in the sentence.
Error database_error(const rocksdb::Status& status, const std::string& folder);

}  // namespace beffroi::storage
