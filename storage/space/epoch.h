// Epoch secrets in boxes: how members get the keys of a space, and how a new epoch is opened.
// E_n is the epoch's secret, R_n its reader key; both are 32 random bytes. An epoch record carries
//   boxes       one per entitled device and root: E_n ‖ R_n, or E_n alone for a depositor; the context of the box is
//               le32(n) ‖ space id ‖ recipient id
//   shared      for whoever has E_n: CBOR [content generation, boundary key, dedup key, reader check, space name,
//               [[recipient id, pre-shared secret]…]], sealed with derive_key(epoch_shared, E_n). The last list lets
//               any writer box the next epoch for everybody, root included. Where members have display names, these
//               follow as a seventh item (space_names.h)
//   handed_keys for whoever has R_n: CBOR [[m, E_m, R_m or null]…], ascending, the keys of older epochs that no earlier
//               record hands on, sealed with derive_key(reader_wrap, R_n). Normally that is epoch n-1 alone; a
//               depositor can't give R_{n-1}, and nobody the keys of an epoch whose boxes do not open: the next author
//               makes up for it
//   commitment  BLAKE2b keyed with E_n (label epoch_commitment) over le32(n) ‖ space id ‖ le32(generation) ‖ boundary
//   key ‖
//               dedup key ‖ reader check: all members hold the same keys, or can prove that they don't
// Reader check: BLAKE2b keyed with R_n (label reader_check) over nothing; it says nothing to who has no R_n. Both
// sealed parts are XChaCha20-Poly1305 with nonce zero (their keys seal one message) and le32(n) ‖ space id as
// associated data.
#pragma once

#include "storage/space/space_names.h"

namespace beffroi::storage {

inline constexpr std::size_t kEpochSecretBytes = 32;
inline constexpr std::size_t kMaxSpaceNameBytes = 255;

/// Pre-shared secrets of the recipients, as they were handed over out of band.
using PresharedTable = std::map<DeviceId, crypto::SecretBytes>;

/// What a member knows of one epoch, checked against the record's commitment.
struct EpochGrant {
  Epoch epoch;
  crypto::SecretBytes secret;  ///< E_n
  ContentKeys content;
  std::optional<crypto::SecretBytes> reader_key;  ///< R_n; nullopt for a depositor
  std::string space_name;
  PresharedTable preshared;
  SpaceNames names{};  ///< as its author wrote them; of SpaceAccess::current those that stand
};

/// Keys of an epoch as the author of a later one hands them on.
struct HandedKeys {
  crypto::SecretBytes secret;
  std::optional<crypto::SecretBytes> reader_key;
};
using HandedTable = std::map<Epoch, HandedKeys>;

/// What an author of an epoch decides.
struct EpochPlan {
  Epoch epoch;
  const ContentKeys* content = nullptr;  ///< kept; nullptr: fresh ones
  std::uint32_t content_generation = 1;  ///< of fresh ones
  const HandedTable* handed = nullptr;   ///< SpaceAccess::unhanded; nullptr for epoch 1
  std::string space_name;                ///< 1 to kMaxSpaceNameBytes bytes
  /// Everybody entitled, with keys, whether it reads older epochs, and its pre-shared secret.
  struct Recipient {
    crypto::DevicePublic keys;
    bool reads_history = true;
    const crypto::SecretBytes* preshared = nullptr;
  };
  std::vector<Recipient> recipients;
  SpaceNames names{};  ///< what write_names takes, or none
};
/// usage: a name that is empty or too long; limit_exceeded: too many keys to hand on; corrupt: a recipient's key is
/// unusable.
Result<EpochBody> make_epoch(const SpaceId& space, const EpochPlan& plan, crypto::Random& random);

/// Opens the box of `me` in one epoch record. not_found: no box for me; corrupt: it does not open or contradicts the
/// commitment (then the signer of that record is to be named in an alarm); unsupported_version: a box of a later suite.
Result<EpochGrant> open_grant(const SpaceId& space, const EpochBody& body, const crypto::DeviceKeys& me);

/// An epoch whose keys are not as they should be, and who signed its record.
struct EpochProblem {
  Epoch epoch;
  crypto::SigningPublicKey signer;
  Error error;
};

/// Everything `me` can open: by its own boxes, and older epochs through the reader keys.
struct SpaceAccess {
  /// The newest epoch that opens. Usable for writing only when it is log.epoch(): a member that signs boxes which
  /// nobody can open must not cost the others what was written before.
  EpochGrant current;
  std::shared_ptr<const KeyRing> keys;  ///< every epoch that opens; digests of the current content keys
  /// For reading trees of earlier content generations (CommitSealed::content_generation): the same epochs, those
  /// digests. The current generation is among them.
  std::map<std::uint32_t, std::shared_ptr<const KeyRing>> generations;
  HandedTable unhanded;                ///< what the author of the next epoch must hand on
  std::vector<EpochProblem> problems;  ///< newest first; each is worth an alarm that names the signer
};
/// not_found: no epoch is open to `me` (yet); the error of the newest box when there are boxes but none opens.
Result<SpaceAccess> open_access(const SpaceLog& log, const crypto::DeviceKeys& me);

/// Keys, reading rights and pre-shared secrets of everybody entitled in `log`. wrong_state: a device's pre-shared
/// secret is not in `preshared` (only who admitted it can box its first epoch). The plan points into `preshared`.
Result<std::vector<EpochPlan::Recipient>> epoch_recipients(const SpaceLog& log, const PresharedTable& preshared);

}  // namespace beffroi::storage
