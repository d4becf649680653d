// A disk for RocksDB that can lose its power, fail and fill up. It keeps the files on the real file system and knows
// what a power cut would leave of them. What it decides comes from a seed; when RocksDB's background threads run does
// not.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include "crypto/random.h"

namespace beffroi::storage::testing {

/// Thread-safe. fsync is noted and not done: the machine itself stays on.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultFileSystem(std::uint64_t seed) : FileSystemWrapper(rocksdb::FileSystem::Default()), random_(seed) {}
  const char* Name() const override { return "FaultFileSystem"; }

  /// After this many changes more (appends, syncs, creations, renames, deletions) the power is cut: whoever writes does
  /// not notice, but nothing from then on is there after restore_power().
  void cut_power_after(std::uint64_t changes);
  bool power_is_cut();
  /// Call with all files closed. Leaves what a power cut may leave: synced bytes, a part of the unsynced ones (or zeros
  /// in their place), and a part of the creations and renames in folders that were not synced.
  void restore_power();
  /// From now on appends succeed up to so many bytes more; deleting gives back. nullopt: no end.
  void set_free_bytes(std::optional<std::uint64_t> bytes);
  /// The `count` syncs after the next `after` ones find the disk full. What was appended before is there all the same.
  void refuse_syncs(std::uint64_t after, std::uint64_t count);
  /// The changes number `changes` to `changes` + `count` - 1 from now on fail with an I/O error.
  void fail_changes(std::uint64_t changes, std::uint64_t count);
  std::uint64_t changes();
  /// From now on appends and syncs hang, until release().
  void hold() { held_ = true; }
  void release();
  bool somebody_waits() const { return waiting_ > 0; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, std::uint64_t* bytes,
                                 rocksdb::IODebugContext* debug) override;

 private:
  class File;
  class Folder;
  struct Written {
    std::uint64_t size = 0;  ///< when the power was cut, if it was
    std::uint64_t synced = 0;
  };
  /// A creation or a rename that the folder's fsync has not made durable yet.
  struct Entry {
    std::string path;
    std::optional<std::string> renamed_from;
    std::optional<std::string> replaced;  ///< content of the file that the rename replaced
    bool after_cut = false;
  };

  /// Counts a change; an error when it must fail. Needs the mutex.
  rocksdb::IOStatus change();
  rocksdb::IOStatus append(const std::string& path, const rocksdb::Slice& data,
                           const std::function<rocksdb::IOStatus(const rocksdb::Slice&)>& write);
  rocksdb::IOStatus synced(const std::string& path);
  rocksdb::IOStatus folder_synced(const std::string& path);
  rocksdb::IOStatus created(const std::string& path);
  void take_back_entries();
  void cut_tails();

  void wait_while_held();

  std::atomic<bool> held_ = false;
  std::atomic<int> waiting_ = 0;
  std::mutex mutex_;
  crypto::SeededRandom random_;
  std::map<std::string, Written> files_;
  std::vector<Entry> entries_;  ///< in order
  std::uint64_t changes_ = 0;
  std::optional<std::uint64_t> cut_at_;
  bool cut_ = false;
  std::uint64_t fail_from_ = 0;
  std::uint64_t fail_until_ = 0;
  std::optional<std::uint64_t> free_bytes_;
  std::uint64_t syncs_ = 0;
  std::uint64_t refuse_from_ = 0;
  std::uint64_t refuse_until_ = 0;
};

class FaultFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultFileSystem& disk, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), path_(std::move(path)) {}
  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    return disk_.append(path_, data,
                        [&](const rocksdb::Slice& part) { return target()->Append(part, options, debug); });
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&, rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return disk_.synced(path_); }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return disk_.synced(path_); }
  rocksdb::IOStatus RangeSync(std::uint64_t, std::uint64_t, const rocksdb::IOOptions&,
                              rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();  // promises nothing
  }

 private:
  FaultFileSystem& disk_;
  std::string path_;
};

class FaultFileSystem::Folder final : public rocksdb::FSDirectory {
 public:
  Folder(FaultFileSystem& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return disk_.folder_synced(path_);
  }
  rocksdb::IOStatus Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }

 private:
  FaultFileSystem& disk_;
  std::string path_;
};

