// What `find` looks for: a glob over names, as people type it.
#pragma once

#include <string>
#include <string_view>

namespace beffroi::daemon {

inline constexpr std::size_t kMaxPatternBytes = 1024;

/// `*` any characters, `?` one, `[a-z]` and `[!a-z]` one of a set, `\` takes the next one as it is. Case is ignored,
/// for the letters of the European languages written in Latin script. With a '/' in it the pattern is for the whole
/// path, where
/// `*` may stand for several folders; else for the last name. Bytes that are not UTF-8 stand for themselves.
class NamePattern {
 public:
  /// `pattern` has at most kMaxPatternBytes, which the caller has seen to.
  explicit NamePattern(std::string_view pattern);
  /// `path` is absolute, with '/'.
  bool matches(std::string_view path) const;

 private:
  std::u32string pattern_;
  std::size_t sets_end_;  ///< behind the last ']': from there on each '[' is a lone one
  bool whole_path_;
};

}  // namespace beffroi::daemon
