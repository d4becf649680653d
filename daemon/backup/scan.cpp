#include "daemon/backup/scan.h"

#include <fcntl.h>

#include <algorithm>

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;

OpenFolder open_parent(const std::string& display_path) {
  const std::size_t slash = display_path.rfind('/');
  const std::string parent = slash == 0 ? "/" : display_path.substr(0, slash);
  return std::make_shared<const FileDescriptor>(open_path_without_links(parent));
}

/// The last name of a path; "." for the root.
std::string last_name(const std::string& display_path) {
  const std::string name = display_path.substr(display_path.rfind('/') + 1);
  return name.empty() ? "." : name;
}

bool is_damage(const Error& error) { return error.code == ErrorCode::corrupt || error.code == ErrorCode::not_found; }

}  // namespace

Scan::Scan(ScanContext context, SlotTaker take)
    : context_(std::move(context)),
      take_(std::move(take)),
      metadata_(context_.request.metadata ? *context_.request.metadata : own_metadata_),
      previous_(leaves_of_previous(),
                [this](const Entry& entry) {
                  if (entry.type != EntryType::file) return;
                  ++statistics_.files_removed;
                  if (gone_) gone_(entry.path);
                }),
      cached_(context_.vault.files()) {}

Result<void> Scan::run(std::vector<Source> sources) {
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) {
    return storage::to_entry_path(a.path) < storage::to_entry_path(b.path);
  });
  for (const Source& source : sources) BEFFROI_CHECK(scan_source(source));
  auto finished = previous_.finish();
  if (!finished && !is_damage(finished.error())) return finished;
  return hand_on_known();
}

std::unique_ptr<PreviousLeaves> Scan::leaves_of_previous() {
  if (!context_.previous) return nullptr;
  const bool vouches = context_.previous_is_own && !context_.request.rehash;
  return std::make_unique<PreviousLeaves>(context_.opener, *context_.previous, context_.presence,
                                          vouches ? &context_.vault.files() : nullptr, context_.request.priority);
}

Result<void> Scan::hand_on(const SlotPointer& slot) {
  BEFFROI_CHECK(hand_on_known());
  return take_(slot);
}

Result<void> Scan::hand_on_known() {
  if (!known_.leaf) return {};
  auto slot = std::make_shared<Slot>();
  slot->known = std::exchange(known_, {});
  if (std::exchange(weighed_, slot->known.leaf) != slot->known.leaf) slot->known.weight = slot->known.leaf->weight;
  return take_(slot);
}

/// Neighbours are handed on together.
Result<void> Scan::add_known(const KnownEntry& entry) {
  if (entry.leaf == known_.leaf && entry.index == known_.first + known_.count) {
    ++known_.count;
    return {};
  }
  BEFFROI_CHECK(hand_on_known());
  known_ = {.leaf = entry.leaf, .first = entry.index, .count = 1};
  return {};
}

/// A damaged last snapshot must not keep the next one from being made: all is read again then.
void Scan::forget_previous(const Error& reason) {
  context_.problems.add({}, reason);
  context_.previous.reset();
  previous_.forget();
}

template <class Value>
Result<Value> Scan::or_without_previous(Result<Value> outcome, Value without) {
  if (outcome || !is_damage(outcome.error())) return outcome;
  forget_previous(outcome.error());
  return without;
}

Result<std::optional<KnownEntry>> Scan::take_known(const std::string& entry_path) {
  return or_without_previous<std::optional<KnownEntry>>(previous_.take(entry_path), std::nullopt);
}

Result<std::optional<Entry>> Scan::take_previous(const std::string& entry_path) {
  BEFFROI_TRY(const auto known, take_known(entry_path));
  return known ? std::optional(**known) : std::nullopt;
}

