// Opening and closing: the folder, the tables, the format number.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "storage/store/crc32c.h"
#include "storage/store/database_state.h"
#include "storage/store/log_order.h"
#include "storage/store/rocks_options.h"
#include "storage/store/rocks_status.h"

namespace beffroi::storage {
namespace {

constexpr std::uint32_t kStoreFormat = 1;
constexpr std::string_view kFormatKey = "format";

std::unexpected<Error> written_by_newer(const std::string& folder) {
  return fail(ErrorCode::unsupported_version,
              N_("{} was written by a newer Beffroi. Install that version or a later one."), folder);
}

// Parents are made with the usual rights, the folder itself is for its owner only.
Result<void> make_private_folder(const std::string& folder, const DatabaseOptions& options) {
  if (options.env != nullptr) {
    const auto made = options.env->CreateDirIfMissing(folder);
    if (!made.ok()) return std::unexpected(database_error(made, folder));
    return {};
  }
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  const auto parent = std::filesystem::path(folder).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return fail(ErrorCode::io, N_("The folder {} cannot be created: {}."), folder,
                std::generic_category().message(errno));
  return {};
}

// The tables that are there; none before the folder holds a database. One that we do not know was made by a later
// version: RocksDB itself would only complain of an invalid argument.
Result<std::vector<Table>> tables_in(const std::string& folder, const rocksdb::DBOptions& options) {
  std::vector<std::string> names;
  const auto listed = rocksdb::DB::ListColumnFamilies(options, folder, &names);
  if (!listed.ok()) {
    if (options.env->FileExists(folder + "/CURRENT").ok()) return std::unexpected(database_error(listed, folder));
    return {};
  }
  std::vector<Table> present;
  for (const Table table : all_tables())
    if (std::ranges::find(names, table_name(table)) != names.end()) present.push_back(table);
  const std::size_t with_default = present.size() + 1;
  if (with_default != names.size()) return written_by_newer(folder);
  return present;
}

}  // namespace

Database::State::State(std::string database_folder, const DatabaseOptions& database_options)
    : folder(std::move(database_folder)),
      options(database_options),
      env(make_log_ordering_env(options.env != nullptr ? *options.env : *rocksdb::Env::Default())) {}

Database::State::~State() { close(); }

void Database::State::close() {
  if (db == nullptr) return;
  rocksdb::WriteOptions synced;
  synced.sync = true;
  rocksdb::WriteBatch nothing;
  static_cast<void>(db->Write(synced, &nothing));
  for (auto* handle : all_handles) static_cast<void>(db->DestroyColumnFamilyHandle(handle));
  all_handles.clear();
  static_cast<void>(db->Close());
  delete db;
  db = nullptr;
}

std::unexpected<Error> Database::State::failed(const rocksdb::Status& status) const {
  return std::unexpected(database_error(status, folder));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& folder, const DatabaseOptions& options) {
  // Named here so that it is linked.
  static_cast<void>(checksums_by_processor());
  BEFFROI_CHECK(make_private_folder(folder, options));
  auto state = std::make_unique<State>(folder, options);
  BEFFROI_CHECK(state->open());
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

Result<void> Database::State::open() {
  const auto database_options = make_database_options(options, *env);
  BEFFROI_TRY(const auto present, tables_in(folder, database_options));
  const auto cache = make_block_cache(options);
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, {}}};
  std::vector<rocksdb::ColumnFamilyDescriptor> missing;
  for (const Table table : all_tables())
    (std::ranges::find(present, table) != present.end() ? families : missing)
        .emplace_back(table_name(table), make_table_options(table, options, cache));
  auto status = rocksdb::DB::Open(database_options, folder, families, &all_handles, &db);
  if (!status.ok()) {
    db = nullptr;
    return failed(status);
  }
  BEFFROI_CHECK(create(missing));
  std::copy_n(all_handles.begin() + 1, kTableCount, handles.begin());
  BEFFROI_CHECK(check_tables());
  return check_format();
}

// All at once: with `create_missing_column_families` RocksDB writes its file of options once for each. A crash in
// between leaves the first of them, and the next start makes the others.
Result<void> Database::State::create(const std::vector<rocksdb::ColumnFamilyDescriptor>& missing) {
  if (missing.empty()) return {};
  std::vector<rocksdb::ColumnFamilyHandle*> created;
  const auto status = db->CreateColumnFamilies(missing, &created);
  all_handles.insert(all_handles.end(), created.begin(), created.end());
  if (!status.ok()) return failed(status);
  return {};
}

// DB::Resume() is there for this. In RocksDB 7.8 it may wait for ever for a flush that nobody does, and when nothing is
// in memory it goes on behind a torn record. Recovery from the logs is what has to work anyhow.
bool Database::State::reopen() {
  // Long enough for readers that come and go; a compaction takes longer, and the next write tries again.
  constexpr std::chrono::milliseconds kLongestWait{2000};
  if (!gate.close(kLongestWait)) return false;
  close();
  const auto opened = open();
  if (!opened) {
    close();
    closed_by = opened.error();
  }
  ++reopenings;
  gate.open();
  return opened.has_value();
}

// Batches name tables by number: see write_batch.cpp.
Result<void> Database::State::check_tables() const {
  for (std::size_t i = 0; i < kTableCount; ++i)
    if (handles[i]->GetID() != i + 1)
      return fail(ErrorCode::corrupt, N_("The database in {} is damaged: {}. Check the disk."), folder,
                  "table " + handles[i]->GetName() + " has number " + std::to_string(handles[i]->GetID()));
  return {};
}

Result<void> Database::State::check_format() {
  const rocksdb::Slice key(kFormatKey.data(), kFormatKey.size());
  std::string value;
  const auto status = db->Get({}, handle(Table::state), key, &value);
  if (status.ok()) {
    const ByteView bytes = as_bytes(value);
    if (bytes.size() != 4 || get_le32(bytes.data()) != kStoreFormat) return written_by_newer(folder);
    return {};
  }
  if (!status.IsNotFound()) return failed(status);
  std::array<std::uint8_t, 4> format{};
  put_le32(format.data(), kStoreFormat);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const auto written =
      db->Put(synced, handle(Table::state), key, {reinterpret_cast<const char*>(format.data()), format.size()});
  if (!written.ok()) return failed(written);
  return {};
}

}  // namespace beffroi::storage
