#include "storage/merge/ignore.h"

#include "crypto/assert.h"
#include "storage/format/star_match.h"
#include "storage/format/utf8.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

using Components = std::vector<std::string_view>;

constexpr std::uint64_t kVersion = 1;
const char* const kWhat = N_("list of names to leave out");
constexpr std::string_view kAnyDepth = "**";

Components split(std::string_view text, char separator) {
  Components out;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.push_back(text.substr(0, end));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

/// A pattern taken apart. Views the pattern.
struct Rule {
  std::string_view body;  ///< without the '/' that begin and end it
  bool from_top = false;
  bool folders_only = false;
};

Rule rule_of(std::string_view pattern) {
  Rule out{.body = pattern};
  out.folders_only = pattern.ends_with('/');
  if (out.folders_only) out.body.remove_suffix(1);
  out.from_top = out.body.contains('/');
  if (out.body.starts_with('/')) out.body.remove_prefix(1);
  return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Behind the character that begins at `at`; a byte that is not UTF-8 is one.
std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
  return at;
}

bool matches_name(std::string_view pattern, std::string_view name) {
  const auto character_at = [&](std::size_t at) { return next_character(name, at) - at; };
  const auto match = [&](std::size_t i, std::size_t j) {
    if (pattern[i] == '?') return StarStep{1, character_at(j)};
    return lower(pattern[i]) == lower(name[j]) ? StarStep{1, 1} : StarStep{};
  };
  return match_with_stars(
      pattern.size(), name.size(), [&](std::size_t i) { return pattern[i] == '*'; }, match, character_at);
}

bool matches_path(std::span<const std::string_view> pattern, std::span<const std::string_view> path) {
  const auto match = [&](std::size_t i, std::size_t j) {
    return matches_name(pattern[i], path[j]) ? StarStep{1, 1} : StarStep{};
  };
  return match_with_stars(
      pattern.size(), path.size(), [&](std::size_t i) { return pattern[i] == kAnyDepth; }, match,
      [](std::size_t) { return std::size_t{1}; });
}

bool leaves_out(const Rule& rule, std::span<const std::string_view> path, bool is_folder) {
  const Components body = rule.from_top ? split(rule.body, '/') : Components();
  for (std::size_t length = 1; length <= path.size(); ++length) {
    if (rule.folders_only && !is_folder && length == path.size()) return false;
    const auto above = path.first(length);
    if (rule.from_top ? matches_path(body, above) : matches_name(rule.body, above.back())) return true;
  }
  return false;
}

bool is_component(std::string_view text) {
  const bool is_doubled_star_in_text = text != kAnyDepth && text.contains(kAnyDepth);
  return !text.empty() && text != "." && text != ".." && !is_doubled_star_in_text;
}

bool is_pattern(std::string_view text) {
  if (text.empty() || text.size() > kMaxIgnorePatternBytes || !is_utf8(as_bytes(text))) return false;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (text.starts_with('!') || std::ranges::any_of(text, is_control)) return false;
  if (text.find_first_not_of("*/") == std::string_view::npos) return false;
  return std::ranges::all_of(split(rule_of(text).body, '/'), is_component);
}

Bytes encode(const std::vector<std::string>& patterns) {
  CborWriter out;
  out.array(2).uint(kVersion).array(patterns.size());
  for (const std::string& pattern : patterns) out.text(pattern);
  return out.take();
}

}  // namespace

IgnoreRules IgnoreRules::defaults() {
  auto out = from_patterns({
      "~$*",        ".~lock.*#",    "*.laccdb",         "*.tmp",          "*.swp",
      "*.swo",      "*~",           ".goutputstream-*",               // being edited
      "*.part",     "*.crdownload", "*.download",       "*.partial",  // being fetched
      ".DS_Store",  "._*",          ".Spotlight-V100/", ".fseventsd/",    ".TemporaryItems/",
      ".Trashes/",                                                                                        // macOS
      "Thumbs.db",  "ehthumbs.db",  "desktop.ini",      "/$RECYCLE.BIN/", "/System Volume Information/",  // Windows
      ".directory", ".Trash-*/",    "/lost+found/",     ".nfs*",          ".fuse_hidden*",                // Linux
  });
  BEFFROI_ASSERT(out.has_value());
  return std::move(*out);
}

Result<IgnoreRules> IgnoreRules::from_patterns(std::vector<std::string> patterns) {
  for (const std::string& pattern : patterns)
    if (!is_pattern(pattern))
      return fail(ErrorCode::usage, N_("\"{}\" can't be a rule for names to leave out."), pattern);
  std::ranges::sort(patterns);
  const auto repeats = std::ranges::unique(patterns);
  patterns.erase(repeats.begin(), repeats.end());
  if (patterns.size() > kMaxIgnorePatterns || encode(patterns).size() > kMaxIgnoreRulesBytes)
    return fail(ErrorCode::limit_exceeded,
                N_("There are too many rules for names to leave out: at most {}, and {} bytes."),
                std::to_string(kMaxIgnorePatterns), std::to_string(kMaxIgnoreRulesBytes));
  IgnoreRules out;
  out.patterns_ = std::move(patterns);
  return out;
}

Result<IgnoreRules> IgnoreRules::changed(const std::vector<std::string>& more,
                                         const std::vector<std::string>& gone) const {
  std::vector<std::string> patterns = patterns_;
  for (const std::string& pattern : gone)
    if (std::erase(patterns, pattern) == 0)
      return fail(ErrorCode::usage, N_("\"{}\" is none of the rules for names to leave out."), pattern);
  patterns.insert(patterns.end(), more.begin(), more.end());
  return from_patterns(std::move(patterns));
}

const std::string* IgnoreRules::ignored_by(std::string_view entry_path, bool is_folder) const {
  if (entry_path.empty()) return nullptr;
  const Components path = split(entry_path, '\0');
  for (const std::string& pattern : patterns_)
    if (leaves_out(rule_of(pattern), path, is_folder)) return &pattern;
  return nullptr;
}

Bytes encode_ignore_rules(const IgnoreRules& rules) { return encode(rules.patterns()); }

Result<IgnoreRules> decode_ignore_rules(ByteView encoded) {
  if (encoded.size() > kMaxIgnoreRulesBytes) return std::unexpected(malformed(kWhat));
  CborReader in(encoded);
  const std::size_t fields = in.array(64);
  const std::uint64_t version = in.uint();
  if (!in.failed() && version > kVersion) return std::unexpected(written_by_newer(kWhat));
  if (fields != 2 || version != kVersion) return std::unexpected(malformed(kWhat));
  std::vector<std::string> patterns(in.array(kMaxIgnorePatterns));
  for (std::string& pattern : patterns) pattern = in.text(kMaxIgnorePatternBytes);
  in.leave();
  in.leave();
  if (!in.finish() || std::ranges::adjacent_find(patterns, std::ranges::greater_equal{}) != patterns.end())
    return std::unexpected(malformed(kWhat));
  auto out = IgnoreRules::from_patterns(std::move(patterns));
  if (!out) return std::unexpected(malformed(kWhat));
  return out;
}

}  // namespace beffroi::storage
