// The commands against a fake daemon: what they ask, what they answer, and with which exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/http/json_fields.h"
#include "tests/unit/client/command_run.h"
#include "tests/unit/client/entries.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string refusal(const std::string& code, const std::string& text) {
  return json{{"error", {{"code", code}, {"text", text}, {"args", {"it"}}}}}.dump();
}

TEST(UsageTest, WordsThatMakeNoSenseAreExitCode2AndOneLine) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"nonsense"},
                                                {"restore"},
                                                {"restore", "latest"},
                                                {"source", "add"},
                                                {"source"},
                                                {"peer"},
                                                {"backup", "--what"},
                                                {"restore", "latest", "--target", "/tmp/x", "--from", "mars"},
                                                {"ls", ":/a"},
                                                {"dump", "latest"},
                                                {"dump", "latest:"},
                                                {"restore", "latest:/a/x", "latest:/b/x", "--target", "/tmp/x"},
                                                {"peer", "invite"},
                                                {"recover"}}) {
    const CommandResult result = run_command(words);
    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(words);
    EXPECT_EQ(result.out, "") << testing::PrintToString(words);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST(UsageTest, HelpAndVersionAreAnswers) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"restore", "--help"}, {"source", "add", "-h"}, {"--version"}}) {
    const CommandResult result = run_command(words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_FALSE(result.out.empty());
    EXPECT_EQ(result.err, "");
  }
  const std::string help = run_command({"--help"}).out;
  for (const char* const command : {"backup", "restore", "space", "peer"})
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + command)) << command;
}

TEST(UsageTest, WithJsonErrorsAreOneObjectToo) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--json", "nonsense"}, {"restore", "--json"}}) {
    const CommandResult result = run_command(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.object()["error"]["code"], "usage");
    EXPECT_EQ(result.err, "");
  }
}

