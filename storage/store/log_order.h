// A closer promise than the disk's own: nothing of a write-ahead log survives a power cut unless the logs before it
// survived whole.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
}

namespace beffroi::storage {

/// An environment over `base` (not owned) that syncs a database's current log before it creates the next one: one fsync
/// for each 24 MiB or so that are written. Why: RocksDB 7.8 does not sync a log that it leaves. If a power cut then
/// takes whole records off its end but spares the next log, recovery goes on over the gap (facebook/rocksdb pull
/// requests 7701 and 13226): an object's parent would be there and the object not. For one database.
std::unique_ptr<rocksdb::Env> make_log_ordering_env(rocksdb::Env& base);

}  // namespace beffroi::storage
