// Goal: no space, however large or restless, keeps the others from being collected, in one round or over restarts.
#include "daemon/peer/chores.h"

#include <gtest/gtest.h>

#include <atomic>

#include "storage/format/codec.h"
#include "storage/format/sealing.h"
#include "tests/support/memory_database.h"
#include "tests/support/peer_world.h"
#include "tests/support/protocol_thread.h"

namespace beffroi::daemon::testing {
namespace {

using storage::SpaceId;

std::vector<SpaceId> in_turn(const CollectionTurns& turns) {
  std::vector<SpaceId> out{SpaceId{{1}}, SpaceId{{2}}, SpaceId{{3}}};
  std::ranges::sort(out, [&](const auto& one, const auto& other) { return turns.comes_before(one, other); });
  return out;
}
std::vector<SpaceId> ids(std::initializer_list<std::uint8_t> numbers) {
  std::vector<SpaceId> out;
  for (const std::uint8_t number : numbers) out.push_back(SpaceId{{number}});
  return out;
}

TEST(CollectionTurnsTest, ARoundBeginsBehindTheOneThatCameLastAlsoAfterARestart) {
  storage::testing::MemoryDatabase database;
  CollectionTurns turns(*database);
  EXPECT_EQ(in_turn(turns), ids({1, 2, 3}));
  ASSERT_TRUE(turns.begin(SpaceId{{1}}));
  EXPECT_EQ(in_turn(turns), ids({2, 3, 1}));
  database.reopen();
  EXPECT_EQ(in_turn(CollectionTurns(*database)), ids({2, 3, 1}));
  CollectionTurns later(*database);
  ASSERT_TRUE(later.begin(SpaceId{{3}}));
  EXPECT_EQ(in_turn(later), ids({1, 2, 3}));
}

TEST(CollectionTurnsTest, WhoWasCutOffComesLastAndGetsMoreTime) {
  storage::testing::MemoryDatabase database;
  CollectionTurns turns(*database);
  const SpaceId large{{1}};
  EXPECT_EQ(turns.longest(large), kFirstTurn);
  turns.end(large, false);
  EXPECT_EQ(in_turn(turns), ids({2, 3, 1}));
  EXPECT_EQ(turns.longest(large), 2 * kFirstTurn);
  EXPECT_EQ(turns.longest(SpaceId{{2}}), kFirstTurn);
  for (int i = 0; i < 20; ++i) turns.end(large, false);
  EXPECT_EQ(turns.longest(large), kLongestTurn);
  turns.end(large, true);
  EXPECT_EQ(turns.longest(large), kFirstTurn);
  EXPECT_EQ(in_turn(turns), ids({1, 2, 3}));
}

/// Goes on by so much each time that it is asked.
class TickingClock final : public Clock {
 public:
  storage::UnixTime now() override { return {1'800'000'000}; }
  std::chrono::milliseconds monotonic() override { return std::chrono::milliseconds(passed_ms_ += step_ms.load()); }
  std::atomic<std::int64_t> step_ms = 0;

 private:
  std::atomic<std::int64_t> passed_ms_ = 0;
};

class ChoresTest : public ::testing::Test {
 protected:
  ChoresTest() {
    PeerSettings settings;
    settings.data = folder.path() + "/data";
    settings.limits.min_free_percent = 0;
    auto opened = PeerContext::open(settings, thread.executor(), clock, random);
    BEFFROI_ASSERT(opened.has_value());
    peer = std::move(*opened);
    chores = std::make_unique<Chores>(*peer);
  }
  ~ChoresTest() override {
    chores.reset();
    peer.reset();
  }
  /// A station that has begun to push, and was not heard of again.
  void leave_garbage(TestVault& vault) {
    const auto invitation = peer->host->invite("Mairie", {}, {peer->clock.now().seconds + 1000}, "peer.example:8440");
    BEFFROI_ASSERT(invitation.has_value());
    BEFFROI_ASSERT(peer->host->enrol(invitation->transport_key(), vault->log().encoded()).has_value());
    const auto key = crypto::transport_public(vault->device_keys().transport_seed);
    const auto caller = peer->host->caller(key);
    BEFFROI_ASSERT(caller.has_value());
    const auto lease = caller->space->open_lease(caller->device);
    BEFFROI_ASSERT(lease.has_value());
    storage::PayloadEncoder encoder;
    storage::ChildTable none;
    none.freeze();
    const auto object = seal_object(vault->space(), *vault->keys()->current(), storage::ObjectKind::chunk, none,
                                    encoder.encode(as_bytes("text"), 1).bytes);
    BEFFROI_ASSERT(caller->space->put(lease->id, {&object.bytes, 1}).has_value());
  }
  CollectionReport collect() {
    const auto report = thread.run(chores->collect(std::make_shared<Progress>()));
    EXPECT_TRUE(report) << report.error().message();
    return report.value_or(CollectionReport{});
  }

  TemporaryFolder folder;
  TickingClock clock;
  crypto::SeededRandom random{3};
  ProtocolThread thread;
  std::unique_ptr<PeerContext> peer;
  std::unique_ptr<Chores> chores;
};

TEST_F(ChoresTest, ATurnEndsAndTheRoundGoesOn) {
  TestVault one{1}, two{2};
  leave_garbage(one);
  leave_garbage(two);
  ASSERT_TRUE(peer->host->add_running_time(storage::kLeaseIdleSeconds + 1));
  clock.step_ms = std::chrono::milliseconds(kFirstTurn).count();
  const auto cut_short = collect();
  EXPECT_EQ(cut_short.spaces_unfinished, 2U);
  EXPECT_EQ(cut_short.spaces_failed, 0U);
  EXPECT_EQ(cut_short.objects, 0U);
  clock.step_ms = 0;
  const auto whole = collect();
  EXPECT_EQ(whole.spaces_unfinished, 0U);
  EXPECT_EQ(whole.objects, 2U);
}

}  // namespace
}  // namespace beffroi::daemon::testing
