#include "daemon/vault/vault.h"

#include <sys/stat.h>

#include <fstream>

#include "storage/tree/tree.h"
#include "tests/support/backup_world.h"

namespace beffroi::daemon {
namespace {

using testing::BackupWorld;
using testing::TemporaryFolder;
using testing::TestPeer;
using testing::TestVault;
using testing::write_file;

// Goal: keys and folder are for the owner alone, and a key file that others may read is refused.
TEST(VaultTest, KeysAreForTheOwnerAlone) {
  TestVault vault;
  struct stat status{};
  ASSERT_EQ(::stat((vault.data_folder() + "/keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat(vault.data_folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  vault.vault.reset();
  ASSERT_EQ(::chmod((vault.data_folder() + "/keys").c_str(), 0640), 0);
  const auto opened = Vault::open(vault.data_folder(), vault.clock, vault.random);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::refused);
}

// Goal: a damaged or missing key file is named, not replaced.
TEST(VaultTest, LostKeysAreNotReplaced) {
  TestVault vault;
  const std::string keys = vault.data_folder() + "/keys";
  vault.vault.reset();
  ASSERT_EQ(::truncate(keys.c_str(), 100), 0);
  EXPECT_EQ(Vault::open(vault.data_folder(), vault.clock, vault.random).error().code, ErrorCode::corrupt);
  ASSERT_EQ(::unlink(keys.c_str()), 0);
  EXPECT_EQ(Vault::open(vault.data_folder(), vault.clock, vault.random).error().code, ErrorCode::corrupt);
  EXPECT_NE(::access(keys.c_str(), F_OK), 0);
}

// Goal: a vault is founded once, and is the same after a restart.
TEST(VaultTest, FoundedVaultSurvivesRestart) {
  TestVault vault;
  const auto space = vault->space();
  const auto device = vault->device_id();
  EXPECT_EQ(vault->device_request().error().code, ErrorCode::wrong_state);
  EXPECT_EQ(vault->found({}).error().code, ErrorCode::wrong_state);
  vault.reopen();
  ASSERT_TRUE(vault->founded());
  EXPECT_EQ(vault->space(), space);
  EXPECT_EQ(vault->device_id(), device);
  EXPECT_EQ(vault->name(), "Mairie d'Essai");
  EXPECT_NE(vault->keys()->current(), nullptr);
}

// Goal: a device that was asked for its request keeps its keys until it is founded, also across a restart.
TEST(VaultTest, DeviceRequestIsStable) {
  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random(5);
  auto vault = Vault::open(folder.path() + "/data", clock, random);
  ASSERT_TRUE(vault.has_value());
  EXPECT_FALSE((*vault)->founded());
  const auto first = (*vault)->device_request();
  ASSERT_TRUE(first.has_value());
  vault->reset();
  vault = Vault::open(folder.path() + "/data", clock, random);
  EXPECT_EQ((*vault)->device_request()->device, first->device);
}

// Goal: records that a stranger's root signed for another device found nothing.
TEST(VaultTest, ForeignRecordsAreRefused) {
  TestVault other(9);
  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random(5);
  auto vault = Vault::open(folder.path() + "/data", clock, random);
  ASSERT_TRUE((*vault)->device_request().has_value());
  const auto records = other->log().encoded();
  EXPECT_FALSE((*vault)->found(records).has_value());
  EXPECT_FALSE((*vault)->founded());
}

// Goal: two daemons never share a data folder.
TEST(VaultTest, SecondOpenIsBusy) {
  TestVault vault;
  const auto second = Vault::open(vault.data_folder(), vault.clock, vault.random);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::busy);
}

// Goal: commits form one chain, found again after a restart, and named by unique prefixes.
TEST(VaultTest, CommitsFormABranch) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  const auto first = world.backup();
  write_file(world.at("a"), "two");
  const auto second = world.backup();
  world.vault.reopen();
  const auto snapshots = world.vault->snapshots();
  ASSERT_EQ(snapshots->size(), 2U);
  EXPECT_EQ((*snapshots)[1].commit.clear.parents, std::vector{*first.snapshot});
  EXPECT_EQ((*snapshots)[1].commit.clear.sequence, 2U);
  EXPECT_EQ((*snapshots)[1].sealed.sources, std::vector{world.source()});
  EXPECT_EQ(world.vault->resolve("latest")->commit.id, *second.snapshot);
  EXPECT_EQ(world.vault->resolve(first.snapshot->hex().substr(0, 12))->commit.id, *first.snapshot);
  EXPECT_EQ(world.vault->resolve("ffffffffffff").error().code, ErrorCode::not_found);
  EXPECT_EQ(world.vault->resolve("xyz").error().code, ErrorCode::not_found);
  EXPECT_EQ(world.vault->unreceipted()->size(), 2U);
}

// Goal: a receipt marks its commit and the whole closure; the same one again changes nothing.
TEST(VaultTest, ReceiptCoversTheClosure) {
  BackupWorld world;
  write_file(world.at("small"), "small file");
  write_file(world.at("large"), std::string(300'000, 'x') + "end");
  world.backup();
  TestPeer peer;
  EXPECT_EQ(world.vault->accept_receipt(peer.receipt(world.vault->latest()->value().commit)).error().code,
            ErrorCode::wrong_state);
  TestPeer known;
  ASSERT_TRUE(world.vault->bind_peer(known.binding()).has_value());
  const Bytes receipt = known.receipt(world.vault->latest()->value().commit);
  ASSERT_TRUE(world.vault->accept_receipt(receipt).has_value());
  ASSERT_TRUE(world.vault->accept_receipt(receipt).has_value());
  std::size_t objects = 0;
  ASSERT_TRUE(world.vault->objects()
                  .iterate(world.vault->space(),
                           [&](const storage::ObjectId&, const storage::ObjectInfo& info) {
                             ++objects;
                             EXPECT_TRUE(info.receipted);
                             return true;
                           })
                  .has_value());
  EXPECT_GE(objects, 3U);
  EXPECT_TRUE(world.vault->unreceipted()->empty());
  world.vault.reopen();
  EXPECT_TRUE(world.vault->unreceipted()->empty());
  EXPECT_EQ(world.vault->newest_receipt()->counter, 1U);
  EXPECT_EQ(world.vault->peer()->address, known.binding().address);
}

// Goal: a peer that forks its history, or goes back, is found out and named; what was known stays.
TEST(VaultTest, ForkedReceiptsAreDetected) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  TestPeer peer;
  ASSERT_TRUE(world.vault->bind_peer(peer.binding()).has_value());
  std::vector<storage::Commit> commits;
  for (const char* content : {"one", "two", "three"}) {
    write_file(world.at("a"), content);
    world.backup();
    commits.push_back(world.vault->latest()->value().commit);
  }
  ASSERT_TRUE(world.vault->accept_receipt(peer.receipt(commits[0])).has_value());
  const auto after_first = world.vault->newest_receipt()->id;
  ASSERT_TRUE(world.vault->accept_receipt(peer.receipt(commits[1])).has_value());
  // The peer went back to receipt 1 and signs another second one.
  peer.roll_back(1, after_first);
  const auto forked = world.vault->accept_receipt(peer.receipt(commits[2]));
  ASSERT_FALSE(forked.has_value());
  EXPECT_EQ(forked.error().code, ErrorCode::corrupt);
  // And a third that continues the forked second.
  EXPECT_EQ(world.vault->accept_receipt(peer.receipt(commits[2])).error().code, ErrorCode::corrupt);
  EXPECT_EQ(world.vault->newest_receipt()->counter, 2U);
  EXPECT_EQ(world.vault->unreceipted()->size(), 1U);
}

// Goal: a gap in the chain can't be judged, and somebody else's signature counts for nothing.
TEST(VaultTest, GapsAndForeignReceiptsAreRefused) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  world.backup();
  const auto commit = world.vault->latest()->value().commit;
  TestPeer peer, stranger(78);
  ASSERT_TRUE(world.vault->bind_peer(peer.binding()).has_value());
  EXPECT_EQ(world.vault->accept_receipt(stranger.receipt(commit)).error().code, ErrorCode::corrupt);
  ASSERT_TRUE(world.vault->accept_receipt(peer.receipt(commit)).has_value());
  peer.receipt(commit);
  EXPECT_EQ(world.vault->accept_receipt(peer.receipt(commit)).error().code, ErrorCode::conflict);
}

// Goal: the chain begins with receipt 1: a peer that shows a later one first hides something.
TEST(VaultTest, TheFirstReceiptIsNumberOne) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  world.backup();
  const auto commit = world.vault->latest()->value().commit;
  TestPeer peer;
  ASSERT_TRUE(world.vault->bind_peer(peer.binding()).has_value());
  const Bytes first = peer.receipt(commit);
  EXPECT_EQ(world.vault->accept_receipt(peer.receipt(commit)).error().code, ErrorCode::conflict);
  EXPECT_FALSE(world.vault->newest_receipt());
  EXPECT_TRUE(world.vault->accept_receipt(first).has_value());
}

// Goal: what is set aside leaves the branch and stays a snapshot with its files, also after a restart.
TEST(VaultTest, WhatIsSetAsideStaysASnapshot) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  const auto kept = *world.backup().snapshot;
  ASSERT_EQ(*world.vault->set_aside_pending(), 1U);
  for (int start = 0; start < 2; ++start) {
    EXPECT_TRUE(world.vault->unreceipted()->empty());
    EXPECT_FALSE(world.vault->latest()->has_value());
    ASSERT_EQ(world.vault->snapshots()->size(), 1U);
    EXPECT_TRUE(world.vault->snapshots()->front().aside);
    EXPECT_EQ(world.vault->resolve(kept.hex().substr(0, 12))->commit.id, kept);
    EXPECT_EQ(*world.vault->set_aside_pending(), 0U);
    world.vault.reopen();
  }
  write_file(world.at("a"), "two");
  const auto next = *world.backup().snapshot;
  EXPECT_EQ(world.vault->latest()->value().commit.clear.sequence, 1U);
  EXPECT_EQ(world.vault->latest()->value().commit.id, next);
  EXPECT_EQ(world.vault->snapshots()->size(), 2U);
  EXPECT_EQ(world.vault->unreceipted()->size(), 1U);
}

