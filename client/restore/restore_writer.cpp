#include "client/restore/restore_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "client/restore/landing.h"

namespace beffroi::client {
namespace {

// Of the small files that are written while the stream goes on. Each may hold its folder open.
constexpr std::size_t kMaxFilesUnderWay = 256;
constexpr std::size_t kMaxFoldersUnderWay = 64;
constexpr std::size_t kMaxBytesUnderWay = std::size_t{24} * 1024 * 1024;
constexpr std::size_t kMaxThreads = 4;

using storage::Entry;
using storage::EntryType;

std::string reason(int error) { return std::generic_category().message(error); }

// What no other file of this restore could escape either.
bool ends_all(int error) {
  return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO || error == EMFILE || error == ENFILE ||
         error == ENOMEM;
}

std::unexpected<Error> target_failed(const std::string& shown, int error) {
  if (error == ENOSPC || error == EDQUOT)
    return fail(
        ErrorCode::disk_full,
        N_("The disk is full: {} could not be restored. What was restored before is whole. Make room, then start "
           "again."),
        shown);
  return fail(ErrorCode::io, N_("Cannot write {}: {}."), shown, reason(error));
}

std::unexpected<Error> unlawful(const std::string& path) {
  return fail(
      ErrorCode::protocol,
      N_("Beffroi's service sent {}, which was not asked for or leads out of the target; the restore was stopped."),
      storage::to_display_path(path));
}

std::string last_component(std::string_view path) {
  const auto cut = path.rfind('\0');
  return std::string(path.substr(cut == std::string_view::npos ? 0 : cut + 1));
}

std::string parent_of(std::string_view path) {
  const auto cut = path.rfind('\0');
  return std::string(path.substr(0, cut == std::string_view::npos ? 0 : cut));
}

std::size_t weight_of(const SmallFile& file) {
  std::size_t out = file.entry.size;
  for (const auto& [name, value] : file.entry.xattrs) out += name.size() + value.size();
  return out;
}

void name_folder_in_the_way(RestoreReport& report, const std::string& shown) {
  report.add_problem(shown,
                     {ErrorCode::already_exists, N_("A folder of that name is there already, and was left."), {}});
}

bool is_same_folder(int opened, const struct stat& seen) {
  struct stat status{};
  return fstat(opened, &status) == 0 && status.st_dev == seen.st_dev && status.st_ino == seen.st_ino;
}

mode_t type_bits(EntryType type) {
  switch (type) {
    case EntryType::symlink:
      return S_IFLNK;
    case EntryType::fifo:
      return S_IFIFO;
    case EntryType::character_device:
      return S_IFCHR;
    case EntryType::block_device:
      return S_IFBLK;
    default:
      return S_IFREG;
  }
}

}  // namespace

Result<std::unique_ptr<RestoreWriter>> RestoreWriter::open(const std::string& target, WriteOptions options) {
  BEFFROI_TRY(Descriptor folder, open_target(target));
  return open(std::move(folder), std::move(options));
}

std::unique_ptr<RestoreWriter> RestoreWriter::open(Descriptor target, WriteOptions options) {
  return std::unique_ptr<RestoreWriter>(new RestoreWriter(std::move(target), std::move(options)));
}

RestoreWriter::RestoreWriter(Descriptor target, WriteOptions options)
    : target_(std::make_shared<const Descriptor>(std::move(target))),
      options_(std::move(options)),
      owners_(options_.numeric_owner),
      folders_(target_->get(), [this](FolderStack::Left left) { leave_folder(std::move(left)); }),
      link_folders_(target_->get(), {}),
      small_files_(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads)) {}

RestoreWriter::~RestoreWriter() {
  if (!finished_) abandon();
}

