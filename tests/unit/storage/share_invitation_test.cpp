// Goal: an invitation to a share can be read aloud and typed, a wrong one is recognised, and it serves one computer
// until it expires.
#include "storage/space/share_invitation.h"

#include <gtest/gtest.h>

#include "storage/space/invitation.h"
#include "tests/support/share_world.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::kTestClock;
using testing::Person;
using testing::ShareWorld;

struct ShareInvitationTest : ::testing::Test {
  ShareWorld world;
  ShareInvitation invitation = world.invitation(Role::writer);
  std::string code = share_invitation_code(invitation);
};

TEST_F(ShareInvitationTest, GoldenCodeIsMadeCharacterForCharacter) {
  const auto vectors = read_vectors("storage/share.json").at("invitation");
  ShareInvitation golden;
  golden.address = vectors.at("address");
  golden.peer = {.transport = *crypto::TransportPublicKey::from(hex_of(vectors, "transport")),
                 .sign = *crypto::SigningPublicKey::from(hex_of(vectors, "sign"))};
  golden.space = *SpaceId::from(hex_of(vectors, "space"));
  golden.token = crypto::SecretBytes::copy_of(hex_of(vectors, "token"));
  golden.role = static_cast<Role>(vectors.at("role").get<int>());
  golden.expires.seconds = vectors.at("expires").get<std::int64_t>();
  golden.check = static_cast<InvitationCheck>(vectors.at("check").get<int>());
  EXPECT_EQ(vectors.at("code"), share_invitation_code(golden));
  EXPECT_EQ(hex_of(vectors, "transport_seed"), to_bytes(golden.transport_seed().view()));
  EXPECT_EQ(hex_of(vectors, "transport_key"), to_bytes(golden.transport_key()));
  EXPECT_EQ(hex_of(vectors, "preshared"), to_bytes(golden.preshared().view()));
  for (const auto& spelling : vectors.at("forgiven").get<std::vector<std::string>>()) {
    const auto parsed = parse_share_invitation(spelling);
    ASSERT_TRUE(parsed.has_value()) << spelling;
    EXPECT_EQ(vectors.at("code"), share_invitation_code(*parsed));
  }
}

TEST_F(ShareInvitationTest, GoldenWrongCodesAreRefusedWithTheirError) {
  for (const auto& vector : read_vectors("storage/share.json").at("invitation").at("malformed")) {
    const auto parsed = parse_share_invitation(vector.at("code").get<std::string>());
    ASSERT_FALSE(parsed.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(parsed.error().code)) << vector.at("name");
  }
}

TEST_F(ShareInvitationTest, CodeSaysAllOfIt) {
  invitation.check = InvitationCheck::code;
  const auto parsed = parse_share_invitation(share_invitation_code(invitation));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(invitation.address, parsed->address);
  EXPECT_EQ(invitation.peer, parsed->peer);
  EXPECT_EQ(invitation.space, parsed->space);
  EXPECT_TRUE(invitation.token == parsed->token);
  EXPECT_EQ(Role::writer, parsed->role);
  EXPECT_EQ(invitation.expires, parsed->expires);
  EXPECT_EQ(InvitationCheck::code, parsed->check);
}

TEST_F(ShareInvitationTest, BlanksDashesLineBreaksAndCaseAreForgiven) {
  std::string spoken;
  for (const char c : code) {
    if (c == '-') spoken += " \n";
    if (c != '-') spoken += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  const auto parsed = parse_share_invitation(spoken);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(code, share_invitation_code(*parsed));
}

TEST_F(ShareInvitationTest, EveryWrongLetterAndEveryCutIsNoticed) {
  for (std::size_t i = 0; i < code.size(); ++i) {
    EXPECT_FALSE(parse_share_invitation(code.substr(0, i)).has_value()) << i;
    if (code[i] == '-') continue;
    std::string wrong = code;
    wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(parse_share_invitation(wrong).has_value()) << i;
  }
}

TEST_F(ShareInvitationTest, LaterVersionAndOtherCodesAreToldApart) {
  EXPECT_EQ(ErrorCode::unsupported_version, parse_share_invitation("bfs2-aaaaa").error().code);
  EXPECT_EQ(ErrorCode::usage, parse_share_invitation("bfs0-aaaaa").error().code);
  EXPECT_EQ(ErrorCode::usage, parse_share_invitation("bfr2-aaaaa").error().code);
  EXPECT_EQ(ErrorCode::usage, parse_invitation(code).error().code);
  const std::string of_a_peer = invitation_code({.address = "a:1", .peer = {}, .token = crypto::SecretBytes(16)});
  EXPECT_EQ(ErrorCode::usage, parse_share_invitation(of_a_peer).error().code);
}

TEST_F(ShareInvitationTest, EachKeyOfTheTokenIsAnother) {
  const crypto::SealKeys request = invitation.request_keys();
  const crypto::SealKeys answer = invitation.answer_keys();
  const crypto::SecretBytes knock = invitation.transport_seed();
  const crypto::SecretBytes preshared = invitation.preshared();
  std::set<std::string> keys;
  for (const auto* key : {&request.encrypt, &request.nonce, &answer.encrypt, &answer.nonce, &knock, &preshared})
    keys.insert(to_hex(key->view()));
  EXPECT_EQ(6U, keys.size());
}

TEST_F(ShareInvitationTest, ItExpires) {
  const PresharedTable nobody;
  EXPECT_TRUE(check_usable(invitation, nobody, invitation.expires).has_value());
  const auto late = check_usable(invitation, nobody, {invitation.expires.seconds + 1});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(ErrorCode::refused, late.error().code);
}

TEST_F(ShareInvitationTest, ItIsUsedOnceEvenWhenItsComputerIsGone) {
  Person person = world.new_person();
  person.keys = with_preshared(person.device, invitation.preshared());
  const auto usable = [&] {
    return check_usable(invitation, world.access(world.founder).current.preshared, kTestClock);
  };
  EXPECT_TRUE(usable().has_value());
  world.take(admit_member(world.log, world.founder.keys, ShareWorld::request_of(person),
                          {.role = Role::writer, .preshared = invitation.preshared()}, kTestClock, world.random));
  ASSERT_FALSE(usable().has_value());
  EXPECT_EQ(ErrorCode::already_exists, usable().error().code);
  world.take(remove_member(world.log, world.founder.keys, person.identity(), {}, kTestClock, world.random));
  EXPECT_FALSE(usable().has_value());
}

TEST_F(ShareInvitationTest, FoundersSecretIsAnotherInEachSpace) {
  const auto vectors = read_vectors("storage/share.json");
  const auto founder = crypto::DeviceKeys::decode(hex_of(vectors.at("request"), "device"));
  const SpaceId space = *SpaceId::from(hex_of(vectors.at("invitation"), "space"));
  EXPECT_EQ(hex_of(vectors.at("invitation"), "founder_preshared"),
            to_bytes(founder_preshared(founder->preshared, space).view()));
  const crypto::SecretBytes own(32);
  EXPECT_FALSE(founder_preshared(own, SpaceId{{1}}) == founder_preshared(own, SpaceId{{2}}));
  EXPECT_FALSE(founder_preshared(own, SpaceId{{1}}) == own);
}

}  // namespace
}  // namespace beffroi::storage
