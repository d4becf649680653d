// Goal: a request to join reaches whoever kept the invitation as its device made it, or not at all; and the check words
// are the same on both sides only when both see the same keys.
#include "storage/space/join_request.h"

#include <gtest/gtest.h>

#include "tests/support/share_world.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::kTestClock;
using testing::Person;
using testing::ShareWorld;

struct JoinRequestTest : ::testing::Test {
  ShareWorld world;
  ShareInvitation invitation = world.invitation(Role::writer);
  Person claire = world.new_person();
  JoinRequest request = ShareWorld::request_of(claire);
  Bytes sealed = seal_join_request(invitation, request, claire.device.sign);

  ErrorCode refused(ByteView bytes) const {
    const auto opened = open_join_request(invitation, bytes);
    return opened ? ErrorCode::io : opened.error().code;
  }
};

TEST(GoldenJoinRequestTest, IsMadeAndOpenedByteForByte) {
  const auto vectors = read_vectors("storage/share.json");
  const auto invitation = parse_share_invitation(vectors.at("invitation").at("code").get<std::string>());
  const auto golden = vectors.at("request");
  const auto root = crypto::DeviceKeys::decode(hex_of(golden, "root"));
  const auto device = crypto::DeviceKeys::decode(hex_of(golden, "device"));
  const JoinRequest request{.root = root->public_part(),
                            .device = device->public_part(),
                            .certificate = *crypto::Signature::from(hex_of(golden, "certificate")),
                            .identity_name = golden.at("identity_name"),
                            .device_name = golden.at("device_name")};
  EXPECT_EQ(hex_of(golden, "sealed"), seal_join_request(*invitation, request, device->sign));
  EXPECT_TRUE(open_join_request(*invitation, hex_of(golden, "sealed")).has_value());
  const auto words = check_words(*invitation, request);
  EXPECT_EQ(golden.at("words").get<std::vector<std::string>>(), std::vector<std::string>(words.begin(), words.end()));
  for (const auto& vector : golden.at("malformed")) {
    const auto opened = open_join_request(*invitation, hex_of(vector, "sealed"));
    ASSERT_FALSE(opened.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(opened.error().code)) << vector.at("name");
  }
}

TEST(GoldenJoinRequestTest, RefusalIsMadeAndOpenedByteForByte) {
  const auto vectors = read_vectors("storage/share.json");
  const auto invitation = parse_share_invitation(vectors.at("invitation").at("code").get<std::string>());
  const auto golden = vectors.at("refusal");
  EXPECT_EQ(hex_of(golden, "sealed"), seal_refusal(*invitation, golden.at("reason").get<std::string>()));
  EXPECT_EQ(golden.at("reason"), *open_refusal(*invitation, hex_of(golden, "sealed")));
  for (const auto& vector : golden.at("malformed"))
    EXPECT_FALSE(open_refusal(*invitation, hex_of(vector, "sealed")).has_value()) << vector.at("name");
}

TEST_F(JoinRequestTest, ManagerSeesWhatTheStationSaid) {
  const auto opened = open_join_request(invitation, sealed);
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_EQ(request.root, opened->root);
  EXPECT_EQ(request.device, opened->device);
  EXPECT_EQ(request.certificate, opened->certificate);
  EXPECT_EQ("Claire", opened->identity_name);
  EXPECT_EQ("PC mairie", opened->device_name);
  EXPECT_EQ(check_words(invitation, request), check_words(invitation, *opened));
}

TEST_F(JoinRequestTest, LengthTellsNothingOfTheNames) {
  const JoinRequest other = ShareWorld::request_of(claire, std::string(64, 'x'), std::string(64, 'y'));
  EXPECT_EQ(kSealedJoinRequestBytes, sealed.size());
  EXPECT_EQ(kSealedJoinRequestBytes, seal_join_request(invitation, other, claire.device.sign).size());
}

TEST_F(JoinRequestTest, EveryFlippedByteAndOtherLengthIsNoticed) {
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes damaged = sealed;
    damaged[i] ^= 1;
    EXPECT_EQ(ErrorCode::corrupt, refused(damaged)) << i;
  }
  EXPECT_EQ(ErrorCode::corrupt, refused({}));
  EXPECT_EQ(ErrorCode::corrupt, refused(ByteView(sealed).first(sealed.size() - 1)));
}

// The peer knows the public half of the token's transport key, the space, and its own requests.
TEST_F(JoinRequestTest, PeerCanNotPutAnotherKeyInItsPlace) {
  const Person intruder = world.new_person();
  ShareInvitation guessed = world.invitation(Role::writer);
  const JoinRequest forged = ShareWorld::request_of(intruder, "Claire", "PC mairie");
  EXPECT_EQ(ErrorCode::corrupt, refused(seal_join_request(guessed, forged, intruder.device.sign)));
  EXPECT_NE(check_words(invitation, request), check_words(invitation, forged));
}

