// A commit: the signed record of one snapshot. The clear part is what the peer needs to enforce the rules; the sealed
// part is for members. Encoded as CBOR [suite, clear bytes, sealed bytes, signature bytes]; the signature covers, under
// label sign_commit, suite ‖ space ‖ hash(clear bytes) ‖ hash(sealed bytes) (label part_hash). The id is the hash
// (label commit_id) over the two parts as fields: it does not depend on the signature. Exact encodings: docs/format.md.
#pragma once

#include "storage/format/space_keys.h"
#include "storage/merge/conflict_name.h"

namespace beffroi::storage {

enum CommitFlag : std::uint32_t {
  kCommitPartial = 1,  ///< part of a first push that takes many nights: complete in itself, but not the whole source
  kCommitStale = 2,    ///< at least one source was missing or suddenly empty and is kept as it was
};

/// Bits that this version knows; a commit with others was written by a newer one.
inline constexpr std::uint32_t kCommitFlags = kCommitPartial | kCommitStale;

struct CommitClear {
  SpaceId space;
  DeviceId device;
  std::uint64_t sequence = 0;     ///< of the branch; the first is 1
  std::vector<CommitId> parents;  ///< at most kMaxParents, ascending; none only in the first
  ObjectId root;
  Epoch epoch;
  RecordId log_head;  ///< of the log as its author had verified it
  std::optional<ReceiptId> last_receipt;
  UnixTime clock;  ///< the author's; informative
  std::uint32_t flags = 0;
};
inline constexpr std::size_t kMaxParents = 16;

/// One file that could not be read, or was not taken.
struct CommitProblem {
  std::string path;    ///< entry path
  std::string reason;  ///< gettext msgid
  std::vector<std::string> arguments;
};

struct CommitStatistics {
  std::uint64_t files_new = 0, files_changed = 0, files_unchanged = 0, files_removed = 0;
  std::uint64_t directories = 0, others = 0, sockets_skipped = 0, excluded = 0;
  std::uint64_t bytes_source = 0;  ///< sum of file sizes in the tree
  std::uint64_t bytes_read = 0, bytes_added = 0;
  std::uint64_t objects_added = 0;
  std::uint64_t duration_ms = 0;
};

/// What a commit of a share says beside its tree: who made the change, in words that every replica needs to name copies
/// alike, and which names its merge had to give to copies.
struct ShareNotes {
  ChangeAuthor author;
  std::vector<MergeConflict> conflicts;  ///< the first kMaxConflicts
  std::uint64_t conflicts_total = 0;     ///< at least as many as are listed
  bool operator==(const ShareNotes&) const = default;
};

struct CommitSealed {
  std::string label;  ///< space's name as the author knew it
  std::string host;
  std::vector<std::string> sources;  ///< absolute paths
  std::vector<std::string> tags;
  std::uint32_t content_generation = 1;  ///< of the digest keys of this tree
  Digest tree_digest;
  std::uint8_t root_height = 0;
  std::uint64_t entries = 0;
  CommitStatistics statistics;
  std::vector<CommitProblem> problems;  ///< the first kMaxProblems
  std::uint64_t problems_total = 0;
  std::optional<ShareNotes> share{};  ///< in shares only
};
inline constexpr std::size_t kMaxProblems = 500;
// Bounds of the sealed part. What passes them is cut when a commit is made: a backup never fails because of its
// description.
inline constexpr std::size_t kMaxNameBytes = 255;   ///< label, host, one tag; an author's names and words
inline constexpr std::size_t kMaxTextBytes = 4096;  ///< one source; a problem's or a conflict's path and other texts
inline constexpr std::size_t kMaxTags = 64;
inline constexpr std::size_t kMaxSources = 1024;
inline constexpr std::size_t kMaxProblemArguments = 8;
inline constexpr std::size_t kMaxSourcesBytes = 64 * 1024;    ///< all sources together
inline constexpr std::size_t kMaxProblemsBytes = 112 * 1024;  ///< all problems together
inline constexpr std::size_t kMaxConflicts = 1000;
inline constexpr std::size_t kMaxConflictsBytes = 48 * 1024;  ///< all conflicts together
inline constexpr std::int32_t kMaxUtcOffsetS = 86'399;        ///< of an author's local time, either way

/// A commit as it travels and is stored, its parts parsed and its signature checked or not yet.
struct Commit {
  CommitId id;
  CommitClear clear;  ///< parsed from clear_bytes
  Bytes clear_bytes;
  Bytes sealed_bytes;
  crypto::Signature signature;
};

/// Seals, signs and encodes. Deterministic (SIV seal, Ed25519). Preconditions (asserted): what decode_commit asks of
/// the clear part, and `keys` are of its epoch. The sealed part is cut to its bounds, and padded so that its length
/// says little.
Bytes make_commit(const CommitClear& clear, const CommitSealed& sealed, const EpochKeys& keys,
                  const crypto::SigningKeyPair& device);
/// Parses outside and clear part; bounded by kMaxCommitBytes. Does not check the signature (the caller knows the
/// device's key from the log). ErrorCode::corrupt when malformed, unsupported_version for a later suite or unknown
/// flags.
Result<Commit> decode_commit(ByteView encoded);
[[nodiscard]] bool verify_commit(const Commit& commit, const crypto::SigningPublicKey& device);
/// Opens the sealed part; corrupt when it does not belong to the clear part, or `keys` are not of its epoch.
Result<CommitSealed> open_commit(const Commit& commit, const EpochKeys& keys);

}  // namespace beffroi::storage
