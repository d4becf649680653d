// Writes small files on threads of its own: most of what a small file costs is the file system's work of making it.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "client/descriptor.h"
#include "client/restore/metadata.h"
#include "client/restore/new_file.h"

namespace beffroi::client {

/// Up to here a file is held in memory until all of it is here.
inline constexpr std::uint64_t kSmallFileMaxBytes = std::uint64_t{2} * 1024 * 1024;

/// A file whose content is here, and what became of it.
struct SmallFile {
  storage::Entry entry;
  std::shared_ptr<const Descriptor> folder;
  std::string name;
  std::string shown;  ///< for messages
  Overwrite overwrite = Overwrite::never;
  Ownership owner;
  bool privileged = false;
  std::vector<std::pair<std::uint64_t, Bytes>> pieces;  ///< offset, bytes; what lies between is a hole

  // Known when it is done.
  FilePlan plan = FilePlan::leave;  ///< what was found in its place
  int error = 0;                    ///< errno of what failed; EEXIST: something took its name meanwhile
  MetadataOutcome metadata;
  bool done = false;  ///< guarded by the SmallFiles
};

/// Files are written in any order. submit() and wait() belong to one thread; so does a file before it is submitted and
/// after it is done.
class SmallFiles {
 public:
  explicit SmallFiles(std::size_t threads);
  /// Writes what was submitted before.
  ~SmallFiles();
  void submit(const std::shared_ptr<SmallFile>& file);
  void wait(const SmallFile& file);
  bool is_done(const SmallFile& file);

 private:
  using Files = std::vector<std::shared_ptr<SmallFile>>;
  void work();
  Files take_some();

  std::mutex mutex_;
  std::condition_variable submitted_, written_;
  std::deque<std::shared_ptr<SmallFile>> waiting_;
  std::vector<const Descriptor*> busy_;  ///< folders in which a thread is at work
  bool closed_ = false;
  std::vector<std::jthread> threads_;  ///< last: they use all of the above
};

}  // namespace beffroi::client
