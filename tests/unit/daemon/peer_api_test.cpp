// The peer's local API over a real Unix socket, and the alarms of a peer.
#include "daemon/api/peer_api.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/fault_env.h"
#include "tests/support/http_client.h"
#include "tests/support/peer_world.h"
#include "tests/support/protocol_thread.h"

namespace beffroi::daemon {
namespace {

using nlohmann::json;

class PeerApiTest : public ::testing::Test {
 protected:
  PeerApiTest() {
    settings_.data = folder_.path() + "/data";
    settings_.socket = folder_.path() + "/socket";
    settings_.limits.min_free_percent = 0;
    start();
  }
  ~PeerApiTest() override {
    stop();
    thread_.end();
  }
  void start() {
    auto opened = PeerContext::open(settings_, thread_.executor(), clock_, random_, database_options_);
    EXPECT_TRUE(opened.has_value());
    peer_ = std::move(*opened);
    chores_ = std::make_unique<Chores>(*peer_);
    router_ = std::make_unique<Router>(peer_router(*peer_, *chores_));
    thread_.call([this] {
      auto server =
          HttpServer::listen(thread_.executor(), {.socket_path = settings_.socket, .admin_group = "no-such-group"},
                             [this](HttpRequest& request, HttpExchange& exchange) {
                               request.caller = caller_;
                               return router_->handle(request, exchange);
                             });
      EXPECT_TRUE(server.has_value());
      server_ = std::move(*server);
      server_->start();
    });
  }
  void stop() {
    thread_.call([this] { server_->stop(); });
    while (thread_.call([this] { return server_->connections(); }) > 0) {
    }
    thread_.call([this] { server_.reset(); });
    chores_.reset();
    peer_.reset();
  }
  /// As the round of every minute does; gives what rings then.
  std::set<std::string> look() {
    peer_->look_around();
    return ringing();
  }
  std::set<std::string> ringing() {
    while (!peer_->threads_are_idle()) {
    }
    std::set<std::string> out;
    for (const Alarm& alarm : peer_->alarms.current()) out.insert(alarm.name);
    return out;
  }
  /// The peer is off for so long.
  void be_away(std::int64_t seconds) {
    stop();
    clock_.wall_s += seconds;
    start();
  }
  std::pair<int, json> ask(const std::string& method, const std::string& target, const json& body = json::object()) {
    const auto reply = testing::http(settings_.socket, method, target, body.dump());
    return {reply.status, json::parse(reply.body, nullptr, false)};
  }
  /// Enrols a station as the network would.
  storage::SpaceId enrol(const std::string& name) {
    auto invitation = peer_->host->invite(name, std::nullopt, {clock_.wall_s + 1000}, "peer.example:8440");
    EXPECT_TRUE(invitation.has_value());
    const auto root = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random_));
    const auto device = crypto::DeviceKeys::generate(random_);
    const auto records =
        storage::found_vault(root, {device.public_part(), device.preshared.clone()}, name, clock_.now(), random_);
    EXPECT_TRUE(peer_->host->enrol(invitation->transport_key(), *records).has_value());
    return storage::SpaceLog::from_records(*records, std::nullopt)->space();
  }

  storage::SpaceId enrol(testing::TestVault& vault, std::optional<std::uint64_t> quota = {}) {
    auto invitation = peer_->host->invite("Saint-Denis", quota, {clock_.wall_s + 1000}, "peer.example:8440");
    EXPECT_TRUE(invitation.has_value());
    EXPECT_TRUE(peer_->host->enrol(invitation->transport_key(), vault->log().encoded()).has_value());
    return vault->space();
  }
  /// What the network would do with a snapshot.
  Result<void> push(testing::TestVault& vault, const storage::Commit& commit) {
    BEFFROI_TRY(const auto caller, peer_->host->caller(crypto::transport_public(vault->device_keys().transport_seed)));
    BEFFROI_TRY(const auto lease, caller.space->open_lease(caller.device));
    std::map<std::uint8_t, std::vector<storage::ObjectId>> by_height;
    for (const auto& id : testing::closure_of(vault->objects(), commit)) {
      BEFFROI_TRY(const auto info, vault->objects().info(vault->space(), id));
      by_height[info->height].push_back(id);
    }
    for (const auto& [height, ids] : by_height)
      for (const auto& id : ids) {
        BEFFROI_TRY(const Bytes bytes, vault->objects().get(vault->space(), id));
        BEFFROI_CHECK(caller.space->put(lease.id, {&bytes, 1}));
      }
    BEFFROI_CHECK(caller.space->make_durable());
    BEFFROI_TRY(const auto encoded, vault->store().commit(commit.id));
    const auto receipt = caller.space->accept_commit(lease.id, caller.device, *encoded, {});
    return receipt ? Result<void>() : forward_error(receipt);
  }