/// An environment on such a disk. RocksDB pauses for a second after each failure in the background; here it does not.
class FaultEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultEnv(std::shared_ptr<FaultFileSystem> disk) : EnvWrapper(rocksdb::NewCompositeEnv(disk)) {
    file_system_ = std::move(disk);
    system_clock_ = std::make_shared<Impatient>(rocksdb::SystemClock::Default());
  }
  const char* Name() const override { return "FaultEnv"; }

 private:
  class Impatient final : public rocksdb::SystemClockWrapper {
   public:
    using SystemClockWrapper::SystemClockWrapper;
    const char* Name() const override { return "Impatient"; }
    void SleepForMicroseconds(int) override {}
  };
};

inline void FaultFileSystem::cut_power_after(std::uint64_t changes) {
  const std::lock_guard lock(mutex_);
  cut_at_ = changes_ + changes;
}
inline bool FaultFileSystem::power_is_cut() {
  const std::lock_guard lock(mutex_);
  return cut_;
}
inline void FaultFileSystem::set_free_bytes(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}
inline void FaultFileSystem::fail_changes(std::uint64_t changes, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  fail_from_ = changes_ + changes;
  fail_until_ = fail_from_ + count;
}
inline void FaultFileSystem::refuse_syncs(std::uint64_t after, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  refuse_from_ = syncs_ + after;
  refuse_until_ = refuse_from_ + count;
}
inline std::uint64_t FaultFileSystem::changes() {
  const std::lock_guard lock(mutex_);
  return changes_;
}

inline void FaultFileSystem::release() {
  held_ = false;
  held_.notify_all();
}
inline void FaultFileSystem::wait_while_held() {
  while (held_) {
    ++waiting_;
    held_.wait(true);
    --waiting_;
  }
}

inline rocksdb::IOStatus FaultFileSystem::change() {
  if (cut_at_ && changes_ >= *cut_at_) cut_ = true;
  const std::uint64_t number = changes_++;
  if (number >= fail_from_ && number < fail_until_) return rocksdb::IOStatus::IOError("the disk does not answer");
  return rocksdb::IOStatus::OK();
}

// What fails, does not fit, or is under way when the power goes, is written in part.
inline rocksdb::IOStatus FaultFileSystem::append(const std::string& path, const rocksdb::Slice& data,
                                                 const std::function<rocksdb::IOStatus(const rocksdb::Slice&)>& write) {
  wait_while_held();
  const std::lock_guard lock(mutex_);
  const bool was_cut = cut_;
  rocksdb::IOStatus status = change();
  std::uint64_t fits = data.size();
  if (!status.ok()) {
    fits = random_.below(data.size() + 1);
  } else if (free_bytes_ && data.size() > *free_bytes_) {
    fits = *free_bytes_;
    status = rocksdb::IOStatus::NoSpace("the disk is full");
  }
  if (fits == 0) return status;
  const rocksdb::IOStatus written = write(rocksdb::Slice(data.data(), fits));
  if (!written.ok()) return written;
  if (!was_cut) files_[path].size += cut_ ? random_.below(fits + 1) : fits;
  if (free_bytes_) *free_bytes_ -= std::min(*free_bytes_, fits);
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::synced(const std::string& path) {
  wait_while_held();
  const std::lock_guard lock(mutex_);
  rocksdb::IOStatus status = change();
  const std::uint64_t number = syncs_++;
  if (status.ok() && number >= refuse_from_ && number < refuse_until_)
    return rocksdb::IOStatus::NoSpace("the disk is full");
  if (status.ok() && !cut_) files_[path].synced = files_[path].size;
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::folder_synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  rocksdb::IOStatus status = change();
  if (status.ok() && !cut_)
    std::erase_if(entries_, [&](const Entry& entry) {
      return std::filesystem::path(entry.path).parent_path() == std::filesystem::path(path);
    });
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::created(const std::string& path) {
  const std::lock_guard lock(mutex_);
  rocksdb::IOStatus status = change();
  if (!status.ok()) return status;
  // Its former content may have to come back.
  if (cut_ && std::filesystem::exists(path)) return rocksdb::IOStatus::IOError("the power is cut");
  files_[path] = {};
  entries_.push_back({.path = path, .renamed_from = std::nullopt, .replaced = std::nullopt, .after_cut = cut_});
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                                          std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                          rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = created(path);
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (status.ok()) status = target()->NewWritableFile(path, options, &real, debug);
  if (status.ok()) *file = std::make_unique<File>(*this, path, std::move(real));
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::ReopenWritableFile(const std::string& path,
                                                             const rocksdb::FileOptions& options,
                                                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                             rocksdb::IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> real;
  rocksdb::IOStatus status = target()->ReopenWritableFile(path, options, &real, debug);
  if (status.ok()) *file = std::make_unique<File>(*this, path, std::move(real));
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::NewDirectory(const std::string& path, const rocksdb::IOOptions&,
                                                       std::unique_ptr<rocksdb::FSDirectory>* folder,
                                                       rocksdb::IODebugContext*) {
  *folder = std::make_unique<Folder>(*this, path);
  return rocksdb::IOStatus::OK();
}

inline rocksdb::IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to,
                                                     const rocksdb::IOOptions& options,
                                                     rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  rocksdb::IOStatus status = change();
  if (!status.ok()) return status;
  Entry entry{.path = to, .renamed_from = from, .replaced = std::nullopt, .after_cut = cut_};
  if (std::ifstream old(to, std::ios::binary); old)
    entry.replaced = std::string(std::istreambuf_iterator<char>(old), std::istreambuf_iterator<char>());
  status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  entries_.push_back(std::move(entry));
  if (auto moved = files_.extract(from)) {
    files_.erase(to);
    moved.key() = to;
    files_.insert(std::move(moved));
  }
  return status;
}

// At once and for good: that is the worse case for whoever deletes before what replaces it is durable.
inline rocksdb::IOStatus FaultFileSystem::DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                                     rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  rocksdb::IOStatus status = change();
  if (status.ok() && cut_) return status;
  if (status.ok()) status = target()->DeleteFile(path, options, debug);
  if (!status.ok()) return status;
  if (free_bytes_) *free_bytes_ += files_[path].size;
  files_.erase(path);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.path == path; });
  return status;
}