// nullopt: nothing is to be written for this entry.
Result<std::optional<RestoreWriter::Place>> RestoreWriter::place_of(const Entry& entry) {
  if (!storage::is_valid_path(entry.path) || !storage::is_at_or_below(entry.path, options_.selected))
    return unlawful(entry.path);
  if (last_path_ && entry.path <= *last_path_) return unlawful(entry.path);
  last_path_ = entry.path;
  // The target itself is the caller's.
  if (entry.path.empty()) return std::nullopt;
  if (blocked_ && storage::is_at_or_below(entry.path, *blocked_)) return std::nullopt;
  const std::string above = parent_of(options_.selected);
  const std::string path = entry.path.substr(above.empty() ? 0 : above.size() + 1);
  Place place{-1, parent_of(path), last_component(path), storage::to_display_path(entry.path)};
  // A file that is still being written would not be met on the way.
  const bool below_file = leaf_ && storage::is_at_or_below(entry.path, *leaf_);
  const auto folder =
      below_file ? FolderStack::OrErrno<int>(std::unexpected(ENOTDIR)) : folders_.enter(place.parent, true);
  if (entry.type != EntryType::directory && !below_file) leaf_ = entry.path;
  if (!folder) {
    if (ends_all(folder.error())) return target_failed(place.shown, folder.error());
    blocked_ = entry.path;
    report_.add_problem(
        place.shown, {ErrorCode::io, N_("The folder that it belongs in can't be used: {}."), {reason(folder.error())}});
    return std::nullopt;
  }
  place.folder = *folder;
  return place;
}

Result<void> RestoreWriter::entry(Entry entry) {
  BEFFROI_CHECK(finish_file());
  BEFFROI_CHECK(settle(kMaxFilesUnderWay, kMaxFoldersUnderWay, kMaxBytesUnderWay));
  if (failed_) return std::unexpected(*failed_);
  ++report_.entries;
  BEFFROI_TRY(std::optional<Place> place, place_of(entry));
  if (!place) return {};
  if (entry.type == EntryType::directory) return write_folder(std::move(entry), *place);
  if ((entry.flags & storage::kEntryUnreadable) != 0) {
    said_ = entry.path;
    report_.add_problem(
        place->shown,
        {ErrorCode::partial, N_("It could not be read when it was backed up; this snapshot has only its name."), {}});
    return {};
  }
  if (!entry.hard_link.empty())
    if (const auto source = links_.find(entry.hard_link); source != links_.end())
      return link_file(entry, *place, source->second);
  if (entry.type == EntryType::file) return begin_file(std::move(entry), std::move(*place));
  return write_special(entry, *place);
}

RestoreWriter::Plan RestoreWriter::plan_for(const Entry& entry, const Place& place) {
  switch (plan_file(place.folder, place.name, entry, options_.overwrite)) {
    case FilePlan::create:
      return Plan::create;
    case FilePlan::replace:
      return Plan::replace;
    case FilePlan::leave:
      report_.add_left(place.shown);
      return Plan::leave;
    case FilePlan::folder_in_the_way:
      break;
  }
  name_folder_in_the_way(report_, place.shown);
  return Plan::give_up;
}