  static constexpr std::int64_t kDayS = 24LL * 3600;
  testing::TemporaryFolder folder_;
  ManualClock clock_;
  crypto::SeededRandom random_{3};
  PeerSettings settings_;
  storage::DatabaseOptions database_options_;
  Caller caller_{.uid = 0, .gids = {0}, .is_admin = true};
  testing::ProtocolThread thread_;
  std::unique_ptr<PeerContext> peer_;
  std::unique_ptr<Chores> chores_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<HttpServer> server_;
};

// Goal: an invitation is a code that a station can read, with this peer's keys in it.
TEST_F(PeerApiTest, InvitesByACodeThatNamesThisPeer) {
  const auto [status, answer] =
      ask("POST", "/v1/invite", {{"name", "Saint-Aubin"}, {"quota_bytes", 1000}, {"address", "peer.example:8440"}});
  ASSERT_EQ(status, 200) << answer;
  const auto invitation = storage::parse_invitation(answer["code"].get<std::string>());
  ASSERT_TRUE(invitation.has_value());
  EXPECT_EQ(invitation->address, "peer.example:8440");
  EXPECT_EQ(invitation->peer, peer_->host->public_part());
  EXPECT_TRUE(peer_->host->admits(invitation->transport_key()));
  EXPECT_EQ(answer["expires"], "2027-01-29T08:00:00Z") << "14 days";
  const auto list = ask("GET", "/v1/tenants").second["invitations"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["invitation"], answer["invitation"]);
  EXPECT_EQ(list[0]["name"], "Saint-Aubin");
  EXPECT_EQ(list[0]["state"], "open");
  clock_.pass(15 * kDayS);
  EXPECT_EQ(ask("GET", "/v1/tenants").second["invitations"][0]["state"], "expired");
}

TEST_F(PeerApiTest, RefusesInvitationsThatCannotWork) {
  for (const json& body :
       {json::object(), json{{"name", ""}, {"address", "a:1"}}, json{{"name", "x"}},
        json{{"name", "x"}, {"address", "two words:1"}}, json{{"name", "x"}, {"address", "a:1"}, {"expires_s", 0}},
        json{{"name", "x"}, {"address", "a:1"}, {"quota", 5}}}) {
    const auto [status, answer] = ask("POST", "/v1/invite", body);
    EXPECT_EQ(status, 400) << body;
    EXPECT_EQ(answer["error"]["code"], "usage") << body;
  }
}

TEST_F(PeerApiTest, ListsTenantsAndSaysHowItIs) {
  const auto space = enrol("Saint-Bernard");
  const auto tenants = ask("GET", "/v1/tenants").second["tenants"];
  ASSERT_EQ(tenants.size(), 1U);
  EXPECT_EQ(tenants[0]["space"], space.hex());
  EXPECT_EQ(tenants[0]["name"], "Saint-Bernard");
  EXPECT_TRUE(tenants[0]["quota_bytes"].is_null());
  EXPECT_EQ(tenants[0]["commits"], 0);
  EXPECT_EQ(tenants[0]["silent"], false);
  const auto status = ask("GET", "/v1/status").second;
  EXPECT_EQ(status["role"], "peer");
  EXPECT_EQ(status["tenants"], 1);
  EXPECT_EQ(status["transport"], to_base32(peer_->host->public_part().transport));
  EXPECT_TRUE(status["alarms"].empty());
}