Result<void> Scan::scan_source(const Source& source) {
  source_ = &source;
  source_begun_ = false;
  const std::string entry_path = storage::to_entry_path(source.path);
  const OpenFolder parent = open_parent(source.path);
  const std::string name = last_name(source.path);
  struct stat status{};
  const bool is_there = *parent && ::fstatat(parent->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  BEFFROI_CHECK(take_ancestors(entry_path, is_there));
  BEFFROI_TRY(const bool missing, keep_if_missing(entry_path, parent, name));
  if (missing) return {};
  const std::function<bool()> cancelled = [this] { return context_.progress.cancel.load(); };
  auto walked = walk(source, entry_path, parent, name, metadata_, *this, cancelled);
  // Gone since it was looked at, a moment ago.
  if (!walked && walked.error().code == ErrorCode::io && !source_begun_)
    return unreadable_entry(entry_path, walked.error());
  return walked;
}

/// The folders above a source are entries as well: a restore makes them as they were. Above a missing source (a disk
/// that is not mounted) those of the last snapshot stand, where they were open to fewer people: they guard what is
/// kept.
Result<void> Scan::take_ancestors(const std::string& entry_path, bool source_is_there) {
  for (std::size_t end = 0; end != std::string::npos && !entry_path.empty();) {
    const std::string path = entry_path.substr(0, end);
    end = end == entry_path.size() ? std::string::npos : entry_path.find('\0', end + (end == 0 ? 0 : 1));
    if (path == entry_path || !ancestors_.insert(path).second) continue;
    const std::string display = storage::to_display_path(path);
    const OpenFolder folder = std::make_shared<const FileDescriptor>(open_path_without_links(display));
    BEFFROI_TRY(auto previous, take_previous(path));
    struct stat status{};
    if (*folder && ::fstat(folder->get(), &status) == 0) {
      BEFFROI_CHECK(take_folder(path, folder->get(), status, std::move(previous), source_is_there));
    } else if (previous) {
      BEFFROI_CHECK(keep(std::move(*previous)));
    }
  }
  return {};
}

/// A source that is missing, or empty where there was something: a disk that is not mounted looks like that.
Result<bool> Scan::keep_if_missing(const std::string& entry_path, const OpenFolder& parent, const std::string& name) {
  struct stat status{};
  if (!*parent || ::fstatat(parent->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    const Error reason{ErrorCode::io, N_("This source is missing: {}."), {errno_text()}};
    if (context_.request.accept_empty && errno == ENOENT) return true;
    BEFFROI_CHECK(unreadable_entry(entry_path, reason));
    return true;
  }
  if (S_ISLNK(status.st_mode)) {
    // Its target was stored when it was added: whoever put a link there may be anybody.
    BEFFROI_CHECK(unreadable_entry(
        entry_path, {ErrorCode::io,
                     N_("There is a symbolic link in this source's place now, which is not followed. Remove the "
                        "source and add it again if that is meant."),
                     {}}));
    return true;
  }
  if (!S_ISDIR(status.st_mode) || context_.request.accept_empty) return false;
  const FileDescriptor folder = open_folder_at(parent->get(), name, false);
  const auto names = folder ? read_names(folder.get()) : Result<std::vector<std::string>>(std::vector<std::string>{""});
  if (!names || !names->empty() || ::fstat(folder.get(), &status) != 0) return false;
  BEFFROI_TRY(auto previous, take_previous(entry_path));
  BEFFROI_TRY(const bool had_content, or_without_previous(previous_.has_below(entry_path), false));
  if (previous && had_content) {
    context_.problems.add(entry_path,
                          {ErrorCode::io,
                           N_("This source is suddenly empty. Its last content was kept; use --accept-empty "
                              "if it is meant to be empty."),
                           {}});
    stale_ = true;
    if (!may_keep(entry_path)) {
      BEFFROI_CHECK(take_folder(entry_path, folder.get(), status, std::move(previous)));
      return true;
    }
    BEFFROI_CHECK(keep(std::move(*previous)));
    BEFFROI_CHECK(keep_below(entry_path));
  } else {
    // Empty as it was; its last entry has been taken already.
    BEFFROI_CHECK(take_folder(entry_path, folder.get(), status, std::move(previous)));
  }
  return true;
}

Result<void> Scan::unreadable_entry(const std::string& entry_path, const Error& reason) {
  stale_ = true;
  context_.problems.add(entry_path, reason);
  BEFFROI_TRY(auto previous, take_previous(entry_path));
  if (!previous || !may_keep(entry_path)) return {};
  BEFFROI_CHECK(keep(std::move(*previous)));
  return keep_below(entry_path);
}

/// Remembers a folder on the way that more people may look into than could before. Folders come before what is below.
void Scan::note_folder(const Slot& slot) {
  const Entry& entry = slot.entry();
  if (entry.type != EntryType::directory || !may_keep(entry.path)) return;
  widened_.reset();
  if (slot.previous && opens_wider(entry, *slot.previous)) widened_ = entry.path;
}

/// What the last snapshot has below such a folder was hidden from them, and is not shown to them now: a file of modest
/// rights in a closed folder would be, when somebody else's open folder stands in its place.
bool Scan::may_keep(const std::string& entry_path) const {
  return !widened_ || !storage::is_at_or_below(entry_path, *widened_);
}

Result<void> Scan::keep_below(const std::string& entry_path) {
  if (!may_keep(entry_path)) return {};
  const auto kept = previous_.take_below(entry_path, [this](Entry entry) { return keep(std::move(entry)); });
  if (kept || !is_damage(kept.error())) return kept;
  forget_previous(kept.error());
  return {};
}

Result<void> Scan::take_folder(const std::string& entry_path, int folder, const struct stat& status,
                               std::optional<Entry> previous, bool source_is_there) {
  BEFFROI_TRY(auto entry, metadata_.read(folder, ".", status));
  if (!source_is_there && previous && may_keep(entry_path) && opens_wider(*entry, *previous))
    return keep(std::move(*previous));
  auto slot = std::make_shared<Slot>();
  slot->walked.entry = std::move(*entry);
  slot->walked.entry.path = entry_path;
  slot->previous = std::move(previous);
  note_folder(*slot);
  return hand_on(slot);
}

/// Hands on an entry of the last snapshot as it was.
Result<void> Scan::keep(Entry entry) {
  if (context_.progress.cancel) return fail(ErrorCode::cancelled, N_("The backup was stopped."));
  auto slot = std::make_shared<Slot>();
  slot->kept = true;
  BEFFROI_TRY(const bool present, context_.presence.has_content(entry, true));
  if (!present) {
    problem(entry.path,
            {ErrorCode::corrupt, N_("The last content of this file is damaged and could not be kept."), {}});
    entry.segments.clear();
    entry.content_root.reset();
    entry.content_digest = {};
    entry.flags |= storage::kEntryUnreadable;
  }
  entry.flags |= storage::kEntryStale;
  slot->previous = entry;
  slot->walked.entry = std::move(entry);
  ++context_.progress.files_scanned;
  return hand_on(slot);
}

Result<void> Scan::unreadable_folder(Walked walked, const Error& reason) {
  const std::string path = walked.entry.path;
  problem(path, reason);
  source_begun_ = true;
  BEFFROI_TRY(auto previous, take_previous(path));
  if (previous && may_keep(path) && opens_wider(walked.entry, *previous)) {
    BEFFROI_CHECK(keep(std::move(*previous)));
    return keep_below(path);
  }
  ++context_.progress.files_scanned;
  auto slot = std::make_shared<Slot>();
  slot->walked = std::move(walked);
  slot->walked.folder.reset();
  slot->previous = std::move(previous);
  note_folder(*slot);
  BEFFROI_CHECK(hand_on(slot));
  return keep_below(path);
}

Result<void> Scan::lost_folder(const std::string& entry_path, const Error& reason) {
  problem(entry_path, reason);
  return keep_below(entry_path);
}

Result<void> Scan::found(Walked walked) {
  ++context_.progress.files_scanned;
  auto slot = std::make_shared<Slot>();
  slot->walked = std::move(walked);
  slot->separate = source_->separate;
  source_begun_ = true;
  BEFFROI_TRY(const auto known_before, take_known(slot->entry().path));
  if (known_before) slot->previous = **known_before;
  note_folder(*slot);
  // Folders, symbolic links and the like.
  if (slot->entry().type != EntryType::file && known_before && slot->entry() == **known_before)
    return add_known(*known_before);
  slot->may_fall_back = may_keep(slot->entry().path);
  if (slot->entry().type != EntryType::file) {
    slot->walked.folder.reset();
    return hand_on(slot);
  }
  if (join_links(*slot)) return hand_on(slot);
  BEFFROI_TRY(const bool known, content_is_known(*slot));
  if (known) {
    copy_content(*slot->previous, slot->entry());
    slot->walked.folder.reset();
  } else {
    slot->done = false;
    slot->entry().size = static_cast<std::uint64_t>(slot->walked.status.st_size);
  }
  return hand_on(slot);
}

/// True when an earlier link of the same file brings the content.
bool Scan::join_links(Slot& slot) {
  const auto& status = slot.walked.status;
  if (status.st_nlink < 2 || slot.walked.network) return false;
  const auto key = std::pair(status.st_dev, status.st_ino);
  auto found = links_.find(key);
  // Another file got the number of one that was removed meanwhile.
  if (found != links_.end() && !found->second->is_like(status)) {
    links_.erase(found);
    found = links_.end();
  }
  if (found == links_.end()) {
    slot.entry().hard_link = slot.entry().path;
    if (links_.size() >= kMaxLinkGroups) return false;
    slot.links = std::make_shared<LinkGroup>(
        LinkGroup{slot.entry().path, status.st_nlink - 1, std::nullopt, status.st_size, status.st_mtim, status.st_uid});
    links_.emplace(key, slot.links);
    return false;
  }
  slot.links = found->second;
  slot.entry().hard_link = slot.links->first_path;
  slot.walked.folder.reset();
  if (--slot.links->links_left == 0) links_.erase(found);
  return true;
}

Result<bool> Scan::take_as_known(const std::string& entry_path, const struct stat& status, bool network) {
  // A network's file system doesn't say when attributes change; and links of one file belong together.
  if (network || status.st_nlink != 1 || context_.request.rehash || !context_.previous_is_own) return false;
  BEFFROI_TRY(const auto previous,
              or_without_previous<std::optional<KnownEntry>>(previous_.peek(entry_path), std::nullopt));
  if (!previous) return false;
  BEFFROI_TRY(const bool as_known, is_as_known(*previous, status));
  if (!as_known) return false;
  BEFFROI_CHECK(previous_.take(entry_path));
  ++context_.progress.files_scanned;
  source_begun_ = true;
  BEFFROI_CHECK(add_known(*previous));
  return true;
}

/// The change time vouches for all that the file cache's row was written with; the row, for the last snapshot's entry.
Result<bool> Scan::is_as_known(const KnownEntry& known, const struct stat& status) {
  const auto& vouched = known.leaf->vouched[known.index];
  if (!vouched || *vouched != fingerprint_of(status, false)) return false;
  const Entry& previous = *known;
  if (previous.mode != (status.st_mode & 07777U) || previous.uid != status.st_uid || previous.gid != status.st_gid ||
      previous.mtime_s != status.st_mtim.tv_sec ||
      previous.mtime_ns != static_cast<std::uint32_t>(status.st_mtim.tv_nsec) || !metadata_.are_names_of(previous))
    return false;
  if (known.leaf->present) return true;
  return context_.presence.has_content(previous, false);
}

/// Was the file like this when it was last read, and is what was read then still here? (Size and time are all that a
/// network's file system tells: there the readers must be the same as well, or the old content would go to others.)
Result<bool> Scan::content_is_known(Slot& slot) {
  constexpr std::uint32_t kDoubtful = storage::kEntryUnreadable | storage::kEntryChangedWhileRead;
  const auto& previous = slot.previous;
  if (context_.request.rehash || !previous || previous->type != EntryType::file || (previous->flags & kDoubtful) != 0)
    return false;
  // The cache is of what this device read. Another one, taken over perhaps, may have signed the same digest over
  // anything.
  if (!context_.previous_is_own) return false;
  if (opens_wider(slot.entry(), *previous) || (slot.walked.network && !slot.may_fall_back)) return false;
  BEFFROI_TRY(const auto cached, cached_.find(slot.entry().path));
  if (!cached || cached->content_digest != previous->content_digest ||
      cached->fingerprint != fingerprint_of(slot.walked.status, slot.walked.network))
    return false;
  BEFFROI_TRY(const bool present, context_.presence.has_content(*previous, false));
  // A row without the attributes is completed, so that the next run needn't read them.
  slot.attributes_known = present && !cached->attributes && !slot.walked.attributes_lost && !slot.walked.network;
  return present;
}

}  // namespace beffroi::daemon
