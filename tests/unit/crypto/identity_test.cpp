#include "crypto/identity.h"

#include <set>

#include "crypto/hash.h"
#include "vectors.h"

namespace beffroi::crypto {
namespace {

TEST(IdentityTest, RootKeysAreTheCommittedOnes) {
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["root_keys"]) {
    const auto root = DeviceKeys::root_from_kit(secret(vector["kit_secret"]));
    EXPECT_TRUE(root.encode() == secret(vector["seeds"]));
    EXPECT_EQ(root.public_part().encode(), hex(vector["public"]));
    EXPECT_EQ(to_bytes(root.public_part().id()), hex(vector["device_id"]));
  }
}

TEST(IdentityTest, KeysSurviveTheirEncoding) {
  SeededRandom random(1);
  const DeviceKeys keys = DeviceKeys::generate(random);
  const auto back = DeviceKeys::decode(keys.encode().view());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->public_part(), keys.public_part());
  EXPECT_TRUE(back->preshared == keys.preshared);
  EXPECT_TRUE(back->sign.secret_key == keys.sign.secret_key);
  EXPECT_EQ(error_name(DeviceKeys::decode(Bytes(kDeviceKeysBytes - 1))), "corrupt");
  EXPECT_EQ(error_name(DeviceKeys::decode(Bytes(kDeviceKeysBytes + 1))), "corrupt");
  EXPECT_EQ(error_name(DeviceKeys::decode({})), "corrupt");
}

TEST(IdentityTest, PublicPartSurvivesItsEncoding) {
  SeededRandom random(2);
  const DevicePublic device = DeviceKeys::generate(random).public_part();
  EXPECT_EQ(DevicePublic::decode(device.encode()), device);
  EXPECT_EQ(DevicePublic::decode(Bytes(95)), std::nullopt);
  EXPECT_EQ(DevicePublic::decode(Bytes(97)), std::nullopt);
}

TEST(IdentityTest, TheIdDependsOnEachKeyAndItsPlace) {
  SeededRandom random(3);
  const DevicePublic device = DeviceKeys::generate(random).public_part();
  std::set<DeviceId> ids = {device.id()};
  for (const int change : {0, 1, 2, 3}) {
    DevicePublic other = device;
    if (change == 0) other.sign.data[0] ^= 1;
    if (change == 1) other.box.data[0] ^= 1;
    if (change == 2) other.transport.data[0] ^= 1;
    if (change == 3) std::swap(other.sign.data, other.transport.data);
    ids.insert(other.id());
  }
  EXPECT_EQ(ids.size(), 5U);
}

TEST(IdentityTest, ADevicesFourSecretsAreIndependent) {
  SeededRandom random(4);
  const SecretBytes seeds = DeviceKeys::generate(random).encode();
  std::set<Bytes> parts;
  for (std::size_t i = 0; i < 4; ++i) parts.insert(to_bytes(seeds.view().subspan(i * 32, 32)));
  EXPECT_EQ(parts.size(), 4U);
}

}  // namespace
}  // namespace beffroi::crypto
