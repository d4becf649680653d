#include "crypto/password.h"

#include <sodium.h>

#include "vectors.h"

namespace beffroi::crypto {
namespace {

constexpr PasswordCost kCheap{.memory_kib = kMinPasswordMemoryKib, .passes = 1};
const Bytes kSalt(kPasswordSaltBytes, 3);

TEST(PasswordTest, ThePrimitiveGivesTheOfficialVector) {
  const auto vector = load_vectors("official.json")["argon2id"];
  const std::string password = to_string(hex(vector["password"]));
  const Bytes expected = hex(vector["output"]);
  Bytes stretched(expected.size());
  ASSERT_EQ(crypto_pwhash_argon2id(stretched.data(), stretched.size(), password.data(), password.size(),
                                   hex(vector["salt"]).data(), vector["passes"].get<std::uint64_t>(),
                                   vector["memory_bytes"].get<std::size_t>(), crypto_pwhash_argon2id_ALG_ARGON2ID13),
            0);
  EXPECT_EQ(stretched, expected);
}

TEST(PasswordTest, GivesTheCommittedKeys) {
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["password"]) {
    const Bytes password = hex(vector["password"]);
    const PasswordCost cost{vector["memory_kib"].get<std::uint32_t>(), vector["passes"].get<std::uint32_t>()};
    Bytes stretched(32);
    const std::string text = to_string(password);  // never a null pointer, unlike an empty view
    ASSERT_EQ(
        crypto_pwhash_argon2id(stretched.data(), 32, text.data(), text.size(), hex(vector["salt"]).data(), cost.passes,
                               std::size_t{cost.memory_kib} * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13),
        0);
    EXPECT_EQ(stretched, hex(vector["argon2id"]));
    const auto key = password_key(text, hex(vector["salt"]), cost);
    ASSERT_TRUE(key.has_value());
    EXPECT_TRUE(key->key == secret(vector["key"]));
    EXPECT_EQ(to_bytes(key->commitment), hex(vector["commitment"]));
  }
}

TEST(PasswordTest, TheCommitmentTellsAWrongPassword) {
  const auto key = password_key("correct", kSalt, kCheap);
  ASSERT_TRUE(key.has_value());
  const auto right = password_key_checked("correct", kSalt, kCheap, key->commitment);
  ASSERT_TRUE(right.has_value());
  EXPECT_TRUE(*right == key->key);
  EXPECT_EQ(error_name(password_key_checked("Correct", kSalt, kCheap, key->commitment)), "refused");
  EXPECT_EQ(error_name(password_key_checked("correct", Bytes(16, 4), kCheap, key->commitment)), "refused");
  EXPECT_EQ(error_name(password_key_checked("correct", kSalt, kCheap, ByteView(key->commitment).first(31))), "refused");
}

TEST(PasswordTest, CostsAndLengthsFromOutsideAreBounded) {
  // A file that asks for a terabyte of memory must not get it.
  for (const PasswordCost cost :
       {PasswordCost{kMinPasswordMemoryKib - 1, 1}, PasswordCost{kMaxPasswordMemoryKib + 1, 1},
        PasswordCost{UINT32_MAX, 1}, PasswordCost{kMinPasswordMemoryKib, 0},
        PasswordCost{kMinPasswordMemoryKib, kMaxPasswordPasses + 1}})
    EXPECT_EQ(error_name(password_key("x", kSalt, cost)), "limit_exceeded");
  EXPECT_EQ(error_name(password_key(std::string(kMaxPasswordBytes + 1, 'x'), kSalt, kCheap)), "limit_exceeded");
  EXPECT_EQ(error_name(password_key("x", Bytes(15), kCheap)), "corrupt");
}

}  // namespace
}  // namespace beffroi::crypto
