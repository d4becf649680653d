// The station's local API, each endpoint over a real Unix socket.
#include <sys/stat.h>

#include "tests/support/station_world.h"

namespace beffroi::daemon {
namespace {

using nlohmann::json;
using testing::StationWorld;

std::set<std::string> names_of(const StationWorld::Answer& answer) {
  std::set<std::string> out;
  for (const json& line : answer.lines)
    if (line["event"] == "entry") out.insert(std::filesystem::path(line["path"].get<std::string>()).filename());
  return out;
}

// Frames of the restore stream: type → bodies.
std::multimap<char, std::string> frames_of(const std::string& body) {
  std::multimap<char, std::string> out;
  for (std::size_t at = 0; at + 5 <= body.size();) {
    const std::size_t length = get_le32(as_bytes(body).data() + at);
    out.emplace(body[at + 4], body.substr(at + 5, length));
    at += 5 + length;
  }
  return out;
}

class EmptyStationTest : public ::testing::Test {
 protected:
  StationWorld world_;
};

// Goal: before init there is a status, a device to admit, and a clear sentence for everything else.
TEST_F(EmptyStationTest, SaysWhatIsMissing) {
  const auto status = world_.get("/v1/status").json;
  EXPECT_EQ(status["state"], "empty");
  EXPECT_TRUE(status["space"].is_null());
  for (const char* target :
       {"/v1/snapshots", "/v1/ls?snapshot=latest", "/v1/find?pattern=x", "/v1/diff?a=1&b=2", "/v1/sources"}) {
    const auto answer = world_.get(target);
    EXPECT_EQ(answer.status, 409) << target;
    EXPECT_EQ(answer.error(), "wrong_state") << target;
  }
  for (const char* target : {"/v1/backup", "/v1/sync", "/v1/check", "/v1/restore", "/v1/schedule/run"})
    EXPECT_EQ(world_.post(target).error(), "wrong_state") << target;
  EXPECT_EQ(world_.post("/v1/join", {{"code", "bfr1-x"}}).error(), "wrong_state");
  EXPECT_NE(world_.post("/v1/backup").json["error"]["message"].get<std::string>().find("beffroi init"),
            std::string::npos);
}

// Goal: init founds the vault once, and the status knows it at once.
TEST_F(EmptyStationTest, IsFoundedOnce) {
  const auto founded = world_.found();
  ASSERT_EQ(founded.status, 200) << founded.body;
  const auto status = world_.get("/v1/status").json;
  EXPECT_EQ(status["state"], "ready");
  EXPECT_EQ(status["name"], "Mairie d'Essai");
  EXPECT_EQ(status["space"], founded.json["space"]);
  EXPECT_EQ(status["device"], founded.json["device"]);
  EXPECT_EQ(world_.get("/v1/device").error(), "wrong_state");
  EXPECT_EQ(world_.ask("POST", "/v1/recover/begin", "\x84").error(), "usage");
}

// Goal: the status warns as long as the kit's file lies on the station, and no longer.
TEST_F(EmptyStationTest, KnowsWhetherTheKitFileIsStillThere) {
  const std::string kit = world_.folder.path() + "/kit.txt";
  std::ofstream(kit) << "words";
  world_.found();
  EXPECT_EQ(world_.get("/v1/status").json["kit_file"], kit);
  std::filesystem::remove(kit);
  world_.stop();
  world_.start();
  EXPECT_TRUE(world_.get("/v1/status").json["kit_file"].is_null());
}

// Goal: every file that holds the kit's words is warned of, until it is gone.
TEST_F(EmptyStationTest, KnowsEveryFileWithTheKitsWords) {
  const std::string sheet = world_.folder.path() + "/kit.txt";
  const std::string page = world_.folder.path() + "/kit.html";
  for (const std::string& file : {sheet, page}) std::ofstream(file) << "words";
  world_.found("&page=" + page);
  EXPECT_EQ(world_.get("/v1/status").json["kit_files"], json::array({sheet, page}));
  std::filesystem::remove(sheet);
  world_.stop();
  world_.start();
  const auto status = world_.get("/v1/status").json;
  EXPECT_TRUE(status["kit_file"].is_null());
  EXPECT_EQ(status["kit_files"], json::array({page}));
}

TEST_F(EmptyStationTest, RefusesRecordsThatAreNone) {
  world_.get("/v1/device");
  EXPECT_EQ(world_.ask("POST", "/v1/found", "hello").error(), "usage");
  EXPECT_EQ(world_.ask("POST", "/v1/found", StationWorld::byte_strings({Bytes(50, 1)})).error(), "corrupt");
  EXPECT_EQ(world_.get("/v1/status").json["state"], "empty");
}

TEST_F(EmptyStationTest, UnknownRequestsAreSaidToBeUnknown) {
  EXPECT_EQ(world_.get("/v1/nothing").status, 404);
  EXPECT_EQ(world_.ask("DELETE", "/v1/status").status, 404);
}

class StationApiTest : public ::testing::Test {
 protected:
  StationApiTest() {
    world_.found();
    world_.write("open.txt", "for all");
    world_.write("secret.txt", "for the owner", 0600);
    world_.write("closed/inside.txt", "below a closed folder");
    EXPECT_EQ(::chmod((world_.source_path() + "/closed").c_str(), 0700), 0);
    // The way to it must be open to others, as /home is.
    EXPECT_EQ(::chmod(world_.folder.path().c_str(), 0755), 0);
    EXPECT_EQ(world_.post("/v1/sources", {{"path", world_.source_path()}}).status, 200);
  }
  std::string backed_up() {
    const auto answer = world_.post("/v1/backup");
    EXPECT_EQ(answer.json["event"], "result") << answer.body;
    return answer.json.value("snapshot", "");
  }
  StationWorld world_;
};

TEST_F(StationApiTest, SourcesAreAddedListedAndRemoved) {
  const auto list = world_.get("/v1/sources").json["sources"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["path"], world_.source_path());
  EXPECT_EQ(list[0]["skip_caches"], true);
  EXPECT_EQ(world_.post("/v1/sources", {{"path", world_.source_path() + "/absent"}}).status, 404);
  EXPECT_EQ(world_.post("/v1/sources", {{"path", "relative"}}).error(), "usage");
  EXPECT_EQ(world_.post("/v1/sources", {{"path", "/x"}, {"exclude", "typo"}}).error(), "usage");
  const auto status = world_.get("/v1/status").json["sources"];
  ASSERT_EQ(status.size(), 1U);
  EXPECT_EQ(status[0]["state"], "ok");
  EXPECT_EQ(world_.ask("DELETE", "/v1/sources", json{{"path", world_.source_path()}}.dump()).status, 200);
  EXPECT_TRUE(world_.get("/v1/sources").json["sources"].empty());
  const auto nothing = world_.post("/v1/backup");
  EXPECT_EQ(nothing.error(), "wrong_state");
  EXPECT_NE(nothing.json["error"]["message"].get<std::string>().find("source add"), std::string::npos);
}

// Goal: a backup says what it did, and snapshots and status agree with it.
TEST_F(StationApiTest, BackupMakesASnapshot) {
  const auto answer = world_.post("/v1/backup", {{"tags", {"essai"}}});
  ASSERT_EQ(answer.json["event"], "result") << answer.body;
  EXPECT_EQ(answer.json["files_new"], 3);
  EXPECT_EQ(answer.json["errors_total"], 0);
  EXPECT_TRUE(answer.json["receipt"].is_null());
  EXPECT_TRUE(answer.json["sync_error"].is_null()) << "no peer, nothing to be sorry for";
  const auto list = world_.get("/v1/snapshots").json["snapshots"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["id"], answer.json["snapshot"]);
  EXPECT_EQ(list[0]["tags"], json::array({"essai"}));
  const auto status = world_.get("/v1/status").json;
  EXPECT_EQ(status["last_backup"]["snapshot"], answer.json["snapshot"]);
  EXPECT_EQ(status["last_backup"]["result"], "ok");
  EXPECT_EQ(status["pending_commits"], 1);
  EXPECT_TRUE(status["running"].is_null());
  world_.stop();
  world_.start();
  EXPECT_EQ(world_.get("/v1/status").json["last_backup"]["snapshot"], answer.json["snapshot"]) << "after a restart";
}

TEST_F(StationApiTest, ADryRunStoresNothing) {
  const auto answer = world_.post("/v1/backup", {{"dry_run", true}});
  ASSERT_EQ(answer.json["event"], "result") << answer.body;
  EXPECT_TRUE(answer.json["snapshot"].is_null());
  EXPECT_TRUE(world_.get("/v1/snapshots").json["snapshots"].empty());
  EXPECT_TRUE(world_.get("/v1/status").json["last_backup"].is_null());
}

// Goal: one job that changes things at a time; the refusal names what runs.
TEST_F(StationApiTest, ASecondLongJobIsRefused) {
  auto job = world_.station->jobs.begin(JobKind::sync);
  ASSERT_TRUE(job.has_value());
  const auto answer = world_.post("/v1/backup");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.error(), "busy");
  EXPECT_NE(answer.json["error"]["message"].get<std::string>().find("sent to the peer"), std::string::npos);
  EXPECT_EQ(world_.get("/v1/status").json["running"]["kind"], "sync");
  (*job).reset();
  backed_up();
}

TEST_F(StationApiTest, LooksIntoSnapshots) {
  const std::string first = backed_up();
  world_.write("open.txt", "changed and longer");
  world_.write("nouveau.txt", "x");
  std::filesystem::remove(world_.source_path() + "/secret.txt");
  const std::string second = backed_up();

  const auto listed = world_.get("/v1/ls?snapshot=latest&path=" + world_.source_path());
  EXPECT_EQ(names_of(listed), (std::set<std::string>{"open.txt", "nouveau.txt", "closed"}));
  EXPECT_EQ(listed.json, (json{{"event", "result"}, {"entries", 3}}));
  EXPECT_EQ(
      names_of(world_.get("/v1/ls?snapshot=" + first.substr(0, 8) + "&path=" + world_.source_path() + "&recursive=1")),
      (std::set<std::string>{"open.txt", "secret.txt", "closed", "inside.txt"}));
  const auto one = world_.get("/v1/ls?snapshot=latest&path=" + world_.source_path() + "/open.txt");
  ASSERT_EQ(one.lines.size(), 2U);
  EXPECT_EQ(one.lines[0]["size"], 18);
  EXPECT_EQ(one.lines[0]["mode"], 0644);
  EXPECT_EQ(world_.get("/v1/ls?snapshot=latest&path=/absent").error(), "not_found");
  EXPECT_EQ(world_.get("/v1/ls?snapshot=ffff").error(), "not_found");
  const std::string frames = world_.get("/v1/ls?snapshot=latest&frames=1&path=" + world_.source_path()).body;
  for (const char* name : {"open.txt", "nouveau.txt", "closed"}) EXPECT_NE(frames.find(name), std::string::npos);
  EXPECT_EQ(frames.find("inside.txt"), std::string::npos);
  EXPECT_NE(world_.get("/v1/ls?snapshot=latest&frames=1&path=/absent").body.find("not_found"), std::string::npos);

  EXPECT_EQ(names_of(world_.get("/v1/find?pattern=OPEN*")), (std::set<std::string>{"open.txt"}));
  EXPECT_EQ(names_of(world_.get("/v1/find?pattern=secret.txt&snapshot=" + first)),
            (std::set<std::string>{"secret.txt"}));
  EXPECT_EQ(world_.get("/v1/find?pattern=secret.txt").json["entries"], 0);
  EXPECT_EQ(world_.get("/v1/find").error(), "usage");

  std::map<std::string, std::string> changes;
  for (const json& line : world_.get("/v1/diff?a=" + first + "&b=" + second).lines)
    if (line.contains("change") && line["type"] == "file")
      changes[std::filesystem::path(line["path"].get<std::string>()).filename()] = line["change"];
  EXPECT_EQ(changes, (std::map<std::string, std::string>{
                         {"open.txt", "content"}, {"nouveau.txt", "added"}, {"secret.txt", "removed"}}));
}

TEST_F(StationApiTest, RestoresWhatWasSelected) {
  backed_up();
  const auto answer = world_.post("/v1/restore", {{"selections", {{{"path", world_.source_path() + "/open.txt"}}}}});
  ASSERT_TRUE(answer.whole);
  const auto frames = frames_of(answer.body);
  EXPECT_EQ(frames.count('E'), 1U);
  EXPECT_EQ(frames.count('Z'), 1U);
  ASSERT_EQ(frames.count('D'), 1U);
  EXPECT_EQ(frames.find('D')->second.substr(8), "for all");
  EXPECT_EQ(world_.post("/v1/restore", {{"snapshot", "abcd"}}).error(), "not_found");
  EXPECT_EQ(world_.post("/v1/restore", {{"from", "moon"}}).error(), "usage");
  EXPECT_EQ(world_.post("/v1/restore", {{"from", "peer"}}).error(), "wrong_state");
}

TEST_F(StationApiTest, ChecksItsStore) {
  backed_up();
  const auto report = world_.post("/v1/check", {{"read_data", true}}).json;
  EXPECT_EQ(report["event"], "result");
  EXPECT_EQ(report["damages_total"], 0);
  EXPECT_EQ(report["snapshots"], 1);
  EXPECT_GT(report["objects"], 0);
  EXPECT_EQ(world_.post("/v1/check", {{"at", "peer"}}).error(), "wrong_state");
  EXPECT_EQ(world_.post("/v1/check", {{"at", "moon"}}).error(), "usage");
}

TEST_F(StationApiTest, WithoutAPeerThereIsNothingToSync) {
  backed_up();
  const auto answer = world_.post("/v1/sync");
  EXPECT_EQ(answer.error(), "wrong_state");
  EXPECT_EQ(world_.post("/v1/join", {{"code", "bonjour"}}).error(), "usage");
  EXPECT_EQ(world_.post("/v1/join", {{"kode", "x"}}).error(), "usage");
  EXPECT_EQ(world_.ask("POST", "/v1/recover/finish", StationWorld::byte_strings({})).error(), "wrong_state");
}

// Goal: a peer that does not answer is no error of the backup: one field says so, and the status shows it.
TEST_F(StationApiTest, AnUnreachablePeerIsNoErrorOfTheBackup) {
  ASSERT_TRUE(world_.station->vault->bind_peer({.peer = {}, .address = "peer.example:8440"}).has_value());
  const auto answer = world_.post("/v1/backup");
  ASSERT_EQ(answer.json["event"], "result") << answer.body;
  EXPECT_FALSE(answer.json["snapshot"].is_null());
  EXPECT_TRUE(answer.json["receipt"].is_null());
  EXPECT_EQ(answer.json["sync_error"]["code"], "unreachable");
  const auto peer = world_.get("/v1/status").json["peer"];
  EXPECT_EQ(peer["state"], "unreachable");
  EXPECT_EQ(peer["address"], "peer.example:8440");
  EXPECT_EQ(world_.post("/v1/sync").error(), "unreachable");
  EXPECT_TRUE(world_.post("/v1/backup", {{"sync", false}}).json["sync_error"].is_null());
}

// Goal: who is no administrator changes nothing.
TEST_F(StationApiTest, OthersMayNotChangeAnything) {
  backed_up();
  world_.become_somebody();
  for (const char* target : {"/v1/found", "/v1/join", "/v1/sources", "/v1/backup", "/v1/sync", "/v1/check",
                             "/v1/recover/begin", "/v1/recover/finish", "/v1/schedule/run"}) {
    const auto answer = world_.post(target);
    EXPECT_EQ(answer.status, 403) << target;
    EXPECT_EQ(answer.error(), "refused") << target;
  }
  EXPECT_EQ(world_.get("/v1/device").status, 403);
  EXPECT_EQ(world_.get("/v1/sources").status, 403);
  EXPECT_EQ(world_.ask("DELETE", "/v1/sources", "{}").status, 403);
  const auto status = world_.get("/v1/status").json;
  EXPECT_EQ(status["state"], "ready");
  for (const char* field : {"sources", "alarms", "kit_file", "kit_files"})
    EXPECT_FALSE(status.contains(field)) << field;
  const auto snapshots = world_.get("/v1/snapshots").json["snapshots"];
  ASSERT_EQ(snapshots.size(), 1U);
  for (const char* field : {"host", "sources", "tags"}) EXPECT_FALSE(snapshots[0].contains(field)) << field;
}

// Goal: who is no administrator sees and gets what he could have read, folders on the way included, and nothing else.
TEST_F(StationApiTest, OthersSeeWhatTheyCouldHaveRead) {
  const std::string first = backed_up();
  world_.write("secret.txt", "changed", 0600);
  world_.write("open.txt", "changed");
  const std::string second = backed_up();
  world_.become_somebody();
  const auto all = names_of(world_.get("/v1/ls?snapshot=latest&recursive=1&path=" + world_.source_path()));
  EXPECT_TRUE(all.contains("open.txt"));
  EXPECT_FALSE(all.contains("secret.txt"));
  EXPECT_FALSE(all.contains("inside.txt"));
  const std::string frames =
      world_.get("/v1/ls?snapshot=latest&recursive=1&frames=1&path=" + world_.source_path()).body;
  EXPECT_NE(frames.find("open.txt"), std::string::npos);
  EXPECT_EQ(frames.find("secret.txt"), std::string::npos);
  EXPECT_EQ(frames.find("inside.txt"), std::string::npos);
  EXPECT_EQ(world_.get("/v1/ls?snapshot=latest&path=" + world_.source_path() + "/secret.txt").error(), "not_found");
  EXPECT_EQ(names_of(world_.get("/v1/find?pattern=*.txt")), (std::set<std::string>{"open.txt"}));
  for (const json& line : world_.get("/v1/diff?a=" + first + "&b=" + second).lines)
    if (line.contains("path")) EXPECT_EQ(line["path"].get<std::string>().find("secret"), std::string::npos) << line;
  const auto body = world_.post("/v1/restore").body;
  EXPECT_NE(body.find("changed"), std::string::npos) << "open.txt";
  EXPECT_EQ(body.find("secret.txt"), std::string::npos);
  EXPECT_EQ(body.find("inside.txt"), std::string::npos);
  EXPECT_EQ(body.find("closed folder"), std::string::npos);
}

// Goal: the alarm of a full disk stands in the status while it lasts.
TEST_F(StationApiTest, AlarmsStandInTheStatus) {
  world_.station->raise_alarm("disk_full", {ErrorCode::disk_full, "Only {} left.", {"3"}});
  while (!world_.station->threads_are_idle()) {
  }
  const auto alarms = world_.get("/v1/status").json["alarms"];
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_EQ(alarms[0]["text"], "Only {} left.");
  EXPECT_EQ(alarms[0]["message"], "Only 3 left.");
}

}  // namespace
}  // namespace beffroi::daemon
