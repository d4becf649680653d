#include "daemon/backup/walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "crypto/assert.h"
#include "daemon/backup/stat_ahead.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;

const std::string kCacheTagName = "CACHEDIR.TAG";
constexpr std::string_view kCacheTag = "Signature: 8a477f597d28d172789f06886806bc55";  // bford.info/cachedir

/// The first bytes of a small file, empty when it is none.
std::string read_small_file(int folder, const std::string& name, std::size_t max_bytes) {
  const FileDescriptor file = open_file_at(folder, name);
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string out(max_bytes, '\0');
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  out.resize(filled);
  return out;
}

std::unexpected<Error> system_failure(std::string text) { return fail(ErrorCode::io, std::move(text), errno_text()); }

class Walker {
 public:
  Walker(const Source& source, MetadataReader& metadata, WalkVisitor& visitor, const std::function<bool()>& cancelled)
      : source_(source), metadata_(metadata), visitor_(visitor), cancelled_(cancelled), filter_(source.excludes) {}

  Result<void> run(const std::string& entry_path, const OpenFolder& folder, const std::string& name) {
    path_ = entry_path;
    struct stat status{};
    if (::fstatat(folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return system_failure(N_("Cannot read this source: {}."));
    if (S_ISLNK(status.st_mode)) return fail(ErrorCode::io, N_("Cannot read this source: {}."), errno_text(ELOOP));
    device_ = status.st_dev;
    network_ = metadata_.is_network(folder->get());
    BEFFROI_CHECK(take(folder, name, status, {}, true));
    while (!frames_.empty()) {
      if (cancelled_()) return fail(ErrorCode::cancelled, N_("The backup was stopped."));
      BEFFROI_CHECK(step());
    }
    return {};
  }

 private:
  struct Frame {
    OpenFolder folder;  ///< null while it is closed for want of descriptors
    dev_t device = 0;
    ino_t inode = 0;
    Names names;
    std::size_t next = 0;
    StatAhead ahead;
    std::size_t path_length = 0;
    std::size_t rules = 0;  ///< of the filter, without this folder's own
    Verdict verdict;
    bool network = false;
    std::optional<Walked> pending;  ///< an excluded folder: told only when something below it is taken
  };

  Result<void> step() {
    Frame& frame = frames_.back();
    if (frame.next == frame.names->size()) return leave();
    const std::size_t index = frame.next++;
    const Names names = frame.names;  // outlives the frame's place in frames_
    const std::string& name = (*names)[index];
    if (!frame.folder) return {};  // lost on the way back; reported then
    const std::string& path = enter_name(frame, name);
    if (path.size() > storage::kMaxPathBytes) {
      visitor_.problem(path, Error{ErrorCode::limit_exceeded, N_("This path is too long."), {}});
      return {};
    }
    struct stat status{};
    int error = 0;
    if (!frame.ahead.lstat(stat_thread_, frame.folder, frame.names, index, status, error)) {
      if (error == ENOENT) return {};
      return judge_unreadable(frame, Error{ErrorCode::io, N_("Cannot read this file: {}."), {errno_text(error)}});
    }
    // A folder's rights must be those that it has when it is entered.
    if (S_ISDIR(status.st_mode) && ::fstatat(frame.folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return judge_unreadable(frame, Error{ErrorCode::io, N_("Cannot read this file: {}."), {errno_text()}});
    }
    return judge_and_take(frame, name, status);
  }

  /// What it is can't be told, so only a rule for files and folders alike excludes it.
  Result<void> judge_unreadable(const Frame& frame, const Error& reason) {
    const Verdict verdict = filter_.judge(components_, false, frame.verdict);
    if (verdict.excluded && !filter_.may_take_back_below(components_, verdict)) {
      visitor_.excluded();
      return {};
    }
    return tell_unreadable(reason);
  }

  const std::string& enter_name(const Frame& frame, const std::string& name) {
    path_.resize(frame.path_length);
    if (!path_.empty()) path_ += '\0';
    path_ += name;
    components_.resize(frames_.size());
    components_.back() = name;
    return path_;
  }

  Result<void> judge_and_take(const Frame& frame, const std::string& name, const struct stat& status) {
    const bool is_folder = S_ISDIR(status.st_mode);
    const Verdict verdict = filter_.judge(components_, is_folder, frame.verdict);
    const bool too_big = S_ISREG(status.st_mode) && source_.max_file_bytes &&
                         static_cast<std::uint64_t>(status.st_size) > *source_.max_file_bytes;
    if (too_big || (verdict.excluded && !(is_folder && filter_.may_take_back_below(components_, verdict)))) {
      visitor_.excluded();
      return {};
    }
    if (visitor_.leaves_out(path_, status)) return {};
    const OpenFolder folder = frame.folder;
    return take(folder, name, status, verdict, false);
  }

  /// Describes what is at path_, and descends into folders.
  Result<void> take(const OpenFolder& folder, const std::string& name, const struct stat& status, Verdict verdict,
                    bool is_source) {
    if (S_ISSOCK(status.st_mode)) {
      visitor_.socket_skipped();
      return {};
    }
    const bool network = frames_.empty() ? network_ : frames_.back().network;
    if (S_ISREG(status.st_mode) && pending_ == 0) {
      BEFFROI_TRY(const bool taken, visitor_.take_as_known(path_, status, network));
      if (taken) return {};
    }
    auto entry = metadata_.read(folder->get(), name, status, network);
    if (!entry) {
      if (entry.error().code == ErrorCode::not_found) return {};
      return tell_unreadable(entry.error());
    }
    if (!*entry) return {};
    if (!metadata_.lost_attributes().empty())
      visitor_.problem(path_, Error{ErrorCode::io,
                                    N_("Some of its attributes could not be read, or are too large, and are not in the "
                                       "snapshot."),
                                    {}});
    Walked walked{std::move(**entry), status, network, !metadata_.lost_attributes().empty(), folder, name};
    walked.entry.path = path_;
    if (walked.entry.type != storage::EntryType::directory) return tell(std::move(walked));
    // Another file system's mount point is kept as an empty folder.
    if (source_.one_file_system && status.st_dev != device_ && !verdict.excluded) return tell(std::move(walked));
    return descend(std::move(walked), verdict, is_source);
  }

  Result<void> tell(Walked walked) {
    BEFFROI_CHECK(tell_pending());
    return visitor_.found(std::move(walked));
  }

  Result<void> tell_unreadable(const Error& reason) {
    BEFFROI_CHECK(tell_pending());
    return visitor_.unreadable_entry(path_, reason);
  }

  Result<void> tell_unreadable_folder(Walked walked, const Error& reason) {
    BEFFROI_CHECK(tell_pending());
    return visitor_.unreadable_folder(std::move(walked), reason);
  }

  Result<void> tell_pending() {
    if (pending_ == 0) return {};
    for (Frame& frame : frames_) {
      if (!frame.pending) continue;
      BEFFROI_CHECK(visitor_.found(std::move(*frame.pending)));
      frame.pending.reset();
    }
    pending_ = 0;
    return {};
  }

  /// A folder is told of when it is open and listed, so that the visitor may choose between its entry and the one that
  /// was known when it is not. One that is excluded waits until something below it is taken.
  Result<void> descend(Walked walked, Verdict verdict, bool is_source) {
    FileDescriptor opened = open_folder_at(walked.folder->get(), walked.name, false);
    struct stat status{};
    if (!opened || ::fstat(opened.get(), &status) != 0) {
      if (errno == ENOENT && !is_source) return {};
      return tell_unreadable_folder(std::move(walked),
                                    Error{ErrorCode::io, N_("Cannot read this folder: {}."), {errno_text()}});
    }
    if (was_replaced(opened.get(), walked.status, status))
      return tell_unreadable_folder(
          std::move(walked),
          Error{ErrorCode::io, N_("This folder was replaced by another one while it was read."), {}});
    auto names = read_names(opened.get());
    if (!names) return tell_unreadable_folder(std::move(walked), names.error());
    if (!verdict.excluded) {
      BEFFROI_CHECK(tell(std::move(walked)));
      return enter(std::move(opened), status, std::move(*names), verdict, std::nullopt);
    }
    return enter(std::move(opened), status, std::move(*names), verdict, std::move(walked));
  }

  Result<void> enter(FileDescriptor opened, const struct stat& status, std::vector<std::string> names, Verdict verdict,
                     std::optional<Walked> pending) {
    Frame frame;
    frame.folder = std::make_shared<const FileDescriptor>(std::move(opened));
    frame.device = status.st_dev;
    frame.inode = status.st_ino;
    frame.path_length = path_.size();
    frame.rules = filter_.size();
    frame.verdict = verdict;
    if (pending) ++pending_;
    frame.pending = std::move(pending);
    frame.network = frames_.empty() || frames_.back().device != status.st_dev
                        ? metadata_.is_network(frame.folder->get())
                        : frames_.back().network;
    if (source_.skip_caches && is_cache(frame.folder->get(), names)) {
      // The tag stays, so that the restored folder is a cache again.
      visitor_.excluded();
      names = {kCacheTagName};
    }
    read_exclude_files(frame.folder->get(), names);
    frame.names = std::make_shared<const std::vector<std::string>>(std::move(names));
    frames_.push_back(std::move(frame));
    if (frames_.size() > kMaxOpenFolders + 1) {
      Frame& far = frames_[frames_.size() - kMaxOpenFolders - 1];
      far.folder.reset();
      far.ahead.forget();
    }
    return {};
  }

  /// Is the opened folder another one than was seen? What is in it would be given to those who may read that one. Who
  /// mounts something there (an automounter does when the folder is opened) has the rights to.
  bool was_replaced(int opened, const struct stat& seen, const struct stat& status) const {
    const bool parent_is_network = frames_.empty() ? network_ : frames_.back().network;
    return status.st_dev == seen.st_dev && status.st_ino != seen.st_ino && !parent_is_network &&
           !metadata_.is_network(opened);
  }

  static bool is_cache(int folder, const std::vector<std::string>& names) {
    return std::binary_search(names.begin(), names.end(), kCacheTagName) &&
           read_small_file(folder, kCacheTagName, kCacheTag.size()) == kCacheTag;
  }

  void read_exclude_files(int folder, const std::vector<std::string>& names) {
    for (const std::string& name : source_.exclude_files)
      if (std::binary_search(names.begin(), names.end(), name))
        filter_.add_lines(read_small_file(folder, name, kMaxExcludeFileBytes), frames_.size());
  }

  Result<void> leave() {
    const Frame done = std::move(frames_.back());
    frames_.pop_back();
    if (!frames_.empty()) frames_.back().ahead.forget();
    if (done.pending) --pending_;
    filter_.shrink_to(done.rules);
    if (frames_.empty() || frames_.back().folder) return {};
    return reopen(done);
  }

  /// Opens the last frame's folder again: by way of its child, or, when that was moved meanwhile, from the top.
  Result<void> reopen(const Frame& child) {
    Frame& frame = frames_.back();
    if (child.folder) take_if_same(frame, open_folder_at(child.folder->get(), "..", false));
    if (!frame.folder) take_if_same(frame, open_from_top());
    if (frame.folder || frame.next == frame.names->size()) return {};
    return visitor_.lost_folder(path_.substr(0, frame.path_length),
                                Error{ErrorCode::io, N_("This folder was moved while it was read."), {}});
  }

  static void take_if_same(Frame& frame, FileDescriptor opened) {
    struct stat status{};
    if (!opened || ::fstat(opened.get(), &status) != 0) return;
    if (status.st_dev != frame.device || status.st_ino != frame.inode) return;
    frame.folder = std::make_shared<const FileDescriptor>(std::move(opened));
  }

  /// The last frame's folder by the names that led there. The source itself is never closed.
  FileDescriptor open_from_top() const {
    FileDescriptor out = open_folder_at(frames_.front().folder->get(), ".", false);
    for (std::size_t i = 0; out && i + 1 < frames_.size(); ++i) out = open_folder_at(out.get(), components_[i], false);
    return out;
  }

  const Source& source_;
  MetadataReader& metadata_;
  WalkVisitor& visitor_;
  const std::function<bool()>& cancelled_;
  Filter filter_;
  dev_t device_ = 0;
  bool network_ = false;
  std::string path_;
  std::vector<std::string> components_;  ///< of path_ below the source
  std::vector<Frame> frames_;
  StatThread stat_thread_;
  std::size_t pending_ = 0;  ///< frames that have one
};

}  // namespace

Result<void> walk(const Source& source, const std::string& entry_path, const OpenFolder& folder,
                  const std::string& name, MetadataReader& metadata, WalkVisitor& visitor,
                  const std::function<bool()>& cancelled) {
  return Walker(source, metadata, visitor, cancelled).run(entry_path, folder, name);
}

}  // namespace beffroi::daemon
