// What a scan did not share, or shared though not everybody can hold it; bounded.
#pragma once

#include <unordered_set>

#include "daemon/share/folder_scan.h"

namespace beffroi::daemon {

/// Not thread-safe.
class SkippedList {
 public:
  void add(const std::string& path, const Error& reason);
  void add_ignored(const std::string& path, const std::string& pattern);
  /// Tells of a name that not every member's machine can hold. `all`: names of whole folders come, so that clashes
  /// show.
  void judge_name(const std::string& path, bool all);
  std::vector<SkippedFile> take() { return std::move(list_); }

 private:
  std::vector<SkippedFile> list_;
  std::size_t ignored_ = 0;
  std::unordered_set<std::uint64_t> names_;
};

}  // namespace beffroi::daemon
