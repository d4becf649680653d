// Goal: of a device that lost its right to write, only the branch is taken that leads to the commit which the log names
// as its last: whoever holds its keys can still sign others with the numbers before it, and a peer may show them.
#include <gtest/gtest.h>

#include "storage/space/share_ceremony.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

class BranchEndsTest : public ::testing::Test {
 protected:
  BranchEndsTest() : second_root(crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random))) {
    world.join(*first);
    admit_second();
  }

  Result<storage::BranchHead> head() { return world.caller(*first).space->heads()->front(); }
  storage::SpaceLog log() { return world.caller(*first).space->log(); }
  void append(const std::vector<Bytes>& records) {
    const auto space = world.caller(*first).space;
    for (const Bytes& record : records) {
      const auto added = space->append_record(record);
      if (!added) throw std::runtime_error(added.error().message());
    }
  }
  /// A computer of somebody else, who may do more than it.
  void admit_second() {
    auto opened = Vault::open(folder.path() + "/data", clock, random);
    second = std::move(*opened);
    const auto request = second->device_request();
    const storage::JoinRequest applicant{
        .root = second_root.public_part(),
        .device = request->device,
        .certificate = crypto::sign(crypto::labels::sign_device, second_root.sign, request->device.id()),
        .identity_name = "Claire",
        .device_name = "PC"};
    const storage::SpaceLog before = log();
    append({storage::make_record(&before.head(), before.space(),
                                 storage::MemberBody{second_root.public_part(), storage::Role::manager}, {1},
                                 first.root.sign)});
    const auto admitted =
        storage::admit_member(log(), first.root, applicant,
                              {.role = storage::Role::writer, .preshared = request->preshared.clone()}, {1}, random);
    if (!admitted) throw std::runtime_error(admitted.error().message());
    append(*admitted);
    BEFFROI_ASSERT(second->found(log().encoded()).has_value());
    BEFFROI_ASSERT(second->bind_peer({world.host->public_part(), "memory:1"}).has_value());
  }
  void demote(const storage::Commit& last) {
    const auto records = storage::change_role(log(), first.root, second_root.sign.public_key, storage::Role::reader,
                                              {{second->device_id(), {last.id, last.clear.sequence}}}, {1}, random);
    if (!records) throw std::runtime_error(records.error().message());
    append(*records);
  }
  bool has(const storage::CommitId& id) { return first->store().commit(id)->has_value(); }

  PeerWorld world;
  TestVault first;
  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random{41};
  crypto::DeviceKeys second_root;
  std::unique_ptr<Vault> second;
};

TEST_F(BranchEndsTest, WhatLeadsToTheNamedCommitIsTaken) {
  const auto one = take_snapshot(*second, numbers(2));
  const auto two = take_snapshot(*second, numbers(3));
  ASSERT_TRUE(world.sync(*second));
  demote(two);
  ASSERT_TRUE(world.sync(*first));
  EXPECT_TRUE(has(one.id));
  EXPECT_TRUE(has(two.id));
}

TEST_F(BranchEndsTest, AnotherBranchWithTheSameNumbersIsNot) {
  const auto one = take_snapshot(*second, numbers(2));
  const auto two = take_snapshot(*second, numbers(3));
  ASSERT_TRUE(world.sync(*second));
  // Signed with the device's own keys, under the log head of before.
  storage::CommitClear forged = one.clear;
  forged.clock = {7};
  const Bytes other =
      storage::make_commit(forged, {}, *second->keys()->epoch(forged.epoch), second->device_keys().sign);
  demote(two);
  ASSERT_TRUE(log().accepts(*storage::decode_commit(other))) << "the log alone can't tell";
  world.edit_answers = [&](Message& message) {
    auto* commits = std::get_if<CommitsMessage>(&message);
    if (commits != nullptr && !commits->commits.empty()) commits->commits.front() = other;
  };
  (void)world.sync(*first);
  EXPECT_FALSE(has(storage::decode_commit(other)->id));
  EXPECT_FALSE(has(one.id));
  // An honest answer mends it.
  world.edit_answers = {};
  ASSERT_TRUE(world.sync(*first));
  EXPECT_TRUE(has(two.id));
}

}  // namespace
}  // namespace beffroi::daemon::testing