// Goal: a station that nobody hears of for three working days is an alarm that names it, until it is heard again.
TEST_F(PeerApiTest, ASilentStationIsAnAlarm) {
  testing::TestVault vault;
  enrol(vault);
  clock_.pass(10 * kDayS);
  peer_->look_around();
  while (!peer_->threads_are_idle()) {
  }
  const auto alarms = ask("GET", "/v1/status").second["alarms"];
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_EQ(alarms[0]["args"][0], "Saint-Denis");
  EXPECT_EQ(ask("GET", "/v1/tenants").second["tenants"][0]["silent"], true);
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(1))).has_value());
  ASSERT_TRUE(peer_->host->spaces().at(0)->note_contact().has_value());
  peer_->look_around();
  while (!peer_->threads_are_idle()) {
  }
  EXPECT_TRUE(ask("GET", "/v1/status").second["alarms"].empty());
}

// Goal: a station that calls every night and stores nothing is as bad as one that is silent, and is told apart from it.
TEST_F(PeerApiTest, AStationThatStoresNothingIsAnAlarm) {
  testing::TestVault vault;
  const std::string name = "silent:" + enrol(vault).hex();
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(1))).has_value());
  clock_.pass(10 * kDayS);
  ASSERT_TRUE(peer_->host->spaces().at(0)->note_contact().has_value());
  EXPECT_EQ(look(), std::set<std::string>{name});
  EXPECT_NE(peer_->alarms.current()[0].text.find("calls"), std::string::npos);
  EXPECT_EQ(ask("GET", "/v1/tenants").second["tenants"][0]["silent"], true);
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(2))).has_value());
  EXPECT_EQ(look(), std::set<std::string>{});
}

// Goal: a peer that was off for a week does not report every station at once: it could not hear them. A restart takes
// nothing back.
TEST_F(PeerApiTest, ItsOwnAbsenceIsNobodysSilence) {
  testing::TestVault vault;
  const std::string name = "silent:" + enrol(vault).hex();
  EXPECT_EQ(look(), std::set<std::string>{});
  be_away(10 * kDayS);
  EXPECT_EQ(ringing(), std::set<std::string>{});
  EXPECT_EQ(ask("GET", "/v1/tenants").second["tenants"][0]["silent"], false);
  clock_.pass(2 * kDayS);
  EXPECT_EQ(look(), std::set<std::string>{});
  be_away(60);
  clock_.pass(5 * kDayS);
  EXPECT_EQ(look(), std::set<std::string>{name}) << "silent for days that the peer was there";
  be_away(60);
  EXPECT_EQ(ringing(), std::set<std::string>{name});
}

// Goal: a peer that comes back from an older state lets nothing go by itself before its operator had time to say so.
TEST_F(PeerApiTest, IsJustBackAfterAnAbsence) {
  look();
  EXPECT_FALSE(peer_->is_just_back());
  be_away(11 * 3600);
  EXPECT_FALSE(peer_->is_just_back());
  look();
  be_away(13 * 3600);
  EXPECT_TRUE(peer_->is_just_back());
  clock_.pass(3 * 3600);
  EXPECT_TRUE(peer_->is_just_back());
  clock_.pass(2 * 3600);
  EXPECT_FALSE(peer_->is_just_back());
}

// Goal: the operator hears of a full quota before the backups of that commune stop.
TEST_F(PeerApiTest, ANearlyFullQuotaIsAnAlarm) {
  testing::TestVault vault;
  constexpr std::uint64_t kQuota = 100'000;
  enrol(vault, kQuota);
  const std::string name = "quota:" + peer_->host->organisations().at(0).id.hex();
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(1), 50'000)).has_value());
  EXPECT_EQ(look(), std::set<std::string>{});
  std::uint64_t files = 1;
  const auto used = [&] { return peer_->host->tenants()->at(0).used_bytes; };
  while (used() < kQuota / 10 * 9)
    ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(++files), 1000)).has_value()) << used();
  EXPECT_EQ(look(), std::set<std::string>{name});
  EXPECT_EQ(peer_->alarms.current()[0].args[0], "Saint-Denis");
}

