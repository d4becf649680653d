// The graph that the commits of a share form: its heads, and what two of them have in common.
// Each device's commits stand in a row, so all that is before a commit is told by one number for each device: how far
// that device's branch leads to it. What this station has committed and the peer has not acknowledged counts for
// nothing here: nobody else knows it, and it may yet be set aside.
#pragma once

#include <unordered_map>

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// Not thread-safe. Remembers what it has read; about 80 bytes for each commit.
class SpaceGraph {
 public:
  /// `vault` outlives it.
  explicit SpaceGraph(Vault& vault) : vault_(vault) {}

  /// Snapshots that are before no other one, ascending by id. None before the first receipt.
  Result<std::vector<Snapshot>> heads();
  /// Is each of `commits` one of `heads`, or before one of them? False for those that were set aside since.
  Result<bool> are_behind(std::span<const storage::CommitId> commits, std::span<const storage::CommitId> heads);
  /// The newest snapshot that is behind one of `a` and one of `b`; of several that are not before one another the one
  /// with the smallest id. What expired is passed over: an older one stands for it. nullopt: they share nothing.
  Result<std::optional<Snapshot>> common_ancestor(std::span<const storage::CommitId> a,
                                                  std::span<const storage::CommitId> b);

 private:
  /// By the number of a device in `devices_`: the last number of its branch that is here; 0: none.
  using History = std::vector<std::uint64_t>;
  struct Node {
    std::size_t device = 0;
    std::uint64_t sequence = 0;
    std::vector<storage::CommitId> parents;
  };
  Result<void> notice_losses();
  Result<std::optional<Snapshot>> newest_known(const DeviceId& device, std::uint64_t sequence) const;
  Result<std::optional<Node>> read(const storage::CommitId& id);
  Result<History> history(const storage::CommitId& id);
  Result<History> history(std::span<const storage::CommitId> ids);
  std::size_t number_of(const DeviceId& device);
  static void add(History& into, const History& other);
  static std::uint64_t at(const History& history, std::size_t device);
  Result<bool> reaches(const Snapshot& from, const Snapshot& to);

  Vault& vault_;
  std::vector<DeviceId> devices_;
  std::unordered_map<storage::CommitId, History> known_;
  std::size_t losses_ = 0;  ///< of the peer, when `known_` was read: they take commits out of branches
};

}  // namespace beffroi::daemon
