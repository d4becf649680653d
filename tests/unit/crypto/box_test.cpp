#include "crypto/box.h"

#include "vectors.h"

namespace beffroi::crypto {
namespace {

class BoxTest : public testing::Test {
 protected:
  SeededRandom random_{1};
  BoxKeyPair recipient_ = BoxKeyPair::generate(random_);
  SecretBytes preshared_ = secret_of(5);
  Bytes context_ = to_bytes(as_bytes("space, epoch, recipient"));
  Bytes box_ = *seal_box(kBoxSuite, recipient_.public_key, preshared_, context_, as_bytes("epoch secret"), random_);
};

TEST(BoxVectorTest, GivesTheCommittedBox) {
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["box"]) {
    SeededRandom random(vector["random_seed"].get<std::uint64_t>());
    const auto recipient = BoxKeyPair::from_seed(secret(vector["recipient_secret"]));
    EXPECT_EQ(to_bytes(recipient.public_key), hex(vector["recipient"]));
    const auto box = seal_box(kBoxSuite, recipient.public_key, secret(vector["preshared"]), hex(vector["context"]),
                              hex(vector["plaintext"]), random);
    ASSERT_TRUE(box.has_value());
    EXPECT_EQ(*box, hex(vector["box"]));
    const auto opened = open_box(kBoxSuite, recipient, secret(vector["preshared"]), hex(vector["context"]), *box);
    ASSERT_TRUE(opened.has_value());
    EXPECT_TRUE(*opened == secret(vector["plaintext"]));
  }
}

TEST(BoxVectorTest, RefusesTheMalformedVectors) {
  const auto vectors = load_vectors("composed.json");
  const auto& good = vectors["box"][0];
  const auto recipient = BoxKeyPair::from_seed(secret(good["recipient_secret"]));
  for (const auto& vector : vectors["malformed"]["box"])
    EXPECT_EQ(error_name(open_box(vector["suite"].get<std::uint8_t>(), recipient, secret(good["preshared"]),
                                  hex(good["context"]), hex(vector["box"]))),
              vector["error"].get<std::string>())
        << vector["why"];
}

TEST_F(BoxTest, OpensForItsRecipientOnly) {
  const auto opened = open_box(kBoxSuite, recipient_, preshared_, context_, box_);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(as_text(opened->view()), "epoch secret");
  EXPECT_EQ(error_name(open_box(kBoxSuite, BoxKeyPair::generate(random_), preshared_, context_, box_)), "corrupt");
}

TEST_F(BoxTest, NeedsTheSameContextAndPresharedSecret) {
  EXPECT_EQ(error_name(open_box(kBoxSuite, recipient_, secret_of(6), context_, box_)), "corrupt");
  EXPECT_EQ(error_name(open_box(kBoxSuite, recipient_, preshared_, as_bytes("another epoch"), box_)), "corrupt");
  EXPECT_EQ(error_name(open_box(kBoxSuite, recipient_, preshared_, {}, box_)), "corrupt");
}

TEST_F(BoxTest, AnyFlippedBitIsRefused) {
  // But one: X25519 ignores the highest bit of a public key. The key is bound by the hash, so even that one is refused.
  for (std::size_t bit = 0; bit < box_.size() * 8; ++bit) {
    box_[bit / 8] = static_cast<std::uint8_t>(box_[bit / 8] ^ 1U << bit % 8);
    EXPECT_EQ(error_name(open_box(kBoxSuite, recipient_, preshared_, context_, box_)), "corrupt") << bit;
    box_[bit / 8] = static_cast<std::uint8_t>(box_[bit / 8] ^ 1U << bit % 8);
  }
}

TEST_F(BoxTest, EachSealingUsesAFreshEphemeralKey) {
  const auto second =
      seal_box(kBoxSuite, recipient_.public_key, preshared_, context_, as_bytes("epoch secret"), random_);
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(std::equal(box_.begin(), box_.begin() + 32, second->begin()));
}

TEST_F(BoxTest, RefusesARecipientOfSmallOrderAndAnOversizedPlaintext) {
  EXPECT_EQ(error_name(seal_box(kBoxSuite, BoxPublicKey{}, preshared_, context_, as_bytes("x"), random_)), "corrupt");
  const Bytes largest(kMaxSuiteBytes - 80);
  const auto box = seal_box(kBoxSuite, recipient_.public_key, preshared_, context_, largest, random_);
  ASSERT_TRUE(box.has_value());
  EXPECT_TRUE(open_box(kBoxSuite, recipient_, preshared_, context_, *box).has_value());
  EXPECT_EQ(
      error_name(seal_box(kBoxSuite, recipient_.public_key, preshared_, context_, Bytes(largest.size() + 1), random_)),
      "limit_exceeded");
  EXPECT_EQ(error_name(seal_box(2, recipient_.public_key, preshared_, context_, as_bytes("x"), random_)),
            "unsupported_version");
}

}  // namespace
}  // namespace beffroi::crypto
