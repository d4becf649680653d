// Control messages: every kind survives the way, and nothing malformed is taken.
#include "daemon/sync/messages.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

template <class T>
T fixed(std::uint64_t seed) {
  return crypto::SeededRandom(seed).fixed<T>();
}

std::vector<Message> one_of_each() {
  const auto id = fixed<storage::ObjectId>(1);
  const auto other = fixed<storage::ObjectId>(2);
  return {
      HelloMessage{1, 3, fixed<crypto::SigningPublicKey>(3), fixed<storage::SpaceId>(4), "beffroid"},
      ErrorMessage{{ErrorCode::refused, "No room for {}.", {"commune é"}}},
      OkMessage{},
      EnrolMessage{{{1, 2}, {3}}, false},
      LogGetMessage{7},
      LogMessage{9, {{1}, {2}}},
      LogAppendMessage{{1, 2, 3}},
      HeadsGetMessage{},
      HeadsMessage{{{fixed<storage::DeviceId>(5), 8, fixed<storage::CommitId>(6)}}},
      BranchGetMessage{fixed<storage::DeviceId>(5), 3},
      CommitsMessage{{{9, 9}}},
      ReceiptsGetMessage{2},
      ReceiptsMessage{5, {{4}}},
      LeaseOpenMessage{},
      LeaseMessage{fixed<storage::LeaseId>(7), {id}},
      LacksMessage{{id, other, id}},
      LackingMessage{{true, false, true, true, false, false, false, false, true}},
      FlushMessage{},
      DurableMessage{12},
      CommitMessage{{1}, {other}},
      ReceiptMessage{{5, 5}},
      GetMessage{{id}},
      AbsentMessage{},
      FactsGetMessage{{id}},
      FactsMessage{{ObjectFacts{storage::ObjectKind::leaf, 2, {3}, 700}, std::nullopt}},
      ExpiriesGetMessage{4},
      ExpiriesMessage{5, {to_bytes(as_bytes("an expiry"))}},
      LossesGetMessage{},
      LossesMessage{{to_bytes(as_bytes("a loss")), {2}}},
      FoundMessage{{{1, 2}, {3}}, true},
      InvitationOpenMessage{fixed<crypto::TransportPublicKey>(8), {1'900'000'000}},
      InvitationCloseMessage{fixed<crypto::TransportPublicKey>(8), Bytes(storage::kSealedRefusalBytes, 9)},
      RequestsGetMessage{},
      RequestsMessage{{{crypto::TransportPublicKey{{1}}, Bytes(storage::kSealedJoinRequestBytes, 1), {5}},
                       {crypto::TransportPublicKey{{2}}, Bytes(storage::kSealedJoinRequestBytes, 2), {6}}}},
      RequestMessage{Bytes(storage::kSealedJoinRequestBytes, 3)},
      AnswerGetMessage{},
      AnswerMessage{{JoinAnswer::State::refused, Bytes(storage::kSealedRefusalBytes, 4)}},
      NewsWaitMessage{{7, 8, 9}, std::chrono::milliseconds(250)},
      NewsMessage{{7, 8, 10}},
  };
}

TEST(MessagesTest, EveryKindSurvivesTheWay) {
  const auto messages = one_of_each();
  ASSERT_EQ(messages.size(), std::variant_size_v<Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(messages[i].index(), i);
    const Bytes encoded = encode_message(messages[i]);
    const auto decoded = decode_message(encoded);
    ASSERT_TRUE(decoded) << i;
    EXPECT_EQ(decoded->index(), i);
    EXPECT_EQ(encode_message(*decoded), encoded) << i;
  }
}

TEST(MessagesTest, FieldsKeepTheirMeaning) {
  const auto lacking = std::get<LackingMessage>(*decode_message(encode_message(one_of_each()[16])));
  EXPECT_EQ(lacking.lacking, (std::vector<bool>{true, false, true, true, false, false, false, false, true}));
  const auto error = std::get<ErrorMessage>(*decode_message(encode_message(one_of_each()[1])));
  EXPECT_EQ(error.error.message(), "No room for commune é.");
  const auto facts = std::get<FactsMessage>(*decode_message(encode_message(one_of_each()[24])));
  EXPECT_EQ(facts.facts[0]->kind, storage::ObjectKind::leaf);
  EXPECT_EQ(facts.facts[0]->sealed_bytes, 700U);
  EXPECT_FALSE(facts.facts[1]);
}

TEST(MessagesTest, EveryCutAndEveryAdditionIsRefused) {
  for (const Message& message : one_of_each()) {
    Bytes encoded = encode_message(message);
    for (std::size_t length = 0; length < encoded.size(); ++length)
      EXPECT_FALSE(decode_message(ByteView(encoded).first(length)));
    encoded.push_back(0);
    EXPECT_FALSE(decode_message(encoded));
  }
}

TEST(MessagesTest, WhatIsOutOfBoundsIsRefused) {
  using storage::CborWriter;
  const auto refused = [](CborWriter& out) { return !decode_message(out.take()); };
  EXPECT_TRUE(refused(CborWriter().array(1).uint(0)));
  EXPECT_TRUE(refused(CborWriter().array(1).uint(std::variant_size_v<Message> + 1)));
  EXPECT_TRUE(refused(CborWriter().array(2).uint(3).uint(0)));  // ok has no fields
  CborWriter ids;
  ids.array(2).uint(16).array(kMaxIdsPerMessage + 1);
  for (std::size_t i = 0; i <= kMaxIdsPerMessage; ++i) ids.bytes(storage::ObjectId{});
  EXPECT_TRUE(refused(ids));
  // Nine answers need two bytes of bits, and the rest of the second is zero.
  EXPECT_TRUE(refused(CborWriter().array(3).uint(17).uint(9).bytes(Bytes{1})));
  EXPECT_TRUE(refused(CborWriter().array(3).uint(17).uint(9).bytes(Bytes{1, 2})));
  EXPECT_FALSE(refused(CborWriter().array(3).uint(17).uint(9).bytes(Bytes{1, 1})));
  // Versions that no one speaks.
  EXPECT_TRUE(refused(CborWriter().array(6).uint(1).uint(2).uint(1).null().null().text("x")));
  // Heads out of order, or with number 0.
  const storage::DeviceId low{{1}};
  const storage::DeviceId high{{2}};
  CborWriter heads;
  heads.array(2).uint(9).array(2);
  for (const auto& device : {high, low}) heads.array(3).bytes(device).uint(1).bytes(storage::CommitId{});
  EXPECT_TRUE(refused(heads));
}

// Goal: what is sealed for a share has one length, and nobody waits for longer than a peer wants to be waited for.
TEST(MessagesTest, WhatASharesMessagesMayHold) {
  using storage::CborWriter;
  const auto taken = [](CborWriter& out) { return decode_message(out.take()).has_value(); };
  const Bytes request(storage::kSealedJoinRequestBytes);
  const Bytes refusal(storage::kSealedRefusalBytes);
  const crypto::TransportPublicKey low{{1}};
  const crypto::TransportPublicKey high{{2}};
  EXPECT_TRUE(taken(CborWriter().array(2).uint(35).bytes(request)));
  EXPECT_FALSE(taken(CborWriter().array(2).uint(35).bytes(ByteView(request).first(request.size() - 1))));
  EXPECT_FALSE(taken(CborWriter().array(2).uint(35).bytes(Bytes(request.size() + 1))));
  EXPECT_FALSE(taken(CborWriter().array(3).uint(32).bytes(low).bytes(request)));
  EXPECT_TRUE(taken(CborWriter().array(3).uint(32).bytes(low).null()));
  EXPECT_FALSE(taken(CborWriter().array(3).uint(31).bytes(low).uint(253'402'300'800)));
  const auto requests = [&](std::initializer_list<crypto::TransportPublicKey> keys) {
    CborWriter out;
    out.array(2).uint(34).array(keys.size());
    for (const auto& key : keys) out.array(3).bytes(key).bytes(request).uint(1);
    return taken(out);
  };
  EXPECT_TRUE(requests({low, high}));
  EXPECT_FALSE(requests({high, low}));
  EXPECT_FALSE(requests({low, low}));
  EXPECT_TRUE(taken(CborWriter().array(3).uint(37).uint(1).bytes({})));
  EXPECT_FALSE(taken(CborWriter().array(3).uint(37).uint(1).bytes(refusal)));
  EXPECT_FALSE(taken(CborWriter().array(3).uint(37).uint(2).bytes({})));
  for (const std::uint64_t state : {0U, 4U}) EXPECT_FALSE(taken(CborWriter().array(3).uint(37).uint(state).bytes({})));
  EXPECT_TRUE(taken(CborWriter().array(3).uint(38).array(3).uint(1).uint(2).uint(3).uint(30'000)));
  EXPECT_FALSE(taken(CborWriter().array(3).uint(38).array(3).uint(1).uint(2).uint(3).uint(30'001)));
}

// Goal: an error's words come from another machine: no control character reaches a terminal, no length an allocation.
TEST(MessagesTest, AnErrorsWordsAreTamed) {
  const ErrorMessage wild{{ErrorCode::refused,
                           std::string(5000, 'x'),
                           {"a\x1b[2J\x07z",
                            "\xc2\x9b"
                            "31m",
                            std::string(2000, 'e') + "\xc3\xa9", "\xff", "5", "6", "7", "8", "9"}}};
  const auto tamed = std::get<ErrorMessage>(*decode_message(encode_message(wild))).error;
  EXPECT_EQ(tamed.text.size(), kMaxErrorTextBytes);
  ASSERT_EQ(tamed.args.size(), kMaxErrorArguments);
  EXPECT_EQ(tamed.args[0], "a [2J z");
  EXPECT_EQ(tamed.args[1], "  31m");
  EXPECT_EQ(tamed.args[2].size(), kMaxErrorArgumentBytes);
  EXPECT_EQ(tamed.args[3], "?");
  using storage::CborWriter;
  EXPECT_FALSE(decode_message(CborWriter().array(4).uint(2).text("refused").text("\x1b[2J").array(0).take()));
  EXPECT_FALSE(decode_message(CborWriter().array(4).uint(2).text("no such code").text("x").array(0).take()));
}

}  // namespace
}  // namespace beffroi::daemon
