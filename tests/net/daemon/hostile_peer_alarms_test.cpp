// A peer that lies to a station, over TLS and up to the alarm that a secretary sees: what was signed for is kept as
// evidence, backups go on, and nothing wrong is handed out. (Which lies there are, one by one: tests/sim/daemon.)
#include <thread>

#include "daemon/vault/device_key_file.h"
#include "tests/support/edited_channel.h"
#include "tests/support/station_world.h"
#include "tests/support/tls_peer.h"

namespace beffroi::daemon::testing {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

class HostilePeerAlarmsTest : public ::testing::Test {
 protected:
  HostilePeerAlarmsTest() : world_(connector()) {
    BEFFROI_ASSERT(world_.found().status == 200);
    world_.write("letter.txt", "Madame le Maire");
    BEFFROI_ASSERT(world_.post("/v1/sources", {{"path", world_.source_path()}}).status == 200);
    const auto invitation = peer_.host->invite("Mairie", {}, {peer_.clock.now().seconds + 1000}, peer_.address());
    BEFFROI_ASSERT(invitation.has_value());
    const auto joined = world_.post("/v1/join", {{"code", storage::invitation_code(*invitation)}});
    BEFFROI_ASSERT(joined.status == 200);
    backup();
  }

  Connector connector() {
    return [this, real = tls_connector()](
               const std::string& address, const crypto::SecretBytes& seed,
               crypto::TransportPublicKey key) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
      auto channel = co_await real(address, seed, key);
      if (!channel) co_return forward_error(channel);
      co_return make_edited_channel(std::move(*channel), edit_answers_, edit_objects_);
    };
  }
  Vault& vault() { return *world_.station->vault; }
  json backup() {
    const json result = world_.post("/v1/backup").json;
    EXPECT_EQ(result["event"], "result") << result.dump();
    EXPECT_TRUE(result["snapshot"].is_string()) << result.dump();
    return result;
  }
  Names ringing() {
    while (!world_.station->threads_are_idle()) std::this_thread::yield();
    Names out;
    for (const Alarm& alarm : world_.station->alarms.current()) out.insert(alarm.name);
    return out;
  }
  bool status_says(const std::string& words) {
    const json status = world_.get("/v1/status").json;
    for (const json& alarm : status["alarms"])
      if (alarm["message"].get<std::string>().find(words) != std::string::npos) return true;
    return false;
  }
  /// All receipts that the station has.
  std::vector<Bytes> evidence() {
    std::vector<Bytes> out;
    const auto newest = vault().newest_receipt();
    for (std::uint64_t counter = 1; newest && counter <= newest->counter; ++counter)
      out.push_back(**vault().store().receipt(counter));
    return out;
  }
  /// Of the newest snapshot, ascending.
  std::vector<storage::ObjectId> contents() {
    const auto commit = vault().latest().value()->commit;
    std::vector<storage::ObjectId> out;
    for (const auto& id : closure_of(vault().objects(), commit))
      if (vault().objects().info(vault().space(), id).value()->height == 0) out.push_back(id);
    return out;
  }
  /// What a restore hands out of a file that it can't give.
  void expect_nothing_handed_out() {
    const auto restored = world_.post("/v1/restore", {{"from", "peer"}});
    EXPECT_EQ(restored.status, 200);
    EXPECT_EQ(restored.body.find("Madame le Maire"), std::string::npos);
  }

  TlsPeer peer_;
  MessageEdit edit_answers_;
  ObjectEdit edit_objects_;
  StationWorld world_;
};

struct Lie {
  std::string what;
  MessageEdit tell;
  std::string sentence;
};

template <class Answer>
MessageEdit in_answers(std::function<void(Answer&)> tell) {
  return [tell = std::move(tell)](Message& message) {
    if (auto* answer = std::get_if<Answer>(&message)) tell(*answer);
  };
}

std::vector<Lie> lies(const crypto::SigningKeyPair& sign, const Bytes& first_receipt) {
  return {
      {"an old head", in_answers<HeadsMessage>([](auto& answer) { --answer.heads.front().sequence; }), "older state"},
      {"no heads", in_answers<HeadsMessage>([](auto& answer) { answer.heads.clear(); }), "older state"},
      {"fewer receipts", in_answers<ReceiptsMessage>([](auto& answer) { answer = {answer.newest - 1, {}}; }),
       "older state"},
      {"an earlier receipt in the place of the last",
       in_answers<ReceiptsMessage>([=](auto& answer) { answer.receipts = {first_receipt}; }), "in the place of number"},
      {"another last receipt", in_answers<ReceiptsMessage>([&sign](auto& answer) {
         auto receipt = *storage::decode_receipt(answer.receipts.back(), sign.public_key);
         receipt.peer_time.seconds += 5;
         answer.receipts.back() = storage::make_receipt(receipt, sign);
       }),
       "two different histories"},
      {"a shorter log", in_answers<LogMessage>([](auto& answer) { answer = {1, {}}; }), "older state"},
      {"another log", in_answers<LogMessage>([](auto& answer) { answer.records.front().back() ^= 1; }), "another log"},
  };
}