Result<void> RestoreWriter::write_folder(Entry entry, const Place& place) {
  struct stat there{}, made{};
  bool is_there = fstatat(place.folder, place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there && !S_ISDIR(there.st_mode)) {
    if (options_.overwrite != Overwrite::always || unlinkat(place.folder, place.name.c_str(), 0) != 0) {
      blocked_ = entry.path;
      report_.add_problem(
          place.shown,
          {ErrorCode::already_exists,
           N_("A file or link of that name is there already, and was left; what belongs below could not be restored."),
           {}});
      return {};
    }
    is_there = false;
  }
  if (!is_there && (mkdirat(place.folder, place.name.c_str(), 0700) != 0 ||
                    fstatat(place.folder, place.name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0)) {
    blocked_ = entry.path;
    return give_up(place, errno);
  }
  const auto opened = folders_.enter(place.parent.empty() ? place.name : place.parent + '\0' + place.name, false);
  if (!opened) {
    blocked_ = entry.path;
    return give_up(place, opened.error());
  }
  if (!is_same_folder(*opened, is_there ? there : made) || (!is_there && !is_just_made(*opened, S_IFDIR, maker()))) {
    blocked_ = entry.path;
    return name_displaced(place);
  }
  ++report_.folders;
  const bool replaces =
      options_.overwrite == Overwrite::always || (options_.overwrite == Overwrite::older && is_newer(entry, there));
  const bool takes_metadata = !is_there || (replaces && !options_.folders_stay);
  if (takes_metadata) folders_.set_entry(std::move(entry));
  return {};
}

/// Links of one file belong together, so they are not among the small ones, whatever their size.
bool RestoreWriter::begin_small(Entry& entry, const Place& place) {
  if (entry.size > kSmallFileMaxBytes || !entry.hard_link.empty()) return false;
  const auto folder = place.parent.empty() ? target_ : folders_.current();
  if (!folder) return false;
  small_ = std::make_shared<SmallFile>();
  small_->owner = owners_.of(entry);
  small_->entry = std::move(entry);
  small_->folder = folder;
  small_->name = place.name;
  small_->shown = place.shown;
  small_->overwrite = options_.overwrite;
  small_->privileged = options_.privileged;
  return true;
}

/// A deep path is left in one go: not all of its folders may be held open until then.
void RestoreWriter::leave_folder(FolderStack::Left left) {
  under_way_.push_back({nullptr, std::move(left)});
  const auto settled = settle(kMaxFilesUnderWay, kMaxFoldersUnderWay, kMaxBytesUnderWay);
  if (!settled && !failed_) failed_ = settled.error();
}

void RestoreWriter::submit_small() {
  ++files_under_way_;
  bytes_under_way_ += weight_of(*small_);
  under_way_.push_back({small_, std::nullopt});
  small_files_.submit(std::exchange(small_, nullptr));
}

Result<void> RestoreWriter::settle(std::size_t max_files, std::size_t max_folders, std::size_t max_bytes) {
  while (!under_way_.empty()) {
    const bool must_wait = files_under_way_ > max_files || under_way_.size() - files_under_way_ > max_folders ||
                           bytes_under_way_ > max_bytes;
    const UnderWay& first = under_way_.front();
    if (first.folder) {
      apply({first.folder->folder->get(), first.folder->path_only}, first.folder->entry,
            storage::to_display_path(first.folder->entry.path));
      under_way_.pop_front();
      continue;
    }
    if (must_wait)
      small_files_.wait(*first.file);
    else if (!small_files_.is_done(*first.file))
      return {};
    const auto file = first.file;
    under_way_.pop_front();
    --files_under_way_;
    bytes_under_way_ -= weight_of(*file);
    BEFFROI_CHECK(settle_file(*file));
  }
  return {};
}

Result<void> RestoreWriter::settle_file(const SmallFile& file) {
  if (file.plan == FilePlan::folder_in_the_way) {
    name_folder_in_the_way(report_, file.shown);
    return {};
  }
  if (file.plan == FilePlan::leave || file.error == EEXIST) {
    report_.add_left(file.shown);
    return {};
  }
  if (file.error != 0) return give_up({-1, {}, {}, file.shown}, file.error);
  count(file.metadata, file.shown);
  for (const auto& [offset, bytes] : file.pieces) report_.bytes += bytes.size();
  ++report_.files;
  return {};
}

Result<void> RestoreWriter::begin_file(Entry entry, Place place) {
  if (begin_small(entry, place)) return {};
  Plan plan = plan_for(entry, place);
  const std::string group = entry.hard_link;
  if (plan == Plan::leave && !group.empty()) plan = Plan::for_links_only;
  if (plan == Plan::leave || plan == Plan::give_up) {
    if (!group.empty()) links_.try_emplace(group, LinkSource{{}, {}, true});
    return {};
  }
  // In the target itself: the folder's times shall not change once more when it is removed at the end.
  const int folder = plan == Plan::for_links_only ? target_->get() : place.folder;
  std::string temporary = temporary_name();
  Descriptor file(openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return give_up(place, errno);
  current_ = CurrentFile{std::move(entry), std::move(place), plan, std::move(temporary), std::move(file)};
  if (ftruncate(current_->file.get(), static_cast<off_t>(current_->entry.size)) != 0) {
    const int error = errno;
    const Place at = current_->place;
    drop_file();
    return give_up(at, error);
  }
  return {};
}

Result<void> RestoreWriter::data(std::uint64_t offset, ByteView bytes) {
  if (small_) {
    const auto& pieces = small_->pieces;
    const std::uint64_t end = pieces.empty() ? 0 : pieces.back().first + pieces.back().second.size();
    // In order and none empty: so what is held of a file is no more than its size.
    if (bytes.empty() || offset < end || offset > small_->entry.size || bytes.size() > small_->entry.size - offset)
      return unlawful(small_->entry.path);
    small_->pieces.emplace_back(offset, to_bytes(bytes));
    return {};
  }
  if (!current_) return {};
  if (offset > current_->entry.size || bytes.size() > current_->entry.size - offset)
    return unlawful(current_->entry.path);
  while (!bytes.empty()) {
    const ssize_t written = pwrite(current_->file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      const Place place = current_->place;
      drop_file();
      return give_up(place, error);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
    report_.bytes += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> RestoreWriter::failure(const std::string& path, const Error& why) {
  if (small_ && small_->entry.path == path) small_.reset();
  if (current_ && current_->entry.path == path) drop_file();
  // Of a file that was unreadable then, or is another name of a damaged one, the entry said it all.
  if (said_ == path) return {};
  ++report_.damaged;
  report_.add_problem(storage::to_display_path(path), why);
  return {};
}

// A file whose content did not come: its other names can't be made from it either.
void RestoreWriter::drop_file() {
  const int folder = current_->plan == Plan::for_links_only ? target_->get() : current_->place.folder;
  unlinkat(folder, current_->temporary.c_str(), 0);
  if (!current_->entry.hard_link.empty()) links_.insert_or_assign(current_->entry.hard_link, LinkSource{{}, {}, true});
  current_.reset();
}

Result<void> RestoreWriter::finish_file() {
  if (small_) submit_small();
  if (!current_) return {};
  CurrentFile& file = *current_;
  apply({file.file.get(), false}, file.entry, file.place.shown);
  LinkSource source{file.place.parent, file.place.name, false};
  if (file.plan == Plan::for_links_only) {
    link_keepers_.push_back(file.temporary);
    source = {{}, file.temporary, false};
  } else if (const int error = publish_file(file.place.folder, file.temporary, file.place.folder, file.place.name,
                                            file.plan == Plan::replace);
             error != 0) {
    const Place place = file.place;
    drop_file();
    if (error != EEXIST) return give_up(place, error);
    report_.add_left(place.shown);
    return {};
  } else {
    ++report_.files;
  }
  if (!file.entry.hard_link.empty()) links_.insert_or_assign(file.entry.hard_link, std::move(source));
  current_.reset();
  return {};
}

Result<void> RestoreWriter::link_file(const Entry& entry, const Place& place, const LinkSource& source) {
  if (source.failed) {
    said_ = entry.path;
    report_.add_problem(place.shown, {ErrorCode::io,
                                      N_("It is another name of {}, which could not be restored."),
                                      {storage::to_display_path(entry.hard_link)}});
    return {};
  }
  const Plan plan = plan_for(entry, place);
  if (plan != Plan::create && plan != Plan::replace) return {};
  const auto from = link_folders_.enter(source.parent, false);
  if (!from) return give_up(place, from.error());
  const std::string temporary = temporary_name();
  if (linkat(*from, source.name.c_str(), place.folder, temporary.c_str(), 0) != 0) return give_up(place, errno);
  const int error = publish_file(place.folder, temporary, place.folder, place.name, plan == Plan::replace);
  // Renaming one name of a file onto another does nothing, and leaves both.
  unlinkat(place.folder, temporary.c_str(), 0);
  if (error == EEXIST)
    report_.add_left(place.shown);
  else if (error != 0)
    return give_up(place, error);
  else
    ++report_.files;
  return {};
}

int RestoreWriter::make_special(const Entry& entry, int folder, const std::string& name) const {
  constexpr mode_t kMode = 0600;
  const dev_t device = makedev(entry.device_major, entry.device_minor);
  switch (entry.type) {
    case EntryType::symlink:
      return symlinkat(entry.link_target.c_str(), folder, name.c_str());
    case EntryType::fifo:
      return mknodat(folder, name.c_str(), S_IFIFO | kMode, 0);
    case EntryType::character_device:
      return mknodat(folder, name.c_str(), S_IFCHR | kMode, device);
    case EntryType::block_device:
      return mknodat(folder, name.c_str(), S_IFBLK | kMode, device);
    default:
      errno = EINVAL;
      return -1;
  }
}

Result<void> RestoreWriter::write_special(const Entry& entry, const Place& place) {
  const Plan plan = plan_for(entry, place);
  if (plan == Plan::leave || plan == Plan::give_up) return {};
  const std::string temporary = temporary_name();
  if (make_special(entry, place.folder, temporary) != 0) {
    const bool is_device = entry.type == EntryType::character_device || entry.type == EntryType::block_device;
    if (errno != EPERM || !is_device) return give_up(place, errno);
    report_.add_problem(place.shown, {ErrorCode::refused, N_("It is a device: only root can restore those."), {}});
    return {};
  }
  const Descriptor opened(open_beneath(place.folder, temporary, O_PATH));
  if (opened && !is_just_made(opened.get(), type_bits(entry.type), maker())) {
    unlinkat(place.folder, temporary.c_str(), 0);
    return name_displaced(place);
  }
  if (opened) apply({opened.get(), true}, entry, place.shown);
  const int error = publish_file(place.folder, temporary, place.folder, place.name, plan == Plan::replace);
  if (error != 0) unlinkat(place.folder, temporary.c_str(), 0);
  if (error == EEXIST)
    report_.add_left(place.shown);
  else if (error != 0)
    return give_up(place, error);
  else {
    ++report_.others;
    if (!entry.hard_link.empty()) links_.insert_or_assign(entry.hard_link, LinkSource{place.parent, place.name, false});
  }
  return {};
}

void RestoreWriter::apply(OpenedFile file, const Entry& entry, const std::string& shown) {
  count(apply_metadata(file, entry, owners_.of(entry), options_.privileged), shown);
}

void RestoreWriter::count(const MetadataOutcome& outcome, const std::string& shown) {
  report_.owners_kept += outcome.owner_kept ? 1 : 0;
  report_.set_id_dropped += outcome.set_id_dropped ? 1 : 0;
  report_.attributes_lost += outcome.attributes_lost ? 1 : 0;
  if (outcome.error != 0)
    report_.add_problem(shown,
                        {ErrorCode::io, N_("Its rights or dates could not be set: {}."), {reason(outcome.error)}});
}

Result<void> RestoreWriter::give_up(const Place& place, int error) {
  if (ends_all(error)) return target_failed(place.shown, error);
  report_.add_problem(place.shown, {ErrorCode::io, N_("It can't be written: {}."), {reason(error)}});
  return {};
}

/// Whose new files are here. Not always the caller's: a server may make root nobody, and a mount option give all to one
/// user. Asked of a descriptor, so nobody can put in another answer.
uid_t RestoreWriter::maker() {
  if (maker_) return *maker_;
  const std::string name = temporary_name();
  const Descriptor file(
      openat(target_->get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat status{};
  maker_ = file && fstat(file.get(), &status) == 0 ? status.st_uid : geteuid();
  if (file) unlinkat(target_->get(), name.c_str(), 0);
  return *maker_;
}

Result<void> RestoreWriter::name_displaced(const Place& place) {
  report_.add_problem(place.shown,
                      {ErrorCode::io, N_("Something else was put in its place while it was restored."), {}});
  return {};
}

void RestoreWriter::remove_link_keepers() {
  for (const std::string& name : link_keepers_) unlinkat(target_->get(), name.c_str(), 0);
  link_keepers_.clear();
}

Result<void> RestoreWriter::finish() {
  BEFFROI_CHECK(finish_file());
  BEFFROI_CHECK(settle_all());
  remove_link_keepers();
  folders_.leave_all();
  BEFFROI_CHECK(settle_all());
  if (failed_) return std::unexpected(*failed_);
  // Once for all: a sync per file is ten times slower.
  if (syncfs(target_->get()) != 0) return target_failed(".", errno);
  finished_ = true;
  return {};
}

void RestoreWriter::abandon() {
  small_.reset();
  if (current_) drop_file();
  // What goes wrong now is not the first thing that did.
  while (!under_way_.empty()) static_cast<void>(settle_all());
  remove_link_keepers();
  folders_.leave_all();
  while (!under_way_.empty()) static_cast<void>(settle_all());
  finished_ = true;
}

}  // namespace beffroi::client
