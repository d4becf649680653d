// Goal: a code can be read aloud, typed with any blanks and dashes, and a wrong one is recognised.
#include "storage/space/invitation.h"

#include <gtest/gtest.h>

#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

struct InvitationTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/space.json").at("invitation");
  std::string code = vectors.at("code");
};

TEST_F(InvitationTest, GoldenCodeIsMadeCharacterForCharacter) {
  Invitation invitation;
  invitation.address = vectors.at("address");
  invitation.peer = {.transport = *crypto::TransportPublicKey::from(hex_of(vectors, "transport")),
                     .sign = *crypto::SigningPublicKey::from(hex_of(vectors, "sign"))};
  invitation.token = crypto::SecretBytes::copy_of(hex_of(vectors, "token"));
  EXPECT_EQ(code, invitation_code(invitation));
  EXPECT_EQ(hex_of(vectors, "transport_seed"), to_bytes(invitation.transport_seed().view()));
  EXPECT_EQ(hex_of(vectors, "transport_key"), to_bytes(invitation.transport_key()));
}

TEST_F(InvitationTest, BlanksDashesLineBreaksAndCaseAreForgiven) {
  std::vector<std::string> spellings = vectors.at("forgiven");
  spellings.push_back(code);
  for (const std::string& spelling : spellings) {
    const auto invitation = parse_invitation(spelling);
    ASSERT_TRUE(invitation.has_value()) << spelling;
    EXPECT_EQ(vectors.at("address"), invitation->address);
    EXPECT_EQ(hex_of(vectors, "transport"), to_bytes(invitation->peer.transport));
    EXPECT_EQ(hex_of(vectors, "sign"), to_bytes(invitation->peer.sign));
    EXPECT_EQ(hex_of(vectors, "token"), to_bytes(invitation->token.view()));
  }
}

TEST_F(InvitationTest, WrongCodesAreRefusedWithTheirError) {
  for (const auto& vector : vectors.at("malformed")) {
    const auto invitation = parse_invitation(vector.at("code").get<std::string>());
    ASSERT_FALSE(invitation.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(invitation.error().code)) << vector.at("name");
  }
  EXPECT_EQ(ErrorCode::usage, parse_invitation(std::string(1'000'000, 'a')).error().code);
}

TEST_F(InvitationTest, EveryWrongLetterIsNoticed) {
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code[i] == '-') continue;
    std::string wrong = code;
    wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(parse_invitation(wrong).has_value()) << "letter " << i;
  }
}

TEST_F(InvitationTest, EveryCutIsNoticed) {
  for (std::size_t length = 0; length < code.size(); ++length)
    EXPECT_FALSE(parse_invitation(code.substr(0, length)).has_value()) << length;
}

}  // namespace
}  // namespace beffroi::storage
