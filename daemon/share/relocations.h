// Folders that were renamed as they are, and where that left what is in them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/tree/entry.h"

namespace beffroi::daemon {

class Relocations {
 public:
  /// `from`: where the folder was until now.
  void add(std::string from, std::string to) { moves_.emplace_back(std::move(from), std::move(to)); }
  /// Where what stood at `path` in the beginning is now.
  std::string now(std::string path) const {
    for (const auto& [from, to] : moves_)
      if (storage::is_at_or_below(path, from)) path = to + path.substr(from.size());
    return path;
  }
  /// Where what stands at `path` now was in the beginning.
  std::string origin(std::string path) const {
    for (auto move = moves_.rbegin(); move != moves_.rend(); ++move)
      if (storage::is_at_or_below(path, move->second)) path = move->first + path.substr(move->second.size());
    return path;
  }

 private:
  std::vector<std::pair<std::string, std::string>> moves_;
};

}  // namespace beffroi::daemon
