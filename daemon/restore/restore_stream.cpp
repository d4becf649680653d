#include "daemon/restore/restore_stream.h"

#include <algorithm>
#include <unordered_map>

#include "daemon/restore/restore_frame.h"
#include "daemon/vault/read_ahead.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;

// What is read ahead of the client at most.
constexpr std::size_t kMaxAheadBytes = std::size_t{32} * 1024 * 1024;
constexpr std::size_t kMaxAheadItems = 4096;
// Collected before they are asked for: a source far away answers for many at once.
constexpr std::size_t kPrefetchIds = 64;

/// Failures of one file; all others end the stream.
bool concerns_one_file(const Error& error) {
  switch (error.code) {
    case ErrorCode::corrupt:
    case ErrorCode::not_found:
    case ErrorCode::refused:
    case ErrorCode::unsupported_version:
      return true;
    default:
      return false;
  }
}

/// One file whose content is on its way.
struct FileState {
  std::string path;
  storage::Digest content_digest{};
  bool failed = false;
};

/// What is to be written, in order.
struct Item {
  Bytes frame;  ///< an entry's; empty for the others
  std::shared_ptr<FileState> file;
  std::shared_ptr<SegmentTask> task;  ///< a piece of the file
  std::uint64_t offset = 0;
  std::size_t weight = 0;
  std::optional<Error> failure;        ///< the file can't be given
  std::shared_ptr<FileState> link_to;  ///< a hard link: fails when that file failed
};

class RestoreStream {
 public:
  RestoreStream(const storage::ObjectOpener& opener, const FrameWriter& write, const VerifiedSegment& verified,
                Progress& progress, std::size_t threads, const StillThere& still_there, const EntryEdit& edit)
      : opener_(opener),
        write_(write),
        verified_(verified),
        progress_(progress),
        still_there_(still_there),
        edit_(edit),
        ahead_(opener, threads, Verify::content) {}

  Result<void> select(const storage::TreeReader& tree, const std::string& path, const EntryFilter& may_read) {
    bool found = false;
    BEFFROI_CHECK(tree.for_each(path, [&](const Entry& entry) -> Result<void> {
      if (progress_.cancel) return fail(ErrorCode::cancelled, N_("The restore was stopped."));
      ++progress_.files_scanned;
      if (may_read && !may_read(entry)) return {};
      found = true;
      return edit_ ? take_edited(entry) : take(entry);
    }));
    if (found || path.empty()) return {};
    return fail(ErrorCode::not_found, N_("There is no {} in this snapshot. 'beffroi ls' shows what there is."),
                storage::to_display_path(path));
  }

  Result<RestoreCounts> finish() {
    dispatch();
    BEFFROI_CHECK(write_until(0, 0));
    if (still_there_ && counts_.failures > 0) BEFFROI_CHECK(still_there_(true));
    BEFFROI_CHECK(write_(end_frame(counts_), {}));
    return counts_;
  }

 private:
  Result<void> take_edited(Entry entry) {
    if (auto refused = edit_(entry))
      return push_failure(std::make_shared<FileState>(FileState{.path = entry.path}), *std::move(refused));
    return take(entry);
  }

  /// Names of one file with different contents (one of them was kept from an earlier snapshot) are files of their own.
  /// The others are named after the first that is given: the caller may not know what the group is called in the tree.
  Result<void> take(const Entry& entry) {
    if (entry.hard_link.empty()) return take_member(entry, {});
    const auto first = groups_.find(entry.hard_link);
    Entry named = entry;
    if (first == groups_.end())
      named.hard_link = entry.path;
    else if (first->second->content_digest == entry.content_digest)
      named.hard_link = first->second->path;
    else
      named.hard_link.clear();
    return take_member(named, entry.hard_link);
  }

  /// `group`: what its hard links are called in the tree.
  Result<void> take_member(const Entry& entry, const std::string& group) {
    Item item;
    item.frame = entry_frame(entry);
    item.weight = item.frame.size();
    BEFFROI_CHECK(push(std::move(item)));
    if (entry.type != EntryType::file) return {};
    const auto file = std::make_shared<FileState>(FileState{entry.path, entry.content_digest});
    if (!entry.hard_link.empty()) {
      const auto [first, is_first] = groups_.try_emplace(group, file);
      if (!is_first) return push(link_item(file, first->second));
    }
    if ((entry.flags & storage::kEntryUnreadable) != 0)
      return push_failure(
          file,
          {ErrorCode::not_found, N_("The content of this file could not be read when the snapshot was made."), {}});
    return take_content(entry, file);
  }

  Result<void> take_content(const Entry& entry, const std::shared_ptr<FileState>& file) {
    std::uint64_t offset = 0;
    // An error of push() ends the stream, one of the content tree only this file.
    Result<void> pushed;
    const auto listed = storage::for_each_segment(entry, opener_, [&](const storage::Segment& segment) -> Result<void> {
      // Of holes nothing is written, and there may be any number of them.
      if (progress_.cancel) return fail(ErrorCode::cancelled, N_("The restore was stopped."));
      const std::uint64_t at = std::exchange(offset, offset + segment.length);
      if (!segment.object) return {};
      Item item;
      item.file = file;
      item.task = std::make_shared<SegmentTask>();
      item.task->segment = segment;
      item.offset = at;
      item.weight = static_cast<std::size_t>(segment.length);
      pushed = push(std::move(item));
      return pushed;
    });
    if (!pushed) return pushed;
    if (listed) return {};
    return concerns_one_file(listed.error()) ? push_failure(file, listed.error()) : listed;
  }