// Goal: old heads, shortened lists, a receipt denied or signed twice, another log: each rings and says what is wrong,
// at every try; receipts and snapshots stay as they were, and backups are made.
TEST_F(HostilePeerAlarmsTest, APeerThatDeniesWhatItSignedRings) {
  backup();
  const auto keys = read_device_keys(peer_.data_folder() + "/keys");
  ASSERT_TRUE(keys && *keys);
  for (const Lie& lie : lies((*keys)->sign, evidence().front())) {
    SCOPED_TRACE(lie.what);
    const auto known = evidence();
    EXPECT_GE(known.size(), 2U);
    EXPECT_EQ(known, *peer_.host->spaces().front()->receipts_from(1));
    const std::size_t snapshots = vault().snapshots()->size();
    edit_answers_ = lie.tell;
    EXPECT_EQ(world_.post("/v1/sync").error(), "corrupt");
    EXPECT_EQ(ringing(), Names{"integrity:peer"});
    EXPECT_TRUE(status_says(lie.sentence));
    EXPECT_EQ(backup()["sync_error"]["code"], "corrupt");
    world_.stop();
    world_.start();
    EXPECT_EQ(ringing(), Names{"integrity:peer"}) << "a restart does not end it";
    EXPECT_TRUE(status_says(lie.sentence));
    EXPECT_EQ(evidence(), known);
    EXPECT_EQ(vault().snapshots()->size(), snapshots + 1);

    edit_answers_ = {};
    EXPECT_EQ(world_.post("/v1/sync").error(), "");
    EXPECT_EQ(ringing(), Names{}) << "an honest one is believed again";
  }
}

// Goal: sound bytes of another object are as bad as damaged ones, whoever asks: nothing of them reaches a file.
TEST_F(HostilePeerAlarmsTest, SwappedObjectsRing) {
  const auto root = vault().latest().value()->commit.clear.root;
  const Bytes other = *vault().objects().get(vault().space(), root);
  edit_objects_ = [other](Bytes& bytes) { bytes = other; };
  expect_nothing_handed_out();
  EXPECT_EQ(ringing(), Names{"integrity:restore:peer"});
  EXPECT_TRUE(status_says("met damage at the peer"));
  auto checked = world_.post("/v1/check", {{"at", "peer"}, {"read_data", true}}).json;
  EXPECT_GT(checked["damages_total"], 0);
  EXPECT_EQ(ringing(), (Names{"integrity:check:peer", "integrity:restore:peer"}));
  world_.post("/v1/audit");
  EXPECT_TRUE(ringing().contains("integrity:audit"));
  EXPECT_TRUE(status_says("did not give back as they were"));
  EXPECT_FALSE(vault().lost_by_peer()->empty());
  EXPECT_EQ(world_.post("/v1/check", {{"read_data", true}}).json["damages_total"], 0) << "what is here is sound";

  edit_objects_ = {};
  world_.post("/v1/audit");
  world_.post("/v1/check", {{"at", "peer"}, {"read_data", true}});
  EXPECT_EQ(ringing(), Names{});
}

// Goal: the same when it denies objects of a snapshot that it gave a receipt for; the next push sends them again.
TEST_F(HostilePeerAlarmsTest, DeniedObjectsRing) {
  const auto denied = contents();
  ASSERT_FALSE(denied.empty());
  ASSERT_TRUE(peer_.host->objects().remove(vault().space(), denied));
  expect_nothing_handed_out();
  EXPECT_EQ(ringing(), Names{"integrity:restore:peer"});
  world_.post("/v1/check", {{"at", "peer"}, {"read_data", true}});
  world_.post("/v1/audit");
  EXPECT_EQ(ringing(), (Names{"integrity:audit", "integrity:check:peer", "integrity:restore:peer"}));
  EXPECT_EQ(*vault().lost_by_peer(), denied);

  EXPECT_EQ(world_.post("/v1/sync").error(), "");
  world_.post("/v1/audit");
  world_.post("/v1/check", {{"at", "peer"}, {"read_data", true}});
  EXPECT_EQ(ringing(), Names{});
}

}  // namespace
}  // namespace beffroi::daemon::testing
