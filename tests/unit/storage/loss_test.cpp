// Goal: a declared loss is the documented bytes, nothing but its peer can make one, and it is bounded.
#include "storage/space/loss.h"

#include <gtest/gtest.h>

#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

struct LossTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/space.json");
  crypto::DeviceKeys peer = *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), "peer"));
  Bytes golden = hex_of(vectors.at("loss"), "loss");
};

TEST_F(LossTest, GoldenLossIsMadeByteForByte) {
  Loss loss;
  loss.space = *SpaceId::from(hex_of(vectors, "space"));
  loss.counter = 2;
  loss.previous.emplace().data.fill(0x77);
  loss.declared = {vectors.at("clock").get<std::int64_t>()};
  loss.since = {loss.declared.seconds - 86'400};
  loss.receipts.kept.counter = 3;
  loss.receipts.kept.id.emplace().data.fill(0x55);
  loss.receipts.head.counter = 5;
  loss.receipts.head.id.emplace().data.fill(0x56);
  loss.reason = "Disque remplacé";
  EXPECT_EQ(golden, make_loss(loss, peer.sign));
  EXPECT_EQ(hex_of(vectors.at("loss"), "id"), to_bytes(loss.id));
  const auto read = decode_loss(golden, peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(loss.id, read->id);
  EXPECT_EQ(loss.space, read->space);
  EXPECT_EQ(loss.counter, read->counter);
  EXPECT_EQ(loss.previous, read->previous);
  EXPECT_EQ(loss.declared, read->declared);
  EXPECT_EQ(loss.since, read->since);
  EXPECT_EQ(loss.receipts, read->receipts);
  EXPECT_EQ(loss.expiries, read->expiries);
  EXPECT_EQ(loss.reason, read->reason);
  EXPECT_EQ(loss.signature, read->signature);
}

TEST_F(LossTest, WhatWasVerifiedBeforeIsParsedAlone) {
  const auto id = decode_loss(golden, peer.sign.public_key)->id;
  EXPECT_EQ(id, parse_loss(golden)->id);
  Bytes badly_signed = golden;
  badly_signed.back() ^= 0x01;
  EXPECT_TRUE(parse_loss(badly_signed).has_value());
  golden.pop_back();
  EXPECT_EQ(ErrorCode::corrupt, parse_loss(golden).error().code);
}

TEST_F(LossTest, TheLongestLossIsWithinItsBound) {
  Loss longest;
  longest.counter = UINT64_MAX;
  longest.previous.emplace();
  longest.declared = longest.since = {INT64_MIN};
  longest.receipts.kept = {UINT64_MAX - 1, ReceiptId{}};
  longest.receipts.head = {UINT64_MAX, ReceiptId{}};
  longest.expiries.kept = {UINT64_MAX - 1, ExpiryId{}};
  longest.expiries.head = {UINT64_MAX, ExpiryId{}};
  longest.reason = std::string(kMaxLossReasonBytes, 'x');
  const Bytes encoded = make_loss(longest, peer.sign);
  EXPECT_LE(encoded.size(), kMaxLossBytes);
  EXPECT_EQ(longest.receipts, decode_loss(encoded, peer.sign.public_key)->receipts);
}

TEST_F(LossTest, AReasonIsOneLineThatATerminalMayShow) {
  EXPECT_TRUE(is_loss_reason(""));
  EXPECT_TRUE(is_loss_reason("Le disque est tombé en panne."));
  EXPECT_FALSE(is_loss_reason(std::string(kMaxLossReasonBytes + 1, 'x')));
  EXPECT_FALSE(is_loss_reason("two\nlines"));
  EXPECT_FALSE(is_loss_reason("\x1b[31m"));
  EXPECT_FALSE(is_loss_reason("\xff"));
}

TEST_F(LossTest, MalformedLossesAreRefusedWithTheirError) {
  for (const auto& vector : vectors.at("malformed_losses")) {
    const auto read = decode_loss(hex_of(vector, "loss"), peer.sign.public_key);
    ASSERT_FALSE(read.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(read.error().code)) << vector.at("name");
  }
  EXPECT_EQ(ErrorCode::corrupt, decode_loss(Bytes(kMaxLossBytes + 1), peer.sign.public_key).error().code);
}

TEST_F(LossTest, AnyFlippedByteIsRefused) {
  for (std::size_t i = 0; i < golden.size(); ++i) {
    Bytes damaged = golden;
    damaged[i] ^= 0x01;
    EXPECT_FALSE(decode_loss(damaged, peer.sign.public_key).has_value()) << "byte " << i;
  }
}

}  // namespace
}  // namespace beffroi::storage
