#include "daemon/share/folder_scan.h"

#include <fcntl.h>

#include "daemon/share/applied_entries.h"
#include "daemon/share/change_stage.h"
#include "daemon/share/local_file.h"
#include "daemon/share/shared_entry.h"
#include "daemon/share/skipped_list.h"
#include "storage/merge/path_parts.h"
#include "storage/merge/shared_part.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;

namespace {

constexpr std::size_t kMaxLeftovers = 100'000;

Error stopped() { return {ErrorCode::cancelled, N_("The look at the shared folder was stopped."), {}}; }

std::optional<dev_t> device_of(int folder) {
  struct stat status{};
  return ::fstat(folder, &status) == 0 ? std::optional(status.st_dev) : std::nullopt;
}

/// Only what is shared: no owners, no attributes.
class SharedMetadata final : public MetadataReader {
 public:
  Result<std::optional<Entry>> read(int folder, const std::string& name, const struct stat& status, bool) override {
    Entry entry = shared_entry(status);
    if (entry.type != EntryType::symlink) return entry;
    auto target = read_link_at(folder, name);
    if (!target) return fail(ErrorCode::io, N_("Cannot read this link: {}."), errno_text());
    entry.link_target = std::move(*target);
    return entry;
  }
};

class FolderScanner final : public WalkVisitor {
 public:
  FolderScanner(OpenFolder top, Vault& vault, StoreSink& sink, const storage::ObjectOpener& opener,
                storage::ObjectId applied, const storage::IgnoreRules& rules, const LocalPaths& local,
                const ScanScope& scope, Progress& progress)
      : top_(std::move(top)),
        vault_(vault),
        sink_(sink),
        opener_(opener),
        root_(applied),
        rules_(rules),
        local_(local),
        scope_(scope),
        progress_(progress),
        network_(is_network_file_system(top_->get())),
        device_(device_of(top_->get())),
        problems_(progress),
        applied_(opener, applied, [this](const Entry& entry) { return gone(entry); }),
        cached_(vault.files()) {}

  Result<FolderScan> run() {
    const std::uint64_t read_before = progress_.bytes_read;
    if (auto looked = look(); !looked) {
      if (looked.error().code == ErrorCode::cancelled) return std::unexpected(stopped());
      return forward_error(looked);
    }
    if (content_) content_->finish();
    if (changes_) BEFFROI_CHECK(changes_->finish(scan_));
    for (SkippedFile& skipped : skipped_.take()) scan_.skipped.push_back(std::move(skipped));
    scan_.bytes_read = progress_.bytes_read - read_before;
    return std::move(scan_);
  }

  bool has_removals() const { return removals_; }

  Result<void> found(Walked walked) override {
    BEFFROI_CHECK(hook_outcome_);
    const std::string path = walked.entry.path;
    if (path.empty()) return {};
    if (walked.entry.type == EntryType::file) return read_file(std::move(walked));
    if (walked.entry.type == EntryType::symlink && !storage::stays_inside(path, walked.entry.link_target))
      return skip(path,
                  {ErrorCode::refused, N_("This link leads out of the shared folder, and so is not shared."), {}});
    skipped_.judge_name(path, scope_.everything);
    BEFFROI_TRY(const auto before, take(path, walked.entry.type));
    if (before && !may_replace(*before, walked.entry.type)) return stands_in_the_way(path, *before, walked.entry.type);
    if (walked.entry.type == EntryType::directory && !(before && before->mode == walked.entry.mode)) {
      BEFFROI_TRY(const auto cached, find_cached(path));
      walked.entry.mode = shared_rights(cached, walked.status);
    }
    if (before && before->type == walked.entry.type && before->link_target == walked.entry.link_target &&
        has_same_metadata(*before, walked.entry))
      return {};
    return emit({path, std::move(walked.entry)});
  }

