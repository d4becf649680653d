#include "crypto/sign.h"

#include "vectors.h"

namespace beffroi::crypto {
namespace {

TEST(SignTest, GivesTheCommittedSignature) {
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["sign"]) {
    const auto key = SigningKeyPair::from_seed(secret(vector["seed"]));
    EXPECT_EQ(to_bytes(key.public_key), hex(vector["public"]));
    const Signature signature = sign(label_named(vector["label"]), key, hex(vector["message"]));
    EXPECT_EQ(to_bytes(signature), hex(vector["signature"]));
    EXPECT_TRUE(verify(label_named(vector["label"]), key.public_key, hex(vector["message"]), signature));
  }
}

TEST(SignTest, HoldsForOneLabelOneKeyAndOneMessage) {
  SeededRandom random(1);
  const auto key = SigningKeyPair::generate(random);
  const auto other = SigningKeyPair::generate(random);
  const Signature signature = sign(labels::sign_commit, key, as_bytes("m"));
  EXPECT_TRUE(verify(labels::sign_commit, key.public_key, as_bytes("m"), signature));
  EXPECT_FALSE(verify(labels::sign_record, key.public_key, as_bytes("m"), signature));
  EXPECT_FALSE(verify(labels::sign_commit, other.public_key, as_bytes("m"), signature));
  EXPECT_FALSE(verify(labels::sign_commit, key.public_key, as_bytes("n"), signature));
  EXPECT_FALSE(verify(labels::sign_commit, key.public_key, {}, signature));
}

TEST(SignTest, AnyFlippedBitOfTheSignatureIsRefused) {
  SeededRandom random(2);
  const auto key = SigningKeyPair::generate(random);
  Signature signature = sign(labels::sign_commit, key, as_bytes("m"));
  for (std::size_t bit = 0; bit < Signature::size_bytes * 8; ++bit) {
    auto& byte = signature.data[bit / 8];
    byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
    EXPECT_FALSE(verify(labels::sign_commit, key.public_key, as_bytes("m"), signature)) << bit;
    byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
  }
}

TEST(SignTest, RefusesTheMalleableTwinOfASignature) {
  // S + L verifies under sloppy rules: two signatures of one record would have two ids.
  SeededRandom random(3);
  const auto key = SigningKeyPair::generate(random);
  Signature signature = sign(labels::sign_record, key, as_bytes("m"));
  const Bytes order = *from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned>(signature.data[32 + i]) + order[i];
    signature.data[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  ASSERT_EQ(carry, 0U);
  EXPECT_FALSE(verify(labels::sign_record, key.public_key, as_bytes("m"), signature));
}

TEST(SignTest, RefusesKeysOfSmallOrder) {
  // With the neutral element as key and R, S = 0 would "sign" every message.
  SigningPublicKey neutral;
  neutral.data[0] = 1;
  Signature signature;
  signature.data[0] = 1;
  EXPECT_FALSE(verify(labels::sign_record, neutral, as_bytes("anything"), signature));
  EXPECT_FALSE(verify(labels::sign_record, SigningPublicKey{}, as_bytes("anything"), Signature{}));
}

}  // namespace
}  // namespace beffroi::crypto
