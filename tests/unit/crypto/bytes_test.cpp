#include "crypto/bytes.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace beffroi {
namespace {

TEST(BytesTest, Base32GivesTheRfcsTexts) {
  // RFC 4648, section 10, without padding and in lower case.
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "my"},
                                                                    {"fo", "mzxq"},
                                                                    {"foo", "mzxw6"},
                                                                    {"foob", "mzxw6yq"},
                                                                    {"fooba", "mzxw6ytb"},
                                                                    {"foobar", "mzxw6ytboi"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base32(as_bytes(plain)), text);
    EXPECT_EQ(from_base32(text), to_bytes(as_bytes(plain)));
  }
  EXPECT_EQ(from_base32("MZXW6YTBOI"), to_bytes(as_bytes("foobar")));
}

TEST(BytesTest, Base32AcceptsOneTextPerByteString) {
  // Anything else could be used to write one key in two ways.
  for (const char* text : {"m", "mzx", "mzxw6y", "mz", "mzxr", "my======", "m1", "m y"})
    EXPECT_EQ(from_base32(text), std::nullopt) << text;
}

TEST(BytesTest, RandomBytesSurviveBothTexts) {
  crypto::SeededRandom random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    random.fill(bytes);
    EXPECT_EQ(from_base32(to_base32(bytes)), bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  }
}

TEST(BytesTest, HexRefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0xaf, 0x10}), "00af10");
  EXPECT_EQ(from_hex("00AF10"), (Bytes{0x00, 0xaf, 0x10}));
  for (const char* text : {"0", "0g", " 0", "0x10"}) EXPECT_EQ(from_hex(text), std::nullopt) << text;
}

TEST(BytesTest, LittleEndianIntegersSurviveAndLieAsDocumented) {
  std::array<std::uint8_t, 8> raw{};
  put_le64(raw.data(), 0x0102030405060708U);
  EXPECT_EQ(to_hex(raw), "0807060504030201");
  EXPECT_EQ(get_le64(raw.data()), 0x0102030405060708U);
  put_le32(raw.data(), 0xfffefdfcU);
  EXPECT_EQ(to_hex(raw), "fcfdfeff04030201");
  EXPECT_EQ(get_le32(raw.data()), 0xfffefdfcU);
}

TEST(BytesTest, FixedBytesTakesExactlyItsSize) {
  using Four = FixedBytes<4, struct FourTag>;
  EXPECT_EQ(Four::from(Bytes(3)), std::nullopt);
  EXPECT_EQ(Four::from(Bytes(5)), std::nullopt);
  ASSERT_TRUE(Four::from(Bytes(4)).has_value());
  EXPECT_TRUE(Four::from(Bytes(4))->is_zero());
  EXPECT_EQ(Four::from(Bytes{1, 2, 3, 4})->hex(), "01020304");
}

}  // namespace
}  // namespace beffroi
