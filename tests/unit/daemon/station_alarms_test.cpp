// What rings at a station, condition by condition: the time is the test's, the peer a line in memory.
#include "daemon/station/audit_job.h"
#include "daemon/station/backup_job.h"
#include "daemon/station/damaged_files.h"
#include "daemon/station/hearing.h"
#include "daemon/station/housekeeping.h"
#include "daemon/station/nightly.h"
#include "daemon/sync/messages.h"
#include "tests/support/memory_channel.h"
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

// Goal: a source that is gone, or suddenly empty, rings by its name until it is back, is meant to be so, or is no
// source any more. A file that can't be read does not ring.
TEST_F(StationAlarmsTest, ASourceThatIsGoneRings) {
  const std::string path = world_.source_path();
  const std::string name = "source:" + path;
  backup();
  EXPECT_EQ(ringing(), Names{});
  std::filesystem::rename(path, path + "-away");
  EXPECT_EQ(backup()["errors_total"], 1);
  EXPECT_EQ(ringing(), Names{name});
  EXPECT_NE(world_.get("/v1/status").json["alarms"][0]["message"].get<std::string>().find(path), std::string::npos);
  std::filesystem::rename(path + "-away", path);
  backup();
  EXPECT_EQ(ringing(), Names{}) << "it came back";

  std::filesystem::remove(path + "/letter.txt");
  backup();
  EXPECT_EQ(ringing(), Names{name}) << "suddenly empty";
  backup({{"dry_run", true}, {"accept_empty", true}});
  EXPECT_EQ(ringing(), Names{name}) << "a dry run changes nothing";
  backup({{"accept_empty", true}});
  EXPECT_EQ(ringing(), Names{});

  std::filesystem::remove(path);
  backup();
  EXPECT_EQ(ringing(), Names{name});
  EXPECT_EQ(world_.ask("DELETE", "/v1/sources", json{{"path", path}}.dump()).status, 200);
  EXPECT_EQ(ringing(), Names{}) << "no source any more";
}

// Goal: what a source's command should have prepared is missing: that rings too.
TEST_F(StationAlarmsTest, AFailingCommandOfASourceRings) {
  const std::string dumps = world_.folder.path() + "/dumps";
  std::filesystem::create_directories(dumps);
  ASSERT_EQ(world_.post("/v1/sources", {{"path", dumps}, {"before", "exit 7"}}).status, 200);
  EXPECT_EQ(backup()["errors_total"], 1);
  EXPECT_EQ(ringing(), Names{"source:" + dumps});
}

// Goal: damage that a backup finds in the last snapshot rings, and no later backup takes that back: older snapshots
// stay damaged.
TEST_F(StationAlarmsTest, ADamagedLastSnapshotRings) {
  backup();
  const auto root = station().vault->latest().value()->commit.clear.root;
  ASSERT_TRUE(station().vault->objects().quarantine(station().vault->space(), root).has_value());
  EXPECT_GE(backup()["errors_total"], 1);
  EXPECT_EQ(ringing(), Names{"integrity:snapshot"});
  EXPECT_EQ(backup()["errors_total"], 0);
  EXPECT_EQ(ringing(), Names{"integrity:snapshot"});
}

