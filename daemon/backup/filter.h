// Which files of a source are left out. Globs as in .gitignore:
//   *  any characters but '/'    ?  one character    [a-z]  [!a-z]  one of a set    \x  the character x
//   a pattern without '/' (but at its end) matches a name at any depth; one with '/' is matched against the path from
//   the folder it belongs to (the source, or the folder of an exclude file); a leading '/' says only that
//   **/ any number of folders, /** all that is below
//   a trailing '/' matches folders only; a leading '!' takes back what an earlier pattern left out
// The last pattern that matches wins; what matches nothing goes the way of its folder. Unlike .gitignore, '!' also
// takes back files below an excluded folder: such a folder is looked into when a later '!' could match there.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace beffroi::daemon {

inline constexpr std::size_t kMaxExcludeFileBytes = std::size_t{1024} * 1024;

/// Does one path component match a glob without '/'?
bool glob_matches(std::string_view glob, std::string_view name);

/// What the patterns say of a path: excluded or not, and by which rule (0: none).
struct Verdict {
  bool excluded = false;
  std::size_t rule = 0;
};

/// The patterns in force at one place of a walk: a stack that grows and shrinks with the folders. Not thread-safe.
class Filter {
 public:
  explicit Filter(const std::vector<std::string>& globs);

  /// Adds a glob that belongs to the folder `depth` components below the source. Blank ones are ignored.
  void add(std::string_view glob, std::size_t depth);
  /// Adds the lines of an exclude file: '#' starts a comment line.
  void add_lines(std::string_view text, std::size_t depth);
  std::size_t size() const { return rules_.size(); }
  void shrink_to(std::size_t size) { rules_.resize(size); }

  /// `components`: the path below the source; `inherited`: its folder's verdict.
  Verdict judge(std::span<const std::string> components, bool is_folder, Verdict inherited) const;
  /// Could something below this excluded folder be taken back?
  bool may_take_back_below(std::span<const std::string> components, Verdict verdict) const;

 private:
  struct Rule {
    std::vector<std::string> components;
    std::size_t depth = 0;
    bool any_depth = false;  ///< one component, matched against names
    bool folders_only = false;
    bool takes_back = false;
  };
  static bool matches(const Rule& rule, std::span<const std::string> components, bool is_folder);
  std::vector<Rule> rules_;
};

}  // namespace beffroi::daemon