  Result<bool> take_as_known(const std::string& path, const struct stat& status, bool) override {
    BEFFROI_CHECK(hook_outcome_);
    ++scan_.files;
    ++progress_.files_scanned;
    skipped_.judge_name(path, scope_.everything);
    BEFFROI_TRY(before_, take(path, EntryType::file));
    if (before_ && !may_replace(*before_, EntryType::file)) {
      BEFFROI_CHECK(stands_in_the_way(path, *before_, EntryType::file));
      return true;
    }
    if (before_) {
      BEFFROI_TRY(const auto cached, find_cached(path));
      if (cached && vouches_for(*cached, *before_) && cached->fingerprint == fingerprint_of(status, network_)) {
        ++progress_.files_unchanged;
        return true;
      }
    }
    if (is_at_rest(path, status)) return false;
    scan_.unquiet.insert(path);
    return true;
  }

  bool leaves_out(const std::string& path, const struct stat& status) override {
    const bool is_folder = S_ISDIR(status.st_mode);
    if (is_reserved_name(storage::name_of(path))) {
      if (scope_.everything && !is_folder && storage::name_of(path).starts_with(kTemporaryPrefix) &&
          leftovers_.size() < kMaxLeftovers)
        leftovers_.push_back(path);
      return true;
    }
    if (const std::string* const pattern = rules_.ignored_by(path, is_folder)) {
      skipped_.add_ignored(path, *pattern);
      scan_.kept.insert(path);
      hook_outcome_ = applied_.keep_below(path);
      return true;
    }
    if (is_folder && !local_.has(path) && stands_for_a_file(path)) {
      hook_outcome_ = skip(path, in_the_way_of_another());
      return true;
    }
    // Only folders: some file systems of several layers give files other numbers.
    if (is_folder && status.st_dev != device_) {
      hook_outcome_ = skip(path, on_another_disk());
      return true;
    }
    if (is_folder || S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) return false;
    hook_outcome_ = skip(
        path, {ErrorCode::refused, N_("This is neither a file nor a folder nor a link, and so is not shared."), {}});
    return true;
  }

  Result<void> unreadable_folder(Walked walked, const Error& reason) override {
    return skip(walked.entry.path, reason);
  }
  Result<void> lost_folder(const std::string& path, const Error&) override {
    scan_.unquiet.insert(path);
    return applied_.keep_below(path);
  }
  Result<void> unreadable_entry(const std::string& path, const Error& reason) override { return skip(path, reason); }
  void problem(const std::string& path, const Error& reason) override { hook_outcome_ = skip(path, reason); }
  void excluded() override {}
  void socket_skipped() override {}

 private:
  bool is_at_rest(const std::string& path, const struct stat& status) {
    const auto now = vault_.clock().now_ms();
    if (is_quiet(status, now)) return true;
    if (!is_quiet(status, now, kQuietClosed)) return false;
    const FileDescriptor folder = open_below(top_->get(), storage::folder_of(path));
    return folder && writers_of(folder.get(), std::string(storage::name_of(path))) == Writers::nobody;
  }

  Result<void> look() {
    if (scope_.everything) {
      BEFFROI_CHECK(applied_.begin({}));
      BEFFROI_CHECK(walk_folder({}, top_, "."));
      BEFFROI_CHECK(applied_.finish());
      for (const std::string& path : leftovers_) remove_leftover(path);
      return hook_outcome_;
    }
    std::optional<std::string> last;
    BEFFROI_TRY(const auto tops, tops_of_scope());
    for (const std::string& top : tops) {
      if (last && storage::is_at_or_below(top, *last)) continue;
      last = top;
      if (progress_.cancel) return std::unexpected(stopped());
      BEFFROI_CHECK(applied_.begin(top));
      BEFFROI_CHECK(look_at(top));
      BEFFROI_CHECK(applied_.finish());
    }
    return hook_outcome_;
  }

  /// Where to begin: above a path when the folder that it is in is new, or no folder any more.
  Result<std::set<std::string>> tops_of_scope() {
    std::set<std::string> out;
    std::optional<std::string> known_folder;
    for (const std::string& path : scope_.paths) {
      if (!path.empty() && (!storage::is_valid_path(path) || is_reserved(path))) continue;
      std::string top = path;
      for (;;) {
        const std::string folder(storage::folder_of(top));
        if (folder.empty() || folder == known_folder) break;
        BEFFROI_TRY(const bool known, is_known_folder(folder));
        if (known) known_folder = folder;
        if (known) break;
        top = folder;
      }
      if (storage::folder_of(top).empty() || rules_.ignored_by(storage::folder_of(top), true) == nullptr)
        out.insert(std::move(top));
    }
    return out;
  }

