// What the peer has told stations, as it went over the lines: from then on it must be true. Kept outside of everything
// that is simulated, so no crash and no old image forgets it.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "daemon/net/channel.h"
#include "daemon/sync/messages.h"

namespace beffroi::sim {

class Claims {
 public:
  /// A receipt that was given or shown to a station.
  struct Given {
    Bytes encoded;
    storage::CommitId commit;
  };
  /// Objects that were acknowledged as durable under a lease.
  struct Held {
    storage::SpaceId space;
    std::set<storage::ObjectId> objects;
    std::uint64_t last_contact = 0;  ///< the peer's running time
    std::uint64_t receipts = 0;      ///< of the space, at that time
  };

  /// False when another receipt with this number was given before: the peer has forked.
  [[nodiscard]] bool give(const storage::Receipt& receipt, ByteView encoded);
  const std::map<std::uint64_t, Given>& given(const storage::SpaceId& space) { return given_[space]; }
  bool was_given(const storage::SpaceId& space, ByteView encoded) const;

  void hold(const storage::LeaseId& lease, const Held& more);
  std::map<storage::LeaseId, Held>& held() { return held_; }

 private:
  std::map<storage::SpaceId, std::map<std::uint64_t, Given>> given_;
  std::map<storage::LeaseId, Held> held_;
};

/// The peer's end of a line, listened to.
class TappedChannel final : public daemon::Channel {
 public:
  struct Ear {
    /// The peer is about to send a receipt.
    std::function<void(const Bytes& receipt)> receipt_made;
    /// The receipt has been sent.
    std::function<void(const Bytes& receipt)> receipt_sent;
    /// Objects that came before a flush have been called durable.
    std::function<void(const storage::LeaseId&, const std::set<storage::ObjectId>&)> durable_sent;
  };
  TappedChannel(std::unique_ptr<Channel> inner, Ear ear) : inner_(std::move(inner)), ear_(std::move(ear)) {}

  asio::awaitable<Result<daemon::Frame>> receive(std::chrono::milliseconds timeout) override;
  asio::awaitable<Result<void>> send(daemon::Frame frame, std::chrono::milliseconds timeout) override;
  const crypto::TransportPublicKey& remote_key() const override { return inner_->remote_key(); }
  std::string remote_address() const override { return inner_->remote_address(); }
  void close() override { inner_->close(); }
  std::uint64_t bytes_sent() const override { return inner_->bytes_sent(); }
  std::uint64_t bytes_received() const override { return inner_->bytes_received(); }

 private:
  void heard(const daemon::Frame& frame);
  void said(const daemon::Message& message);

  std::unique_ptr<Channel> inner_;
  Ear ear_;
  std::optional<storage::LeaseId> lease_;
  std::vector<storage::ObjectId> received_;  ///< not acknowledged yet
  std::vector<std::size_t> flushes_;         ///< not answered yet: so many of them came before
};

}  // namespace beffroi::sim
