// The peer's audit log on disk: one chain whatever happens, and no way to fill the disk with refusals.
#include "daemon/sync/audit_log.h"

#include <gtest/gtest.h>

#include <thread>

#include "storage/store/keys.h"
#include "tests/support/audit_verdict.h"
#include "tests/support/fault_env.h"
#include "tests/support/memory_database.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {
namespace {

using storage::AuditAction;
using storage::Durability;
using storage::Table;

Bytes key(std::uint64_t counter) { return storage::join_key({as_bytes("peer/audit/"), storage::be64(counter)}); }

AuditEvent event(AuditAction action, const std::string& actor = kPeerActor, const std::string& detail = "x") {
  return {.action = action, .actor = actor, .space = {}, .organisation = "Saint-Aubin", .detail = detail};
}

AuditEvent refusal(const std::string& organisation, const std::string& actor) {
  return {.action = AuditAction::refused,
          .actor = actor,
          .space = {},
          .organisation = organisation,
          .detail = organisation};
}

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLogTest() { open(); }
  void open() {
    auto opened = AuditLog::open(*database, clock);
    ASSERT_TRUE(opened.has_value());
    log = std::move(*opened);
  }
  void reopen() {
    log.reset();
    database.reopen();
    open();
  }
  void add(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(log->add(event(AuditAction::receipt)));
  }
  void put(std::uint64_t counter, ByteView value) {
    ASSERT_TRUE(database->put(Table::state, key(counter), value, Durability::buffered));
  }
  Bytes stored(std::uint64_t counter) { return database->get(Table::state, key(counter))->value(); }
  /// The numbers of the refusals that were written down, and what the entries that only count say.
  std::vector<std::string> refusals() {
    std::vector<std::string> out;
    for (const auto& stored : *log->read(1, 10'000))
      if (stored.entry.action == "refused") out.push_back(stored.entry.detail);
    return out;
  }

  storage::testing::MemoryDatabase database;
  ManualClock clock;
  std::unique_ptr<AuditLog> log;
};

TEST_F(AuditLogTest, SaysWhoDidWhatAndWhen) {
  const storage::SpaceId space{{5}};
  ASSERT_TRUE(log->add({.action = AuditAction::invite,
                        .actor = "operator jean (1000)",
                        .space = space,
                        .organisation = "Saint-Aubin",
                        .detail = "no quota"}));
  const auto entries = log->read(1, 10);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  const storage::AuditEntry& entry = entries->front().entry;
  EXPECT_EQ(entry.counter, 1U);
  EXPECT_TRUE(entry.previous.is_zero());
  EXPECT_EQ(entry.time, clock.now());
  EXPECT_EQ(entry.actor, "operator jean (1000)");
  EXPECT_EQ(entry.action, "invite");
  EXPECT_EQ(entry.space, space);
  EXPECT_EQ(entry.organisation, "Saint-Aubin");
  EXPECT_EQ(entry.detail, "no quota");
  EXPECT_EQ(log->head().hash, entries->front().hash);
}

TEST_F(AuditLogTest, PagesByNumber) {
  add(5);
  EXPECT_EQ(log->read(1, 2)->back().entry.counter, 2U);
  EXPECT_EQ(log->read(3, 100)->size(), 3U);
  EXPECT_TRUE(log->read(6, 100)->empty());
  EXPECT_TRUE(log->read(1, 0)->empty());
}

// Goal: texts of any length and content don't keep an act from being written down.
TEST_F(AuditLogTest, TakesAnyText) {
  const std::string long_text = std::string(5000, 'x') + "\n\x1b\xff";
  clock.wall_s = INT64_MIN;
  ASSERT_TRUE(log->add({.action = AuditAction::record,
                        .actor = "a\nb" + long_text,
                        .space = {},
                        .organisation = "\xff" + long_text,
                        .detail = long_text}));
  const auto entry = log->read(1, 1)->front().entry;
  EXPECT_EQ(entry.actor.substr(0, 4), "a?bx");
  EXPECT_EQ(entry.organisation.size(), storage::kMaxAuditOrganisationBytes);
  EXPECT_FALSE(verify(*log).broken_at);
}

TEST_F(AuditLogTest, GoesOnAfterARestart) {
  add(3);
  const auto before = log->head();
  reopen();
  EXPECT_EQ(log->head(), before);
  add(2);
  const auto verdict = verify(*log);
  EXPECT_FALSE(verdict.broken_at);
  EXPECT_EQ(verdict.head, log->head());
  EXPECT_EQ(verdict.head.counter, 5U);
}

TEST_F(AuditLogTest, OneChainFromManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this] {
      for (int n = 0; n < 50; ++n) EXPECT_TRUE(log->add(event(AuditAction::receipt)));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(verify(*log).broken_at);
  EXPECT_EQ(verify(*log).head.counter, 200U);
}

// Goal: whoever changes the database is found out, and the first wrong entry is named.
TEST_F(AuditLogTest, NamesTheFirstBrokenPlace) {
  add(6);
  const Bytes third = stored(3);
  auto entry = *storage::decode_audit_entry(third);
  entry.detail = "y";
  put(3, storage::encode_audit_entry(entry));
  EXPECT_EQ(verify(*log).broken_at, 4U) << "a well-made entry in the place of another";
  put(3, as_bytes("no entry"));
  EXPECT_EQ(verify(*log).broken_at, 3U);
  EXPECT_EQ(verify(*log).head.counter, 2U);
  put(3, stored(2));
  EXPECT_EQ(verify(*log).broken_at, 3U);
  storage::WriteBatch batch;
  batch.remove(Table::state, key(3));
  ASSERT_TRUE(database->write(batch, Durability::buffered));
  EXPECT_EQ(verify(*log).broken_at, 3U) << "left out";
  put(3, third);
  EXPECT_FALSE(verify(*log).broken_at);
}

// Goal: a damaged entry is no reason to stop a peer or to lose what comes after it.
TEST_F(AuditLogTest, GoesOnBehindADamagedEntry) {
  add(3);
  put(3, as_bytes("damaged"));
  reopen();
  add(2);
  EXPECT_EQ(log->head().counter, 5U);
  EXPECT_EQ(verify(*log).broken_at, 3U);
  EXPECT_EQ(log->read(1, 100)->size(), 2U) << "up to it";
  EXPECT_EQ(log->read(3, 100).error().code, ErrorCode::corrupt);
  EXPECT_EQ(log->read(4, 100)->size(), 2U);
}

// Goal: an entry that was refused by a full disk, and found done when there was room, is not replaced by another.
TEST_F(AuditLogTest, DoesNotForkOverAFullDisk) {
  const auto disk = std::make_shared<storage::testing::FaultFileSystem>(4);
  storage::testing::FaultEnv env(disk);
  const TemporaryFolder folder;
  const auto on_disk = storage::Database::open(folder.path() + "/db", {.env = &env});
  ASSERT_TRUE(on_disk);
  const auto full = *AuditLog::open(**on_disk, clock);
  ASSERT_TRUE(full->add(event(AuditAction::start), Durability::synced));
  disk->set_free_bytes(1'000'000);
  disk->refuse_syncs(0, 1000);
  EXPECT_EQ(full->add(event(AuditAction::erase), Durability::synced).error().code, ErrorCode::disk_full);
  disk->set_free_bytes(std::nullopt);
  disk->refuse_syncs(0, 0);
  auto added = full->add(event(AuditAction::stop), Durability::synced);
  for (int i = 0; i < 3 && !added; ++i) added = full->add(event(AuditAction::stop), Durability::synced);
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_GT((*on_disk)->reopenings(), 0U);
  EXPECT_FALSE(verify(*full).broken_at);
  std::vector<std::string> actions;
  for (const auto& stored : *full->read(1, 10)) actions.push_back(stored.entry.action);
  EXPECT_EQ(actions, (std::vector<std::string>{"start", "erase", "stop"}));
}

// Goal: who is refused a thousand times makes a handful of entries, and one that counts the rest.
TEST_F(AuditLogTest, RefusalsAreCountedRatherThanWritten) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(log->add(event(AuditAction::refused, "device 1")));
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour);
  ASSERT_TRUE(log->add(event(AuditAction::refused, "device 2")));
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour + 1) << "another one still has its own";
  ASSERT_TRUE(log->close_hour());
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour + 1) << "the hour is not over";
  clock.pass(3600);
  ASSERT_TRUE(log->close_hour());
  ASSERT_EQ(refusals().size(), kRefusalsPerKeyAndHour + 2);
  EXPECT_EQ(refusals().back(), "995 more refusals, not written down one by one");
  ASSERT_TRUE(log->close_hour());
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour + 2) << "said once";
  ASSERT_TRUE(log->add(event(AuditAction::refused, "device 1")));
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour + 3) << "a new hour";
}

