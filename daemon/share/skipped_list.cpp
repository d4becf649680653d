#include "daemon/share/skipped_list.h"

#include <algorithm>

#include "storage/merge/names.h"
#include "storage/merge/path_parts.h"

namespace beffroi::daemon {
namespace {

/// With more names than this in a folder and below, clashes are no longer looked for.
constexpr std::size_t kMaxNamesCompared = 4 * 1024 * 1024;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return static_cast<unsigned char>(each) < 0x80; });
}

/// The same for names that some system takes for the same one.
std::uint64_t key_of(std::string_view path) {
  std::string key;
  if (is_ascii(storage::name_of(path))) {
    // What name_key() would do, many times faster.
    key = path;
    const auto name = key.end() - static_cast<std::ptrdiff_t>(storage::name_of(path).size());
    std::transform(name, key.end(), name,
                   [](char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each; });
  } else {
    key = storage::path_in(storage::folder_of(path), storage::name_key(storage::name_of(path)));
  }
  return std::hash<std::string>()(key);
}

}  // namespace

void SkippedList::add(const std::string& path, const Error& reason) {
  if (list_.size() < kMaxSkipped) list_.push_back({path, reason.text, reason.args});
}

void SkippedList::add_ignored(const std::string& path, const std::string& pattern) {
  if (++ignored_ > kMaxIgnoredTold) return;
  add(path, {ErrorCode::refused, N_("The rule {} of this space leaves it out."), {pattern}});
}

void SkippedList::judge_name(const std::string& path, bool all) {
  if (const auto problem = storage::windows_path_problem(path))
    add(path, {ErrorCode::refused, storage::name_problem_text(*problem), {}});
  if (!all || names_.size() >= kMaxNamesCompared) return;
  if (!names_.insert(key_of(path)).second)
    add(path, {ErrorCode::refused,
               N_("Another name in this folder differs from this one only in case or accents, so that Windows and "
                  "macOS can hold only one of the two. Rename one."),
               {}});
}

}  // namespace beffroi::daemon
