#include "crypto/identity.h"

#include "crypto/assert.h"
#include "crypto/hash.h"

namespace beffroi::crypto {
namespace {

constexpr std::size_t kKeyBytes = 32;

DeviceKeys from_seeds(const SecretBytes& sign, const SecretBytes& box, SecretBytes transport, SecretBytes preshared) {
  return DeviceKeys{.sign = SigningKeyPair::from_seed(sign),
                    .box = BoxKeyPair::from_seed(box),
                    .transport_seed = std::move(transport),
                    .preshared = std::move(preshared)};
}

}  // namespace

DeviceId DevicePublic::id() const {
  constexpr std::array<std::uint8_t, 3> kSuites{kSignatureSuite, kBoxSuite, kTransportSuite};
  return DeviceId{Hasher(labels::device_id).update(kSuites).update(encode()).finish()};
}

Bytes DevicePublic::encode() const {
  Bytes out;
  out.reserve(3 * kKeyBytes);
  for (const ByteView key : {sign.view(), box.view(), transport.view()}) out.insert(out.end(), key.begin(), key.end());
  return out;
}

std::optional<DevicePublic> DevicePublic::decode(ByteView bytes) {
  if (bytes.size() != 3 * kKeyBytes) return std::nullopt;
  return DevicePublic{.sign = *SigningPublicKey::from(bytes.subspan(0, kKeyBytes)),
                      .box = *BoxPublicKey::from(bytes.subspan(kKeyBytes, kKeyBytes)),
                      .transport = *TransportPublicKey::from(bytes.subspan(2 * kKeyBytes, kKeyBytes))};
}

DevicePublic DeviceKeys::public_part() const {
  return {.sign = sign.public_key, .box = box.public_key, .transport = transport_public(transport_seed)};
}

DeviceKeys DeviceKeys::generate(Random& random) {
  const SecretBytes sign = SecretBytes::random(kKeyBytes, random);
  const SecretBytes box = SecretBytes::random(kKeyBytes, random);
  SecretBytes transport = SecretBytes::random(kKeyBytes, random);
  return from_seeds(sign, box, std::move(transport), SecretBytes::random(kPresharedBytes, random));
}

DeviceKeys DeviceKeys::root_from_kit(const SecretBytes& kit_secret) {
  BEFFROI_ASSERT(kit_secret.size() == kKeyBytes);
  return from_seeds(derive_key(labels::root_sign, kit_secret), derive_key(labels::root_box, kit_secret),
                    derive_key(labels::root_transport, kit_secret), derive_key(labels::root_preshared, kit_secret));
}

SecretBytes DeviceKeys::encode() const {
  SecretBytes out(kDeviceKeysBytes);
  std::uint8_t* at = out.writable().data();
  // libsodium's signing key starts with its seed; a box's secret key is its seed.
  for (const ByteView seed : {sign.secret_key.view(), box.secret_key.view(), transport_seed.view(), preshared.view()}) {
    std::memcpy(at, seed.data(), kKeyBytes);
    at += kKeyBytes;
  }
  return out;
}

Result<DeviceKeys> DeviceKeys::decode(ByteView bytes) {
  if (bytes.size() != kDeviceKeysBytes)
    return fail(ErrorCode::corrupt, N_("The key file of this machine is damaged: it has {} bytes, not {}."),
                std::to_string(bytes.size()), std::to_string(kDeviceKeysBytes));
  const auto seed = [&](std::size_t index) {
    return SecretBytes::copy_of(bytes.subspan(index * kKeyBytes, kKeyBytes));
  };
  return from_seeds(seed(0), seed(1), seed(2), seed(3));
}

TransportPublicKey transport_public(const SecretBytes& seed32) {
  return TransportPublicKey{SigningKeyPair::from_seed(seed32).public_key.data};
}

}  // namespace beffroi::crypto