// Goal: a commit of another device is taken only if the log accepts it, and a rewritten branch is noticed.
TEST(VaultTest, AdoptedCommitsMustBeSound) {
  BackupWorld world, stranger;
  write_file(world.at("a"), "one");
  write_file(stranger.at("a"), "one");
  world.backup();
  stranger.vault.random.fixed<storage::LeaseId>();
  stranger.backup();
  const auto foreign = stranger.vault->store().commit(stranger.vault->latest()->value().commit.id);
  EXPECT_FALSE(world.vault->adopt_commit(**foreign).has_value());
  const auto own = world.vault->store().commit(world.vault->latest()->value().commit.id);
  EXPECT_TRUE(world.vault->adopt_commit(**own).has_value());
  Bytes damaged = **own;
  damaged.back() ^= 1;
  EXPECT_EQ(world.vault->adopt_commit(damaged).error().code, ErrorCode::corrupt);
}

// Goal: a rightly signed commit that does not open blocks neither what follows it nor the next start.
TEST(VaultTest, CommitThatDoesNotOpenIsEvidenceOnly) {
  BackupWorld world;
  TestVault stranger(2);
  write_file(world.at("a"), "one");
  world.backup();
  const auto sound = world.vault->latest()->value().commit;
  storage::CommitClear clear = sound.clear;
  clear.sequence = sound.clear.sequence + 1;
  clear.parents = {sound.id};
  const auto& signer = world.vault->device_keys().sign;
  const Bytes closed = storage::make_commit(clear, {}, *stranger->keys()->current(), signer);
  const auto closed_id = storage::decode_commit(closed)->id;
  const auto adopted = world.vault->adopt_commit(closed);
  ASSERT_TRUE(adopted.has_value()) << adopted.error().message();
  clear.sequence += 1;
  clear.parents = {closed_id};
  const Bytes next = storage::make_commit(clear, {}, *world.vault->keys()->current(), signer);
  ASSERT_TRUE(world.vault->adopt_commit(next).has_value());
  for (int start = 0; start < 2; ++start) {
    EXPECT_TRUE(world.vault->store().commit(closed_id)->has_value());
    EXPECT_EQ(world.vault->snapshots()->size(), 2U);
    EXPECT_EQ(world.vault->resolve(closed_id.hex()).error().code, ErrorCode::not_found);
    EXPECT_EQ(world.vault->latest()->value().commit.id, storage::decode_commit(next)->id);
    world.vault.reopen();
  }
}

