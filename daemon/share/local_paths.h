// Which part of a space this station has in its folder. What is not there stays in the tree as others have it: it was
// not deleted.
#pragma once

#include <map>
#include <set>
#include <string>

#include "crypto/bytes.h"
#include "crypto/result.h"

namespace beffroi::daemon {

/// What fetching or freeing something came to, in files.
struct PartChange {
  std::uint64_t files = 0;  ///< that came, or went
  std::uint64_t left = 0;   ///< that could not be written yet, or stay: in use, or not in the space as they are
};

/// Entry paths; "" is the folder's top. Of a path the longest rule at or above it decides; without one it is here. Not
/// thread-safe.
class LocalPaths {
 public:
  /// More are not read again.
  static constexpr std::size_t kMaxRules = 1'000'000;

  /// Is what stands at this path in the folder?
  bool has(std::string_view path) const;
  /// Is something below it in the folder? Then it is there as well, as a folder on the way.
  bool leads_to(std::string_view path) const;
  /// Is a part of what is below it in the folder, and another part not?
  bool is_mixed(std::string_view path) const;
  bool has_all() const { return rules_.empty(); }
  /// All at and below `path` is in the folder, or is not.
  void set(const std::string& path, bool here);
  /// What holds of the first path, and below it, holds of the second one from now on too.
  void copy(const std::string& from, const std::string& to);
  /// Whatever was said of this path and of what is below it.
  void forget(const std::string& path);
  /// By path: in the folder or not. No rule says what the one above it says.
  const std::map<std::string, bool, std::less<>>& rules() const { return rules_; }

  /// Copies of what is not here may lie at and below these paths, and are to be removed: a station was interrupted
  /// while it fetched or freed something.
  std::set<std::string> unsettled;

  Bytes encode() const;
  static Result<LocalPaths> decode(ByteView encoded);
  bool operator==(const LocalPaths&) const = default;

 private:
  std::map<std::string, bool, std::less<>> rules_;
};

}  // namespace beffroi::daemon
