// Entry paths (storage/tree/entry.h) taken apart at their last component.
#pragma once

#include <string>
#include <string_view>

namespace beffroi::storage {

/// "" for a name right below the root, and for the root.
inline std::string_view folder_of(std::string_view path) {
  const std::size_t end = path.rfind('\0');
  return end == std::string_view::npos ? std::string_view() : path.substr(0, end);
}

inline std::string_view name_of(std::string_view path) {
  const std::size_t end = path.rfind('\0');
  return end == std::string_view::npos ? path : path.substr(end + 1);
}

inline std::string path_in(std::string_view folder, std::string_view name) {
  std::string out(folder);
  if (!out.empty()) out.push_back('\0');
  return out.append(name);
}

}  // namespace beffroi::storage
