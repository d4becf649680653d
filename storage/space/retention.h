// Which commits of a branch the space's rules keep, and why: windows of time over the receipts of its peer, never
// counts, so that nothing that is added pushes out what is there. Pure: the peer evaluates it before it lets anything
// go, and a station recomputes what the peer says. docs/format.md, "What a peer may let go", has the rules in words.
#pragma once

#include <limits>

#include "storage/space/log.h"

namespace beffroi::storage {

/// Why a commit is kept, strongest first. Until its lock has run out nothing lets it go; then no_rule, pinned and
/// newest yield to a deletion, an unpinning and a later commit; the others to time.
enum class KeepReason : std::uint8_t {
  locked,   ///< younger than lock_days
  future,   ///< receipted later than now: some clock was wrong, or is
  no_rule,  ///< receipted when its space had no rule yet: no later one binds it
  pinned,
  newest,  ///< of its branch
  within,  ///< younger than within_days
  first_of_year,
  last_of_year,
  first_of_month,
  last_of_month,
  first_of_week,
  last_of_week,
  first_of_day,
  last_of_day,
  first_of_hour,
  last_of_hour,
};
inline constexpr std::size_t kKeepReasonCount = 16;
/// "locked", "first_of_year"…: as the enumerator.
const char* keep_reason_name(KeepReason reason);

/// A set of reasons. Empty: nothing keeps the commit.
class KeepReasons {
 public:
  void add(KeepReason reason) { bits_ |= bit(reason); }
  bool has(KeepReason reason) const { return (bits_ & bit(reason)) != 0; }
  bool empty() const { return bits_ == 0; }
  /// Strongest first.
  std::vector<KeepReason> listed() const;
  bool operator==(const KeepReasons&) const = default;

 private:
  static constexpr std::uint32_t bit(KeepReason reason) { return 1U << static_cast<unsigned>(reason); }
  std::uint32_t bits_ = 0;
};

/// The times that a space's receipts count with: none is older than an earlier receipt's. So a peer's clock that was
/// put back makes nothing look old.
class ReceiptTimes {
 public:
  /// Of the next receipt; they come in the order of their counters, from the first.
  UnixTime next(UnixTime peer_time) { return newest_ = std::max(newest_, peer_time); }

 private:
  UnixTime newest_{std::numeric_limits<std::int64_t>::min()};
};

/// A commit and what its receipt says, as SpaceStore lists them.
struct ReceiptedCommit {
  CommitId commit;
  std::uint64_t sequence = 0;
  UnixTime receipted;  ///< by ReceiptTimes
  RecordId log_head;   ///< the peer's, when it gave the receipt
  bool operator==(const ReceiptedCommit&) const = default;
};

/// A commit as the rules look at it.
struct RetentionCommit {
  CommitId commit;
  std::uint64_t sequence = 0;
  UnixTime receipted;          ///< by ReceiptTimes
  std::uint64_t position = 0;  ///< in the log, of the receipt's log head
  bool pinned = false;
};
/// A receipt whose log head is not in this log counts as given before all rules: they keep its commit.
std::vector<RetentionCommit> retention_input(const SpaceLog& log, std::span<const ReceiptedCommit> branch);

struct RetentionVerdict {
  CommitId commit;
  KeepReasons reasons;    ///< empty: it may go
  UnixTime locked_until;  ///< no deletion lets it go before; its receipt's time when no rule gives it a lock
};
/// One verdict for each commit of one branch, in their order. `branch`: those that the peer still holds, ascending by
/// sequence (asserted). Of the history bind the rule that was in force at the receipt and all later ones: what one of
/// them keeps is kept, and the longest lock counts. `now` is the peer's clock; one that runs ahead makes everything
/// look old, so the caller has to be sure of it. Times before 1970 or after 9999 count as the first or last second of
/// these years. O(n log n).
std::vector<RetentionVerdict> evaluate_retention(std::span<const RetentionCommit> branch,
                                                 const RetentionHistory& history, UnixTime now);

}  // namespace beffroi::storage
