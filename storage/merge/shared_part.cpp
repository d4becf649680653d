#include "storage/merge/shared_part.h"

#include <algorithm>

namespace beffroi::storage {
namespace {

constexpr std::uint32_t kSharedBits = 0777;

bool is_shareable(const Entry& entry) {
  if (entry.type == EntryType::symlink) return stays_inside(entry.path, entry.link_target);
  return entry.type == EntryType::file || entry.type == EntryType::directory;
}

}  // namespace

bool stays_inside(std::string_view entry_path, std::string_view target) {
  if (target.empty() || target.front() == '/') return false;
  auto depth = std::ranges::count(entry_path, '\0');
  bool descends = false;
  for (std::size_t begin = 0; begin <= target.size();) {
    const std::size_t end = std::min(target.find('/', begin), target.size());
    const std::string_view component = target.substr(begin, end - begin);
    begin = end + 1;
    if (component.empty() || component == ".") continue;
    if (component != "..")
      descends = true;
    else if (descends || --depth < 0)
      return false;
  }
  return true;
}

std::optional<Error> keep_shared_part(Entry& entry) {
  if (!is_shareable(entry))
    return Error{ErrorCode::refused,
                 N_("Left out: a shared folder holds only files, folders, and links that do not lead out of it."),
                 {}};
  entry.mode &= kSharedBits;
  entry.uid = entry.gid = 0;
  entry.user.clear();
  entry.group.clear();
  entry.xattrs.clear();
  entry.hard_link.clear();
  return std::nullopt;
}

}  // namespace beffroi::storage
