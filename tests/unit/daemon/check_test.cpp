#include "daemon/vault/check.h"

#include <sys/stat.h>

#include "storage/store/limits.h"
#include "storage/tree/tree_walk.h"
#include "tests/support/backup_world.h"
#include "tests/support/memory_objects.h"

namespace beffroi::daemon {
namespace {

using storage::testing::seeded_bytes;
using testing::BackupWorld;
using testing::write_file;

CheckReport check(BackupWorld& world, bool read_data) {
  Progress progress;
  auto out = check_vault(*world.vault, world.vault->local_source(), read_data, progress);
  EXPECT_TRUE(out.has_value());
  return out ? *out : CheckReport{};
}

void fill(BackupWorld& world) {
  write_file(world.at("large"), to_string(seeded_bytes(1, 400'000)));
  write_file(world.at("small"), "small file");
  write_file(world.at("copy"), to_string(seeded_bytes(1, 400'000)));
  world.backup();
  write_file(world.at("another"), "another small file");
  world.backup();
}

/// Puts other bytes in an object's place, behind the store's back.
void damage(BackupWorld& world, const storage::ObjectId& id) {
  Bytes key = to_bytes(world.vault->space());
  key.insert(key.end(), id.data.begin(), id.data.end());
  auto bytes = world.vault->database().get(storage::Table::objects, key);
  ASSERT_TRUE(bytes && *bytes);
  (**bytes)[(*bytes)->size() - 20] ^= 1;
  ASSERT_TRUE(
      world.vault->database().put(storage::Table::objects, key, **bytes, storage::Durability::synced).has_value());
}

/// The leaves of a tree, first to last, whatever its height.
std::vector<storage::ObjectId> leaves_below(const storage::ObjectOpener& opener, const storage::ObjectId& id) {
  const auto page = storage::open_tree_page(opener, id);
  EXPECT_TRUE(page.has_value());
  if (!page || page->self.level == 0) return {id};
  std::vector<storage::ObjectId> out;
  for (const auto& child : page->children) {
    const auto below = leaves_below(opener, child.ref.id);
    out.insert(out.end(), below.begin(), below.end());
  }
  return out;
}

// Goal: a sound vault has no damage, and what snapshots share is read once.
TEST(CheckTest, SoundVaultIsSound) {
  BackupWorld world;
  fill(world);
  for (const bool read_data : {false, true}) {
    const auto report = check(world, read_data);
    EXPECT_EQ(report.snapshots, 2U);
    EXPECT_EQ(report.damages_total, 0U);
    EXPECT_EQ(report.bytes, read_data ? 400'000U + 10U + 18U : 0U);
    // Random bytes do not compress; what is around them is little.
    EXPECT_EQ(report.bytes_in_place > 400'000U && report.bytes_in_place < 410'000U, !read_data);
    EXPECT_EQ(report.bytes_elsewhere, 0U);
  }
}

// Goal: a changed byte in a file's content is found, named by snapshot and path, quarantined, and healed by the next
// backup.
TEST(CheckTest, DamagedContentIsFoundAndHealed) {
  BackupWorld world;
  fill(world);
  const auto id = world.entries().at("large").segments[0].object->id;
  damage(world, id);
  EXPECT_EQ(check(world, false).damages_total, 0U);
  const auto report = check(world, true);
  // Every file that needs it is named, in both snapshots.
  ASSERT_EQ(report.damages_total, 4U);
  EXPECT_EQ(report.damages[0].error.code, ErrorCode::corrupt);
  EXPECT_EQ(report.damages[0].path, storage::to_entry_path(world.at("copy")));
  EXPECT_EQ(report.damages[1].path, storage::to_entry_path(world.at("large")));
  EXPECT_EQ(report.damages[3].path, storage::to_entry_path(world.at("large")));
  EXPECT_EQ(report.damages[0].snapshot, world.vault->resolve("latest")->commit.id.hex());
  EXPECT_TRUE((*world.vault->objects().info(world.vault->space(), id))->quarantined);
  // Now it is known: also without reading.
  EXPECT_GE(check(world, false).damages_total, 1U);
  world.backup();
  EXPECT_EQ(check(world, true).damages_total, 0U);
}

// Goal: a damaged tree is found, and does not keep the next backup from being made.
TEST(CheckTest, DamagedTreeIsFoundAndSurvived) {
  BackupWorld world;
  fill(world);
  damage(world, world.vault->resolve("latest")->commit.clear.root);
  const auto report = check(world, false);
  EXPECT_EQ(report.damages_total, 1U);
  EXPECT_TRUE(report.damages[0].path.empty());
  const auto result = world.backup();
  EXPECT_TRUE(result.snapshot.has_value());
  // The old root is whole again if the new one equals it: unless somebody changed a folder above the source meanwhile.
  const std::string latest = world.vault->resolve("latest")->commit.id.hex();
  for (const auto& found : check(world, true).damages) EXPECT_NE(found.snapshot, latest);
}

// Goal: a page in the middle of the last snapshot that is damaged is met when the page before it ends: the entries
// there are unchanged, and the backup goes on as if nothing was known of the rest.
TEST(CheckTest, ADamagedPageOfTheLastSnapshotIsSurvived) {
  BackupWorld world;
  const std::string long_name(200, 'n');
  std::string deep = world.source();
  for (int i = 0; i < 4; ++i) {
    deep += "/" + long_name;
    ASSERT_EQ(::mkdir(deep.c_str(), 0755), 0);
  }
  // About 20 leaves; where they end depends on the paths, so on the name of the temporary folder.
  for (int i = 0; i < 1'200; ++i) write_file(deep + "/" + std::to_string(i), "content " + std::to_string(i));
  world.backup();
  const auto leaves = leaves_below(world.opener(), world.vault->resolve("latest")->commit.clear.root);
  ASSERT_GE(leaves.size(), 3U);
  damage(world, leaves[leaves.size() / 2]);
  EXPECT_EQ(check(world, false).damages_total, 1U);
  const auto result = world.backup();
  EXPECT_GT(result.damages, 0U);
  EXPECT_EQ(result.statistics.bytes_source, world.backup().statistics.bytes_source);
  EXPECT_TRUE(world.restore_to(world.folder.path() + "/out").failures.empty());
  EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out"), testing::describe_tree(world.source()));
}

// Goal: what was evicted is told apart from what is in place.
TEST(CheckTest, EvictedContentsAreCountedApart) {
  BackupWorld world;
  fill(world);
  testing::TestPeer peer;
  ASSERT_TRUE(world.vault->bind_peer(peer.binding()).has_value());
  for (const auto& snapshot : *world.vault->snapshots())
    ASSERT_TRUE(world.vault->accept_receipt(peer.receipt(snapshot.commit)).has_value());
  const auto before = check(world, false);
  ASSERT_TRUE(
      storage::evict_receipted(world.vault->database(), world.vault->objects(), world.vault->space(), 100'000'000)
          .has_value());
  const auto after = check(world, false);
  EXPECT_EQ(after.bytes_in_place, 0U);
  EXPECT_EQ(after.bytes_elsewhere, before.bytes_in_place);
  EXPECT_EQ(after.damages_total, 0U);
}

// Goal: a check that is stopped says so.
// Goal: a snapshot that goes while it is checked is left out, and what it lacks is no damage.
TEST(CheckTest, WhatGoesMeanwhileIsNoDamage) {
  BackupWorld world;
  write_file(world.at("large"), to_string(seeded_bytes(1, 400'000)));
  world.backup();
  write_file(world.at("large"), to_string(seeded_bytes(2, 400'000)));
  world.backup();
  const auto newest = world.vault->resolve("latest")->commit;
  damage(world, newest.clear.root);
  Progress progress;
  const auto report = check_vault(*world.vault, world.vault->local_source(), true, progress,
                                  [&] { EXPECT_TRUE(world.vault->forget({&newest.id, 1})); });
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->damages_total, 0U);
  EXPECT_TRUE(report->damages.empty());
  EXPECT_EQ(report->snapshots_gone, 1U);
  EXPECT_EQ(report->snapshots, 1U);
}

// Goal: damage to what it shares with another snapshot is still found, and said of that one.
TEST(CheckTest, WhatIsSharedWithWhatWentIsStillLookedAt) {
  BackupWorld world;
  write_file(world.at("large"), to_string(seeded_bytes(1, 400'000)));
  world.backup();
  // Not another backup: the times of the folders above the source are in it, and others change these.
  const auto first = *world.vault->resolve("latest");
  const storage::TreeRoot same{.object = {first.commit.clear.root, first.sealed.root_height},
                               .digest = first.sealed.tree_digest,
                               .entries = first.sealed.entries,
                               .bytes = 0};
  ASSERT_TRUE(world.vault->commit(same, first.sealed, 0));
  const auto snapshots = *world.vault->snapshots();
  ASSERT_EQ(snapshots.size(), 2U);
  ASSERT_EQ(snapshots[0].commit.clear.root, snapshots[1].commit.clear.root);
  damage(world, snapshots[0].commit.clear.root);
  Progress progress;
  const auto report = check_vault(*world.vault, world.vault->local_source(), false, progress, [&] {
    if (world.vault->snapshots()->size() < 2) return;
    EXPECT_TRUE(world.vault->forget({&snapshots[1].commit.id, 1}));
  });
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->snapshots_gone, 1U);
  ASSERT_EQ(report->damages.size(), 1U);
  EXPECT_EQ(report->damages[0].snapshot, snapshots[0].commit.id.hex());
}

TEST(CheckTest, StopsWhenAsked) {
  BackupWorld world;
  fill(world);
  Progress progress;
  progress.cancel = true;
  const auto outcome = check_vault(*world.vault, world.vault->local_source(), true, progress);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace beffroi::daemon
