// Records of a space's log: a hash chain of signed statements. Encoded as CBOR [suite, clear bytes, signature], where
// the clear part is CBOR [space id (empty in the genesis), sequence, previous record id (empty in the genesis), type,
// signer, clock, body]. `signer` is the signing public key of the root or of a device; the signature covers suite ‖
// clear bytes under label sign_record. Bodies: record_body.cpp, docs/format.md.
#pragma once

#include <variant>

#include "storage/merge/ignore.h"
#include "storage/space/receipt.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxBoxes = 1024;
inline constexpr std::size_t kMaxDevices = kMaxBoxes - 1;  ///< in use at once: the root needs a box as well
inline constexpr std::size_t kMaxMembers = 1024;
inline constexpr std::size_t kMaxNamedCommits = 1024;           ///< in one recovery or deletion
inline constexpr std::size_t kMaxHandedKeysBytes = 512 * 1024;  ///< EpochBody::handed_keys
inline constexpr std::size_t kMaxSharedBytes = 128 * 1024;      ///< EpochBody::shared
inline constexpr std::size_t kMaxAddressBytes = 300;
inline constexpr std::uint32_t kMaxLockDays = 3650;
inline constexpr std::uint32_t kMaxRetentionWindow = 1'000'000;

enum class SpaceKind : std::uint8_t { vault = 1, share = 2 };
enum class Role : std::uint8_t { manager = 1, writer = 2, reader = 3, depositor = 4 };
/// "manager", "writer", "reader", "depositor".
const char* role_name(Role role);
/// May commit.
constexpr bool role_writes(Role role) { return role != Role::reader; }
/// May read epochs older than its admission.
constexpr bool role_reads_history(Role role) { return role != Role::depositor; }
/// May an identity of role `identity` have a device of role `device`? A manager all, a writer all but managers, the
/// others only their own: neither of them may do what the other does.
constexpr bool role_includes(Role identity, Role device) {
  return identity == device || identity == Role::manager || (identity == Role::writer && device != Role::manager);
}

/// What `certified` in a device's record comes to under its identity's role.
constexpr Role effective_role(Role identity, Role certified) {
  return role_includes(identity, certified) ? certified : identity;
}

/// Opens the log: kind and root. The space's id is the hash of the encoded genesis record, which the root signs.
struct GenesisBody {
  SpaceKind kind = SpaceKind::vault;
  crypto::DevicePublic root;             ///< root's keys; it acts as a device of its own
  std::array<std::uint8_t, 16> nonce{};  ///< two spaces of one root differ
};
/// The last commit that counts of a device that loses its right to write.
struct LastCommit {
  DeviceId device;
  std::optional<CommitId> last_valid_commit;  ///< nullopt: none of its commits counts
  std::uint64_t last_valid_sequence = 0;      ///< of that commit in its branch; 0 without one
};
/// Admits an identity, or changes its role.
struct MemberBody {
  crypto::DevicePublic root;
  Role role = Role::reader;
  std::vector<LastCommit> ends{};  ///< ascending: its devices that may write, and by this role no longer
};
/// Adds a device of an admitted identity (the genesis' root is one from the start).
struct DeviceBody {
  IdentityId identity;
  crypto::DevicePublic device;
  Role role = Role::writer;       ///< one that its identity's role includes; in a share also more: see effective_role
  crypto::Signature certificate;  ///< by the identity's root (label sign_device) over the device id
};
/// Takes devices out, and an identity that has none left when `identity` is set.
struct RemovalBody {
  using Device = LastCommit;
  std::vector<Device> devices;  ///< ascending
  std::optional<IdentityId> identity;
  bool hostile = false;  ///< the next epoch must bring new content keys
};
/// Opens the next epoch. What the sealed parts hold: epoch.h.
struct EpochBody {
  Epoch epoch;
  std::array<std::uint8_t, 32> commitment{};
  std::uint32_t content_generation = 1;
  Bytes shared;       ///< sealed under E_n, for all members
  Bytes handed_keys;  ///< keys of older epochs, sealed under R_n; empty in epoch 1
  struct Box {
    DeviceId recipient;
    std::uint8_t suite = crypto::kBoxSuite;  ///< any: a peer need not know it
    Bytes bytes;
  };
  std::vector<Box> boxes;  ///< ascending by recipient; exactly the entitled devices and the root
};
/// What the peer keeps: retention.h. Windows are lengths of time in their unit, up to kMaxRetentionWindow.
struct RetentionBody {
  std::uint32_t lock_days = 30;   ///< 1 to kMaxLockDays: nothing younger goes, whatever is signed
  std::uint32_t within_days = 0;  ///< window in which everything is kept
  std::uint32_t hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;  ///< in which first and last are kept
  bool operator==(const RetentionBody&) const = default;
};
struct PinBody {
  CommitId commit;
  bool pinned = true;
};
/// Names the peer that orders this log.
struct HomeBody {
  PeerPublic peer;
  std::string address;  ///< HOST:PORT
  bool operator==(const HomeBody&) const = default;
};
/// HOST:PORT as it may stand in a record or an invitation: 1 to kMaxAddressBytes printable ASCII characters, no blanks.
bool is_address(std::string_view address);

/// Says that `device` continues the branches whose heads are listed, after total loss.
struct RecoveryBody {
  DeviceId device;
  std::vector<CommitId> heads;  ///< ascending
};
/// The root hands the space over to another root.
struct HandoverBody {
  crypto::DevicePublic new_root;
};
struct DeletionBody {
  std::vector<CommitId> commits;  ///< ascending, at least one
};
/// Takes back a deletion that waits.
struct CancelBody {
  RecordId deletion;
};

/// What holds for a share's folder at every member's.
struct SettingsBody {
  IgnoreRules ignore;
};

/// The type number in a record is the alternative's index + 1.
using RecordBody = std::variant<GenesisBody, MemberBody, DeviceBody, RemovalBody, EpochBody, RetentionBody, PinBody,
                                HomeBody, RecoveryBody, HandoverBody, DeletionBody, CancelBody, SettingsBody>;

/// "genesis", "member", "device", "removal", "epoch", "retention", "pin", "home", "recovery", "handover", "deletion",
/// "cancel", "settings".
const char* record_type_name(const RecordBody& body);

struct Record {
  RecordId id;  ///< hash of the encoded record (label record_id); the genesis' is the space id
  SpaceId space;
  std::uint64_t sequence = 0;  ///< 0 for the genesis
  RecordId previous;           ///< zero for the genesis
  crypto::SigningPublicKey signer;
  UnixTime clock;
  RecordBody body;
};

/// Encodes and signs the record that follows `previous` (nullptr: a genesis, signed by its root; `space` is ignored).
/// Fills nothing of the log: append it there. Precondition (asserted): the body keeps the bounds and orders above, so
/// that decode_record takes the result.
Bytes make_record(const Record* previous, const SpaceId& space, const RecordBody& body, UnixTime clock,
                  const crypto::SigningKeyPair& signer);
/// Parses and checks the signature against the signer that it names. Whether that signer may say so is the log's
/// business. ErrorCode::corrupt when malformed or wrongly signed; unsupported_version for a later suite, record type,
/// kind of space or kind of key.
Result<Record> decode_record(ByteView encoded);

}  // namespace beffroi::storage
