// A share as a Vault of its own: its keys, its records, and commits that take in other branches.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "storage/space/share_ceremony.h"
#include "tests/support/backup_world.h"

namespace beffroi::daemon {
namespace {

using testing::BackupWorld;
using testing::TemporaryFolder;
using testing::write_file;

/// The share of somebody who has a vault.
struct FoundedShare {
  explicit FoundedShare(BackupWorld& world) {
    auto& vault = world.vault;
    const storage::DeviceRequest founder{vault->device_keys().public_part(), vault->device_keys().preshared.clone()};
    records = *storage::found_share(vault.root, founder, {"Voirie", "Mairie", "PC"}, vault.clock.now(), vault.random);
    space = storage::SpaceLog::from_records(records, std::nullopt)->space();
    keys = storage::with_preshared(vault->device_keys(), storage::founder_preshared(founder.preshared, space));
  }
  std::vector<Bytes> records;
  storage::SpaceId space;
  crypto::DeviceKeys keys;
};

// Goal: a share opens with the keys that it was prepared with, is founded as a share only, and stays.
TEST(ShareVaultTest, IsFoundedWithItsOwnKeys) {
  BackupWorld world;
  const FoundedShare share(world);
  const std::string folder = world.vault.data_folder() + "/shares/" + share.space.hex();
  ASSERT_TRUE(Vault::prepare(folder, share.keys).has_value());
  ASSERT_TRUE(Vault::prepare(folder, share.keys).has_value());
  EXPECT_EQ(Vault::prepare(folder, world.vault->device_keys()).error().code, ErrorCode::already_exists);
  struct stat status{};
  ASSERT_EQ(::stat((folder + "/keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  auto opened = Vault::open(folder, world.vault.clock, world.vault.random);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)->found(share.records).error().code, ErrorCode::refused);
  const auto founded = (*opened)->found(share.records, storage::SpaceKind::share);
  ASSERT_TRUE(founded.has_value()) << founded.error().message();
  opened->reset();
  opened = Vault::open(folder, world.vault.clock, world.vault.random);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)->name(), "Voirie");
  EXPECT_EQ((*opened)->space(), share.space);
  EXPECT_EQ((*opened)->device_id(), world.vault->device_id());
  EXPECT_TRUE((*opened)->can_write().has_value());
}

// Goal: records of a vault are no share.
TEST(ShareVaultTest, RecordsOfAVaultAreRefused) {
  BackupWorld world;
  TemporaryFolder folder;
  ASSERT_TRUE(Vault::prepare(folder.path() + "/data", world.vault->device_keys()).has_value());
  auto opened = Vault::open(folder.path() + "/data", world.vault.clock, world.vault.random);
  const auto records = world.vault->log().encoded();
  EXPECT_EQ((*opened)->found(records, storage::SpaceKind::share).error().code, ErrorCode::refused);
  EXPECT_FALSE((*opened)->founded());
}

// Goal: a commit continues its own branch and what else it is told to, and only what is a snapshot here.
TEST(ShareVaultTest, CommitsTakeInOtherBranches) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  world.backup();
  const auto first = world.vault->latest()->value().commit;
  ASSERT_EQ(*world.vault->set_aside_pending(), 1U);
  write_file(world.at("a"), "two");
  world.backup();
  const auto second = world.vault->latest()->value().commit;
  storage::TreeRoot root;
  root.object.id = second.clear.root;
  const std::vector aside{first.id};
  EXPECT_EQ(world.vault->commit(root, {}, 0, aside).error().code, ErrorCode::not_found);
  write_file(world.at("a"), "three");
  world.backup();
  const auto third = world.vault->latest()->value().commit;
  const std::vector extra{third.id, second.id, third.id};
  const auto merged = world.vault->commit(root, {}, 0, extra);
  ASSERT_TRUE(merged.has_value()) << merged.error().message();
  std::vector expected{second.id, third.id};
  std::ranges::sort(expected);
  EXPECT_EQ(merged->clear.parents, expected);
  EXPECT_EQ(merged->clear.sequence, third.clear.sequence + 1);
}

}  // namespace
}  // namespace beffroi::daemon
