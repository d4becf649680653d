#include "storage/store/database.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "crypto/assert.h"
#include "storage/store/database_state.h"
#include "storage/store/rocks_status.h"

namespace beffroi::storage {
namespace {

// RocksDB wants a pointer even to nothing.
rocksdb::Slice slice(ByteView bytes) {
  return bytes.empty() ? rocksdb::Slice() : rocksdb::Slice(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
ByteView view(const rocksdb::Slice& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}
KeyValue key_value_at(const rocksdb::Iterator& at) { return {to_bytes(view(at.key())), to_bytes(view(at.value()))}; }

// An iterator over the keys with one prefix. It reads the state of the moment when it was made.
class PrefixIterator {
 public:
  PrefixIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* handle, ByteView prefix, bool fills_cache = true)
      : prefix_(slice(prefix)), end_(after_prefix(prefix)) {
    if (end_) end_slice_ = slice(*end_);
    rocksdb::ReadOptions options;
    options.fill_cache = fills_cache;
    if (end_) options.iterate_upper_bound = &end_slice_;
    iterator_.reset(db.NewIterator(options, handle));
  }
  rocksdb::Iterator& operator*() { return *iterator_; }
  rocksdb::Iterator* operator->() { return iterator_.get(); }
  bool valid() const { return iterator_->Valid() && iterator_->key().starts_with(prefix_); }
  void seek(ByteView start) { iterator_->Seek(std::max(prefix_, slice(start), by_bytes)); }
  // With the upper bound in place the last key below it is the last one with the prefix, if any has it.
  void seek_to_last() { iterator_->SeekToLast(); }

 private:
  static bool by_bytes(const rocksdb::Slice& a, const rocksdb::Slice& b) { return a.compare(b) < 0; }
  rocksdb::Slice prefix_;
  std::optional<Bytes> end_;
  rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;

const std::string& Database::folder() const { return state_->folder; }

Result<std::optional<Bytes>> Database::get(Table table, ByteView key, bool verified_by_caller) const {
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  rocksdb::ReadOptions how;
  // (A block read this way may be cached, and serve verified readers too: whoever reads objects compares their ids.)
  how.verify_checksums = !verified_by_caller;
  rocksdb::PinnableSlice value;
  const auto status = state_->db->Get(how, state_->handle(table), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return state_->failed(status);
  return to_bytes(view(value));
}

Result<std::vector<std::optional<Bytes>>> Database::get_many(Table table, std::span<const Bytes> keys) const {
  std::vector<std::optional<Bytes>> out(keys.size());
  BEFFROI_CHECK(get_many(table, keys, [&](std::size_t i, ByteView value) -> Result<void> {
    out[i] = to_bytes(value);
    return {};
  }));
  return out;
}

Result<void> Database::get_many(Table table, std::span<const Bytes> keys,
                                const std::function<Result<void>(std::size_t, ByteView)>& take) const {
  // Their blocks are held in memory until they are taken, and a value may have 128 KiB.
  constexpr std::size_t kKeysAtOnce = 128;
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  std::array<rocksdb::Slice, kKeysAtOnce> slices;
  std::array<rocksdb::Status, kKeysAtOnce> statuses;
  for (std::size_t first = 0; first < keys.size(); first += kKeysAtOnce) {
    const std::size_t count = std::min(kKeysAtOnce, keys.size() - first);
    for (std::size_t i = 0; i < count; ++i) slices[i] = slice(keys[first + i]);
    std::array<rocksdb::PinnableSlice, kKeysAtOnce> values;
    state_->db->MultiGet({}, state_->handle(table), count, slices.data(), values.data(), statuses.data());
    for (std::size_t i = 0; i < count; ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return state_->failed(statuses[i]);
      BEFFROI_CHECK(take(first + i, view(values[i])));
    }
  }
  return {};
}

Result<bool> Database::contains(Table table, ByteView key) const {
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  rocksdb::PinnableSlice value;
  const auto status = state_->db->Get({}, state_->handle(table), slice(key), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return state_->failed(status);
  return true;
}

// What must be free before much is written: room for the logs and tables that RocksDB writes in the background, and for
// the removals that make room again.
bool Database::State::has_room(std::uint64_t bytes) const {
  constexpr std::uint64_t kReserveBytes = 64 * 1024 * 1024;
  std::uint64_t free_bytes = 0;
  return !env->GetFreeSpace(folder, &free_bytes).ok() || free_bytes >= kReserveBytes + bytes;
}

Result<void> Database::State::write(WriteBatch& batch, Durability durability, std::optional<std::uint64_t> since) {
  const Visit visit(*this);
  if (!visit.is_open()) return std::unexpected(closed_by);
  if (since && *since != reopenings)
    return fail(ErrorCode::busy, N_("The disk was full until a moment ago. Try again."));
  rocksdb::WriteOptions write_options;
  write_options.sync = durability == Durability::synced;
  write_options.disableWAL = durability == Durability::unlogged;
  const auto status = db->Write(write_options, batch.state_->changes.get());
  if (!status.ok()) return failed(status);
  return {};
}

// A full disk, met by this write or by a flush in the background, makes RocksDB refuse all writes from then on.
bool Database::State::get_over(const Error& failure) {
  if (failure.code != ErrorCode::disk_full) {
    const Visit visit(*this);
    if (visit.is_open()) return false;
  }
  return has_room(options.memtable_bytes) && reopen();
}

std::uint64_t Database::reopenings() const { return state_->reopenings; }

Result<void> Database::write(WriteBatch& batch, Durability durability) {
  return state_->write_or_get_over(batch, durability, std::nullopt);
}

Result<void> Database::write_since(std::uint64_t since, WriteBatch& batch, Durability durability) {
  return state_->write_or_get_over(batch, durability, since);
}

Result<void> Database::State::write_or_get_over(WriteBatch& batch, Durability durability,
                                                std::optional<std::uint64_t> since) {
  // Small batches are always tried: removals are small, and make room.
  constexpr std::size_t kSmallBatchBytes = 64 * 1024;
  const std::size_t bytes = batch.size_bytes();
  if (bytes > kSmallBatchBytes && !has_room(2 * bytes)) return failed(rocksdb::Status::NoSpace());
  const auto written = write(batch, durability, since);
  // Not tried once more: what failed before may be there after all, and this batch was made without knowing it.
  if (!written && written.error().code != ErrorCode::busy) static_cast<void>(get_over(written.error()));
  return written;
}

Result<void> Database::put(Table table, ByteView key, ByteView value, Durability durability) {
  WriteBatch batch;
  batch.put(table, key, value);
  return write(batch, durability);
}

Result<void> Database::scan(Table table, ByteView prefix, ByteView start,
                            const std::function<bool(ByteView, ByteView)>& visit) const {
  const Visit inside(*state_);
  if (!inside.is_open()) return std::unexpected(state_->closed_by);
  // A walk over all objects must not push out what look-ups need.
  const bool fills_cache = table != Table::info && table != Table::objects;
  PrefixIterator at(*state_->db, state_->handle(table), prefix, fills_cache);
  for (at.seek(start); at.valid(); at->Next())
    if (!visit(view(at->key()), view(at->value()))) return {};
  if (!at->status().ok()) return state_->failed(at->status());
  return {};
}

Result<std::optional<KeyValue>> Database::first(Table table, ByteView prefix, ByteView start) const {
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  PrefixIterator at(*state_->db, state_->handle(table), prefix);
  at.seek(start);
  if (at.valid()) return key_value_at(*at);
  if (!at->status().ok()) return state_->failed(at->status());
  return std::nullopt;
}

Result<std::optional<KeyValue>> Database::last(Table table, ByteView prefix) const {
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  PrefixIterator at(*state_->db, state_->handle(table), prefix);
  at.seek_to_last();
  if (at.valid()) return key_value_at(*at);
  if (!at->status().ok()) return state_->failed(at->status());
  return std::nullopt;
}

Result<void> Database::remove_prefix(Table table, ByteView prefix, Durability durability) {
  WriteBatch batch;
  batch.remove_prefix(table, prefix);
  return write(batch, durability);
}

// An empty write that is synced. SyncWAL() would do as well, but it does not ask whether the log has failed before.
Result<void> Database::sync() {
  WriteBatch nothing;
  const auto written = state_->write(nothing, Durability::synced, std::nullopt);
  if (written || !state_->get_over(written.error())) return written;
  return state_->write(nothing, Durability::synced, std::nullopt);
}

Result<void> Database::flush(Table table) {
  const auto flushed = [&]() -> Result<void> {
    const Visit visit(*state_);
    if (!visit.is_open()) return std::unexpected(state_->closed_by);
    const auto status = state_->db->Flush({}, state_->handle(table));
    if (!status.ok()) return state_->failed(status);
    return {};
  }();
  if (!flushed) static_cast<void>(state_->get_over(flushed.error()));
  return flushed;
}

Result<void> Database::shorten_log() {
  constexpr std::uint64_t kMuchBytes = 4 * 1024 * 1024;
  const Visit visit(*state_);
  if (!visit.is_open()) return std::unexpected(state_->closed_by);
  rocksdb::VectorLogPtr logs;
  auto status = state_->db->GetSortedWalFiles(logs);
  std::uint64_t bytes = 0;
  for (const auto& log : logs) bytes += log->SizeFileBytes();
  if (status.ok() && bytes >= kMuchBytes) status = state_->db->Flush({}, state_->all_handles);
  if (!status.ok()) return state_->failed(status);
  return {};
}

std::uint64_t Database::disk_bytes() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  if (!state_->env->GetChildrenFileAttributes(state_->folder, &files).ok()) return 0;
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.size_bytes;
  return total;
}

}  // namespace beffroi::storage
