// The kit's way from `init` to `recover`, on both sides of the fake daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "client/kit/kit_founding.h"
#include "client/kit/kit_reading.h"
#include "client/kit/private_file.h"
#include "client/recovery/recovery_material.h"
#include "crypto/kit.h"
#include "storage/format/cbor.h"
#include "tests/unit/client/command_run.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;

storage::DeviceRequest new_device(crypto::Random& random) {
  const crypto::DeviceKeys keys = crypto::DeviceKeys::generate(random);
  return {keys.public_part(), keys.preshared.clone()};
}

Bytes device_bytes() {
  crypto::SeededRandom random(7);
  return to_bytes(new_device(random).encode().view());
}

class InitTest : public testing::Test {
 protected:
  InitTest() {
    daemon_.answer("GET /v1/device", device_bytes());
    daemon_.answer("POST /v1/found", R"({"space":"ab","name":"Mairie","device":"cd"})");
  }
  CommandResult init(std::vector<std::string> more = {"--no-confirm"}, const std::string& typed = "",
                     bool at_terminal = false) {
    std::vector<std::string> words = {"--socket", daemon_.socket(), "init", "--name", "Mairie", "--kit", kit_};
    words.insert(words.end(), more.begin(), more.end());
    return run_command(words, typed, at_terminal);
  }
  FakeDaemon daemon_;
  TemporaryFolder folder_;
  std::string kit_ = folder_.at("kit.txt");
};

