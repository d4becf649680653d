// Which names a shared folder leaves out: programs' lock and temporary files. The rules are part of the space, signed
// in its log, so that every member leaves out the same.
//
// A rule is a pattern of '/'-separated components:
//   *   any characters of one component, none too     ?   one character
//   **  as a whole component: any components, none too
// All other characters stand for themselves, brackets, '\' and '#' too; there is no '!'. ASCII letters match in either
// case. With a '/' before its last character, a pattern is meant from the shared folder's top on; else it matches at
// any depth. With a '/' at its end, it matches folders only. What lies in a folder that is left out is left out.
// (Rejected: git's '!' and '[…]'. With '!' the order matters and a parent's rule wins over it all the same; nobody at a
// mairie could say what is left out.)
//
// Encoded as CBOR [1, [pattern text…]], patterns ascending and unique.
#pragma once

#include "storage/format/cbor.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxIgnorePatterns = 256;
inline constexpr std::size_t kMaxIgnorePatternBytes = 255;
/// Of encoded rules.
inline constexpr std::size_t kMaxIgnoreRulesBytes = 16 * 1024;

/// A set of rules. Thread-safe for reading.
class IgnoreRules {
 public:
  /// None: everything is shared.
  IgnoreRules() = default;
  /// What a new space begins with: locks and temporary files of office programs and editors, unfinished downloads, what
  /// Windows and macOS leave in folders.
  static IgnoreRules defaults();
  /// In any order, repeats are fine. ErrorCode::usage naming the first pattern that is none: not UTF-8, longer than
  /// kMaxIgnorePatternBytes, with a control character, beginning with '!', with an empty, "." or ".." component, or
  /// made of '*' and '/' only, which would leave everything out. limit_exceeded when they are too many or too long
  /// together.
  static Result<IgnoreRules> from_patterns(std::vector<std::string> patterns);

  /// With these patterns more, and without those. usage naming the first of `gone` that is none of the rules; else as
  /// from_patterns().
  Result<IgnoreRules> changed(const std::vector<std::string>& more, const std::vector<std::string>& gone) const;

  const std::vector<std::string>& patterns() const { return patterns_; }
  /// The first of the patterns that leaves this entry path (storage/tree/entry.h) out, by itself or by a folder above
  /// it; nullptr: it is shared. Time: patterns × bytes of path × bytes of pattern at most.
  const std::string* ignored_by(std::string_view entry_path, bool is_folder) const;

  bool operator==(const IgnoreRules&) const = default;

 private:
  std::vector<std::string> patterns_;  // ascending, unique
};

/// At most kMaxIgnoreRulesBytes.
Bytes encode_ignore_rules(const IgnoreRules& rules);
/// ErrorCode::corrupt for anything that encode_ignore_rules() would not have written; unsupported_version for a later
/// form.
Result<IgnoreRules> decode_ignore_rules(ByteView encoded);

}  // namespace beffroi::storage
