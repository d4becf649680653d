// The machines of a simulation: a peer and stations, each on a disk of its own, with a clock of its own.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "daemon/sync/peer_host.h"
#include "daemon/vault/vault.h"
#include "tests/sim/world/chores.h"
#include "tests/sim/world/contents.h"
#include "tests/sim/world/sim_env.h"

namespace beffroi::sim {

/// What all of them have. `folder` is on the real disk and holds the key file alone.
struct Machine {
  Machine(std::string name_, const std::string& folders, std::uint64_t seed)
      : name(std::move(name_)),
        folder(folders + "/" + name),
        random(seed),
        disk(std::make_shared<SimDisk>(seed)),
        env(std::make_unique<SimEnv>(disk)) {}
  storage::DatabaseOptions options() const;

  std::string name;
  std::string folder;
  daemon::ManualClock clock;
  crypto::SeededRandom random;
  std::shared_ptr<SimDisk> disk;
  std::unique_ptr<SimEnv> env;
};

struct SimPeer : Machine {
  using Machine::Machine;
  Result<void> open();
  void close();
  /// As once a minute: compares both clocks, and keeps what is believed.
  Result<void> look_at_clock();
  /// The one by which the peer goes.
  std::unique_ptr<daemon::TrustedClock> trusted;
  std::unique_ptr<daemon::PeerHost> host;
  std::unique_ptr<PeerChores> chores;
  std::uint64_t running_seconds = 0;  ///< as the host was told
  bool full = false;
};

/// A vault: its root, and what each of its snapshots, by tag, must restore to.
struct SimTenant {
  std::string name;
  crypto::DeviceKeys root;
  storage::SpaceId space;
  std::map<std::string, Files> snapshots;
};

struct SimStation : Machine {
  SimStation(std::string name_, const std::string& folders, std::uint64_t seed, SimTenant& of, bool wide)
      : Machine(std::move(name_), folders, seed), tenant(&of), wide_tree(wide), taker(wide) {}
  Result<void> open();
  void close() { vault.reset(); }
  daemon::Vault& operator*() { return *vault; }
  daemon::Vault* operator->() { return vault.get(); }
  /// It is in the vault, and goes on from what it last knew: nothing may stand in the way of its receipts.
  bool is_sound() const { return !went_back && !removed; }

  /// The disk as somebody copied it, and what was known then.
  struct Saved {
    SimDisk::Image image;
    std::set<storage::CommitId> durable;
    Files files;
  };

  SimTenant* tenant;
  bool wide_tree;
  SnapshotTaker taker;
  Files files;
  std::set<storage::CommitId> durable;  ///< snapshots that were said to be taken
  std::optional<Saved> saved;
  bool went_back = false;
  bool removed = false;
  std::unique_ptr<daemon::Vault> vault;
};

}  // namespace beffroi::sim
