// Rules, deletions and room that is given back, over the station's API; the test plays the person with the kit.
#include "daemon/station/collecting.h"
#include "daemon/station/housekeeping.h"
#include "tests/support/station_world.h"

namespace beffroi::daemon {
namespace {

using nlohmann::json;
using testing::StationWorld;

constexpr std::int64_t kDayS = 24LL * 3600;

class StationRetentionTest : public ::testing::Test {
 protected:
  StationRetentionTest() {
    world_.found();
    EXPECT_EQ(world_.post("/v1/sources", {{"path", world_.source_path()}}).status, 200);
  }
  std::string backed_up(const std::string& text) {
    world_.write("letter.txt", text + std::string(40'000, 'x'));
    const auto answer = world_.post("/v1/backup");
    EXPECT_EQ(answer.json["event"], "result") << answer.body;
    return answer.json.value("snapshot", "");
  }
  storage::SpaceLog log() { return world_.station->vault->log(); }
  StationWorld::Answer add(const Result<Bytes>& record) {
    EXPECT_TRUE(record) << record.error().message();
    return world_.ask("POST", "/v1/log", StationWorld::byte_strings({*record}));
  }
  StationWorld::Answer set(const storage::RetentionBody& rules) {
    return add(storage::set_retention(world_.root, log(), rules, world_.clock.now()));
  }
  void collect() {
    world_.thread->run([](StationContext& station) -> asio::awaitable<bool> {
      co_await collect_if_due(station, std::make_shared<Progress>());
      co_return true;
    }(*world_.station));
  }
  std::set<std::string> ringing() {
    while (!world_.station->threads_are_idle()) {
    }
    std::set<std::string> out;
    for (const Alarm& alarm : world_.station->alarms.current()) out.insert(alarm.name);
    return out;
  }
  StationWorld world_;
};

// Goal: the rules in force and all before them are shown; what is proposed is explained without being changed.
TEST_F(StationRetentionTest, RulesAreShownAndExplained) {
  const auto shown = world_.get("/v1/retention").json;
  EXPECT_EQ(shown["rules"]["lock_days"], storage::kDefaultRetention.lock_days);
  EXPECT_EQ(shown["rules"]["daily"], storage::kDefaultRetention.daily);
  EXPECT_EQ(shown["by"], "snapshots");
  EXPECT_EQ(shown["history"].size(), 1U);
  const std::string id = backed_up("one");
  const auto explained = world_.post("/v1/retention/explain").json;
  ASSERT_EQ(explained["snapshots"].size(), 1U);
  EXPECT_EQ(explained["snapshots"][0]["id"], id);
  EXPECT_EQ(explained["snapshots"][0]["fate"], "kept");
  EXPECT_EQ(explained["snapshots"][0]["reasons"][0], "locked");
  EXPECT_EQ(explained["weaker"], false);
  const auto later =
      world_.post("/v1/retention/explain", {{"on", world_.clock.wall_s + 4000 * kDayS}, {"lock_days", 7}});
  EXPECT_EQ(later.json["weaker"], true);
  EXPECT_EQ(later.json["rules"]["lock_days"], 7);
  EXPECT_EQ(later.json["rules"]["daily"], storage::kDefaultRetention.daily) << "what is not named stays";
  EXPECT_EQ(later.json["snapshots"][0]["reasons"], json::array({"newest"}));
  EXPECT_EQ(world_.get("/v1/retention").json, shown);
  for (const json& wrong : {json{{"lock_days", 0}}, json{{"daily", 5'000'000'000}}, json{{"dayly", 5}}})
    EXPECT_EQ(world_.post("/v1/retention/explain", wrong).error(), "usage") << wrong;
}

// Goal: only rules and deletions that this vault's root signed on the newest head are taken; the same twice is once.
TEST_F(StationRetentionTest, OnlyTheRootsWordIsTaken) {
  const auto record = storage::set_retention(world_.root, log(), {.lock_days = 45}, world_.clock.now());
  const auto answer = add(record);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json["at_peer"], false);
  EXPECT_EQ(world_.get("/v1/retention").json["rules"]["lock_days"], 45);
  EXPECT_EQ(add(record).status, 200);
  EXPECT_EQ(world_.get("/v1/retention").json["history"].size(), 2U);
  world_.stop();
  world_.start();
  EXPECT_EQ(world_.get("/v1/retention").json["rules"]["lock_days"], 45);

  storage::SpaceLog older = *storage::SpaceLog::from_records(std::span(log().encoded()).first(4), {});
  EXPECT_EQ(add(storage::set_retention(world_.root, older, {.lock_days = 50}, world_.clock.now())).error(), "conflict");
  const auto& station_keys = world_.station->vault->device_keys();
  EXPECT_EQ(add(storage::make_record(&log().head(), log().space(), storage::RetentionBody{.lock_days = 1}, {},
                                     station_keys.sign))
                .error(),
            "refused");
  EXPECT_EQ(add(storage::make_record(&log().head(), log().space(), storage::HomeBody{{}, "evil.example:1"}, {},
                                     world_.root.sign))
                .error(),
            "refused");
  EXPECT_EQ(world_.ask("POST", "/v1/log", "hello").error(), "usage");
  EXPECT_EQ(world_.get("/v1/retention").json["history"].size(), 2U);
}

// Goal: a deletion that waits rings until somebody stops it, which takes no kit.
TEST_F(StationRetentionTest, ADeletionRingsUntilItIsStopped) {
  const std::string id = backed_up("one");
  EXPECT_EQ(world_.get("/v1/deletions").json["deletions"], json::array());
  const auto commit = storage::CommitId::from(*from_hex(id));
  const auto added = add(storage::delete_commits(world_.root, log(), {*commit}, world_.clock.now()));
  ASSERT_EQ(added.status, 200) << added.body;
  EXPECT_EQ(ringing(), std::set<std::string>{"deletion_waiting"});
  const auto listed = world_.get("/v1/deletions").json["deletions"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["id"], added.json["record"]);
  EXPECT_EQ(listed[0]["snapshots"], json::array({id}));
  EXPECT_EQ(listed[0]["state"], "waiting");
  EXPECT_EQ(world_.post("/v1/retention/explain").json["snapshots"][0]["deletion"], added.json["record"]);
  EXPECT_EQ(world_.post("/v1/deletions/cancel", {{"id", "abc"}}).error(), "not_found");
  const std::string prefix = added.json["record"].get<std::string>().substr(0, 6);
  const auto cancelled = world_.post("/v1/deletions/cancel", {{"id", prefix}});
  EXPECT_EQ(cancelled.status, 200) << cancelled.body;
  EXPECT_EQ(cancelled.json["id"], added.json["record"]);
  EXPECT_TRUE(ringing().empty());
  EXPECT_EQ(world_.get("/v1/deletions").json["deletions"][0]["state"], "cancelled");
  EXPECT_EQ(world_.post("/v1/deletions/cancel", {{"id", prefix}}).error(), "not_found");
}

// Goal: what no rule keeps is foreseen, forgotten, and its room given back; the rest is restored as before.
TEST_F(StationRetentionTest, ForgettingGivesRoomBack) {
  std::vector<std::string> ids;
  for (const char* text : {"one", "two", "three"}) {
    ids.push_back(backed_up(text));
    world_.clock.wall_s += 600;
  }
  world_.clock.wall_s += 31 * kDayS;
  ids.push_back(backed_up("four"));
  const auto foreseen = world_.post("/v1/forget", {{"dry_run", true}}).json;
  EXPECT_EQ(foreseen["forgotten"], json::array({ids[1]}));
  EXPECT_GT(foreseen["bytes"].get<std::uint64_t>(), 0U);
  EXPECT_EQ(world_.get("/v1/snapshots").json["snapshots"].size(), 4U);
  const auto done = world_.post("/v1/forget").json;
  EXPECT_EQ(done["event"], "result") << done;
  EXPECT_EQ(done["forgotten"], foreseen["forgotten"]);
  EXPECT_EQ(done["objects"], foreseen["objects"]);
  EXPECT_EQ(done["bytes"], foreseen["bytes"]);
  EXPECT_EQ(done["snapshots"], 1);
  EXPECT_EQ(world_.get("/v1/snapshots").json["snapshots"].size(), 3U);
  const auto check = world_.post("/v1/check", {{"read_data", true}}).json;
  EXPECT_EQ(check["damages_total"], 0) << check;
  EXPECT_EQ(check["snapshots"], 3);
  EXPECT_EQ(world_.post("/v1/forget").json["objects"], 0);
  // Rows of the index that name what is gone do no harm.
  EXPECT_FALSE(backed_up("two").empty());
  EXPECT_EQ(world_.post("/v1/check", {{"read_data", true}}).json["damages_total"], 0);
}

// Goal: room that can't be given back is shown at once, and rings when that goes on; the first success ends it.
TEST_F(StationRetentionTest, ACollectionThatKeepsFailingRings) {
  const std::string going = backed_up("one");
  backed_up("two");
  Vault& vault = *world_.station->vault;
  const auto id = vault.resolve(going)->commit.id;
  ASSERT_TRUE(vault.forget({&id, 1}));
  // A damaged row: nobody can tell what it kept.
  Bytes key = to_bytes(vault.space());
  key.resize(key.size() + storage::CommitId::size_bytes, 7);
  ASSERT_TRUE(vault.database().put(storage::Table::commits, key, Bytes{1}, storage::Durability::synced));
  for (std::uint32_t failures = 1; failures <= kCollectionFailures; ++failures) {
    EXPECT_TRUE(ringing().empty());
    collect();
    const json shown = world_.get("/v1/status").json["collection"];
    EXPECT_EQ(shown["due"], true);
    EXPECT_EQ(shown["failures"], failures);
    EXPECT_EQ(shown["error"]["code"], "corrupt") << shown;
  }
  EXPECT_EQ(ringing(), std::set<std::string>{"collection_failed"});
  storage::WriteBatch batch;
  batch.remove(storage::Table::commits, key);
  ASSERT_TRUE(vault.database().write(batch, storage::Durability::synced));
  collect();
  EXPECT_TRUE(ringing().empty());
  const json shown = world_.get("/v1/status").json["collection"];
  EXPECT_EQ(shown, (json{{"due", false}, {"failures", 0}, {"last_attempt", nullptr}}));
}

TEST_F(StationRetentionTest, OneLongJobAtATime) {
  auto running = world_.station->jobs.begin(JobKind::backup);
  ASSERT_TRUE(running);
  EXPECT_EQ(world_.post("/v1/forget").error(), "busy");
  EXPECT_EQ(world_.post("/v1/audit").error(), "busy");
  running->reset();
  running = world_.station->jobs.begin(JobKind::collect);
  EXPECT_EQ(world_.post("/v1/backup").error(), "busy");
  EXPECT_EQ(world_.get("/v1/status").json["running"]["kind"], "collect");
}

// Goal: with a peer nothing changes before the peer has taken it: the logs must not part.
TEST_F(StationRetentionTest, WithoutItsPeerNothingIsChanged) {
  ASSERT_TRUE(world_.station->vault->bind_peer({.peer = {}, .address = "peer.example:8440"}));
  const auto before = log().records().size();
  EXPECT_EQ(set({.lock_days = 60}).error(), "unreachable");
  EXPECT_EQ(log().records().size(), before);
  EXPECT_EQ(world_.post("/v1/audit").json["error"]["code"], "unreachable");
  EXPECT_TRUE(ringing().empty()) << "no line is no alarm";
  EXPECT_EQ(world_.get("/v1/retention").json["by"], "receipts");
}

TEST_F(StationRetentionTest, OthersMayNotAsk) {
  world_.become_somebody();
  for (const char* target : {"/v1/retention", "/v1/log", "/v1/deletions"})
    EXPECT_EQ(world_.get(target).error(), "refused") << target;
  for (const char* target : {"/v1/retention/explain", "/v1/log", "/v1/deletions/cancel", "/v1/forget", "/v1/audit"})
    EXPECT_EQ(world_.post(target).error(), "refused") << target;
}

TEST(StationRetentionEmptyTest, BeforeInitThereIsNothing) {
  StationWorld world;
  for (const char* target : {"/v1/retention", "/v1/log", "/v1/deletions"})
    EXPECT_EQ(world.get(target).error(), "wrong_state") << target;
  for (const char* target : {"/v1/retention/explain", "/v1/forget", "/v1/audit"})
    EXPECT_EQ(world.post(target).error(), "wrong_state") << target;
}

// Goal: what a peer lacks is its loss again, and no rule's doing, once every snapshot has its receipt: whether or not
// the disk has been full since.
TEST_F(StationRetentionTest, MarksAreSureAgainWhenAllHaveTheirReceipts) {
  const std::string going = backed_up("one");
  backed_up("two");
  Vault& vault = *world_.station->vault;
  const auto id = vault.resolve(going)->commit.id;
  ASSERT_TRUE(vault.forget({&id, 1}));
  testing::TestPeer peer;
  ASSERT_TRUE(vault.bind_peer(peer.binding()));
  collect();
  EXPECT_FALSE(vault.collection_due());
  EXPECT_TRUE(vault.marks_are_unsure());
  ASSERT_TRUE(vault.accept_receipt(peer.receipt(vault.resolve("latest")->commit)));
  collect();
  EXPECT_FALSE(vault.marks_are_unsure());
}

}  // namespace
}  // namespace beffroi::daemon
