// How RocksDB is set up: small memory, few files, nothing acknowledged lost.
#pragma once

#include "storage/store/database.h"

namespace rocksdb {
class Cache;
struct ColumnFamilyOptions;
struct DBOptions;
}  // namespace rocksdb

namespace beffroi::storage {

/// Name of a table's column family.
const char* table_name(Table table);

rocksdb::DBOptions make_database_options(const DatabaseOptions& options, rocksdb::Env& env);
/// `cache` is shared by all tables of one database.
rocksdb::ColumnFamilyOptions make_table_options(Table table, const DatabaseOptions& options,
                                                const std::shared_ptr<rocksdb::Cache>& cache);
std::shared_ptr<rocksdb::Cache> make_block_cache(const DatabaseOptions& options);

/// All tables, in the order of their column families.
inline constexpr auto all_tables() {
  std::array<Table, kTableCount> tables{};
  for (std::size_t i = 0; i < kTableCount; ++i) tables[i] = static_cast<Table>(i);
  return tables;
}

}  // namespace beffroi::storage
