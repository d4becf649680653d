// What rings at a station, condition by condition: the time is the test's, the peer a line in memory.
#include "daemon/station/backup_job.h"
#include "daemon/station/housekeeping.h"
#include "daemon/station/nightly.h"
#include "tests/support/station_world.h"

namespace beffroi::daemon {
namespace {

using nlohmann::json;
using testing::StationWorld;

constexpr std::int64_t kDayS = 24LL * 3600;

/// A peer that answers every station with the same failure.
class FailingPeer {
 public:
  Connector connector() {
    return [this](const std::string&, const crypto::SecretBytes&,
                  crypto::TransportPublicKey) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
      ++calls;
      co_return std::unexpected(error);
    };
  }
  Error error{ErrorCode::unreachable, "The peer does not answer.", {}};
  std::atomic<int> calls{0};
};

class StationAlarmsTest : public ::testing::Test {
 protected:
  StationAlarmsTest() : world_(peer_.connector()) {
    world_.found();
    world_.write("letter.txt", "Madame le Maire");
    EXPECT_EQ(world_.post("/v1/sources", {{"path", world_.source_path()}}).status, 200);
  }
  void join() {
    ASSERT_TRUE(station().vault->bind_peer({.peer = {}, .address = "peer.example:8440"}).has_value());
    world_.station->state.set_joined_at(station().clock.now());
  }
  StationContext& station() { return *world_.station; }
  json backup(const json& words = json::object()) {
    const auto answer = world_.post("/v1/backup", words);
    EXPECT_EQ(answer.json["event"], "result") << answer.body;
    return answer.json;
  }
  /// As the round of every minute does.
  void look(std::chrono::milliseconds running_for = kMissedGrace) {
    world_.thread->run([](StationContext& here) -> asio::awaitable<bool> {
      co_await here.refresh_facts();
      co_return true;
    }(station()));
    look_for_alarms(station(), running_for);
  }
  /// Names of what rings.
  std::set<std::string> ringing() {
    while (!station().threads_are_idle()) {
    }
    std::set<std::string> out;
    for (const Alarm& alarm : station().alarms.current()) out.insert(alarm.name);
    return out;
  }
  using Names = std::set<std::string>;