TEST_F(InitTest, WritesAKitThatReadsBackAndRecordsThatItsRootSigned) {
  const CommandResult done = init({"--no-confirm", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(done.object()["kit"], kit_);
  struct stat info{};
  ASSERT_EQ(stat(kit_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);

  const std::string text = read_file(kit_);
  const auto kit = crypto::parse_kit_text(text);
  ASSERT_TRUE(kit);
  const auto reading = crypto::read_kit_words(kit->words);
  ASSERT_TRUE(reading);
  const FakeRequest founding = daemon_.requests().at(1);
  storage::CborReader in(as_bytes(founding.body));
  std::vector<Bytes> records(in.array());
  for (Bytes& record : records) record = to_bytes(in.bytes());
  in.leave();
  ASSERT_TRUE(in.finish());
  const auto log = storage::SpaceLog::from_records(records, storage::SpaceId{kit->space_id.value()});
  ASSERT_TRUE(log) << log.error().message();
  EXPECT_EQ(log->root(), crypto::DeviceKeys::root_from_kit(reading->secret).public_part());
  EXPECT_THAT(founding.target, HasSubstr("kit=" + kit_));
  // No word of the kit leaves this process but by the file, whose own name may happen to hold one.
  std::string said = done.out + done.err + founding.body;
  for (auto at = said.find(kit_); at != std::string::npos; at = said.find(kit_)) said.erase(at, kit_.size());
  for (const std::string& word : kit->words)
    if (word.size() > 5) EXPECT_THAT(said, Not(HasSubstr(word)));
}

TEST_F(InitTest, NeverOverwritesAndAsksNothingThen) {
  write_file(kit_, "my diary");
  EXPECT_EQ(init().exit_code, 1);
  EXPECT_EQ(read_file(kit_), "my diary");
  EXPECT_TRUE(daemon_.requests().empty());
  std::filesystem::remove(kit_);
  std::filesystem::create_symlink(folder_.at("elsewhere"), kit_);
  EXPECT_EQ(init().exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_.at("elsewhere")));
}

TEST_F(InitTest, WhatWasNotFoundedLeavesNoKit) {
  daemon_.answer("POST /v1/found", R"({"error":{"code":"wrong_state","text":"No.","args":[]}})", 409);
  daemon_.answer("GET /v1/status", R"({"state":"ready","space":"another"})");
  EXPECT_EQ(init({"--no-confirm", "--html", folder_.at("kit.html")}).exit_code, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  daemon_.answer("GET /v1/device", R"({"error":{"code":"wrong_state","text":"Founded already.","args":[]}})", 409);
  EXPECT_EQ(init().exit_code, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(InitTest, WhenTheAnswerIsLostTheKitIsKept) {
  // The vault may be founded: a kit that is deleted then would be the only one.
  daemon_.answer_raw("POST /v1/found", "");
  daemon_.answer_raw("GET /v1/status", "");
  const CommandResult lost = init();
  EXPECT_EQ(lost.exit_code, 1);
  EXPECT_TRUE(std::filesystem::exists(kit_));
  EXPECT_THAT(lost.err, HasSubstr(kit_));
}

TEST_F(InitTest, AtATerminalThreeWrongWordsFoundNothing) {
  const CommandResult refused = init({}, "nonsense\nnonsense\nnonsense\n", true);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_EQ(daemon_.requests().size(), 1U);
  EXPECT_EQ(init({}, "", true).exit_code, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST(ConfirmWordsTest, AcceptsTheWordsAndForgivesTwoMistakes) {
  crypto::SeededRandom random(3);
  const auto words = crypto::kit_words(crypto::SecretBytes::random(32, random));
  // Who has the sheet answers by the number that is asked; here every position is tried with its word.
  std::ostringstream out;
  std::ostringstream err;
  crypto::SeededRandom same(5);
  std::istringstream nothing;
  EXPECT_FALSE(confirm_words({out, err, nothing}, words, same));
  const std::string question = err.str();
  const auto first = std::stoul(question.substr(question.find_first_of("0123456789")));
  // The first question's answer is right after two wrong ones; then the input ends: cancelled, not refused.
  std::istringstream typed("zzz\nzzz\n" + words[first - 1] + "\n");
  crypto::SeededRandom again(5);
  std::ostringstream said;
  EXPECT_FALSE(confirm_words({out, said, typed}, words, again));
  std::size_t questions = 0;
  for (auto at = said.str().find("Word "); at != std::string::npos; at = said.str().find("Word ", at + 1)) ++questions;
  EXPECT_EQ(questions, 4U) << said.str();
}

/// What a peer would give back of a vault, and the kit that opens it.
class RecoverTest : public testing::Test {
 protected:
  RecoverTest()
      : random_(11),
        secret_(crypto::SecretBytes::random(32, random_)),
        root_(crypto::DeviceKeys::root_from_kit(secret_)),
        peer_{crypto::SigningKeyPair::generate(random_)} {
    records_ = storage::found_vault(root_, new_device(random_), "Mairie", {1'700'000'000}, random_).value();
    peer_public_.transport.data[0] = 9;
    peer_public_.sign = peer_.public_key;
  }

  Bytes answer() {
    storage::CborWriter out;
    out.array(6).array(records_.size());
    for (const Bytes& record : records_) out.bytes(record);
    out.array(heads_.size());
    for (const auto& [device, sequence] : heads_)
      out.array(3).bytes(device).uint(sequence).bytes(as_bytes("no commit at all"));
    crypto::SeededRandom random(99);
    out.bytes(new_device(random).encode().view()).bytes(peer_public_.transport).bytes(peer_public_.sign).null();
    return out.take();
  }
  storage::SpaceId space() { return storage::SpaceLog::from_records(records_, std::nullopt)->space(); }

  crypto::SeededRandom random_;
  crypto::SecretBytes secret_;
  crypto::DeviceKeys root_;
  crypto::SigningKeyPair peer_;
  storage::PeerPublic peer_public_;
  std::vector<Bytes> records_;
  std::vector<std::pair<storage::DeviceId, std::uint64_t>> heads_;
};

// Goal: what a removed device signed after its removal can't stop a recovery; of its branch counts what the log says.
TEST_F(RecoverTest, RemovedDeviceCountsAsFarAsTheLogSays) {
  const auto log = storage::SpaceLog::from_records(records_, std::nullopt).value();
  const storage::DeviceId gone = log.devices().begin()->first;
  heads_ = {{gone, 9}};
  EXPECT_FALSE(read_recovery_material(answer(), {}, root_.public_part()));
  storage::RecoveryPlan plan;
  plan.log = &log;
  plan.heads = {{gone, {storage::CommitId{{7}}, 3}}};
  const auto more = storage::recover_vault(root_, new_device(random_), plan, {1'700'000'001}, random_).value();
  records_.insert(records_.end(), more.begin(), more.end());
  const auto material = read_recovery_material(answer(), {}, root_.public_part());
  ASSERT_TRUE(material) << material.error().message();
  ASSERT_TRUE(material->heads.contains(gone));
  EXPECT_EQ(material->heads.at(gone).sequence, 3U);
  EXPECT_EQ(material->heads.at(gone).commit, (storage::CommitId{{7}}));
}

// Goal: both keys of the peer are compared with those of the log; when nothing names them, that is known.
TEST_F(RecoverTest, PeerIsComparedWithTheLogByBothKeys) {
  EXPECT_FALSE(read_recovery_material(answer(), {}, root_.public_part())->peer_checked);
  const auto log = storage::SpaceLog::from_records(records_, std::nullopt).value();
  storage::RecoveryPlan plan;
  plan.log = &log;
  plan.home = storage::HomeBody{peer_public_, "epci.example:8440"};
  const auto more = storage::recover_vault(root_, new_device(random_), plan, {1'700'000'001}, random_).value();
  records_.insert(records_.end(), more.begin(), more.end());
  EXPECT_TRUE(read_recovery_material(answer(), {}, root_.public_part())->peer_checked);
  peer_public_.sign.data[0] ^= 1;
  EXPECT_EQ(read_recovery_material(answer(), {}, root_.public_part()).error().code, ErrorCode::corrupt);
  EXPECT_EQ(read_recovery_material(answer(), {space(), peer_public_.transport}, root_.public_part()).error().code,
            ErrorCode::corrupt);
}

TEST_F(RecoverTest, TakesWhatHoldsTogether) {
  const auto material = read_recovery_material(answer(), {space(), peer_public_.transport}, root_.public_part());
  ASSERT_TRUE(material) << material.error().message();
  EXPECT_EQ(material->log.space(), space());
  EXPECT_EQ(material->peer, peer_public_);
}

TEST_F(RecoverTest, RefusesAnotherVaultAnotherPeerAndAlteredRecords) {
  crypto::SeededRandom other(12);
  const auto stranger = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, other)).public_part();
  EXPECT_EQ(read_recovery_material(answer(), {}, stranger).error().code, ErrorCode::refused);
  storage::SpaceId wrong_space = space();
  wrong_space.data[0] ^= 1;
  EXPECT_EQ(read_recovery_material(answer(), {wrong_space, std::nullopt}, root_.public_part()).error().code,
            ErrorCode::corrupt);
  crypto::TransportPublicKey wrong_peer = peer_public_.transport;
  wrong_peer.data[0] ^= 1;
  EXPECT_EQ(read_recovery_material(answer(), {space(), wrong_peer}, root_.public_part()).error().code,
            ErrorCode::corrupt);
  records_[1].back() ^= 1;
  EXPECT_FALSE(read_recovery_material(answer(), {}, root_.public_part()));
}

TEST_F(RecoverTest, RefusesWhatIsCutAnywhere) {
  const Bytes whole = answer();
  for (std::size_t length = 0; length < whole.size(); length += 97)
    EXPECT_FALSE(read_recovery_material(ByteView(whole).first(length), {}, root_.public_part())) << length;
}

TEST_F(RecoverTest, TheCommandSignsForTheNewDeviceAndNamesWrongWords) {
  FakeDaemon daemon;
  daemon.answer("POST /v1/recover/begin", answer());
  daemon.answer(
      "POST /v1/recover/finish",
      R"({"event":"result","space":"ab","name":"Mairie","snapshots":3,"receipt_counter":7,"latest":{"time":"2026-11-23T22:30:05Z","host":"pc"}})"
      "\n");
  const TemporaryFolder folder;
  auto words = crypto::kit_words(secret_);
  const std::string right = words[6];
  words[6] = words[6] == "abaisser" ? "abandon" : "abaisser";
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) text += std::to_string(i + 1) + ". " + words[i] + "\n";
  write_file(folder.at("kit"), text);
  const CommandResult done = run_at(daemon, {"recover", "--kit", folder.at("kit"), "--peer", "epci.example:8440"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("7"));
  EXPECT_THAT(done.err, HasSubstr(right));
  EXPECT_THAT(done.out, HasSubstr("7"));
  EXPECT_THAT(done.out, HasSubstr("pc"));

  // What was asked for holds the address and the transport seed, and no word and no other secret of the kit.
  const auto requests = daemon.requests();
  storage::CborReader in(as_bytes(requests.at(0).body));
  in.array_of(5);
  EXPECT_EQ(in.text(), "epci.example:8440");
  EXPECT_TRUE(in.try_null());
  EXPECT_TRUE(in.try_null());
  EXPECT_EQ(to_bytes(in.bytes()), to_bytes(root_.transport_seed.view()));
  EXPECT_TRUE(in.try_null());
  EXPECT_EQ(requests.at(0).body.find(as_text(secret_.view())), std::string::npos);
  // And the records continue the log.
  auto log = storage::SpaceLog::from_records(records_, std::nullopt).value();
  storage::CborReader records(as_bytes(requests.at(1).body));
  for (std::size_t left = records.array(); left > 0; --left) ASSERT_TRUE(log.append(records.bytes()));
  EXPECT_FALSE(log.rotation_due());
  EXPECT_EQ(requests.at(1).target, "/v1/recover/finish?keep=0&kit=" + query_value(folder.at("kit")));
  EXPECT_THAT(done.out, HasSubstr("Delete " + folder.at("kit")));

  const CommandResult machine =
      run_at(daemon, {"recover", "--kit", folder.at("kit"), "--peer", "epci.example:8440", "--json"});
  EXPECT_EQ(machine.object()["corrections"], 1);
  EXPECT_THAT(machine.out + machine.err, Not(HasSubstr(right)));
}

TEST_F(RecoverTest, KitsThatAreNoneAreOneSentence) {
  FakeDaemon daemon;
  const TemporaryFolder folder;
  write_file(folder.at("empty"), "");
  write_file(folder.at("letter"), "Bonjour Madame le Maire");
  EXPECT_EQ(run_at(daemon, {"recover", "--kit", folder.at("empty")}).exit_code, 2);
  EXPECT_EQ(run_at(daemon, {"recover", "--kit", folder.at("letter")}).exit_code, 2);
  const CommandResult absent = run_at(daemon, {"recover", "--kit", folder.at("absent")});
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.err, HasSubstr("absent"));
  EXPECT_TRUE(daemon.requests().empty());
}

TEST(PrivateFileTest, ReadsOnlyShortFiles) {
  const TemporaryFolder folder;
  write_file(folder.at("long"), std::string(65 * 1024, 'x'));
  EXPECT_EQ(read_short_file(folder.at("long")).error().code, ErrorCode::limit_exceeded);
  write_file(folder.at("short"), "x");
  EXPECT_EQ(read_short_file(folder.at("short")), "x");
  EXPECT_EQ(write_new_file(folder.at("missing/x"), {}, FileAudience::owner).error().code, ErrorCode::io);
}

TEST(KitReadingTest, WordsMayBeTypedAtATerminal) {
  crypto::SeededRandom random(21);
  const crypto::SecretBytes secret = crypto::SecretBytes::random(32, random);
  std::string typed = "nosuchword\n";
  for (const std::string& word : crypto::kit_words(secret)) typed += word + "\n";
  std::istringstream in(typed + "\n");
  std::ostringstream out;
  std::ostringstream err;
  const auto kit = read_kit({out, err, in, true}, "");
  ASSERT_TRUE(kit) << kit.error().message();
  EXPECT_TRUE(kit->reading.secret == secret);
  EXPECT_FALSE(kit->space_id);
}

}  // namespace
}  // namespace beffroi::client