// Goal: with less free than store.min_free the peer takes nothing new in, says so at both ends, and goes on as soon as
// there is room; what it has can still be read.
TEST_F(PeerApiTest, ANearlyFullDiskTakesNothingNewIn) {
  testing::TestVault vault;
  enrol(vault);
  const auto first = testing::take_snapshot(*vault, testing::numbers(1));
  ASSERT_TRUE(push(vault, first).has_value());
  stop();
  settings_.limits.min_free_bytes = std::uint64_t{1} << 60;
  start();
  EXPECT_EQ(ringing(), std::set<std::string>{"disk_full"});
  const auto second = testing::take_snapshot(*vault, testing::numbers(2));
  EXPECT_EQ(push(vault, second).error().code, ErrorCode::disk_full);
  EXPECT_TRUE(peer_->host->spaces().at(0)->get(first.clear.root).has_value());
  stop();
  settings_.limits.min_free_bytes.reset();
  start();
  EXPECT_EQ(ringing(), std::set<std::string>{});
  EXPECT_TRUE(push(vault, second).has_value());
}

// Goal: a disk that was full when it could last be measured counts as full until it is known not to be.
TEST_F(PeerApiTest, WhatCantBeMeasuredIsAsItWas) {
  stop();
  settings_.limits.min_free_bytes = std::uint64_t{1} << 60;
  start();
  ASSERT_EQ(ringing(), std::set<std::string>{"disk_full"});
  const PeerFacts before = peer_->facts();
  std::filesystem::rename(settings_.data, settings_.data + "-away");
  EXPECT_EQ(look(), std::set<std::string>{"disk_full"});
  EXPECT_EQ(peer_->facts().free_bytes, before.free_bytes);
  EXPECT_EQ(peer_->facts().store_bytes, before.store_bytes);
  std::filesystem::rename(settings_.data + "-away", settings_.data);
}

// Goal: the operator's acts over the API, each with its refusals; what is erased rings no more.
TEST_F(PeerApiTest, ChangesSuspendsAndErasesOrganisations) {
  const auto space = enrol("Saint-Bernard");
  EXPECT_EQ(ask("POST", "/v1/change", {{"name", "Saint-Bernard"}}).first, 400) << "nothing to change";
  EXPECT_EQ(ask("POST", "/v1/change", {{"name", "Nowhere"}, {"contact", "x"}}).first, 404);
  const auto changed =
      ask("POST", "/v1/change", {{"name", "Saint-Bernard"}, {"quota_bytes", 0}, {"contact", "Mme Roux"}});
  ASSERT_EQ(changed.first, 200) << changed.second;
  EXPECT_EQ(changed.second["quota_bytes"], 0);
  EXPECT_EQ(changed.second["stations"], 1);
  EXPECT_EQ(look(), (std::set<std::string>{"quota:" + changed.second["organisation"].get<std::string>()}));

  EXPECT_EQ(ask("POST", "/v1/erase", {{"name", "Saint-Bernard"}, {"confirm", "Saint-Bernard"}}).first, 409);
  EXPECT_EQ(ask("POST", "/v1/suspend", {{"name", "Saint-Bernard"}, {"reason", "left"}}).first, 200);
  EXPECT_EQ(ask("POST", "/v1/suspend", {{"name", "Saint-Bernard"}}).first, 409);
  clock_.pass(10 * kDayS);
  EXPECT_EQ(look().size(), 1U) << "a suspended station is not silent";
  EXPECT_EQ(ask("GET", "/v1/tenants").second["tenants"][0]["silent"], false);
  EXPECT_EQ(ask("POST", "/v1/erase", {{"name", "Saint-Bernard"}, {"confirm", "Saint-Benin"}}).first, 400);
  const auto [status, record] = ask("POST", "/v1/erase", {{"name", "Saint-Bernard"}, {"confirm", "Saint-Bernard"}});
  ASSERT_EQ(status, 200) << record;
  EXPECT_EQ(record["spaces"][0]["space"], space.hex());
  EXPECT_EQ(record["spaces"][0]["devices"].size(), 1U);
  EXPECT_EQ(record["contact"], "Mme Roux");
  EXPECT_EQ(record["by"], "root");
  EXPECT_EQ(ask("GET", "/v1/erased").second["erasures"], json::array({record}));
  EXPECT_TRUE(ask("GET", "/v1/tenants").second["organisations"].empty());
  EXPECT_EQ(look(), std::set<std::string>{});
}

