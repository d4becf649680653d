// Goal: a receipt is the documented bytes and nothing but its peer can make one.
#include "storage/space/receipt.h"

#include <gtest/gtest.h>

#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

struct ReceiptTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/space.json");
  crypto::DeviceKeys peer = *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), "peer"));
  Bytes golden = hex_of(vectors.at("receipt"), "receipt");
};

TEST_F(ReceiptTest, GoldenReceiptIsMadeByteForByte) {
  Receipt receipt;
  receipt.space = *SpaceId::from(hex_of(vectors, "space"));
  receipt.counter = 2;
  receipt.previous.emplace().data.fill(0x55);
  receipt.commit.data.fill(0x0B);
  receipt.log_head = *RecordId::from(hex_of(vectors.at("records").at(2), "id"));
  receipt.peer_time = {vectors.at("clock").get<std::int64_t>()};
  EXPECT_EQ(golden, make_receipt(receipt, peer.sign));
  EXPECT_EQ(hex_of(vectors.at("receipt"), "id"), to_bytes(receipt.id));
  const auto read = decode_receipt(golden, peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(receipt.id, read->id);
  EXPECT_EQ(receipt.previous, read->previous);
  EXPECT_EQ(receipt.commit, read->commit);
  EXPECT_EQ(receipt.log_head, read->log_head);
  EXPECT_EQ(receipt.peer_time, read->peer_time);
  EXPECT_EQ(receipt.signature, read->signature);
}

TEST_F(ReceiptTest, WhatWasVerifiedBeforeIsParsedAlone) {
  Bytes badly_signed = golden;
  badly_signed.back() ^= 0x01;
  const auto read = parse_receipt(badly_signed);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(2U, read->counter);
  EXPECT_EQ(decode_receipt(golden, peer.sign.public_key)->commit, read->commit);
  EXPECT_EQ(parse_receipt(golden)->id, decode_receipt(golden, peer.sign.public_key)->id);
  golden.pop_back();
  EXPECT_EQ(ErrorCode::corrupt, parse_receipt(golden).error().code);
}

TEST_F(ReceiptTest, FirstReceiptHasNoPrevious) {
  Receipt first;
  first.counter = 1;
  const auto read = decode_receipt(make_receipt(first, peer.sign), peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->previous.has_value());
}

// Goal: after a loss that left a peer without any receipt, number 1 names the declaration.
TEST_F(ReceiptTest, TheFirstMayNameALoss) {
  Receipt first;
  first.counter = 1;
  first.previous.emplace().data.fill(0x77);
  const auto read = decode_receipt(make_receipt(first, peer.sign), peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(first.previous, read->previous);
}

TEST_F(ReceiptTest, MalformedReceiptsAreRefusedWithTheirError) {
  for (const auto& vector : vectors.at("malformed_receipts")) {
    const auto read = decode_receipt(hex_of(vector, "receipt"), peer.sign.public_key);
    ASSERT_FALSE(read.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(read.error().code)) << vector.at("name");
  }
  EXPECT_EQ(ErrorCode::corrupt, decode_receipt(Bytes(kMaxReceiptBytes + 1), peer.sign.public_key).error().code);
}

TEST_F(ReceiptTest, AnyFlippedByteIsRefused) {
  for (std::size_t i = 0; i < golden.size(); ++i) {
    Bytes damaged = golden;
    damaged[i] ^= 0x01;
    EXPECT_FALSE(decode_receipt(damaged, peer.sign.public_key).has_value()) << "byte " << i;
  }
}

}  // namespace
}  // namespace beffroi::storage