  FailingPeer peer_;
  StationWorld world_;
};

// Goal: a push that fails for a reason that does not pass by itself rings, and says what the peer said; a line that is
// down, or a peer that restarts, does not.
TEST_F(StationAlarmsTest, APushThatWillNotMendItselfRings) {
  join();
  const std::map<ErrorCode, Names> cases{{ErrorCode::unreachable, {}},
                                         {ErrorCode::timeout, {}},
                                         {ErrorCode::busy, {}},
                                         {ErrorCode::conflict, {}},
                                         {ErrorCode::protocol, {}},
                                         {ErrorCode::refused, {"push_failed"}},
                                         {ErrorCode::disk_full, {"push_failed"}},
                                         {ErrorCode::limit_exceeded, {"push_failed"}},
                                         {ErrorCode::io, {"push_failed"}},
                                         {ErrorCode::unsupported_version, {"push_failed"}},
                                         {ErrorCode::corrupt, {"integrity:peer"}}};
  for (const auto& [code, rings] : cases) {
    SCOPED_TRACE(error_code_name(code));
    for (const char* name : {"push_failed", "integrity:peer"}) station().clear_alarm(name);
    peer_.error = {code, "It said {}.", {"no"}};
    const json result = backup();
    EXPECT_FALSE(result["snapshot"].is_null()) << "made all the same";
    EXPECT_EQ(result["sync_error"]["code"], error_code_name(code));
    EXPECT_EQ(result["sync_error"]["lasting"], !rings.empty());
    EXPECT_EQ(ringing(), rings);
    EXPECT_EQ(world_.get("/v1/status").json["peer"]["error"]["message"], "It said no.");
    if (rings.contains("push_failed"))
      EXPECT_NE(world_.get("/v1/status").json["alarms"][0]["message"].get<std::string>().find("It said no."),
                std::string::npos);
  }
}

// Goal: it is tried again by itself, whatever the reason: often while it may pass, once an hour when it won't.
TEST_F(StationAlarmsTest, WhatCouldNotBeSentIsTriedAgain) {
  world_.stop();
  world_.settings.schedule.enabled = true;
  world_.start();
  join();
  const auto retry = [&](std::uint32_t tries) { return world_.thread->run(push_if_wanted(station(), tries)); };
  EXPECT_EQ(retry(3), 1U) << "nothing to send";
  EXPECT_EQ(peer_.calls, 0);
  backup();
  EXPECT_EQ(retry(1), 2U);
  EXPECT_EQ(peer_.calls, 2);
  EXPECT_EQ(push_retry_delay(2), std::chrono::minutes(2));
  peer_.error.code = ErrorCode::refused;
  EXPECT_EQ(push_retry_delay(retry(2)), std::chrono::hours(1));
  EXPECT_EQ(push_retry_delay(retry(7)), std::chrono::hours(1));
  EXPECT_EQ(peer_.calls, 4);
  auto running = station().jobs.begin(JobKind::backup);
  EXPECT_EQ(retry(7), 7U) << "not beside a backup";
  EXPECT_EQ(peer_.calls, 4);
}

// Goal: three days without a receipt ring even when each failure alone would pass; not for a station without a peer,
// nor for the time before it joined one.
TEST_F(StationAlarmsTest, DaysWithoutAReceiptRing) {
  backup();
  world_.clock.wall_s += 10 * kDayS;
  look();
  EXPECT_FALSE(ringing().contains("receipt_late")) << "no peer";
  join();
  look();
  EXPECT_FALSE(ringing().contains("receipt_late")) << "joined a moment ago";
  world_.clock.wall_s += kReceiptPatienceDays * kDayS;
  backup();
  look();
  EXPECT_FALSE(ringing().contains("receipt_late")) << "not more than three days yet";
  world_.clock.wall_s += 1;
  look(std::chrono::minutes(5));
  EXPECT_FALSE(ringing().contains("receipt_late")) << "switched on after the holidays: it may send first";
  look();
  EXPECT_TRUE(ringing().contains("receipt_late"));
  backup({{"sync", false}});
  look();
  EXPECT_TRUE(ringing().contains("receipt_late")) << "a new snapshot confirms nothing";
}

// Goal: a receipt ends the waiting, and while the backlog moves on nothing rings; a receipt from the future does not
// count.
TEST_F(StationAlarmsTest, AReceiptEndsTheWaiting) {
  testing::TestPeer signer;
  ASSERT_TRUE(station().vault->bind_peer(signer.binding()).has_value());
  backup({{"sync", false}});
  world_.clock.wall_s += kDayS;
  backup({{"sync", false}});
  world_.clock.wall_s += 4 * kDayS;
  look();
  EXPECT_TRUE(ringing().contains("receipt_late"));
  const auto pending = station().vault->unreceipted();
  ASSERT_EQ(pending->size(), 2U);
  ASSERT_TRUE(station().vault->accept_receipt(signer.receipt(pending->at(0))).has_value());
  look();
  EXPECT_TRUE(ringing().contains("receipt_late")) << "that receipt is of the first day";
  ASSERT_TRUE(station().vault->accept_receipt(signer.receipt(pending->at(1))).has_value());
  look();
  EXPECT_FALSE(ringing().contains("receipt_late"));
}

// Goal: a day and a half without a backup rings, but not right after the machine was switched on.
TEST_F(StationAlarmsTest, MissedNightsRing) {
  world_.stop();
  world_.settings.schedule.enabled = true;
  world_.start();
  backup();
  world_.clock.wall_s += kMissedAfterS + 1;
  look(std::chrono::minutes(5));
  EXPECT_EQ(ringing(), Names{});
  look();
  EXPECT_EQ(ringing(), Names{"backup_missed"});
  backup();
  EXPECT_EQ(ringing(), Names{});
}

TEST_F(StationAlarmsTest, ADiskThatIsNearlyFullRings) {
  world_.stop();
  world_.settings.limits.min_free_bytes = std::uint64_t{1} << 60;
  world_.start();
  look();
  EXPECT_EQ(ringing(), Names{"disk_full"});
  world_.stop();
  world_.settings.limits.min_free_bytes.reset();
  world_.start();
  look();
  EXPECT_EQ(ringing(), Names{});
}

// Goal: the clockwork runs the backup that is due, and what comes of it rings or is remembered.
TEST_F(StationAlarmsTest, TheNightlyBackupRunsWhenItIsDue) {
  world_.stop();
  world_.settings.schedule.enabled = true;
  world_.start();
  // It failed this night, more than the first pause ago: it is due at once.
  const auto tonight = last_due(world_.clock.now(), world_.settings.schedule.at_minute);
  world_.clock.wall_s = tonight.seconds + 3600;
  station().state.set_schedule({.last_success = {}, .last_attempt = {{tonight.seconds + 60}}, .failures = 1});
  world_.thread->call([&] { station().background.spawn(keep_nightly_backups(station())); });
  const auto ended = [&] { return station().state.schedule().last_attempt == world_.clock.now(); };
  while (!ended() || station().jobs.count() > 0) {
  }
  EXPECT_EQ(station().state.schedule().failures, 0U);
  EXPECT_EQ(world_.get("/v1/snapshots").json["snapshots"].size(), 1U);
  EXPECT_EQ(ringing(), Names{});
}

TEST_F(StationAlarmsTest, AFailingNightRings) {
  const auto busy = station().vault->try_begin_backup();
  EXPECT_EQ(world_.post("/v1/schedule/run").error(), "busy");
  EXPECT_EQ(ringing(), Names{"backup_failed"});
  EXPECT_EQ(world_.get("/v1/status").json["last_backup"]["result"], "failed");
}

}  // namespace
}  // namespace beffroi::daemon
