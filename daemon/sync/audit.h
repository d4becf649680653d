// Evidence that the peer still has what it gave receipts for: a few objects, drawn at random, are fetched and verified.
#pragma once

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

inline constexpr std::size_t kAuditObjects = 16;
/// So that a line of 1 Mbit/s is busy for half a minute.
inline constexpr std::uint64_t kAuditBytes = 4ULL * 1024 * 1024;

struct AuditReport {
  std::uint64_t snapshots = 0;  ///< that objects were drawn from: those that the peer has to hold
  std::uint64_t objects = 0;    ///< asked for
  std::uint64_t bytes = 0;      ///< given back
  /// Not given back, or wrong: ascending, those that earlier audits found and that are still missing included.
  std::vector<storage::ObjectId> missing;
};

/// Draws what an audit asks for. Blocking, short.
class AuditDraw {
 public:
  struct Object {
    storage::ObjectId id;
    std::uint32_t sealed_bytes = 0;
    std::optional<storage::CommitId> commit;  ///< drawn from; nullopt: what an earlier audit did not get back
  };
  AuditDraw(Vault& vault, crypto::Random& random) : vault_(vault), random_(random) {}
  /// What earlier audits did not get back, then by random ways down from the roots of random snapshots that have a
  /// receipt: all together at most kAuditObjects and kAuditBytes. Three ways in four end at a content, the others at a
  /// random height, so that trees are asked for as well; or where this station knows nothing more below.
  Result<std::vector<Object>> draw();
  std::uint64_t snapshots() const { return held_.size(); }

 private:
  Result<void> add_missing();
  Result<void> load_held();
  Result<std::optional<Object>> go_down(const Snapshot& snapshot);
  bool take(const Object& object);

  Vault& vault_;
  crypto::Random& random_;
  std::vector<Snapshot> held_;
  std::vector<Object> out_;
  std::set<storage::ObjectId> taken_;
  std::uint64_t bytes_ = 0;
};

}  // namespace beffroi::daemon