// Goal: after a recovery the new device's branch continues the old head, and `latest` follows it.
TEST(VaultTest, RecoveredBranchContinuesTheOldHead) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  world.backup();
  const auto head = world.vault->latest()->value().commit;
  TemporaryFolder folder;
  auto fresh = Vault::open(folder.path() + "/data", world.vault.clock, world.vault.random);
  ASSERT_TRUE(fresh.has_value());
  const auto request = (*fresh)->device_request();
  const auto log = world.vault->log();
  storage::RecoveryPlan plan;
  plan.log = &log;
  plan.heads = {{world.vault->device_id(), {head.id, head.clear.sequence}}};
  const auto records =
      storage::recover_vault(world.vault.root, *request, plan, world.vault.clock.now(), world.vault.random);
  ASSERT_TRUE(records.has_value()) << records.error().message();
  std::vector<Bytes> all = log.encoded();
  all.insert(all.end(), records->begin(), records->end());
  const auto founded = (*fresh)->found(all);
  ASSERT_TRUE(founded.has_value()) << founded.error().message();
  EXPECT_EQ((*fresh)->space(), world.vault->space());
  ASSERT_TRUE((*fresh)->adopt_commit(**world.vault->store().commit(head.id)).has_value());
  EXPECT_EQ((*fresh)->latest()->value().commit.id, head.id);
  storage::TreeRoot root;
  root.object.id = head.clear.root;
  const auto next = (*fresh)->commit(root, {}, 0);
  ASSERT_TRUE(next.has_value()) << next.error().message();
  EXPECT_EQ(next->clear.parents, std::vector{head.id});
  EXPECT_EQ(next->clear.sequence, 1U);
}

}  // namespace
}  // namespace beffroi::daemon
