// Bringing a vault back from its peer. Two steps, with the command line between them: it alone holds the root's keys
// and signs. The daemon gets the root's transport key for these minutes, to be let in by the peer.
#pragma once

#include "daemon/station/station_context.h"

namespace beffroi::daemon {

/// Longest time between the two steps; then link and seed are forgotten.
inline constexpr std::chrono::minutes kRecoveryPatience{15};

struct RecoveryBeginning {
  std::string address;
  storage::PeerPublic expected;  ///< zero keys: any, the command line compares
  crypto::SecretBytes root_transport_seed;
  /// As the kit says it. Without one the peer answers `usage` when the root's key is listed in several spaces there.
  std::optional<storage::SpaceId> space = {};
};

/// What the peer gave, for the command line to verify and sign over.
struct RecoveryMaterial {
  std::vector<Bytes> records;
  struct Head {
    storage::BranchHead head;
    Bytes commit;
  };
  std::vector<Head> heads;
  crypto::SecretBytes device_request;
  storage::PeerPublic peer;
  std::optional<Bytes> newest_receipt;
};

/// For the protocol thread.
class Recovery {
 public:
  explicit Recovery(StationContext& station) : station_(station) {}
  /// wrong_state: this station has a vault. Replaces what an earlier begin() left open.
  asio::awaitable<Result<RecoveryMaterial>> begin(RecoveryBeginning beginning);
  /// Hands the new records to the peer, founds the vault, forgets the root's key, then fetches all snapshots and their
  /// trees with this device's own keys. When only the last part fails, the vault stands and the next push goes on with
  /// it; the error says so. wrong_state without begin().
  asio::awaitable<Result<void>> finish(std::vector<Bytes> new_records, std::shared_ptr<Progress> progress);
  /// Forgets link and seed.
  void drop() { session_.reset(); }

 private:
  struct Session {
    RecoveryBeginning beginning;
    std::unique_ptr<PeerLink> link;
    storage::PeerPublic peer;
    std::vector<Bytes> records;
    std::uint64_t number = 0;
  };
  asio::awaitable<void> drop_later(std::uint64_t number);
  asio::awaitable<Result<void>> bring_to_peer(Session& session, const std::vector<Bytes>& new_records);
  asio::awaitable<Result<void>> append_missing(PeerLink& link, const std::vector<Bytes>& all);
  asio::awaitable<Result<std::uint64_t>> fetch_all(Progress& progress);

  StationContext& station_;
  std::unique_ptr<Session> session_;
  std::uint64_t sessions_ = 0;
};

}  // namespace beffroi::daemon
