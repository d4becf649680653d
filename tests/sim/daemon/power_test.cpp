// The peer loses its power at any moment of a push, on a disk that then forgets what was not synced: whatever it had
// acknowledged is still there, and no station ever takes it for a peer that went back.
#include <gtest/gtest.h>

#include "tests/support/fault_env.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

using storage::testing::FaultEnv;
using storage::testing::FaultFileSystem;

void expect_receipted_is_there(PeerWorld& world, Vault& vault, std::span<const storage::Commit> commits) {
  for (const auto& commit : commits) {
    const auto receipt = vault.store().receipt_of(commit.id);
    ASSERT_TRUE(receipt);
    if (!*receipt) continue;
    const auto decoded = storage::decode_receipt(**receipt, world.host->public_part().sign);
    ASSERT_TRUE(decoded);
    const auto kept = world.caller(vault).space->receipts_from(decoded->counter);
    ASSERT_TRUE(kept);
    ASSERT_FALSE(kept->empty());
    EXPECT_EQ(kept->front(), **receipt);
    expect_complete(world, vault, commit);
  }
}

// Returns how often the power went before everything was receipted.
int push_through_power_cuts(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto disk = std::make_shared<FaultFileSystem>(seed);
  const auto env = std::make_unique<FaultEnv>(disk);
  PeerWorld world(seed, env.get());
  TestVault station;
  world.join(*station);
  const std::vector<storage::Commit> commits{take_snapshot(*station, numbers(20)),
                                             take_snapshot(*station, numbers(30))};
  crypto::SeededRandom random(seed);
  for (int cuts = 0; cuts < 100; ++cuts) {
    disk->cut_power_after(random.below(static_cast<std::uint64_t>(10 + 10 * cuts)));
    const auto pushed = world.sync(*station, {.seed = seed, .power_is_cut = [&] { return disk->power_is_cut(); }});
    world.close_peer();
    if (disk->power_is_cut()) disk->restore_power();
    disk->cut_power_after(1'000'000'000);
    world.reopen_peer();
    expect_receipted_is_there(world, *station, commits);
    if (pushed || ::testing::Test::HasFailure()) return cuts;
    EXPECT_NE(pushed.error().code, ErrorCode::corrupt) << pushed.error().message();
  }
  ADD_FAILURE() << "no push came through";
  return 100;
}

TEST(PowerTest, WhatThePeerAcknowledgedOutlivesAPowerCut) {
  int cuts = 0;
  for (std::uint64_t seed = 0; seed < 12 && !HasFailure(); ++seed) cuts += push_through_power_cuts(seed);
  EXPECT_GT(cuts, 12);
}

}  // namespace
}  // namespace beffroi::daemon::testing