TEST(UnreachableTest, ASilentDaemonIsExitCode4) {
  const CommandResult result = run_command({"--socket", "/nonexistent/socket", "status"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("/nonexistent/socket"));
  EXPECT_EQ(run_command({"--socket", "/nonexistent/socket", "peer", "tenants"}).exit_code, 4);
  EXPECT_EQ(run_command({"--socket", std::string("/") + std::string(200, 'x'), "status"}).exit_code, 4);
}

class CommandTest : public testing::Test {
 protected:
  CommandResult run(const std::vector<std::string>& words) { return run_at(daemon_, words); }
  FakeRequest asked(std::size_t index = 0) { return daemon_.requests().at(index); }
  FakeDaemon daemon_;
};

TEST_F(CommandTest, TheDaemonsErrorsDecideTheExitCodeAndAreSaid) {
  const std::pair<const char*, int> codes[] = {{"refused", 6}, {"corrupt", 5},     {"not_found", 1},
                                               {"busy", 1},    {"unreachable", 1}, {"usage", 2}};
  for (const auto& [code, exit] : codes) {
    daemon_.answer("GET /v1/snapshots", refusal(code, "So {} is."), 409);
    const CommandResult result = run({"snapshots"});
    EXPECT_EQ(result.exit_code, exit) << code;
    EXPECT_EQ(result.err, "beffroi: So it is.\n");
    const CommandResult machine = run({"snapshots", "--json"});
    EXPECT_EQ(machine.exit_code, exit) << code;
    EXPECT_EQ(machine.object()["error"]["message"], "So it is.");
    EXPECT_EQ(machine.object()["error"]["code"], code);
  }
}

TEST_F(CommandTest, AnAnswerThatIsNoneOrIsCutIsAFailure) {
  for (const std::string& raw : {FakeDaemon::whole(200, "no json"), FakeDaemon::whole(500, "no json either"),
                                 std::string("HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{"), std::string()}) {
    daemon_.answer_raw("GET /v1/status", raw);
    const CommandResult result = run({"status"});
    EXPECT_EQ(result.exit_code, 1) << raw;
    EXPECT_FALSE(result.err.empty());
  }
}

TEST_F(CommandTest, SourceAddSendsAbsolutePathsAndExactBytes) {
  daemon_.answer("POST /v1/sources", R"({"path": "/srv/documents"})");
  EXPECT_EQ(run({"source", "add", "/srv/x/../caf\xe9/", "--exclude", "*.tmp", "--exclude", "!keep", "--max-file-size",
                 "2GiB", "--before", "a b"})
                .exit_code,
            0);
  const json body = json::parse(asked().body);
  EXPECT_EQ(path_field(body), "/srv/caf\xe9");
  EXPECT_EQ(body["excludes"], (json{"*.tmp", "!keep"}));
  EXPECT_EQ(body["max_file_bytes"], 2ULL << 30);
  EXPECT_EQ(body["before"], "a b");
  EXPECT_EQ(body["skip_caches"], true);
  EXPECT_EQ(body["one_file_system"], false);
}

TEST_F(CommandTest, BackupSaysWhatHappenedAndNamesWhatWasNotRead) {
  json result = {
      {"event", "result"},
      {"snapshot", std::string(64, 'a')},
      {"files_new", 3},
      {"errors_total", 0},
      {"errors", json::array()},
      {"receipt", nullptr},
      {"sync_error", {{"code", "unreachable"}, {"text", "The peer {} does not answer."}, {"args", {"host:1"}}}}};
  const std::string progress = R"({"event":"progress","phase":"reading","files_scanned":3})";
  daemon_.answer("POST /v1/backup", progress + "\n" + result.dump() + "\n");
  const CommandResult unreachable = run({"backup", "--no-sync", "--tag", "eve"});
  EXPECT_EQ(unreachable.exit_code, 0);
  EXPECT_THAT(unreachable.out, HasSubstr("3 new"));
  EXPECT_EQ(unreachable.err, "Kept on this machine only, for now: The peer host:1 does not answer.\n");
  EXPECT_EQ(json::parse(asked().body),
            (json{{"tags", {"eve"}}, {"dry_run", false}, {"rehash", false}, {"accept_empty", false}, {"sync", false}}));

  // The snapshot is made; that it will not reach the peer by itself is said, and counts most.
  for (const auto& [code, exit_code] : std::map<std::string, int>{{"refused", 6}, {"corrupt", 5}, {"disk_full", 1}}) {
    json stuck = result;
    stuck["sync_error"] = {{"code", code}, {"text", "Full."}, {"args", json::array()}, {"lasting", true}};
    stuck["errors_total"] = 1;
    daemon_.answer("POST /v1/backup", stuck.dump() + "\n");
    const CommandResult failed = run({"backup"});
    EXPECT_EQ(failed.exit_code, exit_code);
    EXPECT_THAT(failed.out, HasSubstr("Backed up: snapshot aaaaaaaaaaaa."));
    EXPECT_THAT(failed.err, HasSubstr("The snapshot is made, but on this machine only: Full."));
    EXPECT_EQ(run({"backup", "--json"}).object()["sync_error"]["code"], code);
  }

  result["errors_total"] = 25;
  for (int i = 0; i < 25; ++i)
    result["errors"].push_back(
        {{"path", "/f" + std::to_string(i)}, {"text", "Permission denied."}, {"args", json::array()}});
  daemon_.answer("POST /v1/backup", result.dump() + "\n");
  const CommandResult partial = run({"backup"});
  EXPECT_EQ(partial.exit_code, 3);
  EXPECT_THAT(partial.err, HasSubstr("/f0: Permission denied."));
  EXPECT_THAT(partial.err, HasSubstr("/f19"));
  EXPECT_THAT(partial.err, Not(HasSubstr("/f20")));
  EXPECT_THAT(partial.err, HasSubstr("5 more"));
  const CommandResult machine = run({"backup", "--json"});
  EXPECT_EQ(machine.exit_code, 3);
  EXPECT_EQ(machine.object()["errors"].size(), 25U);
  EXPECT_FALSE(machine.object().contains("event"));
  EXPECT_EQ(machine.err, "");
}

TEST_F(CommandTest, LsFindAndDiffAreOneObjectOfEntries) {
  const std::string entry =
      R"({"event":"entry","path":"/a","type":"file","mode":420,"size":5,"mtime":"2026-11-23T22:30:05.000000000Z"})";
  daemon_.answer("GET /v1/ls", entry + "\n" + R"({"event":"result","entries":1})" + "\n");
  daemon_.answer("GET /v1/find", R"({"event":"result","entries":0})"
                                 "\n");
  daemon_.answer("GET /v1/diff", R"({"change":"removed","path":"/a","type":"file","size_before":5})"
                                 "\n"
                                 R"({"event":"result","entries":1})"
                                 "\n");
  const json listed = run({"ls", "--json", "latest:/caf\xe9", "-r"}).object();
  EXPECT_EQ(listed["entries"].size(), 1U);
  EXPECT_EQ(listed["entries"][0]["path"], "/a");
  EXPECT_FALSE(listed["entries"][0].contains("event"));
  EXPECT_EQ(asked().target, "/v1/ls?snapshot=latest&path_b64=L2NhZuk%3D&recursive=1");
  EXPECT_EQ(run({"find", "*x*", "--json"}).object(), (json{{"entries", json::array()}}));
  EXPECT_EQ(asked(1).target, "/v1/find?pattern=%2Ax%2A");
  EXPECT_EQ(run({"--json", "diff", "aaaa", "latest"}).object()["entries"][0]["change"], "removed");
}

// Goal: for people a listing comes as frames, which cost less than JSON, and reads the same; what ends it ends the
// command.
TEST_F(CommandTest, ListingsForPeopleComeAsFrames) {
  storage::Entry file = file_entry("/srv/a", 5);
  file.user = "anne";
  file.gid = 50;
  file.flags = storage::kEntryStale;
  Bytes stream = entry_frame(folder_entry("/srv"));
  const auto append = [&](const Bytes& frame) { stream.insert(stream.end(), frame.begin(), frame.end()); };
  append(entry_frame(file));
  append(entry_frame(link_entry("/srv/b", "a")));
  const std::string cut = to_string(stream);
  append(end_frame(3, 0, 0));
  daemon_.answer("GET /v1/ls", to_string(stream));
  const CommandResult listed = run({"ls", "latest", "-r"});
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_EQ(asked().target, "/v1/ls?snapshot=latest&path=/&recursive=1&frames=1");
  EXPECT_THAT(listed.out, HasSubstr("drwxr-xr-x  0 0"));
  EXPECT_THAT(listed.out, HasSubstr("-rw-r--r--  anne 50"));
  EXPECT_THAT(listed.out, HasSubstr("/srv/a  [from an earlier backup]\n"));
  EXPECT_THAT(listed.out, HasSubstr("lrwxrwxrwx"));
  EXPECT_THAT(listed.out, HasSubstr("/srv/b -> a\n"));
  daemon_.answer("GET /v1/ls", cut);
  EXPECT_EQ(run({"ls", "latest"}).exit_code, 1);
  storage::CborWriter failed;
  failed.array(3).text("corrupt").text("A tree is damaged.").array(0);
  daemon_.answer("GET /v1/ls", to_string(frame('X', failed.take())));
  const CommandResult broken = run({"ls", "latest"});
  EXPECT_EQ(broken.exit_code, 5);
  EXPECT_EQ(broken.err, "beffroi: A tree is damaged.\n");
}

TEST_F(CommandTest, AListThatBreaksOffIsStillOneObject) {
  const std::string entry = R"({"event":"entry","path":"/a","type":"file"})";
  daemon_.answer("GET /v1/ls",
                 entry + "\n" + R"({"event":"error","error":{"code":"corrupt","text":"Damaged.","args":[]}})" + "\n");
  const CommandResult broken = run({"ls", "--json", "latest"});
  EXPECT_EQ(broken.exit_code, 5);
  EXPECT_EQ(broken.object()["entries"].size(), 1U);
  EXPECT_EQ(broken.object()["error"]["code"], "corrupt");
  daemon_.answer("GET /v1/ls", R"({"event":"error","error":{"code":"not_found","text":"No.","args":[]}})"
                               "\n");
  EXPECT_EQ(run({"ls", "--json", "latest"}).object(),
            (json{{"error", {{"code", "not_found"}, {"text", "No."}, {"args", json::array()}, {"message", "No."}}}}));
}

TEST_F(CommandTest, CheckWithDamagesIsExitCode5) {
  const json result = {{"event", "result"},
                       {"snapshots", 1},
                       {"damages_total", 1},
                       {"damages",
                        {{{"snapshot", "abcdef"},
                          {"path", "/a"},
                          {"error", {{"code", "corrupt"}, {"text", "Damaged."}, {"args", json::array()}}}}}}};
  daemon_.answer("POST /v1/check", result.dump() + "\n");
  const CommandResult damaged = run({"check", "--read-data", "--at", "peer"});
  EXPECT_EQ(damaged.exit_code, 5);
  EXPECT_THAT(damaged.err, HasSubstr("abcdef:/a: Damaged."));
  EXPECT_EQ(json::parse(asked().body), (json{{"read_data", true}, {"at", "peer"}}));
  EXPECT_EQ(run({"check", "--json"}).object()["damages_total"], 1);
}

TEST_F(CommandTest, CheckSaysWhatItDidNotLookAt) {
  const json result = {{"event", "result"},
                       {"snapshots", 3},
                       {"files", 7},
                       {"bytes", 0},
                       {"bytes_in_place", 2048},
                       {"bytes_elsewhere", 4096},
                       {"damages", json::array()},
                       {"damages_total", 0}};
  daemon_.answer("POST /v1/check", result.dump() + "\n");
  const CommandResult local = run({"check"});
  EXPECT_EQ(local.exit_code, 0);
  EXPECT_THAT(local.out, HasSubstr("in place: 2.0 KiB"));
  EXPECT_THAT(local.out, HasSubstr("not opened"));
  EXPECT_THAT(local.out, HasSubstr("4.0 KiB more are only at the peer"));
  const CommandResult remote = run({"check", "--at", "peer"});
  EXPECT_EQ(remote.exit_code, 0);
  EXPECT_THAT(remote.out, HasSubstr("contents were not looked at"));
  for (const char* const untrue : {"All is well", "in place", "0 B"}) EXPECT_THAT(remote.out, Not(HasSubstr(untrue)));
  EXPECT_THAT(run({"check", "--read-data"}).out, HasSubstr("All is well"));
}

TEST_F(CommandTest, StatusWarnsWhileTheKitIsOnTheMachine) {
  daemon_.answer(
      "GET /v1/status",
      R"({"role":"station","state":"ready","name":"Mairie","kit_file":"/home/anne/kit.txt","kit_files":["/home/anne/kit.txt","/home/anne/kit.html"],"alarms":[{"text":"The disk {} is nearly full.","args":["/srv"]}],
                     "peer":null,"last_backup":null,"sources":[{"path":"/srv/gone","state":"missing"}]})");
  const CommandResult result = run({"status"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("/home/anne/kit.txt"));
  EXPECT_THAT(result.out, HasSubstr("/home/anne/kit.html"));
  EXPECT_THAT(result.out, HasSubstr("The disk /srv is nearly full."));
  EXPECT_THAT(result.out, HasSubstr("/srv/gone: missing"));
}

TEST_F(CommandTest, StatusSaysWhyNothingReachesThePeer) {
  daemon_.answer("GET /v1/status",
                 R"({"role":"station","state":"ready","name":"Mairie","last_backup":null,"pending_commits":1,
          "peer":{"address":"epci:8440","state":"reachable","error":{"code":"refused","text":"{} of {} bytes are used.","args":["9","10"]}}})");
  EXPECT_THAT(run({"status"}).out, HasSubstr("The last try to send to the peer failed: 9 of 10 bytes are used."));
}