inline rocksdb::IOStatus FaultFileSystem::GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                                       std::uint64_t* bytes, rocksdb::IODebugContext* debug) {
  const std::lock_guard lock(mutex_);
  if (!free_bytes_) return target()->GetFreeSpace(path, options, bytes, debug);
  *bytes = *free_bytes_;
  return rocksdb::IOStatus::OK();
}

inline void FaultFileSystem::restore_power() {
  const std::lock_guard lock(mutex_);
  cut_tails();
  take_back_entries();
  files_.clear();
  cut_at_.reset();
  cut_ = false;
}

inline void FaultFileSystem::cut_tails() {
  for (const auto& [path, written] : files_) {
    std::error_code missing;
    if (!std::filesystem::exists(path, missing)) continue;
    const std::uint64_t unsynced = written.size - written.synced;
    const std::uint64_t left = random_.below(2) == 0 ? 0 : random_.below(unsynced + 1);
    std::filesystem::resize_file(path, written.synced + left);
    // The length may reach the disk before the bytes do. Of logs only: RocksDB gives a manifest up that ends in zeros,
    // and file systems that order data before metadata (ext4 as it is mounted by default, XFS, btrfs) leave none.
    if (path.ends_with(".log") && random_.below(3) == 0)
      std::filesystem::resize_file(path, written.synced + left + random_.below(unsynced - left + 1));
  }
}

inline void FaultFileSystem::take_back_entries() {
  const auto before_cut = static_cast<std::size_t>(std::ranges::count(entries_, false, &Entry::after_cut));
  const std::size_t durable = random_.below(before_cut + 1);
  for (std::size_t i = entries_.size(); i > durable; --i) {
    const Entry& entry = entries_[i - 1];
    std::error_code missing;
    if (!std::filesystem::exists(entry.path, missing)) continue;
    if (entry.renamed_from)
      std::filesystem::rename(entry.path, *entry.renamed_from);
    else
      std::filesystem::remove(entry.path);
    if (entry.replaced) std::ofstream(entry.path, std::ios::binary) << *entry.replaced;
  }
  entries_.clear();
}

}  // namespace beffroi::storage::testing
