// A disk in memory for RocksDB that can lose its power, fail, fill up, and be put back to an older image. What it does
// depends on its seed and on the order of what is asked of it, on nothing else: a run repeats exactly.
#pragma once

#include <rocksdb/file_system.h>

#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "crypto/random.h"

namespace beffroi::sim {

/// Thread-safe.
class SimDisk final : public rocksdb::FileSystem {
 public:
  struct File {
    std::string bytes;
    std::size_t synced = 0;  ///< so much of it outlives a power cut
  };
  using Files = std::map<std::string, std::shared_ptr<File>>;
  /// A creation or a rename that the folder's fsync has not made durable yet.
  struct Entry {
    std::string path;
    std::string renamed_from;        ///< empty: created
    std::shared_ptr<File> replaced;  ///< what the rename replaced
  };
  /// All that is on the disk at one moment.
  struct Image {
    Files files;
    std::vector<Entry> entries;
  };
  /// What a process leaves when it ends without warning: all that it wrote, or what was synced and a part of the rest.
  enum class Stop : std::uint8_t { process, power };

  explicit SimDisk(std::uint64_t seed) : random_(seed) {}
  const char* Name() const override { return "SimDisk"; }

  /// After this many changes more (appends, syncs, creations, renames, deletions) the machine stops: whoever writes
  /// does not notice, but nothing from then on is there after start_again().
  void stop_after(std::uint64_t changes, Stop how);
  bool has_stopped();
  /// Call with all files closed. Back to the moment of the stop, and to what it leaves; without one, a stop right now.
  void start_again();

  /// A copy, as an operator takes it while nobody writes; and the way back.
  Image image();
  void put_back(const Image& image);

  /// From now on appends succeed up to so many bytes more; deleting gives back. nullopt: no end.
  void set_free_bytes(std::optional<std::uint64_t> bytes);
  /// The changes number `after` to `after` + `count` - 1 from now on fail with an I/O error.
  void fail_changes(std::uint64_t after, std::uint64_t count);
  /// Neither full nor failing any more.
  void mend();
  /// How often something was written that did not fit, or failed.
  std::uint64_t writes_without_room();
  std::uint64_t write_errors();

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* out, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus FileExists(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& folder, const rocksdb::IOOptions& options,
                                std::vector<std::string>* out, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options, std::uint64_t* out,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileModificationTime(const std::string& path, const rocksdb::IOOptions& options,
                                            std::uint64_t* out, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LockFile(const std::string& path, const rocksdb::IOOptions& options, rocksdb::FileLock** out,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetTestDirectory(const rocksdb::IOOptions& options, std::string* out,
                                     rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewLogger(const std::string& path, const rocksdb::IOOptions& options,
                              std::shared_ptr<rocksdb::Logger>* out, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetAbsolutePath(const std::string& path, const rocksdb::IOOptions& options, std::string* out,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus IsDirectory(const std::string& path, const rocksdb::IOOptions& options, bool* out,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, std::uint64_t* out,
                                 rocksdb::IODebugContext* debug) override;

 private:
  class Reader;
  class Writer;
  class Folder;

  // All of these need the mutex.
  rocksdb::IOStatus change();
  void keep_moment();
  std::shared_ptr<File> find(const std::string& path) const;
  static Image copy(const Image& image);
  void drop_unsynced(Image& image);
  void take_back_entries(Image& image);

  rocksdb::IOStatus append(const std::string& path, File& file, std::string_view data);
  rocksdb::IOStatus sync(File& file);
  rocksdb::IOStatus sync_folder(const std::string& path);

  std::mutex mutex_;
  crypto::SeededRandom random_;
  Image now_;
  std::set<std::string> folders_;
  std::set<std::string> locked_;
  std::uint64_t changes_ = 0;
  std::uint64_t stop_at_ = std::numeric_limits<std::uint64_t>::max();
  Stop stop_how_ = Stop::power;
  std::optional<Image> moment_;  ///< of the stop
  std::uint64_t fail_from_ = 0;
  std::uint64_t fail_until_ = 0;
  std::optional<std::uint64_t> free_bytes_;
  std::uint64_t writes_without_room_ = 0;
  std::uint64_t write_errors_ = 0;
};

}  // namespace beffroi::sim
