// Two town halls and a peer: a share is founded, somebody is invited and let in, changes its role, goes. Over the
// stations' API, with TLS in between; the tests play the people with the kits.
#include <gmock/gmock.h>

#include "daemon/share/share_joining.h"
#include "tests/support/station_world.h"
#include "tests/support/tls_peer.h"

namespace beffroi::daemon {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::StationWorld;
using testing::TlsPeer;

class ShareMembershipTest : public ::testing::Test {
 protected:
  ShareMembershipTest() {
    for (StationWorld* world : {&ada_, &ben_}) {
      EXPECT_EQ(world->found().status, 200);
      peer_.join(*world->station->vault, *world->thread, world == &ada_ ? "Ada" : "Ben");
    }
    space_ = create(ada_);
  }
  static std::string folder_of(const StationWorld& world) { return world.folder.path() + "/shared"; }

  std::string create(StationWorld& world) {
    const auto device = storage::DeviceRequest::decode(as_bytes(world.get("/v1/spaces/device").body));
    const auto records = storage::found_share(world.root, *device, {"Voirie", "Mairie d'Ada", "PC d'Ada"},
                                              world.clock.now(), world.random);
    const auto answer = world.ask("POST", "/v1/spaces?path=" + folder_of(world), StationWorld::byte_strings(*records));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json["at_peer"], true) << answer.body;
    EXPECT_EQ(answer.json["state"], "joined");
    return answer.json.value("space", "");
  }
  json invite(const std::string& role) {
    const auto answer = ada_.post("/v1/spaces/invite", {{"space", "Voirie"}, {"role", role}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json;
  }
  StationWorld::Answer join(const std::string& code) {
    return ben_.post("/v1/spaces/join",
                     {{"code", code}, {"folder", folder_of(ben_)}, {"name", "Ben"}, {"device_name", "portable"}});
  }
  json request() {
    const auto answer = ada_.get("/v1/spaces/requests?space=Voirie");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json["requests"].empty() ? json::object() : answer.json["requests"][0];
  }
  StationWorld::Answer confirm(const json& request, const std::string& words) {
    return ada_.post("/v1/spaces/confirm", {{"space", "Voirie"}, {"id", request["id"]}, {"words", words}});
  }
  json wait() { return ben_.post("/v1/spaces/wait", {{"space", space_}}).json; }
  /// Ben is in the space, in this role.
  void let_in(const std::string& role) {
    const json asked = join(invite(role)["code"]).json;
    const auto confirmed = confirm(request(), asked["words"]);
    ASSERT_EQ(confirmed.status, 200) << confirmed.body;
    const json answer = wait();
    ASSERT_EQ(answer["state"], "joined") << answer;
  }
  json spaces(StationWorld& world) { return world.get("/v1/spaces").json["spaces"]; }
  json members(StationWorld& world) { return world.get("/v1/spaces/members?space=" + space_).json["members"]; }
  static const json& named(const json& members, const std::string& name) {
    static const json none;
    for (const json& member : members)
      if (member["name"] == name) return member;
    return none;
  }
  Share& share(StationWorld& world) { return *world.station->shares.all().front(); }
  Result<void> exchange(StationWorld& world) {
    return world.thread->run([](StationContext& station, Share& of) -> asio::awaitable<Result<void>> {
      BEFFROI_CO_TRY(const auto link, co_await connect_to_share(station, of));
      auto exchanged = co_await link->exchange_state(*of.vault, station.work);
      co_await link->close();
      co_return exchanged;
    }(*world.station, share(world)));
  }

  TlsPeer peer_;
  StationWorld ada_{tls_connector(), 11};
  StationWorld ben_{tls_connector(), 12};
  std::string space_;
};

// Goal: with an invitation and six words that are the same on both sides, somebody comes in; both see both, and all of
// it survives a restart.
TEST_F(ShareMembershipTest, SomebodyIsInvitedAndLetIn) {
  const json invitation = invite("writer");
  EXPECT_TRUE(invitation["code"].get<std::string>().starts_with("bfs1-"));
  EXPECT_EQ(request(), json::object());
  const json asked = join(invitation["code"]).json;
  EXPECT_EQ(asked["space"], space_);
  EXPECT_EQ(spaces(ben_)[0]["state"], "waiting");
  EXPECT_EQ(spaces(ben_)[0]["words"], asked["words"]);
  const json waiting = request();
  EXPECT_EQ(waiting["name"], "Ben");
  EXPECT_EQ(waiting["device_name"], "portable");
  EXPECT_EQ(waiting["words"], asked["words"]);
  EXPECT_EQ(waiting["role"], "writer");
  EXPECT_EQ(waiting["known"], false);

  ben_.stop();
  ben_.start();
  const auto confirmed = confirm(waiting, asked["words"]);
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  EXPECT_EQ(request(), json::object());
  const json joined = wait();
  EXPECT_EQ(joined["state"], "joined") << joined;
  EXPECT_EQ(joined["name"], "Voirie");
  ben_.stop();
  ben_.start();
  for (StationWorld* world : {&ada_, &ben_}) {
    const json list = members(*world);
    ASSERT_EQ(list.size(), 2U) << list;
    EXPECT_EQ(named(list, "Ben")["role"], "writer");
    EXPECT_EQ(named(list, "Ben")["me"], world == &ben_);
    EXPECT_EQ(named(list, "Mairie d'Ada")["role"], "manager");
  }
  EXPECT_TRUE(share(ben_).vault->can_write().has_value());
  EXPECT_EQ(ada_.get("/v1/spaces/invitations?space=Voirie").json["invitations"][0]["state"], "used");
  EXPECT_EQ(join(invitation["code"]).error(), "already_exists");
}

// Goal: a request that waits outlives one that is refused in its place.
TEST_F(ShareMembershipTest, AskingAgainSpoilsNothing) {
  const json invitation = invite("writer");
  const json asked = join(invitation["code"]).json;
  EXPECT_EQ(join(invitation["code"]).json["words"], asked["words"]);
  const auto other =
      ben_.post("/v1/spaces/join", {{"code", invitation["code"]}, {"folder", folder_of(ben_)}, {"name", "Benoît"}});
  EXPECT_NE(other.status, 200);
  EXPECT_EQ(spaces(ben_)[0]["state"], "waiting");
  EXPECT_EQ(spaces(ben_)[0]["words"], asked["words"]);
  EXPECT_EQ(confirm(request(), asked["words"]).status, 200);
  EXPECT_NE(join(invitation["code"]).status, 200) << "let in meanwhile, and not known yet";
  EXPECT_EQ(wait()["state"], "joined");
}

// Goal: other words than those of the request let nobody in, however the rest looks.
TEST_F(ShareMembershipTest, OtherWordsLetNobodyIn) {
  const json asked = join(invite("writer")["code"]).json;
  const json waiting = request();
  std::string words = asked["words"];
  EXPECT_EQ(confirm(waiting, "").error(), "refused");
  EXPECT_EQ(confirm(waiting, words.substr(0, words.rfind(' '))).error(), "refused");
  EXPECT_EQ(confirm(waiting, words + " " + words).error(), "refused");
  std::ranges::reverse(words);
  EXPECT_EQ(confirm(waiting, words).error(), "refused");
  EXPECT_EQ(members(ada_).size(), 1U);
  EXPECT_EQ(spaces(ben_)[0]["state"], "waiting");
}

// Goal: a no reaches the applicant with its reason, and the invitation is worth nothing any more.
TEST_F(ShareMembershipTest, ANoIsHeard) {
  const json invitation = invite("reader");
  ASSERT_EQ(join(invitation["code"]).status, 200);
  const auto refused =
      ada_.post("/v1/spaces/refuse", {{"space", "Voirie"}, {"id", request()["id"]}, {"reason", "Call me first."}});
  ASSERT_EQ(refused.status, 200) << refused.body;
  const json answer = wait();
  EXPECT_EQ(answer["state"], "refused");
  EXPECT_EQ(answer["reason"], "Call me first.");
  EXPECT_EQ(spaces(ben_)[0]["reason"], "Call me first.");
  EXPECT_EQ(ben_.post("/v1/spaces/leave", {{"space", space_}}).status, 200);
  EXPECT_TRUE(spaces(ben_).empty());
  EXPECT_EQ(join(invitation["code"]).error(), "refused");
  EXPECT_TRUE(spaces(ben_).empty()) << "nothing is left of what failed";
  let_in("reader");
}

// Goal: an invitation that was taken back lets nobody ask, and one that waited with it hears that it ended.
TEST_F(ShareMembershipTest, ARevokedInvitationIsClosed) {
  const json first = invite("reader");
  const json second = invite("reader");
  ASSERT_EQ(join(first["code"]).status, 200);
  for (const json& invitation : {first, second}) {
    const auto revoked = ada_.post("/v1/spaces/revoke", {{"space", "Voirie"}, {"id", invitation["id"]}});
    EXPECT_EQ(revoked.status, 200) << revoked.body;
    EXPECT_EQ(revoked.json["state"], "revoked");
  }
  EXPECT_EQ(wait()["state"], "closed");
  EXPECT_EQ(join(second["code"]).error(), "refused");
  EXPECT_EQ(ada_.post("/v1/spaces/revoke", {{"space", "Voirie"}, {"id", "0000"}}).error(), "not_found");
}

// Goal: who is no manager changes nobody; roles change by name, and everybody sees it.
TEST_F(ShareMembershipTest, ManagersChangeRoles) {
  let_in("reader");
  EXPECT_EQ(ben_.post("/v1/spaces/role", {{"space", space_}, {"member", "Ben"}, {"role", "manager"}}).error(),
            "refused");
  EXPECT_EQ(ben_.post("/v1/spaces/invite", {{"space", space_}, {"role", "reader"}}).error(), "refused");
  EXPECT_EQ(ada_.post("/v1/spaces/role", {{"space", "Voirie"}, {"member", "Nobody"}, {"role", "writer"}}).error(),
            "not_found");
  EXPECT_EQ(ada_.post("/v1/spaces/role", {{"space", "Voirie"}, {"member", "Ben"}, {"role", "king"}}).error(), "usage");
  const auto changed = ada_.post("/v1/spaces/role", {{"space", "Voirie"}, {"member", "Ben"}, {"role", "manager"}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  ASSERT_TRUE(exchange(ben_).has_value());
  EXPECT_EQ(named(members(ben_), "Ben")["role"], "manager");
  EXPECT_EQ(ben_.post("/v1/spaces/rename", {{"space", space_}, {"name", "Ben D."}}).status, 200);
  EXPECT_FALSE(named(members(ben_), "Ben D.").is_null());
}

// Goal: a removal that was decided on an older log takes what was granted meanwhile along; who is out gets nothing
// more.
TEST_F(ShareMembershipTest, ARemovalIsSignedAgainAndHolds) {
  let_in("manager");
  // Ada's station does not know of this yet.
  ASSERT_EQ(ben_.post("/v1/spaces/rename", {{"space", space_}, {"name", "Benoit"}}).status, 200);
  const auto removed = ada_.post("/v1/spaces/remove", {{"space", "Voirie"}, {"member", "Ben"}, {"hostile", true}});
  ASSERT_EQ(removed.status, 200) << removed.body;
  EXPECT_EQ(removed.json["devices"][0]["name"], "portable");
  EXPECT_EQ(members(ada_).size(), 1U);
  EXPECT_EQ(share(ada_).vault->log().content_generation(), 2U);
  EXPECT_TRUE(share(ada_).vault->can_write().has_value());
  EXPECT_EQ(exchange(ben_).error().code, ErrorCode::refused);
  EXPECT_EQ(ben_.post("/v1/spaces/invite", {{"space", space_}, {"role", "reader"}}).error(), "refused");
  EXPECT_EQ(ben_.post("/v1/spaces/leave", {{"space", space_}, {"only_here", true}}).status, 200);
  EXPECT_TRUE(spaces(ben_).empty());
  const auto log = ada_.get("/v1/spaces/log?space=Voirie").json["records"];
  EXPECT_EQ(log[0]["type"], "genesis");
  EXPECT_EQ(log[0]["by"]["device"], nullptr);
  EXPECT_EQ(log[log.size() - 2]["type"], "removal");
  EXPECT_EQ(log[log.size() - 2]["hostile"], true);
  EXPECT_EQ(log[log.size() - 2]["by"]["device"]["name"], "PC d'Ada");
}

// Goal: the last manager can't leave; who leaves is gone here and there, and the others renew the keys.
TEST_F(ShareMembershipTest, WhoLeavesIsGone) {
  let_in("writer");
  EXPECT_EQ(ada_.post("/v1/spaces/leave", {{"space", "Voirie"}}).error(), "refused");
  EXPECT_EQ(spaces(ada_).size(), 1U);
  ASSERT_EQ(ben_.post("/v1/spaces/leave", {{"space", space_}}).status, 200);
  EXPECT_TRUE(spaces(ben_).empty());
  EXPECT_FALSE(std::filesystem::exists(ben_.settings.data + "/shares/" + space_));
  ASSERT_TRUE(exchange(ada_).has_value());
  EXPECT_FALSE(share(ada_).vault->can_write().has_value());
  const auto renew = [&] {
    return ada_.thread->run(renew_keys_if_due(*ada_.station, ada_.station->shares.all().front()));
  };
  EXPECT_EQ(renew(), Result<bool>(true));
  EXPECT_EQ(renew(), Result<bool>(false));
  EXPECT_TRUE(share(ada_).vault->can_write().has_value());
  EXPECT_EQ(members(ada_).size(), 1U);
}

// Goal: what is not of this vault's kit founds nothing, folders do not overlap, and only administrators may ask.
TEST_F(ShareMembershipTest, NothingIsFoundedThatShouldNotBe) {
  const auto device = storage::DeviceRequest::decode(as_bytes(ada_.get("/v1/spaces/device").body));
  const auto found = [&](const crypto::DeviceKeys& root, const std::string& folder) {
    const auto records = storage::found_share(root, *device, {"Autre", "Mairie", "PC"}, ada_.clock.now(), ada_.random);
    return ada_.ask("POST", "/v1/spaces?path=" + folder, StationWorld::byte_strings(*records));
  };
  const std::string elsewhere = ada_.folder.path() + "/elsewhere";
  EXPECT_EQ(found(ben_.root, elsewhere).error(), "refused");
  for (const std::string& folder : {folder_of(ada_), folder_of(ada_) + "/below", ada_.folder.path(),
                                    ada_.settings.data + "/x", std::string("relative"), std::string("/")})
    EXPECT_EQ(found(ada_.root, folder).error(), "usage") << folder;
  EXPECT_EQ(spaces(ada_).size(), 1U);
  ada_.become_somebody();
  EXPECT_EQ(ada_.get("/v1/spaces").error(), "refused");
  EXPECT_EQ(ada_.get("/v1/spaces/device").error(), "refused");
  EXPECT_EQ(found(ada_.root, elsewhere).error(), "refused");
}

// Goal: a peer that is out of reach when a space is made hears of it later, by itself, also after a restart.
TEST_F(ShareMembershipTest, ThePeerHearsOfASpaceLater) {
  std::atomic<bool> reachable{false};
  const Connector dial = [&reachable, away = StationWorld::no_network(), there = tls_connector()](
                             const std::string& address, const crypto::SecretBytes& seed,
                             crypto::TransportPublicKey key) { return (reachable ? there : away)(address, seed, key); };
  StationWorld carl(dial, 13);
  EXPECT_EQ(carl.found().status, 200);
  peer_.join(*carl.station->vault, *carl.thread, "Carl");
  const auto device = storage::DeviceRequest::decode(as_bytes(carl.get("/v1/spaces/device").body));
  const auto records = storage::found_share(carl.root, *device, {"Ecole", "Carl", "PC"}, carl.clock.now(), carl.random);
  const auto answer = carl.ask("POST", "/v1/spaces?path=" + folder_of(carl), StationWorld::byte_strings(*records));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json["at_peer"], false);
  EXPECT_EQ(carl.post("/v1/spaces/invite", {{"space", "Ecole"}, {"role", "reader"}}).error(), "unreachable");
  EXPECT_TRUE(carl.get("/v1/spaces/invitations?space=Ecole").json["invitations"].empty());
  carl.stop();
  carl.start();
  EXPECT_EQ(spaces(carl)[0]["state"], "joined");
  EXPECT_EQ(spaces(carl)[0]["at_peer"], false);
  reachable = true;
  carl.thread->call([&] { carl.station->background.spawn(keep_joining(*carl.station)); });
  while (spaces(carl)[0]["at_peer"] == false) {
  }
  EXPECT_EQ(carl.post("/v1/spaces/invite", {{"space", "Ecole"}, {"role", "reader"}}).status, 200);
}

}  // namespace
}  // namespace beffroi::daemon
