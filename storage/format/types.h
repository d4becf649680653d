// The identifiers and numbers that the whole of storage speaks in.
#pragma once

#include "crypto/identity.h"
#include "crypto/result.h"

namespace beffroi::storage {

/// BLAKE2b-256 over a whole sealed object (label object_id): anybody can verify it without a key.
using ObjectId = FixedBytes<32, struct ObjectIdTag>;
/// Hash of a space's signed genesis record.
using SpaceId = FixedBytes<32, struct SpaceIdTag>;
/// Hash of a commit's clear and sealed parts (not of its signature).
using CommitId = FixedBytes<32, struct CommitIdTag>;
/// Hash of a log record, signature included.
using RecordId = FixedBytes<32, struct RecordIdTag>;
using ReceiptId = FixedBytes<32, struct ReceiptIdTag>;
/// Hash of an expiry, signature included.
using ExpiryId = FixedBytes<32, struct ExpiryIdTag>;
/// Keyed digest of plaintext: equal plaintext in one space means equal digest, and nothing to anybody without the key.
using Digest = FixedBytes<32, struct DigestTag>;
/// The root's Ed25519 public key.
using IdentityId = crypto::SigningPublicKey;
using crypto::DeviceId;
using LeaseId = FixedBytes<16, struct LeaseIdTag>;

/// Generation of a space's secret; the genesis opens epoch 1.
struct Epoch {
  std::uint32_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

/// Seconds since 1970-01-01 UTC, as somebody's clock said. Never decides safety.
struct UnixTime {
  std::int64_t seconds = 0;
  auto operator<=>(const UnixTime&) const = default;
};

inline constexpr std::uint8_t kFormatSuite = 1;

inline constexpr std::size_t kMaxChildren = 4096;
inline constexpr std::uint8_t kMaxHeight = 64;
/// Longest plaintext of one object: a chunk, or a tree object split at 1 MiB with some room for its references.
inline constexpr std::size_t kMaxRawBytes = 2U * 1024 * 1024;
/// Longest sealed object accepted anywhere: header with 4,096 children, padded payload, seal.
inline constexpr std::size_t kMaxObjectBytes = kMaxRawBytes + 512 * 1024;
inline constexpr std::size_t kMaxRecordBytes = 1024 * 1024;
inline constexpr std::size_t kMaxCommitBytes = 256 * 1024;
inline constexpr std::size_t kMaxReceiptBytes = 4096;
inline constexpr std::size_t kMaxExpiryBytes = 72 * 1024;
/// Longest chain of deltas that a reader follows.
inline constexpr int kMaxDeltaDepth = 16;

}  // namespace beffroi::storage
