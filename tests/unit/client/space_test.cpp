// Shared spaces on the command line; the kit is a real one, the daemon is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "client/kit/kit_founding.h"
#include "storage/format/cbor.h"
#include "storage/space/share_ceremony.h"
#include "tests/unit/client/command_run.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kSpace = std::string(64, 'a');
const std::string kRequest = "ab" + std::string(62, 'c');
const std::string kWords = "abandon aboutir absolu accord acheter acier";

class SpaceTest : public testing::Test {
 protected:
  SpaceTest() {
    crypto::SeededRandom random(7);
    device_ = crypto::DeviceKeys::generate(random);
    const auto request = [&] { return storage::DeviceRequest{device_.public_part(), device_.preshared.clone()}; };
    auto made = make_founding(request(), "Mairie", {1'800'000'000}, random);
    auto other = make_founding(request(), "Autre", {1'800'000'000}, random);
    std::ofstream(kit_) << crypto::kit_text(made->sheet, "en");
    std::ofstream(other_kit_) << crypto::kit_text(other->sheet, "en");
    storage::CborWriter log;
    log.array(made->records.size());
    for (const Bytes& record : made->records) log.bytes(record);
    daemon_.answer("GET /v1/log", log.take());
    daemon_.answer("GET /v1/status", R"({"role":"station","name":"Mairie"})");
    daemon_.answer("GET /v1/spaces/device", to_bytes(request().encode().view()));
    daemon_.answer("GET /v1/spaces/requests", json{{"requests",
                                                    {{{"id", kRequest},
                                                      {"mine", true},
                                                      {"received", "2026-12-01T08:00:00Z"},
                                                      {"role", "writer"},
                                                      {"name", "Claire"},
                                                      {"device_name", "portable"},
                                                      {"words", kWords},
                                                      {"known", false},
                                                      {"problem", nullptr}}}}}
                                                  .dump());
    daemon_.answer("POST /v1/spaces/confirm", R"({"name":"Claire","role":"writer"})");
  }
  CommandResult run(const std::vector<std::string>& words) { return run_at(daemon_, words); }
  /// The last request of this kind.
  FakeRequest last(const std::string& method, const std::string& target) {
    FakeRequest out;
    for (const FakeRequest& request : daemon_.requests())
      if (request.method == method && request.target.starts_with(target)) out = request;
    return out;
  }
  json body(const std::string& target) { return json::parse(last("POST", target).body, nullptr, false); }

  FakeDaemon daemon_;
  TemporaryFolder folder_;
  crypto::DeviceKeys device_;
  std::string kit_ = folder_.at("kit.txt");
  std::string other_kit_ = folder_.at("other.txt");
};

// Goal: a space is signed here with the kit, for this device, under the names that were given; another kit signs none.
TEST_F(SpaceTest, CreateSignsWithTheKit) {
  daemon_.answer("POST /v1/spaces",
                 json{{"space", kSpace}, {"name", "Voirie"}, {"folder", "/srv/x"}, {"at_peer", true}}.dump());
  const auto made = run({"--json", "space", "create", "Voirie", "--folder", "/srv/x", "--kit", kit_, "--device", "PC"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  EXPECT_EQ(made.object()["corrections"], 0);
  const FakeRequest request = last("POST", "/v1/spaces?");
  EXPECT_THAT(request.target, HasSubstr("path=/srv/x"));
  EXPECT_THAT(request.target, HasSubstr("kit="));
  storage::CborReader in(as_bytes(request.body));
  std::vector<Bytes> records;
  for (std::size_t left = in.array(10); left > 0; --left) records.push_back(to_bytes(in.bytes()));
  const auto log = storage::SpaceLog::from_records(records, std::nullopt);
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ(log->kind(), storage::SpaceKind::share);
  const auto keys = storage::with_preshared(device_, storage::founder_preshared(device_.preshared, log->space()));
  const auto access = storage::open_access(*log, keys);
  ASSERT_TRUE(access.has_value()) << access.error().message();
  EXPECT_EQ(access->current.space_name, "Voirie");
  EXPECT_EQ(access->current.names.members.begin()->second, "Mairie");
  EXPECT_EQ(access->current.names.devices.begin()->second, "PC");
  EXPECT_EQ(run({"space", "create", "Voirie", "--folder", "/srv/x", "--kit", other_kit_}).exit_code, 6);
}

// Goal: nobody is let in before somebody has said that the words were compared, and the words that were shown go along.
TEST_F(SpaceTest, ConfirmWantsTheWordsCompared) {
  const auto unasked = run({"space", "confirm", "Voirie", "abcc"});
  EXPECT_EQ(unasked.exit_code, 2) << unasked.out;
  EXPECT_TRUE(last("POST", "/v1/spaces/confirm").body.empty());
  const auto no = run_command({"--socket", daemon_.socket(), "space", "confirm", "Voirie", "abcc"}, "no\n", true);
  EXPECT_EQ(no.exit_code, 1);
  EXPECT_TRUE(last("POST", "/v1/spaces/confirm").body.empty());
  const auto yes = run_command({"--socket", daemon_.socket(), "space", "confirm", "Voirie", "abcc"}, "yes\n", true);
  EXPECT_EQ(yes.exit_code, 0) << yes.err;
  EXPECT_THAT(yes.out, HasSubstr("Claire"));
  EXPECT_THAT(yes.out, HasSubstr(kWords));
  EXPECT_EQ(body("/v1/spaces/confirm"), (json{{"space", "Voirie"}, {"id", "abcc"}, {"words", kWords}}));
  EXPECT_EQ(run({"space", "confirm", "Voirie", "abcc", "--words", "un deux"}).exit_code, 0);
  EXPECT_EQ(body("/v1/spaces/confirm")["words"], "un deux");
  EXPECT_EQ(run({"space", "confirm", "Voirie", "abcc", "--yes"}).exit_code, 0);
  EXPECT_EQ(body("/v1/spaces/confirm")["words"], kWords);
  EXPECT_EQ(run({"space", "confirm", "Voirie", "ffff", "--yes"}).exit_code, 1);
}

// Goal: an invitation's code is in the answer, and its time is asked for in seconds.
TEST_F(SpaceTest, InviteGivesACode) {
  daemon_.answer("POST /v1/spaces/invite", R"({"code":"bfs1-abc","id":"ab","expires":"2026-12-01T08:00:00Z"})");
  const auto said = run({"space", "invite", "Voirie", "--role", "writer", "--expires", "2d"});
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("\nbfs1-abc\n"));
  EXPECT_EQ(body("/v1/spaces/invite"), (json{{"space", "Voirie"}, {"role", "writer"}, {"expires_s", 172'800}}));
  EXPECT_EQ(run({"--json", "space", "invite", "Voirie", "--role", "writer"}).object()["code"], "bfs1-abc");
  EXPECT_EQ(run({"space", "invite", "Voirie", "--role", "king"}).exit_code, 2);
  EXPECT_EQ(run({"space", "invite", "Voirie"}).exit_code, 2);
}

// Goal: who joins sees the six words at once; with --wait a no is a refusal with its reason.
TEST_F(SpaceTest, JoinShowsTheWordsAndHearsTheAnswer) {
  daemon_.answer("POST /v1/spaces/join", json{{"space", kSpace}, {"words", kWords}}.dump());
  const auto asked = run({"space", "join", "bfs1-abc", "--folder", "/srv/y", "--name", "Claire"});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_THAT(asked.out, HasSubstr(kWords));
  EXPECT_EQ(
      body("/v1/spaces/join"),
      (json{
          {"code", "bfs1-abc"}, {"folder", "/srv/y"}, {"name", "Claire"}, {"device_name", ""}, {"list_only", false}}));
  daemon_.answer("POST /v1/spaces/wait", R"({"event":"result","state":"joined","name":"Voirie"})"
                                         "\n");
  const auto in = run({"--json", "space", "join", "bfs1-abc", "--folder", "/srv/y", "--wait"});
  EXPECT_EQ(in.exit_code, 0) << in.out;
  EXPECT_EQ(in.object()["state"], "joined");
  daemon_.answer("POST /v1/spaces/wait", R"({"event":"result","state":"refused","reason":"Call me."})"
                                         "\n");
  const auto no = run({"space", "join", "bfs1-abc", "--folder", "/srv/y", "--wait"});
  EXPECT_EQ(no.exit_code, 6);
  EXPECT_THAT(no.err, HasSubstr("Call me."));
}

// Goal: whoever removes somebody is told what that can't undo, and --hostile is passed on.
TEST_F(SpaceTest, RemoveSaysWhatIsLeft) {
  daemon_.answer("POST /v1/spaces/remove", json{{"name", "Claire"}, {"devices", {{{"name", "portable"}}}}}.dump());
  const auto plain = run({"space", "remove", "Voirie", "Claire"});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, HasSubstr("What was on that computer stays on it"));
  EXPECT_THAT(plain.out, HasSubstr("--hostile"));
  EXPECT_EQ(body("/v1/spaces/remove"), (json{{"space", "Voirie"}, {"member", "Claire"}, {"hostile", false}}));
  const auto hostile = run({"space", "remove", "Voirie", "Claire", "--device", "dddd", "--hostile"});
  EXPECT_THAT(hostile.out, HasSubstr("portable"));
  EXPECT_THAT(hostile.out, Not(HasSubstr("--hostile")));
  EXPECT_EQ(body("/v1/spaces/remove")["device"], "dddd");
}

// Goal: what is here and what is not is said of each file; a part that could not be brought or freed has its exit code.
TEST_F(SpaceTest, FilesAreListedFetchedAndFreed) {
  daemon_.answer(
      "GET /v1/spaces/files",
      json{{"event", "entry"}, {"path", "plans"}, {"type", "directory"}, {"kept_here", "part"}}.dump() + "\n" +
          json{{"event", "entry"}, {"path", "note.txt"}, {"type", "file"}, {"size", 2048}, {"kept_here", "no"}}.dump() +
          "\n" + json{{"event", "result"}, {"entries", 2}}.dump() + "\n");
  const auto listed = run({"space", "files", "Voirie"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("in part"));
  EXPECT_THAT(listed.out, HasSubstr("plans/\n"));
  EXPECT_THAT(listed.out, HasSubstr("2.0 KiB"));
  daemon_.answer("POST /v1/spaces/fetch", json{{"event", "result"}, {"files", 3}, {"left", 1}}.dump() + "\n");
  const auto fetched = run({"space", "fetch", "Voirie", "plans", "note.txt"});
  EXPECT_EQ(fetched.exit_code, 3) << fetched.err;
  EXPECT_THAT(fetched.out, HasSubstr("fetched: 3"));
  EXPECT_EQ(
      body("/v1/spaces/fetch"),
      (json{{"space", "Voirie"}, {"everything", false}, {"paths", {{{"path", "plans"}}, {{"path", "note.txt"}}}}}));
  daemon_.answer("POST /v1/spaces/free", json{{"event", "result"}, {"files", 3}, {"left", 0}}.dump() + "\n");
  EXPECT_EQ(run({"space", "free", "Voirie", "--all"}).exit_code, 0);
  EXPECT_EQ(body("/v1/spaces/free"), (json{{"space", "Voirie"}, {"everything", true}, {"paths", json::array()}}));
  EXPECT_EQ(run({"space", "free", "Voirie"}).exit_code, 2);
  EXPECT_EQ(run({"space", "free", "Voirie", "--all", "plans"}).exit_code, 2);
}

// Goal: a lost computer goes out of every space that it is in, and of what fails it is said.
TEST_F(SpaceTest, AComputerGoesOutOfAllSpaces) {
  const json here = {{"id", "aaaa1111"}, {"name", "bureau"}, {"me", true}};
  const json lost = {{"id", "bbbb2222"}, {"name", "portable"}, {"me", false}};
  const json members = {{{"id", "cccc"}, {"name", "Claire"}, {"devices", {here, lost}}}};
  daemon_.answer("GET /v1/spaces", json{{"spaces",
                                         {{{"space", "5555"}, {"name", "Voirie"}, {"state", "joined"}},
                                          {{"space", "6666"}, {"name", "Asked"}, {"state", "waiting"}}}}}
                                       .dump());
  daemon_.answer("GET /v1/spaces/members", json{{"members", members}}.dump());
  daemon_.answer("POST /v1/spaces/remove", json{{"name", "Claire"}, {"devices", {lost}}}.dump());
  const auto out = run({"space", "remove-computer", "portable", "--yes"});
  EXPECT_EQ(out.exit_code, 0) << out.err;
  EXPECT_THAT(out.out, HasSubstr("Voirie: taken out"));
  EXPECT_EQ(body("/v1/spaces/remove"),
            (json{{"space", "5555"}, {"member", "cccc"}, {"device", "bbbb2222"}, {"hostile", false}}));
  EXPECT_EQ(run({"space", "remove-computer", "bureau", "--yes"}).exit_code, 2);
  EXPECT_EQ(run({"space", "remove-computer", "dddd", "--yes"}).exit_code, 1);
  EXPECT_EQ(run({"space", "remove-computer", "portable"}).exit_code, 2) << "nobody can be asked here";
}

// Goal: a brake says what happened and both ways out; conflicts and skipped files are listed.
TEST_F(SpaceTest, StatusSaysWhatNeedsSomebody) {
  daemon_.answer("GET /v1/spaces/status",
                 json{{"space", kSpace},
                      {"name", "Voirie"},
                      {"state", "joined"},
                      {"folder", "/srv/x"},
                      {"last_sync", "2026-12-01T08:00:00Z"},
                      {"conflicts", {{{"path", "a.txt"}, {"copy", "a (conflict).txt"}}}},
                      {"skipped", {{{"path", "b"}, {"text", "It is open in {}."}, {"args", {"Word"}}}}},
                      {"brake",
                       {{"reason", "too_many"},
                        {"since", "2026-12-01T08:00:00Z"},
                        {"deleted", 300},
                        {"rewritten", 0},
                        {"files_before", 1000}}}}
                     .dump());
  const auto said = run({"space", "status", "Voirie"});
  EXPECT_EQ(said.exit_code, 0) << said.err;
  for (const char* part : {"300 deleted", "beffroi space resume Voirie", "beffroi space undo Voirie",
                           "a (conflict).txt", "b: It is open in Word."})
    EXPECT_THAT(said.out, HasSubstr(part));
  daemon_.answer("POST /v1/spaces/sync", R"({"event":"result","files_sent":2,"files_received":1,"conflicts":0})"
                                         "\n");
  EXPECT_THAT(run({"space", "sync", "Voirie"}).out, HasSubstr("Files passed on: 2; files received: 1."));
}

// Goal: the log is told in words, with who signed.
TEST_F(SpaceTest, TheLogIsToldInWords) {
  const json claire = {{"id", "aa"}, {"name", "Claire"}};
  const json office = {{"id", "bb"}, {"name", "PC"}};
  daemon_.answer("GET /v1/spaces/log", json{{"records",
                                             {{{"type", "genesis"}, {"by", {{"member", claire}, {"device", nullptr}}}},
                                              {{"type", "device"},
                                               {"by", {{"member", claire}, {"device", office}}},
                                               {"member", {{"name", "Ben"}}},
                                               {"device", {{"name", "portable"}}}},
                                              {{"type", "removal"},
                                               {"by", {{"member", claire}, {"device", office}}},
                                               {"member", {{"name", "Ben"}}},
                                               {"devices", {{{"name", "portable"}}}},
                                               {"hostile", true}}}}}
                                           .dump());
  const auto said = run({"space", "log", "Voirie"});
  EXPECT_EQ(said.exit_code, 0) << said.err;
  for (const char* part : {"Claire, with the kit: founded the space", "Claire, PC: let in the computer portable of Ben",
                           "took Ben out, with the computers: portable (hostile)"})
    EXPECT_THAT(said.out, HasSubstr(part));
}

}  // namespace
}  // namespace beffroi::client
