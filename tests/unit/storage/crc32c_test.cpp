// Goal: the checksum that RocksDB is given computes what RocksDB's own would, and RocksDB uses it.
#include "storage/store/crc32c.h"

#include <gtest/gtest.h>

#ifdef __x86_64__
namespace beffroi::storage {
namespace {

std::uint32_t by_definition(std::uint32_t crc, ByteView data) {
  constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected
  crc = ~crc;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

TEST(Crc32cTest, GivesTheValuesOfRfc3720) {
  EXPECT_EQ(extend_crc32c(0, Bytes(32, 0x00)), 0x8A9136AAU);
  EXPECT_EQ(extend_crc32c(0, Bytes(32, 0xFF)), 0x62A8AB43U);
  Bytes ascending(32);
  for (std::size_t i = 0; i < ascending.size(); ++i) ascending[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(extend_crc32c(0, ascending), 0x46DD794EU);
}

TEST(Crc32cTest, IsTheDefinitionAtEveryLengthAndAlignmentAndInParts) {
  Bytes data(300);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 37 + 11);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size = 0; begin + size <= data.size(); ++size) {
      const ByteView part = ByteView(data).subspan(begin, size);
      ASSERT_EQ(extend_crc32c(0, part), by_definition(0, part)) << begin << '+' << size;
      const ByteView head = part.first(size / 3);
      ASSERT_EQ(extend_crc32c(extend_crc32c(0, head), part.subspan(size / 3)), by_definition(0, part));
    }
  }
}

TEST(Crc32cTest, IsWhatRocksDbCalls) {
  const bool processor_can = __builtin_cpu_supports("sse4.2") != 0;
  EXPECT_EQ(checksums_by_processor(), processor_can);
}

}  // namespace
}  // namespace beffroi::storage
#endif
