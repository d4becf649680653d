// A push that takes many nights (the first one, or one after a big folder was added) is cut into commits that are
// complete in themselves: newest and smallest files first, each with about twice as much as the one before, so that
// something can be restored from the first evening.
#pragma once

#include "storage/tree/tree.h"

namespace beffroi::daemon {

/// More files than this are ranked no more: they come with the complete commit only.
inline constexpr std::size_t kMaxRankedFiles = 2 * 1024 * 1024;

/// How early a file is wanted, and which of the equally wanted ones comes first.
struct FileRank {
  double weight = 0;  ///< age times size: small is early
  std::uint64_t index = 0;
  auto operator<=>(const FileRank&) const = default;
};

/// Ranks files in the order of a tree. Used the same way twice: to find the steps, and to select by them.
class FileRanking {
 public:
  explicit FileRanking(storage::UnixTime now) : now_(now) {}
  /// Of the next entry in tree order; nullopt for what is not ranked (no file, empty, too many).
  std::optional<FileRank> next(const storage::Entry& entry);

 private:
  const storage::UnixTime now_;
  std::uint64_t files_ = 0;
};

/// Collects the ranks of what the peer lacks of one tree.
class PartialPlan {
 public:
  /// `wanted`: else nothing is collected.
  PartialPlan(storage::UnixTime now, bool wanted) : now_(now), wanted_(wanted), ranking_(now) {}
  bool wanted() const { return wanted_; }
  /// Every entry, in tree order; `unsent_bytes`: what the peer lacks of its content, and no snapshot that waits to be
  /// sent brings.
  void add(const storage::Entry& entry, std::uint64_t unsent_bytes);
  std::uint64_t unsent_bytes() const { return unsent_bytes_; }
  /// Last ranks of steps that hold `step_bytes`, twice that, four times that… of what is unsent; what would hold all of
  /// it is left out.
  std::vector<FileRank> steps(std::uint64_t step_bytes);
  storage::UnixTime now() const { return now_; }

 private:
  struct Ranked {
    FileRank rank;
    std::uint64_t bytes = 0;
  };
  const storage::UnixTime now_;
  const bool wanted_;
  FileRanking ranking_;
  std::vector<Ranked> files_;
  std::uint64_t unsent_bytes_ = 0;
};

/// The tree of the files of `full` up to `last`, with their folders.
Result<storage::TreeRoot> build_partial_tree(const storage::ObjectOpener& opener, const storage::ObjectId& full,
                                             storage::UnixTime now, const FileRank& last, storage::ObjectSink& sink,
                                             const std::function<bool()>& cancelled);

}  // namespace beffroi::daemon
