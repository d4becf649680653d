// A peer on a real socket of the loopback interface, with a thread of its own, and a thread for its stations.
#pragma once

#include "daemon/net/tls.h"
#include "tests/support/peer_world.h"
#include "tests/support/protocol_thread.h"

namespace beffroi::daemon::testing {

class TlsPeer {
 public:
  explicit TlsPeer(std::chrono::milliseconds handshake_timeout = kHandshakeTimeout,
                   const storage::DatabaseOptions& options = {});
  ~TlsPeer();

  std::string address() const { return "127.0.0.1:" + std::to_string(listener->port()); }
  /// Where the peer has its keys and its database.
  std::string data_folder() const { return folder_.path() + "/peer"; }
  void join(Vault& vault, ProtocolThread& station, const std::string& organisation = "Mairie");
  static void end(std::unique_ptr<PeerLink> link, ProtocolThread& station);

  ManualClock clock;
  ProtocolThread protocol;
  Pool pool;
  PeerShares shares;
  std::unique_ptr<PeerHost> host;
  std::unique_ptr<TlsListener> listener;

 private:
  TemporaryFolder folder_;
  crypto::SeededRandom random_;
};

}  // namespace beffroi::daemon::testing