TEST_F(JoinRequestTest, EachSwappedKeyChangesTheWords) {
  const auto words = check_words(invitation, request);
  const crypto::DevicePublic other = world.new_person().device.public_part();
  std::vector<JoinRequest> swapped(6, request);
  swapped[0].root.sign = other.sign;
  swapped[1].root.box = other.box;
  swapped[2].root.transport = other.transport;
  swapped[3].device.sign = other.sign;
  swapped[4].device.box = other.box;
  swapped[5].device.transport = other.transport;
  for (const JoinRequest& one : swapped) EXPECT_NE(words, check_words(invitation, one));
  EXPECT_NE(words, check_words(world.invitation(Role::writer), request));
  ShareInvitation elsewhere = world.invitation(Role::writer);
  elsewhere.token = invitation.token.clone();
  elsewhere.space = SpaceId{{9}};
  EXPECT_NE(words, check_words(elsewhere, request));
}

TEST_F(JoinRequestTest, RequestIsForOneSpaceAndOneInvitation) {
  ShareInvitation elsewhere = world.invitation(Role::writer);
  EXPECT_FALSE(open_join_request(elsewhere, sealed).has_value());
  elsewhere.token = invitation.token.clone();
  EXPECT_TRUE(open_join_request(elsewhere, sealed).has_value());
  elsewhere.space = SpaceId{{9}};
  EXPECT_FALSE(open_join_request(elsewhere, sealed).has_value());
}

// Who has the token can seal; it still must be the device that speaks, for this space and token, with a certificate.
TEST_F(JoinRequestTest, InnerSignatureAndCertificateAreChecked) {
  const auto resealed = [&](const ShareInvitation& signed_for, const JoinRequest& content,
                            const crypto::SigningKeyPair& signer) {
    const auto plaintext =
        crypto::open(signed_for.request_keys(), signed_for.space, seal_join_request(signed_for, content, signer));
    return crypto::seal(invitation.request_keys(), invitation.space, *plaintext);
  };
  EXPECT_EQ(ErrorCode::io, refused(resealed(invitation, request, claire.device.sign)));
  ShareInvitation elsewhere = world.invitation(Role::writer);
  EXPECT_EQ(ErrorCode::corrupt, refused(resealed(elsewhere, request, claire.device.sign)));
  JoinRequest uncertified = request;
  uncertified.certificate = ShareWorld::request_of(world.new_person()).certificate;
  EXPECT_EQ(ErrorCode::corrupt, refused(resealed(invitation, uncertified, claire.device.sign)));
  Bytes plaintext = *crypto::open(invitation.request_keys(), invitation.space, sealed);
  plaintext.back() = 1;
  EXPECT_EQ(ErrorCode::corrupt, refused(crypto::seal(invitation.request_keys(), invitation.space, plaintext)));
}

TEST_F(JoinRequestTest, RequestIsNoAnswer) {
  EXPECT_FALSE(open_refusal(invitation, sealed).has_value());
  EXPECT_FALSE(open_join_request(invitation, seal_refusal(invitation, "no")).has_value());
}

TEST_F(JoinRequestTest, RefusalSaysWhyOnOneLine) {
  const Bytes answer = seal_refusal(invitation, "Ce n'est pas\nla bonne Claire.");
  EXPECT_EQ(kSealedRefusalBytes, answer.size());
  const auto reason = open_refusal(invitation, answer);
  ASSERT_TRUE(reason.has_value());
  EXPECT_EQ("Ce n'est pas?la bonne Claire.", *reason);
  EXPECT_EQ(kMaxReasonBytes, open_refusal(invitation, seal_refusal(invitation, std::string(1000, 'x')))->size());
  EXPECT_FALSE(open_refusal(world.invitation(Role::writer), answer).has_value());
}

TEST_F(JoinRequestTest, VaultsLogHasTheCertificate) {
  const auto records = found_vault(claire.root, {claire.device.public_part(), claire.device.preshared.clone()},
                                   "Mairie", kTestClock, world.random);
  const auto vault = SpaceLog::from_records(*records, std::nullopt);
  const auto own = join_request_of(*vault, claire.id(), "Claire", "PC mairie");
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(sealed, seal_join_request(invitation, *own, claire.device.sign));
  EXPECT_EQ(ErrorCode::not_found, join_request_of(*vault, world.new_person().id(), "C", "P").error().code);
  EXPECT_EQ(ErrorCode::usage, join_request_of(*vault, claire.id(), "", "PC mairie").error().code);
}

}  // namespace
}  // namespace beffroi::storage
