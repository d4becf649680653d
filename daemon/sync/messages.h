// The control messages of the protocol: CBOR arrays [type, fields…], deterministic and bounded. docs/protocol.md says
// who sends which when. The type number is the alternative's place in Message, from 1: never reorder.
#pragma once

#include <variant>

#include "daemon/sync/share_answers.h"
#include "storage/space/receipt.h"
#include "storage/store/object_store.h"
#include "storage/store/space_store.h"

namespace beffroi::daemon {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kMaxSoftwareBytes = 64;
inline constexpr std::size_t kMaxIdsPerMessage = 4096;
inline constexpr std::size_t kMaxGetIds = 256;
inline constexpr std::size_t kMaxRecordsPerMessage = 4096;
inline constexpr std::size_t kMaxHeads = 4096;
/// Records, commits or receipts in one message; one more of the longest still fits into a frame.
inline constexpr std::size_t kMaxListBytes = 1536U * 1024;
inline constexpr std::size_t kMaxItemsPerList = 256;
/// All records of one enrolment.
inline constexpr std::size_t kMaxEnrolBytes = 6U * 1024 * 1024;
inline constexpr std::size_t kMaxErrorTextBytes = 1024;
inline constexpr std::size_t kMaxErrorArguments = 8;
inline constexpr std::size_t kMaxErrorArgumentBytes = 512;

/// The first message of each side, the listener's first.
struct HelloMessage {
  std::uint32_t lowest = kProtocolVersion;  ///< versions that this side speaks; the client names the chosen one twice
  std::uint32_t highest = kProtocolVersion;
  std::optional<crypto::SigningPublicKey> sign;  ///< the listener's receipt key
  std::optional<storage::SpaceId> space;         ///< the client's, when its key belongs to several
  std::string software;
};
struct ErrorMessage {
  Error error;
};
struct OkMessage {};
/// Part of a log, from the genesis on; the last part makes the peer decide.
struct EnrolMessage {
  std::vector<Bytes> records;
  bool last = true;
};
struct LogGetMessage {
  std::uint64_t from = 0;
};
struct LogMessage {
  std::uint64_t length = 0;  ///< records of the whole log
  std::vector<Bytes> records;
};
struct LogAppendMessage {
  Bytes record;
};
struct HeadsGetMessage {};
struct HeadsMessage {
  std::vector<storage::BranchHead> heads;
};
struct BranchGetMessage {
  storage::DeviceId device;
  std::uint64_t from = 1;
};
struct CommitsMessage {
  std::vector<Bytes> commits;  ///< none: there are no more
};
struct ReceiptsGetMessage {
  std::uint64_t from = 1;
};
struct ReceiptsMessage {
  std::uint64_t newest = 0;  ///< counter; 0: none yet
  std::vector<Bytes> receipts;
};
/// Opens the lease under which this session pushes, or takes up the one that is open.
struct LeaseOpenMessage {};
struct LeaseMessage {
  storage::LeaseId lease;
  std::vector<storage::ObjectId> wanted;  ///< damaged at the peer: to be sent again
};
struct LacksMessage {
  std::vector<storage::ObjectId> ids;
};
struct LackingMessage {
  std::vector<bool> lacking;
};
/// Asks that all object frames before it be made durable.
struct FlushMessage {};
struct DurableMessage {
  std::uint64_t objects = 0;  ///< object frames of this session so far
};
struct CommitMessage {
  Bytes commit;
  /// Wanted by the peer and not here any more: the author knows that files of the snapshot are damaged.
  std::vector<storage::ObjectId> losses;
};
struct ReceiptMessage {
  Bytes receipt;
};
/// The answer is one frame for each id, in order: the object, or an absent message.
struct GetMessage {
  std::vector<storage::ObjectId> ids;
};
struct AbsentMessage {};
struct FactsGetMessage {
  std::vector<storage::ObjectId> ids;
};
struct ObjectFacts {
  storage::ObjectKind kind = storage::ObjectKind::chunk;
  std::uint8_t height = 0;
  storage::Epoch epoch;
  std::uint32_t sealed_bytes = 0;
};
struct FactsMessage {
  std::vector<std::optional<ObjectFacts>> facts;
};

struct ExpiriesGetMessage {
  std::uint64_t from = 1;
};
struct ExpiriesMessage {
  std::uint64_t newest = 0;  ///< counter; 0: none yet
  std::vector<Bytes> expiries;
};

/// Asks for all losses that the peer declared to this space.
struct LossesGetMessage {};
struct LossesMessage {
  std::vector<Bytes> losses;  ///< oldest first
};

/// Part of the log of a share that the organisation of this session's vault founds; the last part makes the peer
/// decide.
struct FoundMessage {
  std::vector<Bytes> records;
  bool last = true;
};
/// From a manager of a share: who proves this key may leave one request.
struct InvitationOpenMessage {
  crypto::TransportPublicKey key;
  storage::UnixTime expires;  ///< 0 to storage::kMaxInvitationTimeSeconds
};
struct InvitationCloseMessage {
  crypto::TransportPublicKey key;
  std::optional<Bytes> refusal;  ///< storage::kSealedRefusalBytes
};
struct RequestsGetMessage {};
struct RequestsMessage {
  std::vector<WaitingRequest> requests;  ///< ascending by invitation
};
/// From who has an invitation to a share, as the next one.
struct RequestMessage {
  Bytes sealed;  ///< storage::kSealedJoinRequestBytes
};
struct AnswerGetMessage {};
struct AnswerMessage {
  JoinAnswer answer;
};
/// Answered when there is something else than this, or after so long, or when the next request comes.
struct NewsWaitMessage {
  SpaceNews known;
  std::chrono::milliseconds patience{0};  ///< at most kMaxNewsPatience
};
struct NewsMessage {
  SpaceNews news;
};

using Message =
    std::variant<HelloMessage, ErrorMessage, OkMessage, EnrolMessage, LogGetMessage, LogMessage, LogAppendMessage,
                 HeadsGetMessage, HeadsMessage, BranchGetMessage, CommitsMessage, ReceiptsGetMessage, ReceiptsMessage,
                 LeaseOpenMessage, LeaseMessage, LacksMessage, LackingMessage, FlushMessage, DurableMessage,
                 CommitMessage, ReceiptMessage, GetMessage, AbsentMessage, FactsGetMessage, FactsMessage,
                 ExpiriesGetMessage, ExpiriesMessage, LossesGetMessage, LossesMessage, FoundMessage,
                 InvitationOpenMessage, InvitationCloseMessage, RequestsGetMessage, RequestsMessage, RequestMessage,
                 AnswerGetMessage, AnswerMessage, NewsWaitMessage, NewsMessage>;

/// Precondition (asserted): within the bounds above. An error's text and arguments are cut to theirs instead.
Bytes encode_message(const Message& message);
/// protocol: malformed, out of bounds or of an unknown type.
Result<Message> decode_message(ByteView encoded);

}  // namespace beffroi::daemon
