// A second machine of a vault that a peer hosts, admitted by the root as `recover` does it.
#pragma once

#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {

class SecondDevice {
 public:
  /// `keep_first`: the first machine stays in the vault, and needs a state exchange to learn of the new epoch.
  /// `meanwhile`: what happens while the person with the kit signs over what the peer has shown.
  SecondDevice(PeerWorld& world, TestVault& first, bool keep_first, const std::function<void()>& meanwhile = {});
  Vault& operator*() { return *vault; }
  Vault* operator->() { return vault.get(); }

  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random;
  std::unique_ptr<Vault> vault;
};

}  // namespace beffroi::daemon::testing
