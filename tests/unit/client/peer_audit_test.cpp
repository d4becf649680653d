// `beffroi peer audit` and `peer clock`: exports that can be verified later, and nothing in them that a spreadsheet
// would compute.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/audit/csv.h"
#include "client/audit/exported_entry.h"
#include "tests/unit/client/command_run.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::size_t kEntries = 60;

struct Log {
  json entries = json::array();
  storage::AuditHead head;
};

Log make_log(std::size_t count, const std::string& organisation = "Saint-Aubin") {
  Log out;
  for (std::size_t i = 1; i <= count; ++i) {
    const storage::AuditEntry entry{.counter = i,
                                    .previous = out.head.hash,
                                    .time = {1'800'000'000},
                                    .actor = "operator jean (1000)",
                                    .action = "invite",
                                    .space = i % 2 == 0 ? std::optional(storage::SpaceId{{7}}) : std::nullopt,
                                    .organisation = organisation,
                                    .detail = "number " + std::to_string(i)};
    const auto hash = storage::audit_hash(storage::encode_audit_entry(entry));
    out.entries.push_back({{"counter", i},
                           {"time", "2027-01-15T08:00:00Z"},
                           {"previous", entry.previous.hex()},
                           {"hash", hash.hex()},
                           {"actor", entry.actor},
                           {"action", entry.action},
                           {"space", entry.space ? json(entry.space->hex()) : json(nullptr)},
                           {"organisation", entry.organisation},
                           {"detail", entry.detail}});
    out.head = {.counter = i, .hash = hash};
  }
  return out;
}

class PeerAuditTest : public testing::Test {
 protected:
  PeerAuditTest() { tell(make_log(kEntries)); }
  /// The fake daemon gives all entries at once, whatever is asked for.
  void tell(const Log& log, std::size_t first = 1) {
    json entries = json::array();
    for (std::size_t i = first; i <= log.entries.size(); ++i) entries.push_back(log.entries[i - 1]);
    const json answer = {{"entries", entries},
                         {"head", {{"counter", log.head.counter}, {"hash", log.head.hash.hex()}}}};
    daemon_.answer("GET /v1/audit", answer.dump());
  }
  CommandResult audit(std::vector<std::string> words) {
    words.insert(words.begin(), {"peer", "audit"});
    return run_at(daemon_, words);
  }
  /// Without any daemon.
  CommandResult verify(const std::string& content, std::vector<std::string> words = {}) {
    write_file(folder_.at("export"), content);
    words.insert(words.begin(), {"--socket", "/nonexistent", "peer", "audit", "--verify", folder_.at("export")});
    return run_command(words);
  }
  std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, from.size(), to);
  }

  FakeDaemon daemon_;
  TemporaryFolder folder_;
};

TEST_F(PeerAuditTest, ShowsTheLastEntriesToPeople) {
  tell(make_log(kEntries), kEntries - 49);
  const CommandResult shown = audit({});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(daemon_.requests().back().target, "/v1/audit?from=11&limit=50");
  EXPECT_THAT(shown.out, HasSubstr("operator jean (1000)  invite  Saint-Aubin  number 60"));
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 51);
  EXPECT_THAT(shown.err, HasSubstr("--from 1"));
  tell(make_log(kEntries), 60);
  EXPECT_EQ(audit({"--from", "60"}).err, "");
  EXPECT_EQ(daemon_.requests().back().target, "/v1/audit?from=60&limit=1");
}

TEST_F(PeerAuditTest, AnExportCanBeVerifiedLater) {
  for (const char* const form : {"--csv", "--json"}) {
    const CommandResult exported = audit({form});
    ASSERT_EQ(exported.exit_code, 0);
    const CommandResult verified = verify(exported.out);
    EXPECT_EQ(verified.exit_code, 0) << form << verified.err;
    EXPECT_THAT(verified.out, HasSubstr("Entries 1 to 60"));
    EXPECT_THAT(verified.out, HasSubstr("Head: " + head_text(make_log(kEntries).head)));
    EXPECT_THAT(verified.out, HasSubstr("somewhere else"));
  }
  EXPECT_EQ(audit({"--json"}).object()["entries"], make_log(kEntries).entries);
  EXPECT_EQ(verify(audit({"--json"}).object().dump(4)).exit_code, 0) << "written anew by another program";
}

