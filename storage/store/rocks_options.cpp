#include "storage/store/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

namespace beffroi::storage {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::size_t kOpenFilesMax = 256;
constexpr std::size_t kWalBytesMax = 96 * kMiB;
constexpr std::size_t kBlobBytesMin = 4 * kKiB;
constexpr std::size_t kBlockBytes = 16 * kKiB;
constexpr std::size_t kFactsBlockBytes = 4 * kKiB;
constexpr double kBloomBitsPerKey = 10;
constexpr double kMemtableBloomShare = 0.05;  // of the write buffer

// Database::write() gets over a full disk by opening the database anew. RocksDB's own attempts, one every five seconds,
// would only come in between.
class NoRecoveryByItself final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// What matters comes back as a status. Why not RocksDB's own file: when the disk is full and a line could not be
// written, the next one fails an assertion of RocksDB 7.8, which Debian builds with assertions: the process would end.
class NoLog final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::CompressionType best_compression() {
  for (const auto type : rocksdb::GetSupportedCompressions())
    if (type == rocksdb::kLZ4Compression) return type;
  return rocksdb::kNoCompression;
}

// Only where keys are asked for that are often absent.
bool wants_bloom_filter(Table table) {
  return table == Table::objects || table == Table::info || table == Table::dedup || table == Table::files;
}

void keep_objects_in_blob_files(rocksdb::ColumnFamilyOptions& out, const DatabaseOptions& options) {
  // Two of them, so that one is filled while the other is written out; a third would only cost memory.
  out.write_buffer_size = options.memtable_bytes / 2;
  out.arena_block_size = std::min(kMiB, std::max(64 * kKiB, out.write_buffer_size / 8));
  out.enable_blob_files = true;
  out.min_blob_size = kBlobBytesMin;
  out.blob_compression_type = rocksdb::kNoCompression;  // ciphertext
  out.blob_file_size = 256 * kMiB;
  out.blob_compaction_readahead_size = kMiB;
  // Garbage is collected by Database::compact(), after somebody removed something. In the background RocksDB would move
  // the oldest quarter of the blobs in every compaction that meets them, whether there is garbage among them or not.
  out.enable_blob_garbage_collection = false;
  out.compression = rocksdb::kNoCompression;
}

// Asked for by random ids, a thousand at once: each costs a block, so blocks are small, and not compressed, which would
// gain little among ids. The index of so many blocks is kept small in its turn.
void read_single_rows(rocksdb::BlockBasedTableOptions& blocks, rocksdb::ColumnFamilyOptions& out) {
  blocks.block_size = kFactsBlockBytes;
  blocks.index_block_restart_interval = 16;
  out.compression = rocksdb::kNoCompression;
}

}  // namespace

const char* table_name(Table table) {
  static constexpr std::array<const char*, kTableCount> kNames = {"objects", "info",    "dedup",    "files",
                                                                  "records", "commits", "branches", "receipts",
                                                                  "leases",  "state",   "evictable"};
  return kNames.at(static_cast<std::size_t>(table));
}

std::shared_ptr<rocksdb::Cache> make_block_cache(const DatabaseOptions& options) {
  constexpr int kShardBits = 2;
  constexpr double kHighPriorityShare = 0.5;  // filters and indexes, so that a long scan does not push them out
  return rocksdb::NewLRUCache(options.cache_bytes, kShardBits, false, kHighPriorityShare);
}

rocksdb::DBOptions make_database_options(const DatabaseOptions& options, rocksdb::Env& env) {
  rocksdb::DBOptions out;
  out.env = &env;
  out.create_if_missing = true;
  out.paranoid_checks = true;
  out.max_open_files = kOpenFilesMax;
  out.max_file_opening_threads = 1;
  out.max_background_jobs = static_cast<int>(std::max<std::size_t>(options.background_threads, 1));
  out.db_write_buffer_size = options.memtable_bytes;

  // After a power cut a log may end in a torn record: everything before it counts, nothing behind it. Logs are not
  // recycled: the rest of an older one must not be mistaken for records.
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  out.recycle_log_file_num = 0;
  out.max_total_wal_size = std::max(kWalBytesMax, 2 * options.memtable_bytes);
  // Spreads the disk's work; what is durable is decided by fsync alone.
  out.wal_bytes_per_sync = kMiB;
  out.bytes_per_sync = kMiB;

  out.listeners.push_back(std::make_shared<NoRecoveryByItself>());
  out.max_manifest_file_size = 8 * kMiB;
  out.skip_stats_update_on_db_open = true;
  out.info_log = std::make_shared<NoLog>();
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  return out;
}

rocksdb::ColumnFamilyOptions make_table_options(Table table, const DatabaseOptions& options,
                                                const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  blocks.block_size = kBlockBytes;
  blocks.cache_index_and_filter_blocks = true;
  blocks.cache_index_and_filter_blocks_with_high_priority = true;
  rocksdb::ColumnFamilyOptions out;
  if (wants_bloom_filter(table)) {
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
    out.memtable_whole_key_filtering = true;
    out.memtable_prefix_bloom_size_ratio = kMemtableBloomShare;
  }
  blocks.whole_key_filtering = true;
  out.write_buffer_size = std::max(64 * kKiB, options.memtable_bytes / 12);
  out.max_write_buffer_number = 2;
  out.arena_block_size = 64 * kKiB;
  out.target_file_size_base = 16 * kMiB;
  out.max_bytes_for_level_base = 64 * kMiB;
  out.level_compaction_dynamic_level_bytes = true;
  out.compression = best_compression();
  if (table == Table::objects) keep_objects_in_blob_files(out, options);
  if (table == Table::info) read_single_rows(blocks, out);
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return out;
}

}  // namespace beffroi::storage
