#include "storage/store/file_cache.h"

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "storage/store/keys.h"

namespace beffroi::storage {
namespace {

// A letter before the path: the root's path is empty, and all entries together have a prefix to be removed by.
constexpr std::string_view kPathKey = "p";
// Value: size u64 · mtime s i64, ns u32 · ctime s i64, ns u32 · inode u64 · device u64 · content digest 32,
// little-endian, and, when the attributes are known, their hash 32.
constexpr std::size_t kFixedBytes = 80;
constexpr std::size_t kValueBytes = kFixedBytes + Digest::size_bytes;

Bytes key_for(std::string_view entry_path) { return join_key({as_bytes(kPathKey), as_bytes(entry_path)}); }

/// nullopt for a damaged value, which is none: the file is read again.
std::optional<CachedFile> decode(ByteView value) {
  if (value.size() != kFixedBytes && value.size() != kValueBytes) return std::nullopt;
  const std::uint8_t* at = value.data();
  return CachedFile{.fingerprint = {.size = get_le64(at),
                                    .mtime_s = static_cast<std::int64_t>(get_le64(at + 8)),
                                    .mtime_ns = get_le32(at + 16),
                                    .ctime_s = static_cast<std::int64_t>(get_le64(at + 20)),
                                    .ctime_ns = get_le32(at + 28),
                                    .inode = get_le64(at + 32),
                                    .device = get_le64(at + 40)},
                    .content_digest = *Digest::from(value.subspan(48, Digest::size_bytes)),
                    .attributes = Digest::from(value.subspan(kFixedBytes))};
}

}  // namespace

Digest attributes_hash(std::span<const ExtendedAttribute> attributes) {
  if (attributes.empty()) return {};
  CborWriter encoded;
  encoded.array(attributes.size());
  for (const auto& [name, value] : attributes) encoded.array(2).bytes(as_bytes(name)).bytes(value);
  return Digest{crypto::hash256(crypto::labels::attributes_hash, encoded.take())};
}

FileCache::FileCache(Database& database) : database_(database) {}

Result<std::optional<CachedFile>> FileCache::find(std::string_view entry_path) const {
  BEFFROI_TRY(const auto value, database_.get(Table::files, key_for(entry_path)));
  return value ? decode(*value) : std::nullopt;
}

Result<void> FileCacheCursor::read_ahead(std::string_view from) {
  constexpr std::size_t kReadAhead = 512;
  ahead_.clear();
  next_ = 0;
  at_end_ = true;
  return cache_.database_.scan(Table::files, as_bytes(kPathKey), key_for(from), [this](ByteView key, ByteView value) {
    at_end_ = ahead_.size() < kReadAhead;
    if (!at_end_) return false;
    if (const auto file = decode(value)) ahead_.emplace_back(to_string(key.subspan(kPathKey.size())), *file);
    return true;
  });
}

Result<std::optional<CachedFile>> FileCacheCursor::find(std::string_view entry_path) {
  while (next_ < ahead_.size() && ahead_[next_].first < entry_path) ++next_;
  if (next_ == ahead_.size() && !at_end_) BEFFROI_CHECK(read_ahead(entry_path));
  if (next_ == ahead_.size() || ahead_[next_].first != entry_path) return std::nullopt;
  return ahead_[next_].second;
}

void FileCache::put(WriteBatch& batch, std::string_view entry_path, const CachedFile& file) const {
  std::array<std::uint8_t, kValueBytes> value{};
  const FileFingerprint& fingerprint = file.fingerprint;
  put_le64(&value[0], fingerprint.size);
  put_le64(&value[8], static_cast<std::uint64_t>(fingerprint.mtime_s));
  put_le32(&value[16], fingerprint.mtime_ns);
  put_le64(&value[20], static_cast<std::uint64_t>(fingerprint.ctime_s));
  put_le32(&value[28], fingerprint.ctime_ns);
  put_le64(&value[32], fingerprint.inode);
  put_le64(&value[40], fingerprint.device);
  std::ranges::copy(file.content_digest.data, value.begin() + 48);
  if (file.attributes) std::ranges::copy(file.attributes->data, value.begin() + kFixedBytes);
  batch.put(Table::files, key_for(entry_path), ByteView(value).first(file.attributes ? kValueBytes : kFixedBytes));
}

void FileCache::remove(WriteBatch& batch, std::string_view entry_path) const {
  batch.remove(Table::files, key_for(entry_path));
}

Result<void> FileCache::clear() {
  return database_.remove_prefix(Table::files, as_bytes(kPathKey), Durability::buffered);
}

}  // namespace beffroi::storage