  static bool is_reserved(std::string_view path) {
    for (; !path.empty(); path = storage::folder_of(path))
      if (is_reserved_name(storage::name_of(path))) return true;
    return false;
  }

  Result<bool> is_known_folder(const std::string& path) const {
    if (!open_below(top_->get(), path)) return false;
    BEFFROI_TRY(const auto entry, storage::TreeReader(opener_, root_).find(path));
    return entry && entry->type == EntryType::directory;
  }

  Result<void> look_at(const std::string& path) {
    if (path.empty()) return walk_folder({}, top_, ".");
    const auto folder = std::make_shared<const FileDescriptor>(open_below(top_->get(), storage::folder_of(path)));
    const std::string name(storage::name_of(path));
    struct stat status{};
    if (!*folder || ::fstatat(folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return {};
      return skip(path, {ErrorCode::io, N_("Cannot read this file: {}."), {errno_text()}});
    }
    if (leaves_out(path, status)) return hook_outcome_;
    if (S_ISDIR(status.st_mode)) return walk_folder(path, folder, name);
    return look_at_one(path, folder, name, status);
  }

  Result<void> look_at_one(const std::string& path, const OpenFolder& folder, const std::string& name,
                           const struct stat& status) {
    if (S_ISREG(status.st_mode)) {
      BEFFROI_TRY(const bool known, take_as_known(path, status, network_));
      if (known) return {};
    }
    auto entry = metadata_.read(folder->get(), name, status, network_);
    if (!entry) return skip(path, entry.error());
    Walked walked{std::move(**entry), status, network_, false, folder, name};
    walked.entry.path = path;
    return found(std::move(walked));
  }

  Result<void> walk_folder(const std::string& path, const OpenFolder& folder, const std::string& name) {
    Source source;
    source.skip_caches = false;
    walking_ = true;
    auto walked = walk(source, path, folder, name, metadata_, *this, [this] { return progress_.cancel.load(); });
    walking_ = false;
    if (walked || walked.error().code != ErrorCode::io) return walked;
    // It was replaced at this moment.
    scan_.unquiet.insert(path);
    return applied_.keep_below(path);
  }

  Result<std::optional<storage::CachedFile>> find_cached(const std::string& path) {
    return walking_ ? cached_.find(path) : vault_.files().find(path);
  }

  /// The tree's entry at this path. With another type there now, what the tree has below it is gone for good.
  Result<std::optional<Entry>> take(const std::string& path, EntryType type) {
    BEFFROI_TRY(auto before, applied_.take(path));
    const bool was_folder = before && before->type == EntryType::directory;
    if (was_folder && type != EntryType::directory && may_replace(*before, type)) removed_ = path;
    return before;
  }

  /// A rule that came later must not delete at the others what is gone here.
  Result<void> gone(const Entry& entry) {
    if (entry.path.empty() || !local_.has(entry.path)) return {};
    const bool is_folder = entry.type == EntryType::directory;
    const bool folder_is_gone = removed_ && storage::is_at_or_below(entry.path, *removed_);
    if (!folder_is_gone && rules_.ignored_by(entry.path, is_folder) != nullptr) return {};
    removals_ = true;
    if (is_folder && local_.is_mixed(entry.path)) {
      scan_.parted.push_back(entry.path);
      return {};
    }
    if (!folder_is_gone && is_folder) removed_ = entry.path;
    sink_.write_behind([&](storage::WriteBatch& batch) { vault_.files().remove(batch, entry.path); });
    return emit({entry.path, std::nullopt});
  }

  /// A folder is where the space has a file that is not kept here: what is in it would take the file's place.
  bool stands_for_a_file(const std::string& path) {
    const auto entry = storage::TreeReader(opener_, root_).find(path);
    if (!entry) hook_outcome_ = forward_error(entry);
    return !entry || (*entry && (*entry)->type != EntryType::directory);
  }

  /// May what is here now stand for what the tree has? Not for what is not kept here, nor for a folder with such
  /// things.
  bool may_replace(const Entry& before, EntryType type) const {
    if (!local_.has(before.path)) return false;
    return before.type != EntryType::directory || type == EntryType::directory || !local_.is_mixed(before.path);
  }

  /// Something is where the space has what is not kept here.
  Result<void> stands_in_the_way(const std::string& path, const Entry& before, EntryType type) {
    if (before.type == EntryType::directory && type == EntryType::directory) return {};
    return skip(path, in_the_way_of_another());
  }

  Result<void> skip(const std::string& path, const Error& reason) {
    skipped_.add(path, reason);
    scan_.kept.insert(path);
    return applied_.keep_below(path);
  }

  /// What the list of changes gets goes the same way as what is still being read, or they would lose their order.
  Result<void> emit(storage::TreeChange change) {
    if (change.entry) change.entry->path = change.path;
    if (!changes_) {
      scan_.changes.push_back(std::move(change));
      return {};
    }
    changes_->push({std::move(change), nullptr});
    return run_.outcome();
  }

  Result<void> read_file(Walked walked) {
    if (!changes_) start_reading();
    auto slot = std::make_shared<Slot>();
    slot->walked = std::move(walked);
    slot->walked.network = network_;
    slot->previous = std::exchange(before_, std::nullopt);
    slot->done = false;
    slot->entry().size = static_cast<std::uint64_t>(slot->walked.status.st_size);
    changes_->push({{}, slot});
    content_->submit(slot);
    ++progress_.files_changed;
    return run_.outcome();
  }

  void start_reading() {
    const std::size_t threads = thread_count(scope_.everything ? 0 : 1);
    content_.emplace(sink_, sink_.presence(), problems_, run_, progress_, threads, opener_);
    changes_.emplace(vault_, sink_, problems_, run_, threads, network_);
  }

  void remove_leftover(const std::string& path) const {
    const FileDescriptor folder = open_below(top_->get(), storage::folder_of(path));
    if (folder) ::unlinkat(folder.get(), std::string(storage::name_of(path)).c_str(), 0);
  }

  const OpenFolder top_;
  Vault& vault_;
  StoreSink& sink_;
  const storage::ObjectOpener& opener_;
  const storage::ObjectId root_;
  const storage::IgnoreRules& rules_;
  const LocalPaths& local_;
  const ScanScope& scope_;
  Progress& progress_;
  const bool network_;
  const std::optional<dev_t> device_;
  ProblemList problems_;
  SharedMetadata metadata_;
  AppliedEntries applied_;
  storage::FileCacheCursor cached_;
  bool walking_ = false;
  std::optional<Entry> before_;         ///< the tree's entry of the file that was asked about last
  std::optional<std::string> removed_;  ///< the last folder that went
  bool removals_ = false;
  Result<void> hook_outcome_;  ///< of what is called where no error can be told
  SkippedList skipped_;
  std::vector<std::string> leftovers_;
  FolderScan scan_;
  RunState run_;
  std::optional<ContentStage> content_;
  std::optional<ChangeStage> changes_;
};

}  // namespace

Result<FolderScan> scan_folder(const SyncedFolder& folder, Vault& vault, StoreSink& sink,
                               const storage::ObjectOpener& opener, storage::ObjectId applied,
                               const storage::IgnoreRules& rules, const LocalPaths& local, const ScanScope& scope,
                               Progress& progress) {
  BEFFROI_TRY(OpenFolder top, folder.open());
  FolderScanner scanner(std::move(top), vault, sink, opener, applied, rules, local, scope, progress);
  BEFFROI_TRY(FolderScan out, scanner.run());
  // A disk that went while it was looked at must not look like files that were deleted.
  if (scanner.has_removals()) BEFFROI_CHECK(folder.open());
  return out;
}

}  // namespace beffroi::daemon
