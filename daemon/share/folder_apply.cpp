#include "daemon/share/folder_apply.h"

#include <fcntl.h>

#include <cstdio>
#include <map>

#include "daemon/backup/metadata.h"
#include "daemon/share/content_writer.h"
#include "daemon/share/file_placing.h"
#include "daemon/share/relocations.h"
#include "daemon/share/shared_entry.h"
#include "storage/merge/path_parts.h"
#include "storage/merge/shared_part.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;
using storage::MergeChange;

namespace {

constexpr std::size_t kBatchFiles = 128;  // each one is open until its content is there
constexpr std::uint64_t kBatchBytes = 64ULL * 1024 * 1024;
/// From this many on, one write-back of the whole file system is quicker than one for each.
constexpr std::size_t kSyncTogether = 16;
constexpr std::size_t kWriterThreads = 2;
constexpr std::size_t kRowsPerBatch = 1024;
constexpr std::int64_t kCoarseStampSeconds = 3;

bool is_folder(const std::optional<Entry>& entry) { return entry && entry->type == EntryType::directory; }

Error not_taken() {
  return {ErrorCode::refused,
          N_("This can't be made here: its name or kind is not allowed in a shared folder, or it is a link that leads "
             "out of it."),
          {}};
}

Refusal refuses(const Entry& entry) {
  if (!storage::is_valid_path(entry.path) || entry.path.empty()) return not_taken();
  for (std::string_view rest = entry.path; !rest.empty(); rest = storage::folder_of(rest))
    if (is_reserved_name(storage::name_of(rest))) return not_taken();
  if (entry.type == EntryType::symlink)
    return storage::stays_inside(entry.path, entry.link_target) ? Refusal() : not_taken();
  return entry.type == EntryType::file || entry.type == EntryType::directory ? Refusal() : not_taken();
}

/// A failure that the next files would meet as well: the peer is away, the disk is full. What only this file is too
/// long for is `refused`.
bool ends_writing(const Error& error) {
  switch (error.code) {
    case ErrorCode::corrupt:
    case ErrorCode::not_found:
    case ErrorCode::refused:
    case ErrorCode::unsupported_version:
      return false;
    default:
      return true;
  }
}

class FolderApply {
 public:
  FolderApply(OpenFolder top, bool network, Vault& vault, const storage::ObjectOpener& opener,
              std::span<const MergeChange> changes, Progress& progress, const AtApplyPoint& at_point)
      : top_(std::move(top)),
        network_(network),
        vault_(vault),
        opener_(opener),
        progress_(progress),
        at_point_(at_point),
        files_(opener.keys(), vault.files(), network),
        placing_(files_, at_point_) {
    for (const MergeChange& change : changes) changes_.emplace(change.path, &change);
  }

  Result<ApplyOutcome> run() {
    for (const auto& [path, change] : changes_)
      if (change->after)
        if (auto refusal = refuses(*change->after)) leave(*change, *std::move(refusal));
    BEFFROI_CHECK(make_folders(false));
    BEFFROI_CHECK(take_moved_files());
    BEFFROI_CHECK(make_folders(true));
    BEFFROI_CHECK(publish_moved());
    BEFFROI_CHECK(remove_all());
    BEFFROI_CHECK(clear_places());
    BEFFROI_CHECK(publish_moved());
    BEFFROI_CHECK(write_all());
    BEFFROI_CHECK(set_folder_rights());
    BEFFROI_CHECK(at(ApplyPoint::end, {}));
    BEFFROI_CHECK(sync_folders());
    BEFFROI_CHECK(remember_files());
    for (auto& [path, entry] : left_) out_.not_applied.push_back({path, std::move(entry)});
    return std::move(out_);
  }

 private:
  struct Moved {
    std::string temporary;  ///< entry path, in the beginning's terms
    std::string source;     ///< likewise
    struct stat seen{};     ///< with the content that it should have
  };
  struct Placed {
    struct stat status{};
    const Entry* entry = nullptr;
  };
  struct Writing {
    const MergeChange* change = nullptr;
    OpenFolder folder;
    std::string temporary;
    std::shared_ptr<NewFile> file = std::make_shared<NewFile>();
  };

