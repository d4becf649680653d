#include "daemon/backup/filter.h"

#include <optional>

#include "storage/format/star_match.h"

namespace beffroi::daemon {
namespace {

using Step = storage::StarStep;

const std::string kAnyFolders = "**";

// Behind all characters: bytes that are not UTF-8 stand for themselves.
constexpr char32_t kRawByte = 0x110000;

struct Character {
  char32_t value = 0;
  std::size_t length = 1;
};

/// How many bytes a character has that begins with this one; 1 for bytes that begin none.
std::size_t announced_length(unsigned char first) {
  if (first < 0xC2U || first > 0xF4U) return 1;
  return first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
}

/// The character at the head of `text`, which is not empty.
Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = announced_length(first);
  if (length == 1) return {first < 0x80U ? first : kRawByte + first, 1};
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    if ((next & 0xC0U) != 0x80U) return {kRawByte + first, 1};
    value = (value << 6U) | (next & 0x3FU);
  }
  return {value, length};
}

struct SetMatch {
  bool matches = false;
  std::size_t glob_length = 0;
};

/// `glob` begins with '['. nullopt when the set is never closed: then '[' stands for itself.
std::optional<SetMatch> match_set(std::string_view glob, char32_t character) {
  std::size_t at = 1;
  const bool negated = at < glob.size() && (glob[at] == '!' || glob[at] == '^');
  if (negated) ++at;
  const auto take = [&] {
    const Character next = first_character(glob.substr(at));
    at += next.length;
    return next.value;
  };
  bool found = false;
  for (bool first = true; at < glob.size() && (first || glob[at] != ']'); first = false) {
    if (glob[at] == '\\' && at + 1 < glob.size()) ++at;
    const char32_t low = take();
    char32_t high = low;
    if (at + 1 < glob.size() && glob[at] == '-' && glob[at + 1] != ']') {
      ++at;
      high = take();
    }
    found = found || (low <= character && character <= high);
  }
  if (at >= glob.size()) return std::nullopt;
  return SetMatch{found != negated, at + 1};
}

/// Matches what is not a star: the next character of the glob against the next of the name (both not empty).
Step match_one(std::string_view glob, std::string_view name) {
  const Character character = first_character(name);
  if (glob[0] == '?') return {1, character.length};
  if (glob[0] == '[') {
    if (const auto set = match_set(glob, character.value))
      return set->matches ? Step{set->glob_length, character.length} : Step{};
  }
  if (glob[0] == '\\' && glob.size() > 1) return glob[1] == name[0] ? Step{2, 1} : Step{};
  return glob[0] == name[0] ? Step{1, 1} : Step{};
}

/// Components of a path pattern; a final "**" needs something to match.
std::vector<std::string> split(std::string_view glob) {
  std::vector<std::string> out;
  while (!glob.empty()) {
    const std::size_t slash = std::min(glob.find('/'), glob.size());
    if (slash > 0) out.emplace_back(glob.substr(0, slash));
    glob.remove_prefix(std::min(slash + 1, glob.size()));
  }
  if (!out.empty() && out.back() == kAnyFolders) out.emplace_back("*");
  return out;
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    // An escaped blank at the end is meant.
    if (line.size() > 1 && line[line.size() - 2] == '\\') break;
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view name) {
  return storage::match_with_stars(
      glob.size(), name.size(), [&](std::size_t i) { return glob[i] == '*'; },
      [&](std::size_t i, std::size_t j) { return match_one(glob.substr(i), name.substr(j)); },
      [&](std::size_t j) { return first_character(name.substr(j)).length; });
}

Filter::Filter(const std::vector<std::string>& globs) {
  rules_.emplace_back();  // rule 0: nothing matched
  for (const std::string& glob : globs) add(glob, 0);
}

void Filter::add(std::string_view glob, std::size_t depth) {
  Rule rule;
  rule.depth = depth;
  if (glob.starts_with('!')) {
    rule.takes_back = true;
    glob.remove_prefix(1);
  }
  if (glob.ends_with('/')) {
    rule.folders_only = true;
    while (glob.ends_with('/')) glob.remove_suffix(1);
  }
  rule.any_depth = !glob.contains('/');
  rule.components = split(glob);
  if (!rule.components.empty()) rules_.push_back(std::move(rule));
}

void Filter::add_lines(std::string_view text, std::size_t depth) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    if (!line.empty() && !line.starts_with('#')) add(line, depth);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool Filter::matches(const Rule& rule, std::span<const std::string> components, bool is_folder) {
  if (rule.components.empty() || components.size() <= rule.depth || (rule.folders_only && !is_folder)) return false;
  if (rule.any_depth && rule.components.size() == 1) return glob_matches(rule.components[0], components.back());
  const auto below = components.subspan(rule.depth);
  return storage::match_with_stars(
      rule.components.size(), below.size(), [&](std::size_t i) { return rule.components[i] == kAnyFolders; },
      [&](std::size_t i, std::size_t j) { return glob_matches(rule.components[i], below[j]) ? Step{1, 1} : Step{}; },
      [](std::size_t) { return std::size_t{1}; });
}

Verdict Filter::judge(std::span<const std::string> components, bool is_folder, Verdict inherited) const {
  for (std::size_t rule = rules_.size(); rule-- > inherited.rule + 1;)
    if (matches(rules_[rule], components, is_folder)) return {!rules_[rule].takes_back, rule};
  return inherited;
}

bool Filter::may_take_back_below(std::span<const std::string> components, Verdict verdict) const {
  const auto could_match_below = [&](const Rule& rule) {
    if (!rule.takes_back) return false;
    if (rule.any_depth) return true;
    for (std::size_t i = rule.depth; i < components.size(); ++i) {
      const std::size_t at = i - rule.depth;
      if (at >= rule.components.size()) return false;
      if (rule.components[at] == kAnyFolders) return true;
      if (!glob_matches(rule.components[at], components[i])) return false;
    }
    return rule.components.size() > components.size() - rule.depth;
  };
  for (std::size_t rule = verdict.rule + 1; rule < rules_.size(); ++rule)
    if (could_match_below(rules_[rule])) return true;
  return false;
}

}  // namespace beffroi::daemon