// Goal: the operator hears that what he has had erased is not gone yet, until it is.
TEST_F(PeerApiTest, AnErasureThatCantBeFinishedIsAnAlarm) {
  const auto disk = std::make_shared<storage::testing::FaultFileSystem>(4);
  storage::testing::FaultEnv env(disk);
  stop();
  database_options_.env = &env;
  start();
  PeerHost& host = *peer_->host;
  ASSERT_TRUE(host.invite("Saint-Aubin", {}, {clock_.wall_s + 1000}, "peer.example:8440").has_value());
  ASSERT_TRUE(host.suspend("Saint-Aubin", "left").has_value());
  const std::string name = "erasing:" + host.organisations().at(0).id.hex();
  disk->set_free_bytes(1'000'000);
  disk->refuse_syncs(2, 1000);  // its beginning is synced, and that it was written down
  EXPECT_EQ(host.erase("Saint-Aubin", "root").error().code, ErrorCode::disk_full);
  host.finish_erasures();
  EXPECT_EQ(look(), std::set<std::string>{name});
  EXPECT_EQ(peer_->alarms.current().at(0).args.at(0), "Saint-Aubin");
  disk->set_free_bytes(std::nullopt);
  disk->refuse_syncs(0, 0);
  // The first write finds out that there is room again.
  for (int i = 0; i < 5 && !host.stuck_erasures().empty(); ++i) host.finish_erasures();
  EXPECT_EQ(look(), std::set<std::string>{});
  EXPECT_EQ(host.erase("Saint-Aubin", "root").error().code, ErrorCode::not_found);
  EXPECT_EQ(host.erasures()->size(), 1U) << "and there is one record of it";
  stop();
  database_options_.env = nullptr;
  start();
}

// Goal: what was done here, and by whom, can be read with all that is needed to verify it, page by page.
TEST_F(PeerApiTest, TheAuditLogIsReadInPages) {
  ASSERT_EQ(ask("POST", "/v1/invite", {{"name", "Saint-Aubin"}, {"address", "a:1"}}).first, 200);
  testing::TestVault vault;
  const auto space = enrol(vault);
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(1))).has_value());
  const json all = ask("GET", "/v1/audit").second;
  std::vector<std::string> actions;
  std::string previous(64, '0');
  for (const json& entry : all["entries"]) {
    actions.push_back(entry["action"]);
    EXPECT_EQ(entry["counter"], actions.size());
    EXPECT_EQ(entry["previous"], previous);
    EXPECT_EQ(entry["time"], "2027-01-15T08:00:00Z");
    previous = entry["hash"];
  }
  EXPECT_EQ(actions, (std::vector<std::string>{"start", "invite", "invite", "enrol", "receipt"}));
  EXPECT_EQ(all["head"], (json{{"counter", 5}, {"hash", previous}}));
  EXPECT_EQ(all["entries"][1]["actor"], "operator root (0)");
  EXPECT_EQ(all["entries"][1]["organisation"], "Saint-Aubin");
  EXPECT_TRUE(all["entries"][1]["space"].is_null());
  EXPECT_EQ(all["entries"][4]["actor"], "device " + vault->device_id().hex().substr(0, 16));
  EXPECT_EQ(all["entries"][4]["space"], space.hex());
  const json part = ask("GET", "/v1/audit?from=2&limit=2").second;
  ASSERT_EQ(part["entries"].size(), 2U);
  EXPECT_EQ(part["entries"][0], all["entries"][1]);
  EXPECT_EQ(part["head"], all["head"]);
  EXPECT_TRUE(ask("GET", "/v1/audit?from=6").second["entries"].empty());
  EXPECT_EQ(ask("GET", "/v1/audit?from=1&limit=0").second["head"], all["head"]);
  EXPECT_EQ(ask("GET", "/v1/audit?from=x").first, 400);
}