  Result<void> at(ApplyPoint point, const std::string& path) const {
    if (progress_.cancel) return fail(ErrorCode::cancelled, N_("Bringing the shared folder up to date was stopped."));
    return at_point_ ? at_point_(point, path) : Result<void>{};
  }

  const MergeChange* find(std::string_view path) const {
    const auto found = changes_.find(path);
    return found == changes_.end() ? nullptr : found->second;
  }

  OpenFolder open_folder(std::string_view path) const {
    return std::make_shared<const FileDescriptor>(open_below(top_->get(), path));
  }
  OpenFolder folder_above(std::string_view path) const { return open_folder(storage::folder_of(path)); }

  /// What stands at a path now, if nobody has changed it.
  Expected expected_at(const std::string& path) const {
    const std::string origin = moves_.origin(path);
    if (emptied_.contains(path)) return {std::nullopt, origin};
    const MergeChange* const change = find(origin);
    return {change == nullptr ? std::nullopt : change->before, origin};
  }

  bool is_left(const std::string& path) const { return left_.contains(path); }

  /// The path stays as the disk has it.
  void leave(const MergeChange& change, Error reason) {
    std::optional<Entry> entry = expected_at(change.path).entry;
    if (entry) entry->path = change.path;
    leave_as(change.path, std::move(entry), std::move(reason));
  }
  void leave_as(const std::string& path, std::optional<Entry> entry, Error reason) {
    if (!left_.emplace(path, std::move(entry)).second) return;
    if (out_.reasons.size() < kMaxReasons)
      out_.reasons.push_back({path, std::move(reason.text), std::move(reason.args)});
    ++progress_.errors;
  }

  void touch(std::string_view path) { touched_.emplace(storage::folder_of(path)); }

  /// Where a file is to give way to a folder only the second time: its content may be wanted elsewhere.
  Result<void> make_folders(bool may_remove) {
    for (const auto& [path, change] : changes_) {
      if (!is_folder(change->after) || is_left(path) || made_.contains(path)) continue;
      BEFFROI_TRY(const bool made, make_folder(*change, may_remove));
      if (made) made_.insert(path);
    }
    return {};
  }

  Result<bool> make_folder(const MergeChange& change, bool may_remove) {
    const std::string& path = change.path;
    const OpenFolder parent = folder_above(path);
    if (!*parent) {
      if (may_remove) leave(change, cannot_change(errno));
      return false;
    }
    const std::string name(storage::name_of(path));
    struct stat there{};
    if (::fstatat(parent->get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(there.st_mode)) return true;
      if (!may_remove) return false;
      BEFFROI_TRY(const bool removed, remove_file(parent, change));
      if (!removed) return false;
    } else if (is_folder(change.before)) {
      // Somebody removed it since; what is to be in it finds no place.
      leave(change, was_changed());
      return false;
    }
    BEFFROI_CHECK(at(ApplyPoint::folder, path));
    touch(path);
    if (change.moved_from && relocate(*change.moved_from, parent, path)) return true;
    if (::mkdirat(parent->get(), name.c_str(), shared_mode(EntryType::directory, change.after->mode)) != 0) {
      leave(change, cannot_change(errno));
      return false;
    }
    const FileDescriptor made = open_folder_at(parent->get(), name, false);
    if (made && ::fstat(parent->get(), &there) == 0) give_to_owner_of(made.get(), there);
    return true;
  }

  Result<bool> remove_file(const OpenFolder& parent, const MergeChange& change) {
    const Expected expected = expected_at(change.path);
    if (!expected.entry || is_folder(expected.entry)) {
      leave(change, was_changed());
      return false;
    }
    const std::string name(storage::name_of(change.path));
    BEFFROI_TRY(Refusal refusal, placing_.remove(parent, name, change.path, expected));
    if (refusal)
      leave(change, *std::move(refusal));
    else
      emptied_.insert(change.path);
    return !is_left(change.path);
  }

