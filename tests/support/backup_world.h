// A vault, a folder to back up, and the two main acts on them: backup and restore.
#pragma once

#include "daemon/backup/backup.h"
#include "tests/support/file_tree.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {

class BackupWorld {
 public:
  BackupWorld() {
    ::mkdir(source().c_str(), 0755);
    // Files made by the test are old enough to be trusted by the next backup.
    vault.clock.wall_s = 4'000'000'000;
    sources.push_back(source_at(source()));
  }

  static Source source_at(const std::string& path) {
    Source out;
    out.path = path;
    return out;
  }
  static BackupRequest request() {
    BackupRequest out;
    out.threads = 2;
    out.limits.min_free_percent = 0;
    out.partial_step_bytes = 0;
    return out;
  }

  /// A backup that must succeed.
  BackupResult backup(const BackupRequest& how = request()) {
    Progress progress;
    auto out = run_backup(*vault, sources, how, progress);
    EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message());
    return out ? *out : BackupResult{};
  }

  storage::ObjectOpener opener() { return {vault->keys(), vault->local_source()}; }

  /// Entries of a snapshot below the source, by display path relative to it ("" is the source itself).
  std::map<std::string, storage::Entry> entries(const std::string& snapshot = "latest") {
    std::map<std::string, storage::Entry> out;
    const auto found = vault->resolve(snapshot);
    EXPECT_TRUE(found.has_value());
    if (!found) return out;
    const auto keys = opener();
    const storage::TreeReader tree(keys, found->commit.clear.root);
    const std::string top = storage::to_entry_path(source());
    const auto read = tree.for_each(top, [&](const storage::Entry& entry) -> Result<void> {
      const std::string below = entry.path.size() > top.size() ? entry.path.substr(top.size() + 1) : "";
      std::string display = storage::to_display_path(below);
      out[below.empty() ? "" : display.substr(1)] = entry;
      return {};
    });
    EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().message());
    return out;
  }

  /// Restores the source of a snapshot into a fresh folder and says what came.
  RestoreReceiver restore_to(const std::string& target, const std::string& snapshot = "latest",
                             std::size_t threads = 2) {
    ::mkdir(target.c_str(), 0755);
    const std::string top = storage::to_entry_path(source());
    RestoreReceiver receiver(target, top);
    const auto found = vault->resolve(snapshot);
    EXPECT_TRUE(found.has_value());
    if (!found) return receiver;
    Progress progress;
    const auto counts =
        stream_restore(opener(), found->commit.clear.root, {{top}}, {}, receiver.writer(), {}, progress, threads);
    EXPECT_TRUE(counts.has_value()) << (counts ? "" : counts.error().message());
    receiver.finish();
    return receiver;
  }

  /// Chunks and bundles in the store. (Tree objects are no measure: the folders above the source belong to the machine,
  /// and what other tests do there changes their times.)
  std::size_t content_objects() {
    std::size_t out = 0;
    const auto counted =
        vault->objects().iterate(vault->space(), [&](const storage::ObjectId&, const storage::ObjectInfo& info) {
          if (info.kind == storage::ObjectKind::chunk || info.kind == storage::ObjectKind::bundle) ++out;
          return true;
        });
    EXPECT_TRUE(counted.has_value());
    return out;
  }

  std::string source() const { return folder.path() + "/source"; }
  std::string at(const std::string& name) const { return source() + "/" + name; }

  TestVault vault;
  TemporaryFolder folder;
  std::vector<Source> sources;
};

}  // namespace beffroi::daemon::testing