TEST_F(CommandTest, DumpWritesTheFilesBytesWithZerosForItsHoles) {
  daemon_.answer("POST /v1/restore", joined({entry_frame(file_entry("/a", 9)), data_frame(0, "one"),
                                             data_frame(6, "tw"), end_frame(1, 5, 0)}));
  const CommandResult whole = run({"dump", "latest:/a"});
  EXPECT_EQ(whole.exit_code, 0);
  EXPECT_EQ(whole.out, std::string("one\0\0\0tw\0", 9));
  daemon_.answer("POST /v1/restore", joined({entry_frame(file_entry("/a", 9)),
                                             failure_frame("/a", "{} is damaged.", "It"), end_frame(1, 0, 1)}));
  EXPECT_EQ(run({"dump", "latest:/a"}).exit_code, 5);
  daemon_.answer("POST /v1/restore", joined({entry_frame(folder_entry("/a")), end_frame(1, 0, 0)}));
  EXPECT_EQ(run({"dump", "latest:/a"}).exit_code, 2);
  daemon_.answer("POST /v1/restore", end_frame(0, 0, 0));
  EXPECT_EQ(run({"dump", "latest:/a"}).exit_code, 1);
}

class RestoreCommandTest : public CommandTest {
 protected:
  CommandResult restore(std::vector<std::string> words) {
    words.insert(words.begin(), "restore");
    words.insert(words.end(), {"--target", target_});
    return run(words);
  }
  TemporaryFolder folder_;
  std::string target_ = folder_.at("new/target");
};

