// Goal: an expiry is the documented bytes, nothing but its peer can make one, and it is bounded.
#include "storage/space/expiry.h"

#include <gtest/gtest.h>

#include "storage/space/envelope.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

struct ExpiryTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/space.json");
  crypto::DeviceKeys peer = *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), "peer"));
  Bytes golden = hex_of(vectors.at("expiry"), "expiry");

  RecordId deletion() const {
    const auto& records = vectors.at("records");
    const auto found =
        std::ranges::find_if(records, [](const auto& record) { return record.at("name") == "deletion"; });
    return *RecordId::from(hex_of(*found, "id"));
  }
  static CommitId commit(std::uint8_t filled_with) {
    CommitId out;
    out.data.fill(filled_with);
    return out;
  }
  static CommitId numbered(std::size_t number) {
    CommitId out;
    out.data[0] = static_cast<std::uint8_t>(number >> 8);
    out.data[1] = static_cast<std::uint8_t>(number);
    return out;
  }
};

TEST_F(ExpiryTest, GoldenExpiryIsMadeByteForByte) {
  Expiry expiry;
  expiry.space = *SpaceId::from(hex_of(vectors, "space"));
  expiry.counter = 2;
  expiry.previous.emplace().data.fill(0x66);
  expiry.as_of = {vectors.at("clock").get<std::int64_t>()};
  expiry.log_head = deletion();
  expiry.gone = {{.commit = commit(0x0B), .deletion = {}}, {.commit = commit(0xAA), .deletion = deletion()}};
  EXPECT_EQ(golden, make_expiry(expiry, peer.sign));
  EXPECT_EQ(hex_of(vectors.at("expiry"), "id"), to_bytes(expiry.id));
  const auto read = decode_expiry(golden, peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(expiry.id, read->id);
  EXPECT_EQ(expiry.space, read->space);
  EXPECT_EQ(expiry.counter, read->counter);
  EXPECT_EQ(expiry.previous, read->previous);
  EXPECT_EQ(expiry.as_of, read->as_of);
  EXPECT_EQ(expiry.log_head, read->log_head);
  EXPECT_EQ(expiry.gone, read->gone);
  EXPECT_EQ(expiry.signature, read->signature);
}

TEST_F(ExpiryTest, FirstExpiryHasNoPrevious) {
  Expiry first;
  first.counter = 1;
  first.gone.emplace_back();
  const auto read = decode_expiry(make_expiry(first, peer.sign), peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->previous.has_value());
}

// Goal: after a loss that left a peer without any expiry, number 1 names the declaration.
TEST_F(ExpiryTest, TheFirstMayNameALoss) {
  Expiry first;
  first.counter = 1;
  first.previous.emplace().data.fill(0x77);
  first.gone.emplace_back();
  const auto read = decode_expiry(make_expiry(first, peer.sign), peer.sign.public_key);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(first.previous, read->previous);
}

TEST_F(ExpiryTest, TheLongestExpiryIsWithinItsBound) {
  Expiry longest;
  longest.counter = UINT64_MAX;
  longest.previous.emplace();
  longest.as_of = {INT64_MIN};
  for (std::size_t i = 0; i < kMaxExpiredCommits; ++i)
    longest.gone.push_back({.commit = numbered(i), .deletion = RecordId{}});
  const Bytes encoded = make_expiry(longest, peer.sign);
  EXPECT_LE(encoded.size(), kMaxExpiryBytes);
  EXPECT_EQ(longest.gone, decode_expiry(encoded, peer.sign.public_key)->gone);
}

TEST_F(ExpiryTest, OneCommitTooManyIsRefused) {
  for (const std::size_t count : {kMaxExpiredCommits, kMaxExpiredCommits + 1}) {
    CborWriter clear;
    clear.array(6).bytes(SpaceId{}).uint(1).null().integer(0).bytes(RecordId{}).array(count);
    for (std::size_t i = 0; i < count; ++i) clear.array(2).bytes(numbered(i)).uint(0);
    const Bytes encoded = sign_envelope(crypto::labels::sign_expiry, clear.take(), peer.sign);
    ASSERT_LE(encoded.size(), kMaxExpiryBytes);
    EXPECT_EQ(count == kMaxExpiredCommits, decode_expiry(encoded, peer.sign.public_key).has_value());
  }
}

TEST_F(ExpiryTest, MalformedExpiriesAreRefusedWithTheirError) {
  for (const auto& vector : vectors.at("malformed_expiries")) {
    const auto read = decode_expiry(hex_of(vector, "expiry"), peer.sign.public_key);
    ASSERT_FALSE(read.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(read.error().code)) << vector.at("name");
  }
  EXPECT_EQ(ErrorCode::corrupt, decode_expiry(Bytes(kMaxExpiryBytes + 1), peer.sign.public_key).error().code);
}

TEST_F(ExpiryTest, AnyFlippedByteIsRefused) {
  for (std::size_t i = 0; i < golden.size(); ++i) {
    Bytes damaged = golden;
    damaged[i] ^= 0x01;
    EXPECT_FALSE(decode_expiry(damaged, peer.sign.public_key).has_value()) << "byte " << i;
  }
}

}  // namespace
}  // namespace beffroi::storage
