#include <rocksdb/comparator.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "crypto/assert.h"
#include "storage/store/database_state.h"

namespace beffroi::storage {
namespace {

// RocksDB wants a pointer even to nothing.
rocksdb::Slice slice(ByteView bytes) {
  return bytes.empty() ? rocksdb::Slice() : rocksdb::Slice(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// A batch is filled before it meets a database. RocksDB asks a handle only for its number and its comparator then, so a
// handle of ours that carries the number does; Database::open checks that its tables have these numbers. (A list of
// changes of our own would be copied once more, objects and all.)
class NumberedHandle final : public rocksdb::ColumnFamilyHandle {
 public:
  explicit NumberedHandle(Table table) : number_(static_cast<std::uint32_t>(table) + 1) {}
  const std::string& GetName() const override { return name_; }
  std::uint32_t GetID() const override { return number_; }
  rocksdb::Status GetDescriptor(rocksdb::ColumnFamilyDescriptor*) override { return rocksdb::Status::NotSupported(); }
  const rocksdb::Comparator* GetComparator() const override { return rocksdb::BytewiseComparator(); }

 private:
  std::uint32_t number_;
  std::string name_;
};

// RocksDB refuses a change only when key or value pass 4 GiB.
void must_be_taken(const rocksdb::Status& status) { BEFFROI_ASSERT(status.ok()); }

}  // namespace

std::optional<Bytes> after_prefix(ByteView prefix) {
  Bytes out = to_bytes(prefix);
  while (!out.empty() && out.back() == 0xFF) out.pop_back();
  if (out.empty()) return std::nullopt;
  ++out.back();
  return out;
}

WriteBatch::State::State(std::size_t reserved_bytes) : changes(std::make_unique<rocksdb::WriteBatch>(reserved_bytes)) {}
WriteBatch::State::~State() = default;

WriteBatch::WriteBatch(std::size_t reserved_bytes) : state_(std::make_unique<State>(reserved_bytes)) {}
WriteBatch::~WriteBatch() = default;
WriteBatch::WriteBatch(WriteBatch&&) noexcept = default;
WriteBatch& WriteBatch::operator=(WriteBatch&&) noexcept = default;

void WriteBatch::put(Table table, ByteView key, ByteView value) {
  NumberedHandle handle(table);
  must_be_taken(state_->changes->Put(&handle, slice(key), slice(value)));
}

void WriteBatch::put(Table table, ByteView key, std::span<const ByteView> value_parts) {
  NumberedHandle handle(table);
  std::vector<rocksdb::Slice> parts;
  parts.reserve(value_parts.size());
  for (const ByteView part : value_parts) parts.push_back(slice(part));
  const rocksdb::Slice key_slice = slice(key);
  must_be_taken(state_->changes->Put(&handle, rocksdb::SliceParts(&key_slice, 1),
                                     rocksdb::SliceParts(parts.data(), static_cast<int>(parts.size()))));
}

void WriteBatch::remove(Table table, ByteView key) {
  NumberedHandle handle(table);
  must_be_taken(state_->changes->Delete(&handle, slice(key)));
}

void WriteBatch::remove_prefix(Table table, ByteView prefix) {
  const auto end = after_prefix(prefix);
  BEFFROI_ASSERT(end.has_value());
  NumberedHandle handle(table);
  must_be_taken(state_->changes->DeleteRange(&handle, slice(prefix), slice(*end)));
}

std::size_t WriteBatch::size_bytes() const { return state_->changes->GetDataSize(); }
void WriteBatch::clear() { state_->changes->Clear(); }

}  // namespace beffroi::storage
