#include "daemon/backup/partial_commits.h"

#include <algorithm>
#include <numeric>

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;

// Each file costs this much beside its bytes; keeps tiny old files from coming before all others.
constexpr double kBytesPerFile = 4096;
constexpr double kSecondsPerDay = 86400;

}  // namespace

std::optional<FileRank> FileRanking::next(const Entry& entry) {
  if (entry.type != EntryType::file || entry.size == 0 || files_ == kMaxRankedFiles) return std::nullopt;
  const double age_days = std::max(0.0, static_cast<double>(now_.seconds - entry.mtime_s) / kSecondsPerDay);
  return FileRank{(age_days + 1) * (static_cast<double>(entry.size) + kBytesPerFile), files_++};
}

void PartialPlan::add(const Entry& entry, std::uint64_t unsent_bytes) {
  if (!wanted_) return;
  const auto rank = ranking_.next(entry);
  if (!rank || unsent_bytes == 0) return;
  files_.push_back({*rank, unsent_bytes});
  unsent_bytes_ += unsent_bytes;
}

std::vector<FileRank> PartialPlan::steps(std::uint64_t step_bytes) {
  std::sort(files_.begin(), files_.end(), [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
  std::vector<FileRank> out;
  std::uint64_t bytes = 0, target = step_bytes;
  for (std::size_t i = 0; i + 1 < files_.size(); ++i) {
    bytes += files_[i].bytes;
    if (bytes < target) continue;
    out.push_back(files_[i].rank);
    while (target <= bytes && target <= UINT64_MAX / 2) target *= 2;
  }
  return out;
}

Result<storage::TreeRoot> build_partial_tree(const storage::ObjectOpener& opener, const storage::ObjectId& full,
                                             storage::UnixTime now, const FileRank& last, storage::ObjectSink& sink,
                                             const std::function<bool()>& cancelled) {
  storage::TreeBuilder builder(opener.keys(), sink);
  FileRanking ranking(now);
  std::vector<Entry> folders;  // of the path that is being read, without those that are in the tree already
  BEFFROI_CHECK(storage::TreeReader(opener, full).for_each("", [&](const Entry& entry) -> Result<void> {
    if (cancelled()) return fail(ErrorCode::cancelled, N_("The backup was stopped."));
    while (!folders.empty() && !storage::is_at_or_below(entry.path, folders.back().path)) folders.pop_back();
    if (entry.type == EntryType::directory) folders.push_back(entry);
    const auto rank = ranking.next(entry);
    if (!rank || *rank > last) return {};
    for (const Entry& folder : folders) BEFFROI_CHECK(builder.add(folder));
    folders.clear();
    return builder.add(entry);
  }));
  return builder.finish();
}

}  // namespace beffroi::daemon