TEST_F(RestoreCommandTest, WritesAndReports) {
  daemon_.answer("POST /v1/restore", joined({entry_frame(folder_entry("/s/d")), entry_frame(file_entry("/s/d/a", 3)),
                                             data_frame(0, "one"), end_frame(2, 3, 0)}));
  const CommandResult done = restore({"latest:/s/d", "--json", "--from", "peer"});
  EXPECT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(read_file(target_ + "/d/a"), "one");
  EXPECT_EQ(done.object()["files"], 1);
  EXPECT_EQ(done.object()["bytes"], 3);
  EXPECT_EQ(done.object()["errors"], json::array());
  EXPECT_EQ(json::parse(asked().body),
            (json{{"snapshot", "latest"}, {"selections", {{{"path", "/s/d"}}}}, {"from", "peer"}}));
  const CommandResult again = restore({"latest:/s/d"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.out, HasSubstr("/s/d/a"));
}

TEST_F(RestoreCommandTest, DamageIsExitCode5AndProblemsAre3) {
  daemon_.answer("POST /v1/restore", joined({entry_frame(file_entry("/a", 3)),
                                             failure_frame("/a", "{} is damaged.", "It"), end_frame(1, 0, 1)}));
  const CommandResult damaged = restore({"latest"});
  EXPECT_EQ(damaged.exit_code, 5);
  EXPECT_THAT(damaged.err, HasSubstr("/a: It is damaged."));
  EXPECT_EQ(restore({"latest", "--json"}).object()["errors"][0]["path"], "/a");
  storage::Entry unread = file_entry("/b", 3);
  unread.flags = storage::kEntryUnreadable;
  unread.content_digest = {};
  daemon_.answer("POST /v1/restore", joined({entry_frame(unread), end_frame(1, 0, 0)}));
  EXPECT_EQ(restore({"latest"}).exit_code, 3);
}

TEST_F(RestoreCommandTest, AStreamThatFailsLeavesNoHalfFileAndNoFalseSuccess) {
  const Bytes begun = joined({entry_frame(file_entry("/a", 9)), data_frame(0, "one")});
  daemon_.answer("POST /v1/restore", begun);
  EXPECT_EQ(restore({"latest"}).exit_code, 1);
  daemon_.answer("POST /v1/restore", joined({begun, error_frame("corrupt", "A tree is damaged.")}));
  const CommandResult failed = restore({"latest"});
  EXPECT_EQ(failed.exit_code, 5);
  EXPECT_EQ(failed.err, "beffroi: A tree is damaged.\n");
  EXPECT_TRUE(std::filesystem::is_empty(target_));
}

TEST_F(RestoreCommandTest, NoTargetIsMadeForNothing) {
  daemon_.answer("POST /v1/restore", refusal("not_found", "There is no snapshot {}."), 404);
  EXPECT_EQ(restore({"abcd"}).exit_code, 1);
  daemon_.answer("GET /v1/ls", R"({"event":"entry","path":"/a","type":"file","size":5})"
                               "\n"
                               R"({"event":"result","entries":1})"
                               "\n");
  const CommandResult dry = restore({"latest", "--dry-run", "--json"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_EQ(dry.object()["files"], 1);
  EXPECT_EQ(dry.object()["paths"][0]["path"], "/a");
  EXPECT_FALSE(std::filesystem::exists(target_));
}

TEST_F(CommandTest, JoinWritesThePeersDetailsBesideTheKit) {
  const TemporaryFolder folder;
  const std::string key = to_base32(Bytes(32, 7));
  daemon_.answer("GET /v1/status", json{{"kit_file", folder.at("kit.txt")}}.dump());
  daemon_.answer(
      "POST /v1/join",
      json{{"space", "ab"}, {"peer", {{"address", "epci.example:8440"}, {"transport", key}, {"sign", key}}}}.dump());
  const CommandResult first = run({"join", "bfr1-aaaa", "bbbb"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const std::string written = read_file(folder.at("kit.txt.peer"));
  EXPECT_THAT(written, HasSubstr("epci.example:8440"));
  EXPECT_THAT(first.out, HasSubstr("epci.example:8440"));
  EXPECT_EQ(json::parse(asked().body)["code"], "bfr1-aaaabbbb");
  // The same again is fine; what somebody wrote into the file is never lost.
  EXPECT_EQ(run({"join", "x", "--json"}).object()["peer_file"], folder.at("kit.txt.peer"));
  write_file(folder.at("kit.txt.peer"), "my notes");
  const CommandResult other = run({"join", "x"});
  EXPECT_EQ(other.exit_code, 0);
  EXPECT_EQ(read_file(folder.at("kit.txt.peer")), "my notes");
  EXPECT_FALSE(other.err.empty());
}

TEST_F(CommandTest, PeerStatusCheckSpeaksNagios) {
  const auto check = [&](const json& status, const json& tenants) {
    daemon_.answer("GET /v1/status", status.dump());
    daemon_.answer("GET /v1/tenants", tenants.dump());
    return run({"peer", "status", "--check"});
  };
  const json well = {{"tenants", 2}, {"store", {{"bytes", 50}, {"free_bytes", 50}}}, {"alarms", json::array()}};
  const CommandResult ok = check(well, {{"tenants", json::array()}});
  EXPECT_EQ(ok.exit_code, 0);
  EXPECT_THAT(ok.out, testing::StartsWith("BEFFROI OK - "));
  EXPECT_EQ(std::count(ok.out.begin(), ok.out.end(), '\n'), 1);
  EXPECT_EQ(check(well, {{"tenants", {{{"name", "A|B"}, {"silent", true}}}}}).exit_code, 1);
  const CommandResult damaged = check(well, {{"tenants", {{{"name", "A|B"}, {"quarantined", 1}}}}});
  EXPECT_EQ(damaged.exit_code, 2);
  EXPECT_EQ(std::count(damaged.out.begin(), damaged.out.end(), '|'), 1) << "a name must not begin the performance data";
  json full = well;
  full["store"] = {{"bytes", 990}, {"free_bytes", 10}};
  EXPECT_EQ(check(full, {{"tenants", json::array()}}).exit_code, 2);
  json alarmed = well;
  alarmed["alarms"] = {{{"text", "Saint-X is silent."}, {"args", json::array()}}};
  EXPECT_EQ(check(alarmed, {{"tenants", json::array()}}).exit_code, 1);
  daemon_.answer("GET /v1/tenants", refusal("refused", "No."), 403);
  EXPECT_EQ(run({"peer", "status", "--check"}).exit_code, 3);
  EXPECT_EQ(run_command({"--socket", "/nonexistent", "peer", "status", "--check"}).exit_code, 2);
}

TEST_F(CommandTest, InviteSendsNumbersAndShowsTheCode) {
  daemon_.answer("POST /v1/invite", R"({"code":"bfr1-abc","name":"X","expires":"2026-12-07T00:00:00Z"})");
  EXPECT_THAT(run({"peer", "invite", "--name", "X", "--quota", "200GiB", "--expires", "2w", "--address", "h:1"}).out,
              HasSubstr("bfr1-abc"));
  EXPECT_EQ(json::parse(asked().body),
            (json{{"name", "X"}, {"quota_bytes", 200ULL << 30}, {"expires_s", 14 * 86400}, {"address", "h:1"}}));
}

// Goal: stations stand below their organisation, a quota of 0 is not none, and a suspension is seen.
TEST_F(CommandTest, TenantsShowsOrganisationsWithTheirStations) {
  daemon_.answer("GET /v1/tenants", R"({
      "organisations": [{"organisation":"0a","name":"Saint-X","quota_bytes":0,"used_bytes":2048,"suspended":"2026-12-07T00:00:00Z",
                         "suspended_reason":"left","contact":"Mme Roux"},
                        {"organisation":"0b","name":"Saint-Y","quota_bytes":null,"used_bytes":0,"suspended":null}],
      "tenants": [{"organisation":"0a","space":"abcdefabcdefabcdef","used_bytes":2048,"silent":true}],
      "invitations": [{"invitation":"12345678","name":"Saint-Y","state":"revoked"}]})");
  const std::string out = run({"peer", "tenants"}).out;
  EXPECT_THAT(out, testing::ContainsRegex("Saint-X +2.0 KiB +0 B .*suspended since .*\\(left\\), Mme Roux\n"
                                          "  abcdefabcdef .*silent\nSaint-Y +0 B +- "));
  EXPECT_THAT(out, HasSubstr("Invitation 12345678 for Saint-Y: revoked."));
}

TEST_F(CommandTest, ChangeSendsOnlyWhatIsSaid) {
  daemon_.answer("POST /v1/change", R"({"name":"Y","quota_bytes":null,"used_bytes":1})");
  EXPECT_THAT(run({"peer", "change", "X", "--quota", "none", "--rename", "Y"}).out, HasSubstr("Y: quota none"));
  EXPECT_EQ(json::parse(asked().body), (json{{"name", "X"}, {"no_quota", true}, {"rename", "Y"}}));
  run({"peer", "change", "X", "--quota", "0", "--contact", ""});
  EXPECT_EQ(json::parse(asked(1).body), (json{{"name", "X"}, {"quota_bytes", 0}, {"contact", ""}}));
  EXPECT_EQ(run({"peer", "change", "X", "--quota", "much"}).exit_code, 2);
}

TEST_F(CommandTest, ErasePrintsItsRecord) {
  daemon_.answer("POST /v1/erase",
                 R"({"organisation":"0a0b","name":"Saint-X","by":"root","objects":3,"sealed_bytes":2048,"commits":2,
      "spaces":[{"space":"abcd","devices":["ef01"],"objects":3,"sealed_bytes":2048,"commits":2,"receipt_counter":7}]})");
  const std::string page = run({"peer", "erase", "Saint-X", "--confirm", "Saint-X"}).out;
  for (const char* const fact : {"RECORD OF ERASURE", "Saint-X", "0a0b", "root", "2.0 KiB", "abcd", "ef01", "number 7"})
    EXPECT_THAT(page, HasSubstr(fact));
  EXPECT_EQ(json::parse(asked().body), (json{{"name", "Saint-X"}, {"confirm", "Saint-X"}}));
  EXPECT_EQ(run({"peer", "erase", "Saint-X"}).exit_code, 2);
}

}  // namespace
}  // namespace beffroi::client