TEST_F(AuditLogTest, NewKeysDoNotHelpAgainstTheLimit) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(log->add(refusal({}, "invitation " + std::to_string(i))));
  EXPECT_EQ(refusals().size(), kRefusalsPerHour);
  clock.pass(3600);
  ASSERT_TRUE(log->add(refusal({}, "invitation 7")));
  ASSERT_EQ(refusals().size(), kRefusalsPerHour + 2);
  EXPECT_EQ(refusals()[kRefusalsPerHour], "470 more refusals, not written down one by one");
}

// Goal: the stations of one organisation, however many, leave room for what is refused to another.
TEST_F(AuditLogTest, OneOrganisationLeavesRoomForTheOthers) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(log->add(refusal("Saint-Aubin", "device " + std::to_string(i))));
  ASSERT_EQ(refusals().size(), kRefusalsPerOrganisationAndHour);
  ASSERT_TRUE(log->add(refusal("Saint-Benin", "device 1000")));
  EXPECT_EQ(refusals().back(), "Saint-Benin");
}

// Goal: a stop does not wait for the hour's end; and nothing but refusals is limited.
TEST_F(AuditLogTest, AStopSaysHowManyWereLeftOut) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(log->add(event(AuditAction::refused, "device 1")));
  add(100);
  EXPECT_EQ(log->head().counter, 100U + kRefusalsPerKeyAndHour);
  ASSERT_TRUE(log->close_hour(true));
  EXPECT_EQ(refusals().back(), "95 more refusals, not written down one by one");
}

}  // namespace
}  // namespace beffroi::daemon::testing