// Goal: a machine whose clock jumps makes no station look silent and lets nothing expire; the operator hears of it, and
// can say that it is right.
TEST_F(PeerApiTest, AClockThatJumpsIsHeldUntilSomebodyAcceptsIt) {
  testing::TestVault vault;
  enrol(vault);
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(1))).has_value());
  clock_.wall_s += 400 * kDayS;
  EXPECT_EQ(look(), std::set<std::string>{"clock"});
  EXPECT_FALSE(peer_->trusted_clock->expiry_allowed());
  json clock = ask("GET", "/v1/clock").second;
  EXPECT_EQ(clock["state"], "held");
  EXPECT_EQ(clock["expiry_allowed"], false);
  EXPECT_EQ(clock["peer"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(clock["machine"], "2028-02-19T08:00:00Z");
  EXPECT_EQ(clock["ahead_s"], 400 * kDayS);
  EXPECT_EQ(clock["hold"]["reason"], "jumped_ahead");
  EXPECT_EQ(ask("POST", "/v1/clock").first, 400);
  EXPECT_EQ(ask("POST", "/v1/clock", {{"accept", false}}).first, 400);
  EXPECT_EQ(ask("GET", "/v1/clock").second["state"], "held");
  clock = ask("POST", "/v1/clock", {{"accept", true}}).second;
  EXPECT_EQ(clock["state"], "in_step");
  EXPECT_EQ(clock["peer"], "2028-02-19T08:00:00Z");
  EXPECT_TRUE(clock["hold"].is_null());
  EXPECT_EQ(look(), std::set<std::string>{}) << "and nobody was silent for 400 days";
  const json entries = ask("GET", "/v1/audit?from=5").second["entries"];
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]["action"], "clock_held");
  EXPECT_EQ(entries[0]["actor"], "peer");
  EXPECT_EQ(entries[1]["action"], "clock_released");
  EXPECT_EQ(entries[1]["actor"], "operator root (0)");
}

// Goal: what was held before a restart is held after it, is written down once, and ends when the clock is put right.
TEST_F(PeerApiTest, AHeldClockOutlivesARestart) {
  be_away(20 * kDayS);
  EXPECT_EQ(ringing(), std::set<std::string>{"clock"});
  be_away(60);
  EXPECT_EQ(ringing(), std::set<std::string>{"clock"});
  clock_.wall_s -= 20 * kDayS;
  EXPECT_EQ(look(), std::set<std::string>{});
  std::vector<std::string> actions;
  for (const json& entry : ask("GET", "/v1/audit").second["entries"]) actions.push_back(entry["action"]);
  EXPECT_EQ(actions, (std::vector<std::string>{"start", "start", "clock_held", "start", "clock_released"}));
}