// Goal: who restores damaged files is not the only one to learn of it; a check that reads everything and finds nothing
// ends it.
TEST_F(StationAlarmsTest, ARestoreThatMeetsDamageRings) {
  world_.write("scan.bin", std::string(100'000, 'x'));
  backup();
  EXPECT_EQ(world_.post("/v1/restore").status, 200);
  EXPECT_EQ(ringing(), Names{});
  auto& vault = *station().vault;
  const auto root = vault.latest().value()->commit.clear.root;
  std::vector<storage::ObjectId> chunks;
  for (const auto& child : vault.objects().children(vault.space(), root).value())
    if (vault.objects().info(vault.space(), child).value()->kind == storage::ObjectKind::chunk) chunks.push_back(child);
  ASSERT_FALSE(chunks.empty());
  ASSERT_TRUE(vault.objects().quarantine(vault.space(), chunks.front()).has_value());
  EXPECT_EQ(world_.post("/v1/restore").status, 200);
  EXPECT_EQ(ringing(), Names{"integrity:restore:local"});
  world_.post("/v1/check", {{"read_data", true}});
  EXPECT_EQ(ringing(), (Names{"integrity:check:local", "integrity:restore:local"})) << "still damaged";
}

// Goal: a peer that is not what it was is a finding of a check there, not only a line in a log; one that can't be
// reached is none.
TEST_F(StationAlarmsTest, ACheckFindsAPeerThatIsNotWhatItWas) {
  join();
  backup({{"sync", false}});
  peer_.error = {ErrorCode::corrupt, "It goes back to {}.", {"7"}};
  const json found = world_.post("/v1/check", {{"at", "peer"}}).json;
  EXPECT_EQ(found["damages_total"], 1) << found;
  EXPECT_TRUE(found["damages"][0]["snapshot"].is_null());
  EXPECT_EQ(found["damages"][0]["error"]["message"], "It goes back to 7.");
  EXPECT_EQ(ringing(), (Names{"integrity:check:peer", "integrity:peer"}));
  peer_.error.code = ErrorCode::unreachable;
  EXPECT_EQ(world_.post("/v1/check", {{"at", "peer"}}).json["damages_total"], 0);
}

// Goal: who reads a snapshot and misses something asks the peer what went, now and then and at the end; and hears when
// the snapshot is listed no more.
TEST_F(StationAlarmsTest, ThePeerIsAskedBeforeDamageIsBelieved) {
  join();
  backup({{"sync", false}});
  const auto id = station().vault->latest().value()->commit.id;
  SnapshotWatch watch(station(), id, true);
  std::vector<int> calls;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(watch.still_there(false));
    calls.push_back(peer_.calls);
  }
  EXPECT_EQ(calls, (std::vector{1, 2, 2, 3, 3}));
  EXPECT_TRUE(watch.still_there(true));
  EXPECT_EQ(peer_.calls, 4);
  EXPECT_TRUE(SnapshotWatch(station(), id, false).still_there(true));
  EXPECT_EQ(peer_.calls, 4) << "of what is here alone nobody else knows";
  const auto gone = SnapshotWatch(station(), storage::CommitId{{7}}, true).still_there(false);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
}

// Goal: what the peer lost and the station has no more is named as people know it: files, and in which snapshot.
TEST_F(StationAlarmsTest, LostObjectsAreNamedAsFiles) {
  world_.write("scan.bin", std::string(100'000, 'x'));
  backup();
  auto& vault = *station().vault;
  const auto latest = vault.latest().value()->commit;
  const auto chunks = [&] {
    std::set<storage::ObjectId> out;
    for (const auto& child : vault.objects().children(vault.space(), latest.clear.root).value())
      if (vault.objects().info(vault.space(), child).value()->kind == storage::ObjectKind::chunk) out.insert(child);
    return out;
  }();
  ASSERT_FALSE(chunks.empty());
  world_.write("new.txt", "later");
  backup();
  const std::atomic<bool> cancel = false;
  EXPECT_EQ(files_that_need(vault, {}, cancel)->total, 0U);
  const auto found = files_that_need(vault, chunks, cancel);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->total, 1U);
  const std::string newest = vault.latest().value()->commit.id.hex().substr(0, 12);
  EXPECT_EQ(found->first, std::vector<std::string>{world_.source_path() + "/scan.bin (" + newest + ")"});
  ASSERT_TRUE(vault.objects().quarantine(vault.space(), latest.clear.root).has_value());
  const auto tree = files_that_need(vault, {latest.clear.root}, cancel);
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ(tree->first, std::vector<std::string>{"(" + latest.id.hex().substr(0, 12) + ")"}) << "a whole snapshot";
  const std::atomic<bool> cancelled = true;
  EXPECT_EQ(files_that_need(vault, chunks, cancelled).error().code, ErrorCode::cancelled);
}

/// A rotation by the station itself whose box for it does not open.
Bytes useless_rotation(Vault& vault, crypto::Random& random) {
  const storage::SpaceLog log = vault.log();
  const crypto::DeviceKeys& me = vault.device_keys();
  const auto access = storage::open_access(log, me);
  BEFFROI_ASSERT(access.has_value());
  auto recipients = storage::epoch_recipients(log, access->current.preshared);
  BEFFROI_ASSERT(recipients.has_value());
  storage::EpochPlan plan{.epoch = {log.epoch().value + 1},
                          .content = &access->current.content,
                          .content_generation = log.content_generation(),
                          .handed = &access->unhanded,
                          .space_name = access->current.space_name,
                          .recipients = std::move(*recipients)};
  auto body = storage::make_epoch(log.space(), plan, random);
  BEFFROI_ASSERT(body.has_value());
  for (auto& box : body->boxes)
    if (box.recipient == me.public_part().id()) box.bytes.back() ^= 1;
  return storage::make_record(&log.head(), log.space(), *body, vault.clock().now(), me.sign);
}

// Goal: keys that this machine can't open are an alarm that names who signed them; and a nightly backup that can't
// begin for it counts as a failed one: it is heard of, and waits before the next try.
TEST_F(StationAlarmsTest, KeysThatDoNotOpenRing) {
  auto& vault = *station().vault;
  look();
  EXPECT_EQ(ringing(), Names{});
  const std::vector<Bytes> records{useless_rotation(vault, world_.random)};
  ASSERT_TRUE(vault.append_records(records).has_value());
  look();
  EXPECT_EQ(ringing(), Names{"integrity:keys"});
  EXPECT_EQ(station().alarms.current()[0].args[1], vault.device_id().hex());

  EXPECT_EQ(world_.post("/v1/backup").error(), "wrong_state");
  EXPECT_EQ(station().state.schedule().failures, 0U) << "somebody is watching";
  EXPECT_EQ(world_.post("/v1/schedule/run").error(), "wrong_state");
  EXPECT_EQ(ringing(), (Names{"backup_failed", "integrity:keys"}));
  EXPECT_EQ(station().state.schedule().failures, 1U);
  EXPECT_EQ(station().state.schedule().last_attempt, world_.clock.now());
}

// Goal: a peer that refuses to be asked rings as one that has lost something does; one that can't be reached does not.
TEST_F(StationAlarmsTest, AnAuditThatIsRefusedRings) {
  join();
  EXPECT_EQ(world_.post("/v1/audit").json["error"]["code"], "unreachable");
  EXPECT_EQ(ringing(), Names{});
  peer_.error = {ErrorCode::refused, "It said {}.", {"no"}};
  EXPECT_EQ(world_.post("/v1/audit").json["error"]["code"], "refused");
  EXPECT_EQ(ringing(), Names{"integrity:audit"});
  EXPECT_NE(world_.get("/v1/status").json["alarms"][0]["message"].get<std::string>().find("It said no."),
            std::string::npos);
}

// Goal: whatever a peer says instead of answering an audit, it is heard of when it goes on for a week; not for less,
// not for what somebody tried by hand, and not for an audit that this machine ended itself.
TEST_F(StationAlarmsTest, AuditsWithoutAnAnswerRing) {
  join();
  const auto audit = [&](bool nightly, bool stopped = false) {
    const auto progress = std::make_shared<Progress>();
    progress->cancel = stopped;
    const AuditWords words{.nightly = nightly};
    EXPECT_FALSE(world_.thread->run(audit_peer(station(), progress, words)));
  };
  for (const ErrorCode code : {ErrorCode::busy, ErrorCode::conflict, ErrorCode::wrong_state}) {
    peer_.error.code = code;
    audit(false);
    audit(true);
    audit(true, true);
    world_.clock.wall_s += 2 * kDayS;
  }
  EXPECT_EQ(station().state.audits().unanswered, 3U);
  look();
  EXPECT_EQ(ringing(), Names{}) << "six days";
  world_.stop();
  world_.start();
  world_.clock.wall_s += kDayS + 1;
  look();
  EXPECT_EQ(ringing(), Names{"audit_unanswered"});
  station().state.set_audits({.unanswered = 2, .since = {{world_.clock.wall_s - 30 * kDayS}}});
  look();
  EXPECT_EQ(ringing(), Names{}) << "two only: the machine was off in between";
}

/// Says who it is, and then nothing more.
class SilentPeer {
 public:
  Connector connector() {
    return [this](const std::string&, const crypto::SecretBytes&,
                  crypto::TransportPublicKey) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
      auto pair = testing::make_memory_pair(co_await asio::this_coro::executor, {}, {}, {});
      HelloMessage hello;
      hello.sign = signer_.binding().peer.sign;
      const Message message(std::move(hello));
      Frame frame{FrameType::message, encode_message(message)};
      BEFFROI_CO_CHECK(co_await pair.listener->send(std::move(frame)));
      listener_ = std::move(pair.listener);
      co_return std::move(pair.client);
    };
  }

  /// Before the thread on which its lines are ends.
  void leave() { listener_.reset(); }

 private:
  testing::TestPeer signer_;
  std::unique_ptr<Channel> listener_;
};

// Goal: an audit that a peer never ends is ended here, and counts.
TEST(StationAuditTest, AnAuditDoesNotLastForEver) {
  SilentPeer peer;
  StationWorld world(peer.connector());
  world.found();
  ASSERT_TRUE(world.station->vault->bind_peer({.peer = {}, .address = "peer.example:8440"}).has_value());
  const AuditWords words{.nightly = true, .patience = std::chrono::milliseconds(50)};
  const auto report = world.thread->run(audit_peer(*world.station, std::make_shared<Progress>(), words));
  world.thread->call([&peer] { peer.leave(); });
  EXPECT_FALSE(report);
  EXPECT_EQ(world.station->state.audits().unanswered, 1U);
}

// Goal: a clock that is more than a day wrong, here or at the peer, rings as long as it is so.
TEST_F(StationAlarmsTest, ClocksThatDifferRing) {
  testing::TestPeer signer;  // its receipts are of the day on which this world begins
  ASSERT_TRUE(station().vault->bind_peer(signer.binding()).has_value());
  const auto confirm = [&] {
    backup({{"sync", false}});
    const auto pending = station().vault->unreceipted();
    ASSERT_EQ(pending->size(), 1U);
    ASSERT_TRUE(station().vault->accept_receipt(signer.receipt(pending->front())).has_value());
    look();
  };
  confirm();
  EXPECT_EQ(ringing(), Names{});
  world_.clock.wall_s -= kDayS + 100;
  look();
  EXPECT_EQ(ringing(), Names{"clocks_differ"}) << "ours is behind";
  world_.clock.wall_s += kDayS + 100;
  look();
  EXPECT_EQ(ringing(), Names{});
  world_.clock.wall_s += kDayS + 100;
  look();
  EXPECT_EQ(ringing(), Names{}) << "time has passed since, that is all";
  confirm();
  EXPECT_EQ(ringing(), Names{"clocks_differ"}) << "its receipt is older than the snapshot";
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
