// Rules, deletions, forgetting and audits on the command line; the kit is a real one, the daemon is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "client/kit/kit_founding.h"
#include "client/ui/retention_lines.h"
#include "storage/format/cbor.h"
#include "storage/space/retention.h"
#include "tests/unit/client/command_run.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kFirst = std::string(64, 'a');
const std::string kSecond = "ab" + std::string(62, 'c');

json rules(std::uint32_t lock, std::uint32_t daily) {
  return {{"lock_days", lock}, {"within_days", 0}, {"hourly", 0}, {"daily", daily},
          {"weekly", 0},       {"monthly", 0},     {"yearly", 10}};
}

// The rules of a new vault, with 90 days.
const json kNinetyDays = {{"lock_days", 30}, {"within_days", 0}, {"hourly", 48}, {"daily", 90},
                          {"weekly", 26},    {"monthly", 36},    {"yearly", 10}};

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    crypto::SeededRandom random(7);
    const crypto::DeviceKeys device = crypto::DeviceKeys::generate(random);
    auto made = make_founding({device.public_part(), device.preshared.clone()}, "Mairie", {1'800'000'000}, random);
    auto other = make_founding({device.public_part(), device.preshared.clone()}, "Autre", {1'800'000'000}, random);
    std::ofstream(kit_) << crypto::kit_text(made->sheet, "en");
    std::ofstream(other_kit_) << crypto::kit_text(other->sheet, "en");
    storage::CborWriter log;
    log.array(made->records.size());
    for (const Bytes& record : made->records) log.bytes(record);
    daemon_.answer("GET /v1/log", log.take());
    daemon_.answer("POST /v1/log", R"({"record":"ef01","at_peer":true})");
    records_ = std::move(made->records);
    daemon_.answer("GET /v1/snapshots", json{{"snapshots", {{{"id", kFirst}}, {{"id", kSecond}}}}}.dump());
  }
  CommandResult run(const std::vector<std::string>& words) { return run_at(daemon_, words); }
  /// The record that was posted last, as the vault's log takes it.
  storage::Record posted() {
    const auto requests = daemon_.requests();
    const auto last = std::find_if(requests.rbegin(), requests.rend(), [](const FakeRequest& request) {
      return request.method == "POST" && request.target.starts_with("/v1/log");
    });
    storage::CborReader in(as_bytes(last->body));
    in.array_of(1);
    const Bytes record = to_bytes(in.bytes());
    auto log = storage::SpaceLog::from_records(records_, std::nullopt);
    EXPECT_TRUE(log->append(record).has_value());
    return log->head();
  }
  std::size_t asked(const std::string& target) {
    return static_cast<std::size_t>(std::ranges::count_if(
        daemon_.requests(), [&](const FakeRequest& request) { return request.target.starts_with(target); }));
  }
  /// `proposed`: what the service says that the rules would become.
  void explains(bool weaker, const json& proposed = kNinetyDays) {
    daemon_.answer("POST /v1/retention/explain",
                   json{{"on", "2027-01-15T08:00:00Z"},
                        {"rules", proposed},
                        {"weaker", weaker},
                        {"by", "receipts"},
                        {"snapshots",
                         {{{"id", kFirst},
                           {"time", "2026-12-01T08:00:00Z"},
                           {"fate", "kept"},
                           {"reasons", {"locked", "first_of_year"}},
                           {"locked_until", "2026-12-31T08:00:00Z"},
                           {"deletion", kSecond}},
                          {{"id", kSecond}, {"time", "2026-12-02T08:00:00Z"}, {"fate", "may_go"}},
                          {{"id", kSecond}, {"time", "2026-12-03T08:00:00Z"}, {"fate", "not_sent"}}}}}
                       .dump());
  }

  FakeDaemon daemon_;
  TemporaryFolder folder_;
  std::string kit_ = folder_.at("kit.txt");
  std::string other_kit_ = folder_.at("other.txt");
  std::vector<Bytes> records_;
};

TEST_F(RetentionTest, RulesAreShownInWords) {
  daemon_.answer("GET /v1/retention",
                 json{{"rules", rules(30, 60)}, {"since", "2027-01-15T08:00:00Z"}, {"by", "receipts"}}.dump());
  const CommandResult shown = run({"retention", "show"});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_THAT(shown.out, HasSubstr("Locked for 30 days"));
  EXPECT_THAT(shown.out, HasSubstr("60 days: the first and the last of each day"));
  EXPECT_THAT(shown.out, Not(HasSubstr("hour")));
  EXPECT_THAT(shown.out, HasSubstr("The peer applies them"));
  daemon_.answer("GET /v1/retention", R"({"rules":null,"by":"snapshots"})");
  EXPECT_THAT(run({"retention", "show"}).out, HasSubstr("no rules yet"));
}

// Goal: every reason that the rules can give has words.
TEST(RetentionLinesTest, EveryReasonHasWords) {
  for (std::size_t i = 0; i < storage::kKeepReasonCount; ++i) {
    const std::string name = storage::keep_reason_name(static_cast<storage::KeepReason>(i));
    EXPECT_TRUE(reason_in_words(name) != name || name.find('_') == std::string::npos) << name;
  }
}

TEST_F(RetentionTest, EachSnapshotIsExplained) {
  explains(false);
  const CommandResult explained = run({"retention", "explain", "--on", "2027-01-31"});
  EXPECT_EQ(explained.exit_code, 0) << explained.err;
  EXPECT_THAT(explained.out, HasSubstr("stays: locked until"));
  EXPECT_THAT(explained.out, HasSubstr("first of its year"));
  EXPECT_THAT(explained.out, HasSubstr("to be deleted (abcccccccccc)"));
  EXPECT_THAT(explained.out, HasSubstr("may go: no rule keeps it"));
  EXPECT_THAT(explained.out, HasSubstr("not at the peer yet"));
  EXPECT_THAT(explained.out, HasSubstr("1 snapshot may go."));
  EXPECT_EQ(json::parse(daemon_.requests().at(0).body), (json{{"on", 1'801'353'600}}));
  for (const char* wrong : {"2027-02-30", "31.1.2027", "2027-1-3", "tomorrow", "1969-12-31"})
    EXPECT_EQ(run({"retention", "explain", "--on", wrong}).exit_code, 2) << wrong;
}

// Goal: the rules are signed here, on the vault's head, by the root of the kit; what was not named comes from the
// verified log.
TEST_F(RetentionTest, SettingRulesSignsThem) {
  explains(true);
  const CommandResult done = run({"retention", "set", "--daily", "90", "--kit", kit_});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("keeps less than the rules before"));
  EXPECT_THAT(done.out, HasSubstr("The new rules are in force."));
  EXPECT_THAT(done.out, HasSubstr("Delete " + kit_));
  EXPECT_EQ(json::parse(daemon_.requests().at(0).body), (json{{"daily", 90}}));
  const storage::Record record = posted();
  storage::RetentionBody ninety = storage::kDefaultRetention;
  ninety.daily = 90;
  EXPECT_EQ(std::get<storage::RetentionBody>(record.body), ninety);
  const std::string words = daemon_.requests().back().body;
  EXPECT_EQ(words.find("abandon"), std::string::npos);
  const json machine = run({"--json", "retention", "set", "--daily", "90", "--kit", kit_}).object();
  EXPECT_EQ(machine["record"], "ef01");
  EXPECT_EQ(machine["weaker"], true);
  EXPECT_EQ(machine["corrections"], 0);
}

// Goal: root signs what its owner asked for, whatever the service shows.
TEST_F(RetentionTest, OtherRulesThanAskedForAreNotSigned) {
  json other = kNinetyDays;
  other["lock_days"] = 1;
  explains(false, other);
  const CommandResult done = run({"retention", "set", "--daily", "90", "--kit", kit_});
  EXPECT_EQ(done.exit_code, 6);
  EXPECT_EQ(asked("/v1/log?"), 0U) << "nothing was handed over";
}

TEST_F(RetentionTest, ADryRunAsksForNoKit) {
  explains(false);
  const CommandResult done = run({"retention", "set", "--daily", "90", "--dry-run"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("Nothing was changed."));
  EXPECT_THAT(done.out, Not(HasSubstr("keeps less")));
  EXPECT_EQ(asked("/v1/log"), 0U);
  EXPECT_EQ(run({"retention", "set", "--kit", kit_}).exit_code, 2) << "nothing named";
  EXPECT_EQ(run({"retention", "set", "--daily", "x"}).exit_code, 2);
  EXPECT_EQ(run({"retention"}).exit_code, 2);
}

// Goal: the kit of another vault signs nothing; a log that grew meanwhile is fetched anew, and not for ever.
TEST_F(RetentionTest, WhatCanNotBeSignedIsNot) {
  explains(false);
  EXPECT_EQ(run({"retention", "set", "--daily", "90", "--kit", other_kit_}).exit_code, 6);
  EXPECT_EQ(asked("/v1/log?"), 0U);
  EXPECT_EQ(run({"retention", "set", "--daily", "90", "--kit", folder_.at("none")}).exit_code, 1);
  daemon_.answer("POST /v1/log", R"({"error":{"code":"conflict","text":"Again.","args":[]}})", 409);
  EXPECT_EQ(run({"retention", "set", "--daily", "90", "--kit", kit_}).exit_code, 1);
  EXPECT_EQ(asked("/v1/log?"), 3U);
}

TEST_F(RetentionTest, DeletingNamesSnapshotsByTheirIds) {
  daemon_.answer("GET /v1/deletions", json{{"deletions",
                                            {{{"id", "ef01"},
                                              {"snapshots", {kSecond}},
                                              {"since", "2027-01-15T08:00:00Z"},
                                              {"due", "2027-02-14T08:00:00Z"},
                                              {"state", "waiting"}}}}}
                                          .dump());
  const CommandResult done = run({"delete", "abcc", "--yes", "--kit", kit_});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("1 snapshot is to be deleted:\n  abcccccccccc"));
  EXPECT_THAT(done.out, HasSubstr("nothing goes before 2027-02-14"));
  EXPECT_THAT(done.out, HasSubstr("beffroi undelete ef01"));
  EXPECT_EQ(std::get<storage::DeletionBody>(posted().body).commits,
            std::vector{*storage::CommitId::from(*from_hex(kSecond))});
  EXPECT_EQ(run({"--json", "delete", kSecond, "--yes", "--kit", kit_}).object()["deletion"]["state"], "waiting");
  for (const char* wrong : {"latest", "abc", "ffff"})
    EXPECT_EQ(run({"delete", wrong, "--yes", "--kit", kit_}).exit_code, 1);
  EXPECT_EQ(run({"delete"}).exit_code, 2);

  const CommandResult listed = run({"deletions"});
  EXPECT_THAT(listed.out, HasSubstr("ef01, signed 2027-01-15"));
  EXPECT_THAT(listed.out, HasSubstr("waits until 2027-02-14"));
  daemon_.answer("POST /v1/deletions/cancel", R"({"id":"ef01"})");
  EXPECT_THAT(run({"undelete", "ef01"}).out, HasSubstr("taken back"));
  EXPECT_EQ(json::parse(daemon_.requests().back().body), (json{{"id", "ef01"}}));
}

// Goal: root signs no deletion before what is to go was shown, and said once more.
TEST_F(RetentionTest, ADeletionIsShownBeforeItIsSigned) {
  daemon_.answer("GET /v1/deletions", json{{"deletions", json::array()}}.dump());
  const std::vector<std::string> words = {"--socket", daemon_.socket(), "delete", "abcc", "--kit", kit_};
  const CommandResult unasked = run_command(words);
  EXPECT_EQ(unasked.exit_code, 2);
  EXPECT_THAT(unasked.err, HasSubstr("abcccccccccc"));
  EXPECT_THAT(unasked.err, HasSubstr("--yes"));
  for (const char* answer : {"no\n", "\n", ""}) EXPECT_EQ(run_command(words, answer, true).exit_code, 1) << answer;
  EXPECT_EQ(asked("/v1/log"), 0U) << "the log was not even fetched";
  const CommandResult done = run_command(words, "yes\n", true);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("abcccccccccc"));
  EXPECT_EQ(asked("/v1/log?"), 1U);
}

// Goal: a kit that does not say its space is known as another vault's all the same, by its root.
TEST_F(RetentionTest, AKitWithoutItsSpaceIsRecognised) {
  daemon_.answer("GET /v1/deletions", json{{"deletions", json::array()}}.dump());
  const auto without_space = [&](const std::string& kit) {
    std::ifstream in(kit);
    const std::string path = kit + ".short";
    std::ofstream out(path);
    for (std::string line; std::getline(in, line);)
      if (line.find("Space") == std::string::npos) out << line << "\n";
    return path;
  };
  const CommandResult other = run({"delete", "abcc", "--yes", "--kit", without_space(other_kit_)});
  EXPECT_EQ(other.exit_code, 6);
  EXPECT_THAT(other.err, HasSubstr("of another vault"));
  const CommandResult own = run({"delete", "abcc", "--yes", "--kit", without_space(kit_)});
  EXPECT_EQ(own.exit_code, 0) << own.err;
}

TEST_F(RetentionTest, ForgettingSaysWhatGoes) {
  const auto answers = [&](bool dry_run, std::uint64_t objects) {
    daemon_.answer("POST /v1/forget", json{{"event", "result"},
                                           {"dry_run", dry_run},
                                           {"forgotten", {kFirst}},
                                           {"snapshots", 1},
                                           {"objects", objects},
                                           {"bytes", 1 << 20}}
                                              .dump() +
                                          "\n");
  };
  answers(true, 7);
  const CommandResult dry = run({"forget", "--dry-run"});
  EXPECT_THAT(dry.out, HasSubstr("aaaaaaaaaaaa would go"));
  EXPECT_THAT(dry.out, HasSubstr("Nothing was changed."));
  EXPECT_EQ(json::parse(daemon_.requests().at(0).body), (json{{"dry_run", true}}));
  answers(false, 7);
  EXPECT_THAT(run({"forget"}).out, HasSubstr("7; room given back: 1.0 MiB"));
  answers(false, 0);
  EXPECT_THAT(run({"forget"}).out, HasSubstr("still needed"));
}

TEST_F(RetentionTest, AnAuditThatMissesSomethingIsExitCode5) {
  const auto answers = [&](int snapshots, int missing) {
    daemon_.answer(
        "POST /v1/audit",
        json{{"event", "result"}, {"snapshots", snapshots}, {"objects", 16}, {"bytes", 4096}, {"missing", missing}}
                .dump() +
            "\n");
  };
  answers(3, 0);
  EXPECT_EQ(run({"audit"}).exit_code, 0);
  answers(3, 2);
  const CommandResult missing = run({"audit"});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_THAT(missing.err, HasSubstr("2 objects are missing"));
  EXPECT_EQ(run({"audit", "--json"}).object()["missing"], 2);
  answers(0, 0);
  EXPECT_THAT(run({"audit"}).out, HasSubstr("no snapshot yet"));
}

}  // namespace
}  // namespace beffroi::client
