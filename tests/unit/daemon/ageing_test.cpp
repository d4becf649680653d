// What rules do on a station without a peer: why snapshots stay, what may be forgotten, and that forgetting lasts.
#include <gtest/gtest.h>

#include "daemon/vault/ageing.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

using storage::CommitId;
using storage::KeepReason;
using storage::RetentionBody;

constexpr std::int64_t kDayS = 24LL * 3600;

/// Four snapshots in one hour, 31 days ago: by the rules that a vault is founded with the two in the middle may go.
class AgeingTest : public ::testing::Test {
 protected:
  AgeingTest() {
    for (std::uint64_t i = 0; i < 4; ++i) {
      commits.push_back(take_snapshot(*station, numbers(i, i + 3)).id);
      station.clock.wall_s += 600;
    }
    station.clock.wall_s += 31 * kDayS;
  }
  std::vector<CommitId> middle() const { return sorted({commits[1], commits[2]}); }
  static std::vector<CommitId> sorted(std::vector<CommitId> ids) {
    std::ranges::sort(ids);
    return ids;
  }
  storage::UnixTime now() { return station.clock.now(); }
  std::vector<CommitId> listed() {
    std::vector<CommitId> out;
    for (const Snapshot& snapshot : *station->snapshots()) out.push_back(snapshot.commit.id);
    return out;
  }
  std::set<std::string> fate_of(std::size_t i, const AgeingQuestion& question) {
    const auto judged = judge_snapshots(*station, question);
    BEFFROI_ASSERT(judged.has_value());
    std::set<std::string> out;
    for (const KeepReason reason : judged->at(i).verdict->reasons.listed()) out.insert(keep_reason_name(reason));
    return out;
  }
  void sign(const Result<Bytes>& record) {
    ASSERT_TRUE(record) << record.error().message();
    ASSERT_TRUE(station->append_records({&*record, 1}));
  }

  TestVault station;
  std::vector<CommitId> commits;
};

// Goal: each snapshot says why it stays, now and on another day; a proposed rule is judged as if it had been signed.
TEST_F(AgeingTest, EachSnapshotSaysWhyItStays) {
  EXPECT_TRUE(fate_of(0, {.as_of = now()}).contains("first_of_day"));
  EXPECT_TRUE(fate_of(1, {.as_of = now()}).empty());
  EXPECT_TRUE(fate_of(3, {.as_of = now()}).contains("newest"));
  EXPECT_EQ(fate_of(1, {.as_of = {now().seconds - 10 * kDayS}}), std::set<std::string>{"locked"});
  RetentionBody more = rules_in_force(station->log())->rules;
  more.within_days = 90;
  EXPECT_EQ(fate_of(1, {.as_of = now(), .proposed = more}), std::set<std::string>{"within"});
  // A weaker rule binds only what comes later.
  const RetentionBody less{.lock_days = 1};
  EXPECT_TRUE(is_weaker(less, more));
  EXPECT_FALSE(is_weaker(more, more));
  EXPECT_TRUE(fate_of(0, {.as_of = now(), .proposed = less}).contains("first_of_day"));
}

// Goal: where no backups are made nothing ages, so that a clock that runs ahead takes nothing away.
TEST_F(AgeingTest, TimeStandsStillAtTheNewestSnapshot) {
  EXPECT_TRUE(forgettable(*station, now())->empty());
  commits.push_back(take_snapshot(*station, numbers(9)).id);
  EXPECT_EQ(*forgettable(*station, now()), middle());
  EXPECT_EQ(*forgettable(*station, {now().seconds + 3000 * kDayS}), middle());
  EXPECT_TRUE(forgettable(*station, {now().seconds - 5 * kDayS})->empty()) << "nor does one that was put back";
}

// Goal: what is forgotten is listed no more, also after a restart, and the branch goes on.
TEST_F(AgeingTest, ForgettingLasts) {
  take_snapshot(*station, numbers(9));
  ASSERT_TRUE(station->forget(middle()));
  EXPECT_EQ(listed().size(), 3U);
  EXPECT_FALSE(station->resolve(commits[1].hex()));
  EXPECT_TRUE(station->collection_due());
  station.reopen();
  EXPECT_EQ(listed().size(), 3U);
  EXPECT_EQ(*station->forgotten(), middle());
  EXPECT_TRUE(station->collection_due());
  EXPECT_EQ(take_snapshot(*station, numbers(10)).clear.sequence, 6U);
  EXPECT_TRUE(forgettable(*station, now())->empty());
}

TEST_F(AgeingTest, OnlyWhatIsListedIsForgottenAndOnlyWithoutAPeer) {
  const std::vector<CommitId> with_unknown = {commits[0], CommitId{{7}}};
  EXPECT_EQ(station->forget(with_unknown).error().code, ErrorCode::not_found);
  EXPECT_EQ(listed().size(), 4U);
  EXPECT_FALSE(station->collection_due());
  TestPeer peer;
  ASSERT_TRUE(station->bind_peer(peer.binding()));
  EXPECT_EQ(station->forget({commits.data(), 1}).error().code, ErrorCode::wrong_state);
  EXPECT_TRUE(forgettable(*station, now())->empty());
  for (const JudgedSnapshot& judged : *judge_snapshots(*station, {.as_of = now()}))
    EXPECT_FALSE(judged.verdict) << "not at the peer yet";
}

// Goal: a deletion waits as long as the longest lock, then takes what a rule would have kept, but never the newest; one
// that was taken back takes nothing.
TEST_F(AgeingTest, ADeletionIsDoneWhenItHasWaited) {
  take_snapshot(*station, numbers(9));
  ASSERT_TRUE(station->forget(middle()));
  sign(storage::delete_commits(station.root, station->log(), {commits[0], commits[3]}, now()));
  const auto id = station->deletions().at(0).id;
  EXPECT_EQ(station->deletions()[0].due.seconds, now().seconds + 30 * kDayS);
  EXPECT_EQ(judge_snapshots(*station, {.as_of = now()})->at(0).deletion, id);
  station.clock.wall_s += 29 * kDayS;
  take_snapshot(*station, numbers(9));
  EXPECT_TRUE(forgettable(*station, now())->empty());
  station.clock.wall_s += 2 * kDayS;
  take_snapshot(*station, numbers(9));
  EXPECT_EQ(*forgettable(*station, now()), sorted({commits[0], commits[3]}));
  sign(storage::cancel_deletion(station->log(), station->device_keys(), id, now()));
  EXPECT_TRUE(forgettable(*station, now())->empty());
  EXPECT_EQ(station->deletions()[0].state, Deletion::State::cancelled);
}

}  // namespace
}  // namespace beffroi::daemon::testing
