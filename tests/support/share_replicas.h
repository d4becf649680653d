// Several stations that hold one shared folder, each with a real vault in memory, and their home peer.
#pragma once

#include <rocksdb/env.h>

#include "daemon/share/share_sync.h"
#include "tests/support/memory_folder.h"
#include "tests/support/peer_world.h"
#include "tests/support/share_world.h"

namespace beffroi::daemon::testing {

class ShareReplicas;

class Replica {
 public:
  Replica(ShareReplicas& world, storage::testing::Person member, std::string who);
  /// Connects and runs one cycle. `line`: its faults.
  Result<SyncOutcome> sync(const FaultPlan& line = {}, const ScanScope& scope = {.everything = true, .paths = {}});
  /// One that must go well.
  SyncOutcome synced();
  /// Keeps what is at and below this path in the folder, or not. '/'-separated; "" is everything.
  Result<PartChange> fetch(const std::string& path);
  Result<PartChange> free(const std::string& path);
  /// As after a kill: what was in memory only is gone.
  void restart();

  const std::string name;

 private:
  TemporaryFolder data_;
  std::unique_ptr<rocksdb::Env> disk_;  // outlives the vault

 public:
  storage::testing::Person person;
  MemoryFolder folder;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<FolderCycle> cycle;
  CycleSettings settings;
  Progress progress;

 private:
  std::shared_ptr<storage::ObjectSource> source();

  ShareReplicas& world_;
  std::unordered_set<storage::ObjectId> known_trees_;
};

class ShareReplicas {
 public:
  /// The first one is a manager, the others are writers, the last one has this role.
  explicit ShareReplicas(std::size_t count, std::uint64_t seed = 1, storage::Role last = storage::Role::writer);
  Replica& operator[](std::size_t at) { return *replicas[at]; }
  /// Syncs all in turn until a whole round changes nothing, and expects equal folders then.
  void settle();

  PeerWorld peer;
  storage::testing::ShareWorld share;
  crypto::SeededRandom random;
  std::vector<std::unique_ptr<Replica>> replicas;
};

}  // namespace beffroi::daemon::testing
