// Heads of frames and addresses of peers.
#include "daemon/net/frame.h"

#include <gtest/gtest.h>

#include "daemon/net/tls.h"
#include "storage/format/types.h"

namespace beffroi::daemon {
namespace {

Result<FrameHead> head_of(std::uint32_t length, std::uint8_t type) {
  std::array<std::uint8_t, kFrameHeadBytes> bytes{};
  put_le32(bytes.data(), length);
  bytes[4] = type;
  return decode_frame_head(bytes);
}

TEST(FrameTest, AHeadSaysTypeAndLength) {
  const Bytes encoded = encode_frame({FrameType::object, {7, 8, 9}});
  EXPECT_EQ(encoded, (Bytes{3, 0, 0, 0, 2, 7, 8, 9}));
  const auto head = head_of(3, 2);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->type, FrameType::object);
  EXPECT_EQ(head->body_bytes, 3U);
}

TEST(FrameTest, BoundsHoldBeforeAnythingIsAllocated) {
  EXPECT_TRUE(head_of(kMaxFrameBytes, 1));
  EXPECT_EQ(head_of(kMaxFrameBytes + 1, 1).error().code, ErrorCode::limit_exceeded);
  EXPECT_TRUE(head_of(storage::kMaxObjectBytes, 2));
  EXPECT_EQ(head_of(storage::kMaxObjectBytes + 1, 2).error().code, ErrorCode::limit_exceeded);
  EXPECT_TRUE(head_of(0, 3));
  EXPECT_EQ(head_of(1, 3).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(head_of(0, 0).error().code, ErrorCode::protocol);
  EXPECT_EQ(head_of(0, 4).error().code, ErrorCode::protocol);
}

// Goal: a rural line may send the largest object; a trickle may not hold a connection for ever.
TEST(FrameTest, ABodyGetsTimeByItsLength) {
  using namespace std::chrono_literals;
  EXPECT_EQ(body_timeout(0, 10s), 10s);
  EXPECT_EQ(body_timeout(kSlowestBytesPerSecond * 30, 10s), 40s);
  EXPECT_EQ(body_timeout(kSlowestBytesPerSecond, std::chrono::hours(1)), kFrameTimeout + 1s);
}

TEST(AddressTest, HostsAndPortsInAllTheirForms) {
  const auto text_of = [](std::string_view given) {
    const auto parsed = Address::parse(given, kDefaultPeerPort);
    return parsed ? parsed->text() : parsed.error().message();
  };
  EXPECT_EQ(text_of("peer.example.fr:9000"), "peer.example.fr:9000");
  EXPECT_EQ(text_of("peer.example.fr"), "peer.example.fr:8440");
  EXPECT_EQ(text_of("192.0.2.7:1"), "192.0.2.7:1");
  EXPECT_EQ(text_of("[::1]:65535"), "[::1]:65535");
  EXPECT_EQ(text_of("[::]"), "[::]:8440");
  EXPECT_EQ(text_of("2001:db8::1"), "[2001:db8::1]:8440");
}

TEST(AddressTest, WhatIsNoAddressIsRefused) {
  for (const std::string_view bad : {"", ":80", "host:", "host:65536", "host:-1", "host:80x", "[::1", "[::1]80",
                                     "[]:80", "a b:80", "host\n:80", "[x]y:1"})
    EXPECT_EQ(Address::parse(bad, 1).error().code, ErrorCode::usage) << bad;
  EXPECT_FALSE(Address::parse(std::string(256, 'a'), 1));
}

}  // namespace
}  // namespace beffroi::daemon
