#include "storage/tree/entry.h"

namespace beffroi::storage {
namespace {

constexpr char kSeparator = '\0';

bool is_valid_component(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

// Calls `visit` for each piece of `path` between separators, empty ones too, until it says false.
template <class Visit>
bool for_each_component(std::string_view path, char separator, Visit visit) {
  for (;;) {
    const std::size_t end = std::min(path.find(separator), path.size());
    if (!visit(path.substr(0, end))) return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

}  // namespace

std::string to_entry_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for_each_component(path, '/', [&](std::string_view name) {
    if (name.empty() || name == ".") return true;
    if (!out.empty()) out.push_back(kSeparator);
    out.append(name);
    return true;
  });
  return out;
}

std::string to_display_path(std::string_view entry_path) {
  std::string out = "/";
  out.append(entry_path);
  std::ranges::replace(out, kSeparator, '/');
  return out;
}

bool is_valid_path(std::string_view path) {
  if (path.size() > kMaxPathBytes) return false;
  return path.empty() || for_each_component(path, kSeparator, is_valid_component);
}

bool is_at_or_below(std::string_view path, std::string_view top) {
  if (top.empty()) return true;
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == kSeparator);
}

}  // namespace beffroi::storage