// Goal: a restored peer tells each of its stations, writes down who said so, and takes no nonsense.
TEST_F(PeerApiTest, ALossIsDeclaredToEveryStation) {
  EXPECT_EQ(ask("POST", "/v1/losses", {{"since", 1'799'000'000}}).first, 404) << "nobody would hear of it";
  testing::TestVault vault;
  enrol(vault);
  enrol("Saint-Aubin");
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(1))).has_value());
  EXPECT_EQ(ask("POST", "/v1/losses").first, 400);
  EXPECT_EQ(ask("POST", "/v1/losses", {{"since", clock_.wall_s + 60}}).first, 400);
  EXPECT_EQ(ask("POST", "/v1/losses", {{"since", 1'799'000'000}, {"reason", "two\nlines"}}).first, 400);
  EXPECT_EQ(ask("POST", "/v1/losses", {{"since", 1'799'000'000}, {"name", "Nobody"}}).first, 404);
  auto [status, answer] = ask("POST", "/v1/losses", {{"since", 1'799'000'000}, {"reason", "The disk broke."}});
  ASSERT_EQ(status, 200) << answer;
  EXPECT_EQ(answer["losses"].size(), 2U);
  for (const json& loss : answer["losses"]) {
    EXPECT_EQ(loss["counter"], 1);
    EXPECT_EQ(loss["receipt_counter"], loss["space"] == vault->space().hex() ? 1 : 0);
  }
  std::tie(status, answer) = ask("POST", "/v1/losses", {{"since", 1'799'000'000}, {"name", "Saint-Aubin"}});
  ASSERT_EQ(status, 200) << answer;
  ASSERT_EQ(answer["losses"].size(), 1U);
  EXPECT_EQ(answer["losses"][0]["counter"], 2);
  const json entries = ask("GET", "/v1/audit").second["entries"];
  std::size_t told = 0;
  for (const json& entry : entries)
    if (entry["action"] == "declare_loss") ++told;
  EXPECT_EQ(told, 2U);
  EXPECT_EQ(entries.back()["actor"], "operator root (0)");
  EXPECT_EQ(entries.back()["organisation"], "Saint-Aubin");
}

TEST_F(PeerApiTest, AStopIsTheLastEntry) {
  peer_->note_stop();
  EXPECT_EQ(ask("GET", "/v1/audit").second["entries"].back()["action"], "stop");
}

TEST_F(PeerApiTest, IsForAdministratorsOnly) {
  caller_ = {.uid = 4711, .gids = {4711}, .is_admin = false};
  for (const char* const target : {"/v1/change", "/v1/revoke", "/v1/suspend", "/v1/resume", "/v1/erase"})
    EXPECT_EQ(ask("POST", target, {{"name", "x"}}).first, 403) << target;
  EXPECT_EQ(ask("GET", "/v1/erased").first, 403);
  EXPECT_EQ(ask("GET", "/v1/status").first, 403);
  EXPECT_EQ(ask("GET", "/v1/tenants").first, 403);
  EXPECT_EQ(ask("POST", "/v1/invite", {{"name", "x"}, {"address", "a:1"}}).first, 403);
  EXPECT_EQ(ask("GET", "/v1/audit").first, 403);
  EXPECT_EQ(ask("GET", "/v1/clock").first, 403);
  EXPECT_EQ(ask("POST", "/v1/clock", {{"accept", true}}).first, 403);
}

// Goal: the operator can have what no rule keeps collected and everything read, hears what was done, and it is written
// down; a dry run changes nothing.
TEST_F(PeerApiTest, CollectsAndScrubsOnDemand) {
  testing::TestVault vault;
  enrol(vault);
  ASSERT_TRUE(push(vault, testing::take_snapshot(*vault, testing::numbers(3))).has_value());
  const auto last_line = [](const std::string& body) {
    const auto end = body.find_last_not_of('\n');
    const auto begin = body.rfind('\n', end);
    return json::parse(body.substr(begin == std::string::npos ? 0 : begin + 1));
  };
  const auto would = ask("POST", "/v1/gc", {{"dry_run", true}});
  EXPECT_EQ(would.first, 200);
  EXPECT_EQ(would.second["snapshots"], 0);
  EXPECT_EQ(would.second["spaces"][0]["held"], 1);
  EXPECT_TRUE(ask("GET", "/v1/status").second["collected"].is_null());
  const json collected = last_line(testing::http(settings_.socket, "POST", "/v1/gc", "{}").body);
  EXPECT_EQ(collected["event"], "result");
  EXPECT_EQ(collected["objects"], 0);
  EXPECT_EQ(collected["expiry_held"], false);
  EXPECT_EQ(collected["spaces_unfinished"], 0);
  EXPECT_FALSE(ask("GET", "/v1/status").second["collected"].is_null());
  const json read = last_line(testing::http(settings_.socket, "POST", "/v1/scrub", "").body);
  EXPECT_EQ(read["event"], "result");
  EXPECT_EQ(read["objects"], 4);
  EXPECT_EQ(read["damaged"], 0);
  EXPECT_FALSE(ask("GET", "/v1/status").second["scrub"]["ended"].is_null());
  EXPECT_TRUE(ask("GET", "/v1/deletions").second["deletions"].empty());
  EXPECT_EQ(ask("POST", "/v1/deletions/cancel", {{"id", "abcd"}}).first, 404);
  EXPECT_EQ(ask("GET", "/v1/audit").second["entries"].back()["action"], "scrub");
}

}  // namespace
}  // namespace beffroi::daemon
