// What a file looked like when its content was last read: an unchanged file is not opened again. Its content is in the
// previous snapshot's tree, found by the digest kept here.
#pragma once

#include "storage/store/database.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

/// Everything in stat that changes when content does. On network file systems inode and ctime mean nothing: both zero
/// then.
struct FileFingerprint {
  std::uint64_t size = 0;
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;
  std::int64_t ctime_s = 0;
  std::uint32_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  bool operator==(const FileFingerprint&) const = default;
};

struct CachedFile {
  FileFingerprint fingerprint;
  Digest content_digest;
  /// attributes_hash() of what the file carried when its fingerprint was this; nullopt: not all of it is known.
  std::optional<Digest> attributes;
};

/// All zero when there are none.
Digest attributes_hash(std::span<const ExtendedAttribute> attributes);

/// Thread-safe. Keys are entry paths, so a cursor runs in the order of the walk.
class FileCache {
 public:
  explicit FileCache(Database& database);
  Result<std::optional<CachedFile>> find(std::string_view entry_path) const;
  void put(WriteBatch& batch, std::string_view entry_path, const CachedFile& file) const;
  void remove(WriteBatch& batch, std::string_view entry_path) const;
  Result<void> clear();

 private:
  friend class FileCacheCursor;
  Database& database_;
};

/// Finds paths that are asked for in ascending order, as a walk does, and reads ahead for them: a scan of some hundred
/// neighbours costs little more than finding one. What is written meanwhile may be seen or not. Not thread-safe.
class FileCacheCursor {
 public:
  /// `cache` outlives the cursor.
  explicit FileCacheCursor(const FileCache& cache) : cache_(cache) {}
  /// Precondition: not before a path that was asked for earlier (then it may not be found).
  Result<std::optional<CachedFile>> find(std::string_view entry_path);

 private:
  Result<void> read_ahead(std::string_view from);

  const FileCache& cache_;
  std::vector<std::pair<std::string, CachedFile>> ahead_;  ///< ascending
  std::size_t next_ = 0;                                   ///< of ahead_
  bool at_end_ = false;                                    ///< nothing is behind ahead_
};

}  // namespace beffroi::storage
