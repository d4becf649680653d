// Replicas of a shared folder on the disk: vaults with one space's keys, a marked folder each, and the trees that the
// folders were last brought to. No network: each reads the other's objects.
#pragma once

#include "daemon/share/folder_apply.h"
#include "daemon/share/folder_scan.h"
#include "tests/support/file_tree.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {

/// What is in several stores.
class SeveralSources final : public storage::ObjectSource {
 public:
  explicit SeveralSources(std::vector<std::shared_ptr<ObjectSource>> sources) : sources_(std::move(sources)) {}
  Result<Bytes> get(const storage::ObjectId& id) override {
    Result<Bytes> out = fail(ErrorCode::not_found, "It is nowhere.");
    for (const auto& source : sources_)
      if (out = source->get(id); out) return out;
    return out;
  }

 private:
  std::vector<std::shared_ptr<ObjectSource>> sources_;
};

class FolderReplica {
 public:
  FolderReplica()
      : folder(*SyncedFolder::create(place.path() + "/share", vault->space())),
        presence(vault->objects(), vault->space(), vault->keys()->current()->epoch(), {}),
        guard(*vault, limits()) {
    // Files made by the test are at rest.
    vault.clock.wall_s = 4'000'000'000;
    StoreSink sink = make_sink();
    storage::TreeBuilder builder(sink.keys(), sink);
    applied = builder.finish()->object.id;
    EXPECT_TRUE(sink.flush().has_value());
  }
  static storage::StoreLimits limits() {
    storage::StoreLimits out;
    out.min_free_percent = 0;
    return out;
  }

  StoreSink make_sink() {
    return {*vault, presence, guard, progress, [] { return storage::kDefaultCompressionLevel; }};
  }
  storage::ObjectOpener opener() {
    std::vector<std::shared_ptr<storage::ObjectSource>> sources{vault->local_source()};
    if (other != nullptr) sources.push_back(other->vault->local_source());
    return {vault->keys(), std::make_shared<SeveralSources>(std::move(sources))};
  }
  std::string at(const std::string& name) const { return folder.path() + "/" + name; }

  /// A scan that must succeed; its changes become the tree.
  FolderScan scan(const ScanScope& scope = {.everything = true, .paths = {}}) {
    StoreSink sink = make_sink();
    const auto reading = opener();
    Progress counted;
    auto out = scan_folder(folder, *vault, sink, reading, applied, rules, local, scope, counted);
    EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message());
    if (!out) return {};
    const auto root = storage::edit_tree(reading, applied, out->changes, sink);
    EXPECT_TRUE(root.has_value()) << (root ? "" : root.error().message());
    EXPECT_TRUE(sink.flush().has_value());
    if (root) applied = root->object.id;
    return std::move(*out);
  }
  FolderScan scan_paths(std::set<std::string> paths) {
    std::set<std::string> entry_paths;
    for (const std::string& path : paths) entry_paths.insert(storage::to_entry_path(path));
    return scan({.everything = false, .paths = std::move(entry_paths)});
  }

  std::vector<storage::MergeChange> changes_to(storage::ObjectId root) {
    StoreSink sink = make_sink();
    const storage::MergeInput input{
        .ancestor = applied, .ours = applied, .theirs = root, .our_author = {}, .their_author = {}};
    const auto merged = storage::merge_trees(opener(), input, sink);
    EXPECT_TRUE(merged.has_value()) << (merged ? "" : merged.error().message());
    return merged ? merged->for_ours : std::vector<storage::MergeChange>();
  }
  Result<ApplyOutcome> try_apply(storage::ObjectId root, const AtApplyPoint& at_point = {}) {
    Progress counted;
    const auto reading = opener();
    auto out = apply_to_folder(folder, *vault, reading, changes_to(root), counted, at_point);
    if (!out) return out;
    StoreSink sink = make_sink();
    const auto as_on_disk = storage::edit_tree(reading, root, out->not_applied, sink);
    EXPECT_TRUE(as_on_disk.has_value()) << (as_on_disk ? "" : as_on_disk.error().message());
    EXPECT_TRUE(sink.flush().has_value());
    if (as_on_disk) applied = as_on_disk->object.id;
    return out;
  }
  /// Brings the folder to a tree, which must succeed.
  ApplyOutcome apply(storage::ObjectId root, const AtApplyPoint& at_point = {}) {
    auto out = try_apply(root, at_point);
    EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message());
    return out ? *out : ApplyOutcome{};
  }

  TestVault vault;
  TemporaryFolder place;
  SyncedFolder folder;
  Progress progress;
  Presence presence;
  SpaceGuard guard;
  storage::IgnoreRules rules;
  LocalPaths local;
  storage::ObjectId applied;
  FolderReplica* other = nullptr;
};

/// Two of them.
struct FolderPair {
  FolderPair() {
    here.other = &there;
    there.other = &here;
  }
  /// What was done there comes here.
  ApplyOutcome bring(const AtApplyPoint& at_point = {}) {
    there.scan();
    return here.apply(there.applied, at_point);
  }
  FolderReplica there, here;
};

/// Names, rights and contents, without the marker: folders have no time that is shared.
inline std::map<std::string, std::string> describe_shared(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = each.path().lexically_relative(folder).string();
    if (name == kMarkerName) continue;
    struct stat status{};
    EXPECT_EQ(::lstat(each.path().c_str(), &status), 0);
    std::string text = std::to_string(status.st_mode);
    if (each.is_symlink())
      text += " -> " + std::filesystem::read_symlink(each.path()).string();
    else if (each.is_regular_file())
      text += " " + std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) + " " +
              read_all(FileDescriptor(::open(each.path().c_str(), O_RDONLY | O_CLOEXEC)).get());
    out[name] = text;
  }
  return out;
}

}  // namespace beffroi::daemon::testing
