#include "crypto/peer_details.h"

#include "vectors.h"

namespace beffroi::crypto {
namespace {

PeerDetails example_peer() {
  SeededRandom random(1);
  return {"EPCI du Val", "sauvegarde.example:8440", random.fixed<TransportPublicKey>()};
}

TEST(PeerDetailsTest, TheTextOfEitherLanguageReadsBack) {
  for (const char* language : {"fr", "en"}) {
    const auto back = parse_peer_text(peer_text(example_peer(), language));
    ASSERT_TRUE(back.has_value()) << back.error().message();
    EXPECT_EQ(*back, example_peer());
  }
  EXPECT_NE(peer_text(example_peer(), "fr").find("Adresse : "), std::string::npos);
}

TEST(PeerDetailsTest, ANameCannotAddLines) {
  PeerDetails peer = example_peer();
  peer.name = "x\nAdresse : evil.example:1";
  const auto back = parse_peer_text(peer_text(peer, "fr"));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->address, "sauvegarde.example:8440");
}

TEST(PeerDetailsTest, WhatIsMissingOrWrongIsNamed) {
  const std::string key = "Key: " + to_base32(example_peer().key) + "\n";
  const auto refusal = [](const std::string& text) {
    const auto peer = parse_peer_text(text);
    return peer ? std::string("accepted") : peer.error().message();
  };
  EXPECT_EQ(refusal(key), "The peer's address is missing: a line \"Address: HOST:PORT\".");
  EXPECT_EQ(refusal("Address: a:1\n"), "The peer's key is missing: a line \"Key: …\".");
  EXPECT_EQ(refusal("Address: a:1\nKey: abc\n"),
            "What follows \"Key\" is not the 52 letters and digits (a-z, 2-7) of the sheet.");
  for (const char* address : {"a", ":1", "a:", "a:0", "a:65536", "a:1x", "a b:1", "2001:db8::1:80", "[::1]", "a:-1"})
    EXPECT_EQ(refusal("Address: " + std::string(address) + "\n" + key),
              "The address \"" + std::string(address) + "\" is not of the form HOST:PORT.");
  for (const char* address : {"a:1", "[::1]:65535", "10.0.0.1:8440"})
    EXPECT_EQ(refusal("Address: " + std::string(address) + "\n" + key), "accepted");
  EXPECT_EQ(refusal(std::string(70'000, 'x')), "This file is too large to describe a peer.");
}

TEST(PeerDetailsTest, ALongNameIsCutBetweenCharacters) {
  PeerDetails peer = example_peer();
  peer.name.clear();
  for (int i = 0; i < 150; ++i) peer.name += "é";
  peer.name.insert(0, "x");
  const auto back = parse_peer_text(peer_text(peer, "fr"));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->name.size(), 199U);
}

}  // namespace
}  // namespace beffroi::crypto
