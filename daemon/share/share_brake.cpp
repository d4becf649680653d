#include "daemon/share/share_brake.h"

#include "storage/merge/version.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;

// FNV-1a: the same in every version, since it is stored. Who makes two names meet gains one file of the count.
std::uint64_t hash_of(std::string_view path) {
  std::uint64_t out = 0xcbf29ce484222325;
  for (const char byte : path) out = (out ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3;
  return out;
}

}  // namespace

PassedChanges inflicted(const storage::SideChanges& changes, storage::UnixTime now) {
  PassedChanges out;
  const auto note = [&](const Entry& before, const Entry* after) {
    if (before.type != storage::EntryType::file) return;
    const bool deleted = after == nullptr || after->type != storage::EntryType::file;
    if (deleted || !storage::same_content(before, *after)) out[hash_of(before.path)] = {now, deleted};
  };
  for (const auto& [path, before] : changes.removed) {
    const auto moved = changes.moved_to.find(path);
    note(before, moved == changes.moved_to.end() ? nullptr : &changes.added.at(moved->second));
  }
  for (const auto& [path, edit] : changes.edited) note(edit.before, &edit.after);
  return out;
}

PassedChanges with_recent(PassedChanges passed, const PassedChanges& more, storage::UnixTime now) {
  std::erase_if(passed, [&](const auto& each) {
    const std::int64_t age_s = now.seconds - each.second.at.seconds;
    return age_s < 0 || age_s > kBrakeMemoryS;
  });
  for (const auto& [path, change] : more) passed.insert_or_assign(path, change);
  return passed;
}

storage::CycleCounts count(const PassedChanges& changes) {
  storage::CycleCounts out;
  for (const auto& [path, change] : changes) ++(change.deleted ? out.deleted : out.rewritten);
  return out;
}

}  // namespace beffroi::daemon
