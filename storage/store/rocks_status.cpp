#include "storage/store/rocks_status.h"

#include <rocksdb/status.h>

namespace beffroi::storage {
namespace {

// RocksDB has no code of its own for a lock that somebody else holds: only the words of its file system layer tell.
bool is_lock_failure(const rocksdb::Status& status, const std::string& text) {
  return status.IsIOError() && (text.find("lock hold by current process") != std::string::npos ||
                                text.find("While lock file") != std::string::npos);
}

}  // namespace

Error database_error(const rocksdb::Status& status, const std::string& folder) {
  const std::string text = status.ToString();
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit)
    return {ErrorCode::disk_full,
            N_("The disk that holds {} is full. Nothing was lost: make room and try again."),
            {folder}};
  if (is_lock_failure(status, text))
    return {ErrorCode::busy, N_("Another beffroid is using {}. Stop it first."), {folder}};
  if (status.IsCorruption())
    return {ErrorCode::corrupt, N_("The database in {} is damaged: {}. Check the disk."), {folder, text}};
  return {ErrorCode::io, N_("The database in {} cannot be read or written: {}."), {folder, text}};
}

}  // namespace beffroi::storage
