// A shared folder in memory, with people who work in it, and the faults of a real one.
#pragma once

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "daemon/share/share_folder.h"

namespace beffroi::daemon::testing {

struct MemoryFile {
  bool is_folder = false;
  std::string content;
  std::uint32_t mode = 0644;
  std::int64_t mtime_s = 0;
  bool operator==(const MemoryFile&) const = default;
};
using MemoryFiles = std::map<std::string, MemoryFile>;

class MemoryFolder final : public ShareFolder {
 public:
  MemoryFiles files;  ///< by entry path
  storage::FolderFound found = storage::FolderFound::same;
  /// Of 1,000 paths that are written or looked at, how many are refused, or still being written.
  std::uint32_t refused_per_mille = 0;
  std::uint32_t unquiet_per_mille = 0;
  std::set<std::string> unreadable;
  std::set<std::string> in_use;  ///< may be read, and neither replaced nor removed
  /// Contents that could not be written: in trees only, and unlike on a disk also when they stood here, and had to give
  /// way.
  std::set<std::string> unwritten;
  std::size_t max_skipped = SIZE_MAX;  ///< no more are told of one by one
  /// After so many changes the writing breaks off, as a crash would.
  std::optional<std::size_t> break_off_after;
  /// What somebody does in the folder between a scan and the writing.
  std::function<void()> before_apply;
  /// What happens elsewhere while a cycle runs.
  std::function<void()> after_scan;
  /// The disk says that it can't.
  bool sync_fails = false;
  crypto::Random* random = nullptr;

  storage::FolderFound look() override { return found; }
  Result<FolderScan> scan(StoreSink& sink, const storage::ObjectOpener& opener, storage::ObjectId applied,
                          const storage::IgnoreRules& rules, const LocalPaths& local, const ScanScope& scope,
                          Progress& progress) override;
  Result<ApplyOutcome> apply(const storage::ObjectOpener& opener, std::span<const storage::MergeChange> changes,
                             Progress& progress) override;
  Result<void> sync() override;
  /// Files are as they were last synced or written by a cycle.
  void lose_power();

  /// Paths are '/'-separated here.
  void write(const std::string& path, const std::string& content, std::int64_t mtime_s = 0);
  void remove(const std::string& path);
  void move(const std::string& from, const std::string& to);
  /// Folders with a '/' behind them; of a file, its content.
  std::map<std::string, std::string> listing() const;

 private:
  bool chance(std::uint32_t per_mille);
  bool is_as(const std::string& path, const std::optional<storage::Entry>& before,
             const storage::ObjectOpener& opener) const;
  bool has_room_for(const std::string& path) const;
  bool is_empty(const std::string& path) const;
  void keep_durably(const std::string& path);

  MemoryFiles durable_;
};

}  // namespace beffroi::daemon::testing
