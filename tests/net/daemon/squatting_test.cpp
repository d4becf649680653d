// Transport keys are public: another tenant can list somebody's in a space of its own. That locks nobody out, because a
// station says which space it means.
#include <gtest/gtest.h>

#include "tests/support/station_world.h"
#include "tests/support/tls_peer.h"

namespace beffroi::daemon::testing {
namespace {

// Another tenant's space, whose root and device have the transport keys of others.
void squat(TlsPeer& peer, ProtocolThread& thread, const crypto::SecretBytes& root_seed,
           const crypto::SecretBytes& device_seed) {
  crypto::SeededRandom random(66);
  auto root = crypto::DeviceKeys::generate(random);
  root.transport_seed = root_seed.clone();
  auto device = crypto::DeviceKeys::generate(random);
  device.transport_seed = device_seed.clone();
  const storage::DeviceRequest request{device.public_part(), device.preshared.clone()};
  const auto records = storage::found_vault(root, request, "Mairie", peer.clock.now(), random);
  ASSERT_TRUE(records);
  const auto invitation = peer.host->invite("Squatter", {}, {peer.clock.now().seconds + 1000}, peer.address());
  ASSERT_TRUE(invitation);
  auto link = thread.run(
      PeerLink::connect(tls_connector(), peer.address(), invitation->transport_seed(), peer.host->public_part()));
  ASSERT_TRUE(link);
  ASSERT_TRUE(thread.run((*link)->enrol(*records)));
  TlsPeer::end(std::move(*link), thread);
}

std::string beginning(const TlsPeer& peer, const crypto::SecretBytes& seed, std::optional<storage::SpaceId> space) {
  storage::CborWriter out;
  out.array(5).text(peer.address()).null().null().bytes(seed.view());
  if (space)
    out.bytes(*space);
  else
    out.null();
  return to_string(out.take());
}

// Goal: push, read back and recover go on while another tenant claims the keys; only a recovery whose kit does not name
// its space is asked for it.
TEST(SquattingTest, AForeignClaimToTheKeysLocksNobodyOut) {
  TlsPeer peer;
  ProtocolThread thread;
  StationWorld world(tls_connector());
  ASSERT_EQ(world.found().status, 200);
  const auto invitation = peer.host->invite("Mairie", {}, {peer.clock.now().seconds + 1000}, peer.address());
  const auto joined = world.post("/v1/join", {{"code", storage::invitation_code(*invitation)}});
  ASSERT_EQ(joined.status, 200) << joined.body;
  squat(peer, thread, world.root.transport_seed, world.station->vault->device_keys().transport_seed);

  const auto synced = world.post("/v1/sync");
  EXPECT_EQ(synced.error(), "") << synced.body;
  const auto source = make_remote_source(*world.station->vault, thread.executor(), tls_connector(), false);
  EXPECT_EQ(source->get(storage::ObjectId{}).error().code, ErrorCode::not_found);

  StationWorld fresh(tls_connector());
  const auto space = world.station->vault->space();
  const auto unnamed = fresh.ask("POST", "/v1/recover/begin", beginning(peer, world.root.transport_seed, {}));
  EXPECT_EQ(unnamed.error(), "usage");
  EXPECT_NE(unnamed.body.find("Space"), std::string::npos) << unnamed.body;
  const auto named = fresh.ask("POST", "/v1/recover/begin", beginning(peer, world.root.transport_seed, space));
  EXPECT_EQ(named.status, 200) << named.body;
}

}  // namespace
}  // namespace beffroi::daemon::testing
