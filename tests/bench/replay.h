// A station of which nothing is left but what it says to its peer: replays a sealed vault over the real protocol, and
// costs the machine as little as can be.
#pragma once

#include "daemon/sync/link_session.h"
#include "storage/space/invitation.h"
#include "tests/bench/sealed_set.h"

namespace beffroi::bench {

/// Uses up the invitation for this vault.
asio::awaitable<Result<void>> enrol(const SealedVault& vault, const storage::Invitation& invitation);

/// A session of the vault's device: connected, greeted. Lives on one executor; `vault` outlives it.
class Replay {
 public:
  static asio::awaitable<Result<std::unique_ptr<Replay>>> connect(const SealedVault& vault,
                                                                  const storage::Invitation& invitation);
  /// Opens the lease under which all else happens.
  asio::awaitable<Result<void>> open_lease();
  /// What of these the peer lacks.
  asio::awaitable<Result<std::vector<bool>>> lacks(std::vector<storage::ObjectId> ids);
  /// As a station's push does: asks level by level from the root on, sends what is lacking in windows of which several
  /// are unacknowledged at once, commits, and takes the receipt, whose signature is verified.
  asio::awaitable<Result<void>> push();
  asio::awaitable<Result<void>> say_bye();
  std::uint64_t bytes_sent() const { return session_.channel().bytes_sent(); }

 private:
  Replay(const SealedVault& vault, std::unique_ptr<daemon::Channel> channel)
      : vault_(vault), session_(std::move(channel)) {}
  asio::awaitable<Result<void>> greet(const storage::Invitation& invitation);
  asio::awaitable<Result<void>> ask_all();
  asio::awaitable<Result<void>> send_all();
  asio::awaitable<Result<void>> close_window();
  asio::awaitable<Result<void>> commit();

  const SealedVault& vault_;
  daemon::LinkSession session_;
  crypto::SigningPublicKey peer_sign_;
  std::size_t window_bytes_ = 0;
  std::size_t window_objects_ = 0;
  std::size_t window_size_ = 0;
  std::size_t windows_ = 0;  ///< not acknowledged
  std::chrono::milliseconds window_began_{};
};

}  // namespace beffroi::bench