// Goal: whatever is changed in an exported file is found.
TEST_F(PeerAuditTest, AChangedExportIsExitCode5) {
  const std::string csv = audit({"--csv"}).out;
  const std::string whole = audit({"--json"}).out;
  for (const std::string& good : {csv, whole}) {
    EXPECT_EQ(verify(replaced(good, "number 7", "number 8")).exit_code, 5);
    EXPECT_EQ(verify(replaced(good, "jean", "jeanne")).exit_code, 5);
    EXPECT_EQ(verify(replaced(good, "2027-01-15", "2027-01-16")).exit_code, 5);
    EXPECT_EQ(verify(replaced(good, "2027-01-15", "2027-02-30")).exit_code, 5);
    EXPECT_EQ(verify(replaced(good, make_log(3).head.hash.hex(), make_log(4).head.hash.hex())).exit_code, 5);
    EXPECT_EQ(verify(good.substr(0, good.size() / 2)).exit_code, 5);
  }
  std::string shorter = csv;
  const auto line = shorter.find("\r\n", 1000) + 2;
  shorter.erase(line, shorter.find("\r\n", line) + 2 - line);
  EXPECT_EQ(verify(shorter).exit_code, 5) << "a line left out";
  json cut = json::parse(whole);
  cut["entries"].erase(cut["entries"].size() - 1);
  EXPECT_EQ(verify(cut.dump()).exit_code, 5) << "shorter than its head says";
  EXPECT_EQ(verify("").exit_code, 5);
  EXPECT_EQ(verify("{}").exit_code, 5);
  EXPECT_EQ(verify("hello").exit_code, 5);
}

// Goal: a log that was written anew is whole in itself; only a head that somebody noted tells.
TEST_F(PeerAuditTest, ANotedHeadMustStillBeThere) {
  const std::string csv = audit({"--csv"}).out;
  const auto noted = [](std::size_t count, const std::string& name = "Saint-Aubin") {
    return head_text(make_log(count, name).head);
  };
  EXPECT_EQ(verify(csv, {"--noted", noted(40)}).exit_code, 0);
  EXPECT_EQ(verify(csv, {"--noted", noted(60)}).exit_code, 0);
  const CommandResult other = verify(csv, {"--noted", noted(40, "Saint-Denis")});
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, HasSubstr("written anew"));
  const CommandResult later = verify(csv, {"--noted", noted(61)});
  EXPECT_EQ(later.exit_code, 5);
  EXPECT_THAT(later.err, HasSubstr("cut off"));
  EXPECT_EQ(verify(csv, {"--noted", "40"}).exit_code, 2);
  EXPECT_EQ(audit({"--noted", noted(40)}).exit_code, 2);
}

