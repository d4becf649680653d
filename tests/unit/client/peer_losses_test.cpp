// `beffroi peer declare-loss`, and what a station's status says of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/exit_code.h"
#include "tests/unit/client/command_run.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class PeerLossesTest : public testing::Test {
 protected:
  PeerLossesTest() {
    const json loss = {{"space", "00"}, {"name", "Saint-Aubin"}, {"counter", 1}};
    daemon_.answer("POST /v1/losses", json{{"since", "2026-11-20T02:00:00Z"}, {"losses", json::array({loss})}}.dump());
  }
  CommandResult declare(std::vector<std::string> more, const std::string& typed = "", bool at_terminal = false) {
    std::vector<std::string> words = {"--socket", daemon_.socket(), "peer", "declare-loss"};
    words.insert(words.end(), more.begin(), more.end());
    return run_command(words, typed, at_terminal);
  }
  FakeDaemon daemon_;
};

TEST_F(PeerLossesTest, SaysWhatItWasTold) {
  const auto done = declare({"--since", "2026-11-20T02:00:00Z", "--reason", "Image of Friday", "--yes"});
  ASSERT_EQ(done.exit_code, kExitDone) << done.err;
  EXPECT_THAT(done.out, HasSubstr("Declared to 1 station"));
  ASSERT_EQ(daemon_.requests().size(), 1U);
  EXPECT_EQ(json::parse(daemon_.requests()[0].body), (json{{"since", 1795140000}, {"reason", "Image of Friday"}}));
  declare({"--since", "2026-11-20T02:00:00Z", "--name", "Saint-Aubin", "--yes"});
  EXPECT_EQ(json::parse(daemon_.requests()[1].body)["name"], "Saint-Aubin");
}

// Goal: it can't be taken back, so nothing is sent before somebody has said yes.
TEST_F(PeerLossesTest, AsksBefore) {
  const std::vector<std::string> words = {"--since", "2026-11-20T02:00:00Z"};
  EXPECT_EQ(declare(words).exit_code, kExitUsage) << "a script that forgot --yes";
  EXPECT_NE(declare(words, "no\n", true).exit_code, kExitDone);
  EXPECT_EQ(declare({"--since", "last Friday", "--yes"}).exit_code, kExitUsage);
  EXPECT_EQ(declare({"--yes"}).exit_code, kExitUsage);
  EXPECT_TRUE(daemon_.requests().empty());
  const auto done = declare(words, "yes\n", true);
  EXPECT_EQ(done.exit_code, kExitDone) << done.err;
  EXPECT_THAT(done.err, HasSubstr("All stations will be told"));
  const auto named = declare({"--since", "2026-11-20T02:00:00Z", "--name", "Saint-Aubin"}, "yes\n", true);
  EXPECT_EQ(named.exit_code, kExitDone) << named.err;
  EXPECT_THAT(named.err, HasSubstr("The stations of Saint-Aubin will be told"));
}

TEST_F(PeerLossesTest, AStationsStatusShowsItForEver) {
  json status = {{"role", "station"},
                 {"state", "ready"},
                 {"name", "Mairie"},
                 {"peer",
                  {{"address", "peer.example:8440"},
                   {"state", "reachable"},
                   {"loss",
                    {{"count", 2},
                     {"declared", "2026-11-23T08:00:00Z"},
                     {"since", "2026-11-20T02:00:00Z"},
                     {"settled", false},
                     {"unsendable", 3},
                     {"reason", "Image of Friday"}}}}}};
  daemon_.answer("GET /v1/status", status.dump());
  auto shown = run_at(daemon_, {"status"});
  EXPECT_THAT(shown.out, HasSubstr("It is sent again."));
  EXPECT_THAT(shown.out, HasSubstr("at the peer alone: 3."));
  EXPECT_THAT(shown.out, HasSubstr("Image of Friday"));
  EXPECT_THAT(shown.out, HasSubstr("loss number 2"));
  status["peer"]["loss"]["settled"] = true;
  status["peer"]["loss"]["unsendable"] = 0;
  daemon_.answer("GET /v1/status", status.dump());
  EXPECT_THAT(run_at(daemon_, {"status"}).out, HasSubstr("All was sent again."));
  status["peer"]["loss"] = nullptr;
  daemon_.answer("GET /v1/status", status.dump());
  EXPECT_THAT(run_at(daemon_, {"status"}).out, Not(HasSubstr("sent again")));
}

}  // namespace
}  // namespace beffroi::client
