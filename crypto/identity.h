// The keys of an identity's root and of a device, and what of them is public.
#pragma once

#include "crypto/box.h"
#include "crypto/sign.h"

namespace beffroi::crypto {

/// Ed25519 public key that a TLS certificate carries.
using TransportPublicKey = FixedBytes<32, struct TransportPublicKeyTag>;
inline constexpr std::uint8_t kTransportSuite = 1;
/// Names a device: BLAKE2b-256, personalised `device_id`, over the three suite numbers (one byte each: signature, box,
/// transport) and the three public keys in the same order.
using DeviceId = FixedBytes<32, struct DeviceIdTag>;

/// What others know of a device (or of a root, which acts as a device of its own when it recovers).
struct DevicePublic {
  SigningPublicKey sign;
  BoxPublicKey box;
  TransportPublicKey transport;

  DeviceId id() const;
  /// 96 bytes: sign ‖ box ‖ transport.
  Bytes encode() const;
  static std::optional<DevicePublic> decode(ByteView bytes);
  bool operator==(const DevicePublic&) const = default;
};

inline constexpr std::size_t kDeviceKeysBytes = 128;

/// Three key pairs and the pre-shared secret for boxes. Made on one machine, never leaves it (root's: derived from the
/// kit).
struct DeviceKeys {
  SigningKeyPair sign;
  BoxKeyPair box;
  SecretBytes transport_seed;  ///< 32-byte Ed25519 seed, for the TLS certificate
  SecretBytes preshared;       ///< kPresharedBytes

  DevicePublic public_part() const;
  static DeviceKeys generate(Random& random);
  /// The root's keys: each derived from the kit's secret under its own label.
  static DeviceKeys root_from_kit(const SecretBytes& kit_secret);
  /// For the station's key file: seeds sign(32) ‖ box(32) ‖ transport(32) ‖ preshared(32). The caller keeps the file at
  /// mode 0600.
  SecretBytes encode() const;
  /// ErrorCode::corrupt unless exactly kDeviceKeysBytes.
  static Result<DeviceKeys> decode(ByteView bytes);
};

/// The Ed25519 public key of a transport seed.
TransportPublicKey transport_public(const SecretBytes& seed32);

}  // namespace beffroi::crypto