  static Item link_item(const std::shared_ptr<FileState>& file, const std::shared_ptr<FileState>& first) {
    Item item;
    item.file = file;
    item.link_to = first;
    return item;
  }

  Result<void> push_failure(const std::shared_ptr<FileState>& file, Error reason) {
    Item item;
    item.file = file;
    item.failure = std::move(reason);
    return push(std::move(item));
  }

  Result<void> push(Item item) {
    if (item.task) {
      upcoming_.push_back(item.task);
      if (upcoming_.size() >= kPrefetchIds) dispatch();
    }
    bytes_ahead_ += item.weight;
    items_.push_back(std::move(item));
    return write_until(kMaxAheadItems, kMaxAheadBytes);
  }

  /// Hands the collected segments to the source and to the threads.
  void dispatch() {
    if (!upcoming_.empty()) ahead_.add(std::exchange(upcoming_, {}));
  }

  /// Writes from the front until no more than this is ahead.
  Result<void> write_until(std::size_t max_items, std::size_t max_bytes) {
    while (items_.size() > max_items || (bytes_ahead_ > max_bytes && !items_.empty())) {
      const Item item = std::move(items_.front());
      items_.pop_front();
      bytes_ahead_ -= item.weight;
      BEFFROI_CHECK(write_item(item));
    }
    return {};
  }

  Result<void> write_item(const Item& item) {
    if (!item.frame.empty()) {
      ++counts_.entries;
      return write_(item.frame, {});
    }
    if (item.link_to) {
      if (!item.link_to->failed) return {};
      return write_failure(*item.file,
                           {ErrorCode::corrupt, N_("The content of this hard link could not be given."), {}});
    }
    if (item.failure) return write_failure(*item.file, *item.failure);
    // It may be among those that were only collected so far.
    if (!item.task->given) dispatch();
    ahead_.wait(item.task);
    if (item.file->failed) return {};
    const Result<Bytes>& bytes = item.task->bytes;
    if (!bytes)
      return concerns_one_file(bytes.error()) ? write_failure(*item.file, bytes.error()) : forward_error(bytes);
    counts_.bytes += bytes->size();
    progress_.bytes_read += bytes->size();
    if (verified_) verified_(item.task->segment);
    return write_data(item.offset, *bytes);
  }

  /// A piece of ours fits one frame; the format allows a little more.
  Result<void> write_data(std::uint64_t offset, ByteView bytes) {
    while (!bytes.empty()) {
      const ByteView part = bytes.first(std::min(bytes.size(), kMaxFrameDataBytes));
      BEFFROI_CHECK(write_(data_frame_head(offset, part.size()), part));
      offset += part.size();
      bytes = bytes.subspan(part.size());
    }
    return {};
  }

  Result<void> write_failure(FileState& file, const Error& reason) {
    if (std::exchange(file.failed, true)) return {};
    if (still_there_) BEFFROI_CHECK(still_there_(false));
    ++counts_.failures;
    if (reason.code == ErrorCode::corrupt) ++counts_.damaged;
    if (reason.code == ErrorCode::not_found) ++counts_.missing;
    ++progress_.errors;
    return write_(failure_frame(file.path, reason), {});
  }

  const storage::ObjectOpener& opener_;
  const FrameWriter& write_;
  const VerifiedSegment& verified_;
  Progress& progress_;
  const StillThere& still_there_;
  const EntryEdit& edit_;
  RestoreCounts counts_;
  std::deque<Item> items_;
  std::size_t bytes_ahead_ = 0;
  std::vector<std::shared_ptr<SegmentTask>> upcoming_;
  std::unordered_map<std::string, std::shared_ptr<FileState>> groups_;  ///< of hard links, by their name in the tree
  ReadAhead ahead_;
};

/// Path order, and what lies inside another selection left out.
std::vector<std::string> in_order(const std::vector<RestoreSelection>& selections) {
  std::vector<std::string> paths;
  for (const auto& selection : selections) paths.push_back(selection.path);
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> out;
  for (std::string& path : paths)
    if (out.empty() || !storage::is_at_or_below(path, out.back())) out.push_back(std::move(path));
  return out;
}

}  // namespace

Result<RestoreCounts> stream_restore(const storage::ObjectOpener& opener, const storage::ObjectId& root,
                                     const std::vector<RestoreSelection>& selections, const EntryFilter& may_read,
                                     const FrameWriter& write, const VerifiedSegment& verified, Progress& progress,
                                     std::size_t read_ahead_threads, const StillThere& still_there,
                                     const EntryEdit& edit) {
  const storage::TreeReader tree(opener, root);
  RestoreStream stream(opener, write, verified, progress, read_ahead_threads, still_there, edit);
  for (const std::string& path : in_order(selections)) BEFFROI_CHECK(stream.select(tree, path, may_read));
  return stream.finish();
}

}  // namespace beffroi::daemon