  /// Renames a folder that goes away as a whole. False: it has to be made anew.
  bool relocate(const std::string& source, const OpenFolder& parent, const std::string& path) {
    const MergeChange* const gone = find(source);
    if (gone == nullptr || gone->after || !is_folder(gone->before) || brings_along_refused(source, path)) return false;
    const std::string from = moves_.now(source);
    const OpenFolder old_parent = folder_above(from);
    struct stat there{};
    const std::string old_name(storage::name_of(from)), name(storage::name_of(path));
    if (!*old_parent || ::fstatat(old_parent->get(), old_name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(there.st_mode) || rename_to_free(old_parent->get(), old_name, parent->get(), name) != 0)
      return false;
    touch(from);
    moves_.add(from, path);
    return true;
  }

  /// Would something come to stand where it must not be made? A link leads elsewhere from another depth.
  bool brings_along_refused(const std::string& source, const std::string& path) const {
    const auto left = left_.lower_bound(path);
    if (left != left_.end() && storage::is_at_or_below(left->first, path)) return true;
    for (auto each = changes_.lower_bound(source);
         each != changes_.end() && storage::is_at_or_below(each->first, source); ++each) {
      const std::optional<Entry>& before = each->second->before;
      if (before && before->type == EntryType::symlink &&
          !storage::stays_inside(path + each->first.substr(source.size()), before->link_target))
        return true;
    }
    return false;
  }

  /// Files that will be elsewhere get a second name, before anything stands in their places.
  Result<void> take_moved_files() {
    for (const auto& [path, change] : changes_) {
      if (!change->moved_from || is_left(path) || !change->after || change->after->type != EntryType::file) continue;
      if (moves_.now(*change->moved_from) != path) BEFFROI_CHECK(take_moved(*change));
    }
    return {};
  }

  Result<void> take_moved(const MergeChange& change) {
    const MergeChange* const gone = find(*change.moved_from);
    if (gone == nullptr || !gone->before || gone->before->content_digest != change.after->content_digest) return {};
    const std::string source = moves_.now(*change.moved_from);
    const OpenFolder folder = folder_above(source);
    if (!*folder) return {};
    BEFFROI_CHECK(at(ApplyPoint::link, change.path));
    const std::string name(storage::name_of(source));
    struct stat seen{};
    BEFFROI_TRY(const Refusal refusal, placing_.check_at_rest(folder, name, {gone->before, *change.moved_from}, seen));
    // Its content is in the space all the same.
    if (refusal) return {};
    // Beside its new place: the old one may be in a folder that goes.
    const std::string_view beside =
        *folder_above(change.path) ? storage::folder_of(change.path) : storage::folder_of(source);
    const OpenFolder to = open_folder(beside);
    Moved moved{.temporary = make_temporary_name(), .source = source, .seen = seen};
    if (!*to) return {};
    const bool linked = ::linkat(folder->get(), name.c_str(), to->get(), moved.temporary.c_str(), 0) == 0;
    // No links here, or not for us.
    if (!linked && (gone->after || rename_to_free(folder->get(), name, to->get(), moved.temporary) != 0)) return {};
    files_.trust(seen);
    moved.temporary = storage::path_in(beside, moved.temporary);
    moved_.emplace(change.path, std::move(moved));
    return {};
  }

  Result<void> publish_moved() {
    for (auto moved = moved_.begin(); moved != moved_.end();) {
      const MergeChange& change = *find(moved->first);
      // A folder stands there that goes first.
      if (is_folder(expected_at(change.path).entry) && !is_left(change.path)) {
        ++moved;
        continue;
      }
      BEFFROI_CHECK(publish_one_moved(change, moved->second));
      moved = moved_.erase(moved);
    }
    return {};
  }

  Result<void> publish_one_moved(const MergeChange& change, const Moved& moved) {
    const std::string at_now = moves_.now(moved.temporary), name(storage::name_of(at_now));
    const OpenFolder from = folder_above(at_now);
    if (!*from) {
      leave(change, was_changed());
      return {};
    }
    // A second look: somebody may have written into it since. Its new time would hide that.
    struct stat now{};
    const bool is_it = ::fstatat(from->get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
                       is_unchanged(moved.seen, now) && writers_of(from->get(), name) != Writers::somebody;
    if (!is_it) leave(change, was_changed());
    BEFFROI_TRY(const bool published, publish(change, from, name));
    if (published) {
      touch(at_now);
      return {};
    }
    bring_back(change, moved, from, name);
    return {};
  }

  /// The file stays, or comes back, where it was; beside that when the name is taken, and what it holds has no other.
  void bring_back(const MergeChange& change, const Moved& moved, const OpenFolder& from, const std::string& temporary) {
    const std::string source = moves_.now(moved.source);
    const OpenFolder back = folder_above(source);
    const std::string name(storage::name_of(source));
    struct stat now{};
    if (*back && rename_to_free(from->get(), temporary, back->get(), name) == 0)
      touch(source);
    else if (::fstatat(from->get(), temporary.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_nlink > 1)
      ::unlinkat(from->get(), temporary.c_str(), 0);
    else
      FilePlacing::bring_back(from->get(), temporary, (*back ? back : from)->get(), name);
    kept_sources_.insert(*change.moved_from);
    std::optional<Entry> before = find(*change.moved_from)->before;
    before->path = source;
    // It may have been removed already, its content being safe.
    if (find(*change.moved_from)->after == std::nullopt) leave_as(source, std::move(before), was_changed());
  }

  /// Sets rights and time of a whole temporary file and puts it in its place.
  Result<bool> publish(const MergeChange& change, const OpenFolder& from, const std::string& temporary) {
    Placed placed{.entry = &*change.after};
    const OpenFolder folder = is_left(change.path) ? OpenFolder() : folder_above(change.path);
    if (!folder) return false;
    if (!*folder) {
      leave(change, cannot_change(errno));
      return false;
    }
    if (const FileDescriptor file = open_file_at(from->get(), temporary)) set_metadata(file.get(), *change.after);
    if (::fstatat(from->get(), temporary.c_str(), &placed.status, AT_SYMLINK_NOFOLLOW) != 0) {
      leave(change, cannot_change(errno));
      return false;
    }
    const std::string name(storage::name_of(change.path));
    BEFFROI_TRY(Refusal refusal,
                placing_.publish(from->get(), temporary, folder, name, change.path, expected_at(change.path)));
    if (refusal) {
      leave(change, *std::move(refusal));
      return false;
    }
    touch(change.path);
    placed_.insert_or_assign(change.path, placed);
    ++out_.files_written;
    return true;
  }

  /// Deepest first. What was carried along by a folder's rename goes from where it is now.
  Result<void> remove_all() {
    for (auto each = changes_.rbegin(); each != changes_.rend(); ++each) {
      const MergeChange& change = *each->second;
      if (change.after || !change.before) continue;
      const std::string path = moves_.now(change.path);
      const MergeChange* const new_one = path == change.path ? nullptr : find(path);
      if (path != change.path && is_folder(change.before)) gone_.push_back(change.path);
      if (new_one != nullptr && new_one->after) continue;
      if (!is_left(path)) BEFFROI_CHECK(remove_one(change, path));
    }
    return {};
  }

  Result<void> remove_one(const MergeChange& change, const std::string& path) {
    Entry before = *change.before;
    before.path = path;
    if (kept_sources_.contains(change.path)) {
      leave_as(path, before, was_changed());
      return {};
    }
    const OpenFolder folder = folder_above(path);
    if (!*folder) {
      if (errno != ENOENT && errno != ENOTDIR) leave_as(path, before, cannot_change(errno));
      return {};
    }
    BEFFROI_TRY(Refusal refusal, remove_at(folder, path, change));
    touch(path);
    if (refusal)
      leave_as(path, before, *std::move(refusal));
    else
      gone_.push_back(change.path);
    return {};
  }

  Result<Refusal> remove_at(const OpenFolder& folder, const std::string& path, const MergeChange& change) {
    const std::string name(storage::name_of(path));
    if (change.before->type != EntryType::directory)
      return placing_.remove(folder, name, path, {change.before, change.path});
    BEFFROI_CHECK(at(ApplyPoint::removal, path));
    return remove_folder(folder, name);
  }

  static Refusal remove_folder(const OpenFolder& folder, const std::string& name) {
    if (::unlinkat(folder->get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno == ENOTEMPTY || errno == EEXIST)
      return Error{ErrorCode::conflict,
                   N_("This folder was removed elsewhere, but here something is in it that is not shared, or is new. "
                      "Remove the folder if nobody needs that."),
                   {}};
    return cannot_change(errno);
  }

  /// Folders whose names files get, once they are empty.
  Result<void> clear_places() {
    for (auto each = changes_.rbegin(); each != changes_.rend(); ++each) {
      const MergeChange& change = *each->second;
      if (!change.after || is_folder(change.after) || is_left(change.path)) continue;
      if (!is_folder(expected_at(change.path).entry)) continue;
      const OpenFolder folder = folder_above(change.path);
      Refusal refusal =
          *folder ? remove_folder(folder, std::string(storage::name_of(change.path))) : Refusal(cannot_change(errno));
      if (refusal)
        leave(change, *std::move(refusal));
      else
        emptied_.insert(change.path);
    }
    return {};
  }

  Result<void> write_all() {
    std::vector<Writing> batch;
    std::uint64_t bytes = 0;
    ContentWriter writer(opener_, needs_content() ? kWriterThreads : 0, progress_.cancel);
    for (const auto& [path, change] : changes_) {
      if (!change->after || is_folder(change->after) || is_left(path) || placed_.contains(path)) continue;
      const Expected expected = expected_at(path);
      const bool same_content = expected.entry && expected.entry->type == EntryType::file &&
                                change->after->type == EntryType::file &&
                                expected.entry->content_digest == change->after->content_digest;
      if (same_content) {
        BEFFROI_CHECK(change_metadata(*change, expected));
        continue;
      }
      BEFFROI_CHECK(begin(*change, writer, batch));
      bytes += change->after->size;
      if (batch.size() < kBatchFiles && bytes < kBatchBytes) continue;
      BEFFROI_CHECK(end_batch(writer, batch));
      bytes = 0;
    }
    return end_batch(writer, batch);
  }

  bool needs_content() const {
    return std::ranges::any_of(changes_, [&](const auto& each) {
      return each.second->after && !each.second->after->segments.empty() && !placed_.contains(each.first);
    });
  }

  Result<void> begin(const MergeChange& change, ContentWriter& writer, std::vector<Writing>& batch) {
    if (ended_) {
      leave(change, *ended_);
      return {};
    }
    BEFFROI_CHECK(at(ApplyPoint::content, change.path));
    Writing writing{.change = &change, .folder = folder_above(change.path), .temporary = make_temporary_name()};
    if (!*writing.folder) {
      leave(change, cannot_change(errno));
      return {};
    }
    if (change.after->type == EntryType::symlink) return place_link(writing);
    if (const auto fits = writer.check_room(*change.after, room_for_content(writing.folder->get())); !fits) {
      if (fits.error().code == ErrorCode::cancelled) return fits;
      // The next ones may be smaller.
      if (fits.error().code != ErrorCode::disk_full && ends_writing(fits.error())) ended_ = fits.error();
      leave(change, fits.error());
      return {};
    }
    auto file =
        placing_.make_file(writing.folder->get(), writing.temporary, std::string(storage::name_of(change.path)));
    if (!file) {
      leave(change, file.error());
      return {};
    }
    writing.file->file = std::move(*file);
    writer.add(writing.file, *change.after);
    batch.push_back(std::move(writing));
    return {};
  }

  Result<void> place_link(const Writing& writing) {
    const Entry& entry = *writing.change->after;
    const int folder = writing.folder->get();
    if (::symlinkat(entry.link_target.c_str(), folder, writing.temporary.c_str()) != 0) {
      leave(*writing.change, cannot_change(errno));
      return {};
    }
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                               {.tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)}};
    if (::utimensat(folder, writing.temporary.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) errno = 0;
    BEFFROI_TRY(const bool published, publish(*writing.change, writing.folder, writing.temporary));
    if (!published) ::unlinkat(folder, writing.temporary.c_str(), 0);
    return {};
  }

  Result<void> end_batch(ContentWriter& writer, std::vector<Writing>& batch) {
    writer.finish();
    const bool together = batch.size() >= kSyncTogether;
    for (const Writing& writing : batch)
      if (!writing.file->failure) set_metadata(writing.file->file.get(), *writing.change->after);
    if (together && ::syncfs(top_->get()) != 0) ended_ = cannot_change(errno);
    for (const Writing& writing : batch) {
      NewFile& file = *writing.file;
      if (!file.failure && ended_) file.failure = ended_;
      if (!file.failure && !together && ::fsync(file.file.get()) != 0) file.failure = cannot_change(errno);
      file.file.close();
      BEFFROI_CHECK(publish_written(writing));
    }
    batch.clear();
    return {};
  }

  Result<void> publish_written(const Writing& writing) {
    const auto& failure = writing.file->failure;
    bool published = false;
    if (failure) {
      if (failure->code == ErrorCode::cancelled) {
        ::unlinkat(writing.folder->get(), writing.temporary.c_str(), 0);
        return std::unexpected(*failure);
      }
      if (ends_writing(*failure)) ended_ = failure;
      leave(*writing.change, *failure);
    } else {
      BEFFROI_TRY(published, publish(*writing.change, writing.folder, writing.temporary));
    }
    if (!published) ::unlinkat(writing.folder->get(), writing.temporary.c_str(), 0);
    return {};
  }

  /// Content as it is: rights and times, or nothing at all when a folder's rename brought it here.
  Result<void> change_metadata(const MergeChange& change, const Expected& expected) {
    const OpenFolder folder = folder_above(change.path);
    const std::string name(storage::name_of(change.path));
    Placed placed{.entry = &*change.after};
    Refusal refusal = was_changed();
    if (*folder) {
      BEFFROI_TRY(refusal, placing_.check(folder, name, expected, placed.status));
    }
    if (refusal) {
      leave(change, *std::move(refusal));
      return {};
    }
    if (!has_same_metadata(*change.after, *expected.entry)) {
      BEFFROI_CHECK(at(ApplyPoint::rights, change.path));
      const FileDescriptor file = open_file_at(folder->get(), name);
      struct stat now{};
      if (!file || ::fstat(file.get(), &now) != 0 || !is_unchanged(placed.status, now)) {
        leave(change, was_changed());
        return {};
      }
      set_metadata(file.get(), *change.after);
      if (::fstat(file.get(), &placed.status) != 0) return {};
    }
    placed_.insert_or_assign(change.path, placed);
    return {};
  }

  Result<void> set_folder_rights() {
    for (auto each = changes_.rbegin(); each != changes_.rend(); ++each) {
      const MergeChange& change = *each->second;
      if (!is_folder(change.after) || is_left(change.path)) continue;
      const OpenFolder folder = open_folder(change.path);
      struct stat status{};
      if (!*folder || ::fstat(folder->get(), &status) != 0) {
        leave(change, cannot_change(errno));
        continue;
      }
      if ((status.st_mode & 0777U) != shared_mode(EntryType::directory, change.after->mode)) {
        BEFFROI_CHECK(at(ApplyPoint::rights, change.path));
        set_metadata(folder->get(), *change.after);
        if (::fstat(folder->get(), &status) != 0) continue;
      }
      BEFFROI_CHECK(note_rights(change, status));
    }
    return {};
  }

  /// Rights that can't be set (FAT, another owner) are nobody's change here: else two such stations would set them for
  /// each other for ever.
  Result<void> note_rights(const MergeChange& change, const struct stat& status) {
    if ((status.st_mode & 0777U) != shared_mode(EntryType::directory, change.after->mode)) {
      rights_not_set_.emplace_back(change.path, rights_not_set(*change.after, status));
      return {};
    }
    BEFFROI_TRY(const auto noted, vault_.files().find(change.path));
    if (noted) gone_.push_back(change.path);
    return {};
  }

  /// The base moves on next. A folder that can't be opened any more, or is of a kind that can't be synced by itself, is
  /// synced with all others.
  Result<void> sync_folders() {
    bool together = touched_.size() >= kSyncTogether;
    for (auto path = touched_.begin(); !together && path != touched_.end(); ++path) {
      const FileDescriptor folder = open_below(top_->get(), *path);
      const int error = !folder ? EINVAL : ::fsync(folder.get()) == 0 ? 0 : errno;
      if (error != 0 && error != EINVAL) return std::unexpected(cannot_change(error));
      together = error != 0;
    }
    if (together && ::syncfs(top_->get()) != 0) return std::unexpected(cannot_change(errno));
    return {};
  }

  /// So that the next scan needn't read what was just written. Looked at again: what somebody has changed since then
  /// has another time.
  Result<void> remember_files() {
    storage::WriteBatch batch;
    std::size_t rows = 0;
    const auto write_if = [&](bool full) -> Result<void> {
      if (!full || rows == 0) return {};
      BEFFROI_CHECK(vault_.database().write(batch, storage::Durability::buffered));
      batch.clear();
      rows = 0;
      return {};
    };
    for (const std::string& path : gone_) {
      vault_.files().remove(batch, path);
      BEFFROI_CHECK(write_if(++rows >= kRowsPerBatch));
    }
    for (const auto& [path, noted] : rights_not_set_) {
      vault_.files().put(batch, path, noted);
      BEFFROI_CHECK(write_if(++rows >= kRowsPerBatch));
    }
    for (const auto& [path, placed] : placed_) {
      if (placed.entry->type != EntryType::file) continue;
      const OpenFolder folder = folder_above(path);
      struct stat now{};
      const std::string name(storage::name_of(path));
      if (!*folder || ::fstatat(folder->get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) continue;
      const bool fine =
          now.st_mtim.tv_nsec != 0 || now.st_mtim.tv_sec + kCoarseStampSeconds < vault_.clock().now().seconds;
      if (!fine || !is_unchanged(placed.status, now)) continue;
      vault_.files().put(batch, path, cached_as(*placed.entry, fingerprint_of(now, network_)));
      BEFFROI_CHECK(write_if(++rows >= kRowsPerBatch));
    }
    return write_if(true);
  }

  const OpenFolder top_;
  const bool network_;
  Vault& vault_;
  const storage::ObjectOpener& opener_;
  Progress& progress_;
  const AtApplyPoint& at_point_;
  LocalFiles files_;
  FilePlacing placing_;
  std::map<std::string, const MergeChange*, std::less<>> changes_;
  Relocations moves_;
  std::set<std::string, std::less<>> made_;  ///< folders
  std::map<std::string, Moved> moved_;       ///< by where they will be
  std::set<std::string> kept_sources_;       ///< of moves that failed
  std::set<std::string> emptied_;            ///< nothing stands there any more
  std::set<std::string> touched_;            ///< folders in which names changed
  std::map<std::string, Placed> placed_;     ///< files and links that are as they should be
  std::vector<std::string> gone_;            ///< from the file cache
  std::vector<std::pair<std::string, storage::CachedFile>> rights_not_set_;
  std::map<std::string, std::optional<Entry>> left_;
  std::optional<Error> ended_;  ///< nothing more can be written
  ApplyOutcome out_;
};

}  // namespace

Result<ApplyOutcome> apply_to_folder(const SyncedFolder& folder, Vault& vault, const storage::ObjectOpener& opener,
                                     std::span<const MergeChange> changes, Progress& progress,
                                     const AtApplyPoint& at_point) {
  if (changes.empty()) return ApplyOutcome{};
  BEFFROI_TRY(OpenFolder top, folder.open());
  const bool network = is_network_file_system(top->get());
  return FolderApply(std::move(top), network, vault, opener, changes, progress, at_point).run();
}

}  // namespace beffroi::daemon
