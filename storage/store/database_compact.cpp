// Giving the space of removed values back.
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include <algorithm>

#include "storage/store/database_state.h"
#include "storage/store/rocks_options.h"

namespace beffroi::storage {
namespace {

// Live bytes that may be moved for each byte that is given back.
constexpr std::uint64_t kMovedPerFreed = 2;

// RocksDB collects the oldest N blob files or none. The largest N is chosen that is worth the move and for which there
// is room: the live values are written a second time before the old files go. Returns the share of files, 0 when
// nothing is worth it.
double share_worth_collecting(std::vector<rocksdb::BlobMetaData> files, std::uint64_t room) {
  std::ranges::sort(files, {}, &rocksdb::BlobMetaData::blob_file_number);
  std::uint64_t live = 0;
  std::uint64_t garbage = 0;
  std::size_t worth = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    garbage += files[i].garbage_blob_bytes;
    live += files[i].total_blob_bytes - std::min(files[i].garbage_blob_bytes, files[i].total_blob_bytes);
    if (live > room) break;
    // A file without garbage at the end of the row would be moved for nothing.
    if (files[i].garbage_blob_bytes > 0 && live <= kMovedPerFreed * garbage) worth = i + 1;
  }
  if (worth == 0) return 0;
  // RocksDB multiplies and rounds down: half a file more lands on the right number.
  return std::min(1.0, (static_cast<double>(worth) + 0.5) / static_cast<double>(files.size()));
}

rocksdb::Status collect_blobs(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* objects, double share) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = share;
  return db.CompactRange(options, objects, nullptr, nullptr);
}

}  // namespace

Result<void> Database::compact() {
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  rocksdb::DB& db = *state_->db;
  // Removals meet what they remove; only then it is known which blobs are garbage. Files of nothing but garbage go at
  // once.
  rocksdb::CompactRangeOptions indexes_only;
  indexes_only.exclusive_manual_compaction = false;
  for (const Table table : all_tables()) {
    const auto status = db.CompactRange(indexes_only, state_->handle(table), nullptr, nullptr);
    if (!status.ok()) return state_->failed(status);
  }
  rocksdb::ColumnFamilyMetaData objects;
  db.GetColumnFamilyMetaData(state_->handle(Table::objects), &objects);
  std::uint64_t free_bytes = UINT64_MAX;
  if (!state_->env->GetFreeSpace(state_->folder, &free_bytes).ok()) free_bytes = UINT64_MAX;
  const double share = share_worth_collecting(objects.blob_files, free_bytes / 2);
  if (share == 0) return {};
  const auto status = collect_blobs(db, state_->handle(Table::objects), share);
  if (!status.ok()) return state_->failed(status);
  return {};
}

}  // namespace beffroi::storage