TEST_F(PeerAuditTest, VerifiesWhatThePeerShows) {
  const CommandResult good = audit({"--verify"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("Head: " + head_text(make_log(kEntries).head)));
  EXPECT_EQ(audit({"--verify", "--json"}).object()["head"]["counter"], kEntries);
  Log broken = make_log(kEntries);
  broken.entries[20]["actor"] = "peer";
  tell(broken);
  const CommandResult found = audit({"--verify"});
  EXPECT_EQ(found.exit_code, 5);
  EXPECT_THAT(found.err, HasSubstr("entry 21"));
  EXPECT_EQ(found.out, "");
  tell(make_log(kEntries), 31);
  EXPECT_EQ(audit({"--verify"}).exit_code, 5) << "does not begin at 1";
  EXPECT_EQ(audit({"--verify", "--from", "31"}).exit_code, 0);
  Log cut = make_log(kEntries);
  cut.entries.erase(cut.entries.size() - 1);
  tell(cut);
  EXPECT_NE(audit({"--verify"}).exit_code, 0);
  tell(make_log(0));
  EXPECT_EQ(audit({"--verify"}).exit_code, 0);
  EXPECT_EQ(audit({}).out, "Nothing has been written into the audit log yet.\n");
}

TEST_F(PeerAuditTest, APeerThatTurnsInCirclesIsNotFollowed) {
  json answer = {{"entries", {make_log(1).entries[0]}}, {"head", {{"counter", 5}, {"hash", std::string(64, '0')}}}};
  daemon_.answer("GET /v1/audit", answer.dump());
  EXPECT_EQ(audit({"--csv"}).exit_code, 1);
}

TEST_F(PeerAuditTest, WordsThatDoNotGoTogether) {
  EXPECT_EQ(audit({"--csv", "--json"}).exit_code, 2);
  EXPECT_EQ(audit({"export.csv"}).exit_code, 2);
  EXPECT_EQ(audit({"--from", "x"}).exit_code, 2);
  EXPECT_EQ(audit({"--verify", folder_.at("nothing")}).exit_code, 1);
}

// Goal: no name of a commune becomes a formula, in programs that cut at commas or at semicolons; and it is read back as
// it was.
TEST_F(PeerAuditTest, FormulasAreOnlyText) {
  for (const char* const name :
       {"=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''", "a;=1+1", ";'", "a\"b", "\",=1", "", "é;-é", "＝1", "a,b;c"}) {
    const std::string cell = csv_cell(name);
    EXPECT_THAT(cell, testing::Not(testing::ContainsRegex("(^\"|;)[-=+@]"))) << name;
    std::istringstream in(cell + "," + cell + "\r\n" + cell);
    CsvReader reader(in);
    EXPECT_EQ(**reader.next(), (std::vector<std::string>{name, name}));
    EXPECT_EQ(**reader.next(), (std::vector<std::string>{name}));
    EXPECT_FALSE(reader.next()->has_value());
    tell(make_log(3, name));
    EXPECT_EQ(verify(audit({"--csv"}).out).exit_code, 0) << name;
  }
  EXPECT_EQ(csv_cell("=1"), "\"'=1\"");
  EXPECT_EQ(csv_cell("a;=1"), "\"a;'=1\"");
}

TEST(CsvTest, OtherFilesAreRefused) {
  for (const char* const text : {"a,b\r\n", "\"a", "\"a\"b", "\"a\",", "\"a\"\rb", "\r\n"}) {
    std::istringstream in(text);
    EXPECT_EQ(CsvReader(in).next().error().code, ErrorCode::corrupt) << text;
  }
  std::istringstream endless('"' + std::string(100'000, 'x') + '"');
  EXPECT_FALSE(CsvReader(endless).next());
}

TEST(PeerClockTest, ShowsBothTimesAndAccepts) {
  FakeDaemon daemon;
  const auto answer = [](const char* state) {
    return json{
        {"state", state},
        {"peer", "2027-01-15T08:00:00Z"},
        {"machine", "2028-02-19T08:00:00Z"},
        {"hold", {{"reason", "jumped_ahead"}, {"machine", "2028-02-19T08:00:00Z"}, {"peer", "2027-01-15T08:00:00Z"}}}}
        .dump();
  };
  daemon.answer("GET /v1/clock", answer("held"));
  daemon.answer("POST /v1/clock", answer("in_step"));
  const CommandResult held = run_at(daemon, {"peer", "clock"});
  EXPECT_EQ(held.exit_code, 0);
  EXPECT_THAT(held.out, testing::AllOf(HasSubstr("2027-01-15"), HasSubstr("2028-02-19"), HasSubstr("jumped ahead"),
                                       HasSubstr("--accept")));
  const CommandResult accepted = run_at(daemon, {"peer", "clock", "--accept"});
  EXPECT_THAT(accepted.out, HasSubstr("accepted"));
  EXPECT_EQ(daemon.requests().back().body, R"({"accept":true})");
  EXPECT_EQ(run_at(daemon, {"peer", "clock", "--json"}).object()["state"], "held");
}

}  // namespace
}  // namespace beffroi::client
