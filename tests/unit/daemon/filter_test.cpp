#include "daemon/backup/filter.h"

#include <gtest/gtest.h>

namespace beffroi::daemon {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    out.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

/// Judges a path the way a walk does: folder by folder, not looking into excluded ones unless something may be there.
bool is_taken(const Filter& filter, std::string_view path, bool is_folder = false) {
  const auto components = split_path(path);
  Verdict verdict;
  for (std::size_t i = 1; i <= components.size(); ++i) {
    const bool last = i == components.size();
    const auto part = std::span(components).first(i);
    verdict = filter.judge(part, !last || is_folder, verdict);
    if (!last && verdict.excluded && !filter.may_take_back_below(part, verdict)) return false;
  }
  return !verdict.excluded;
}

// Goal: each special of a glob means what the header says, and a broken set stands for itself.
TEST(FilterTest, GlobsMatchNames) {
  const std::vector<std::tuple<std::string, std::string, bool>> cases = {{"*", "", true},
                                                                         {"*", "anything", true},
                                                                         {"a*c", "abbbc", true},
                                                                         {"a*c", "abcd", false},
                                                                         {"*.tmp", "x.tmp", true},
                                                                         {"*.tmp", ".tmp", true},
                                                                         {"*.tmp", "tmp", false},
                                                                         {"?", "a", true},
                                                                         {"?", "é", true},
                                                                         {"??", "é", false},
                                                                         {"?", "\xFF", true},
                                                                         {"[a-c]x", "bx", true},
                                                                         {"[a-c]x", "dx", false},
                                                                         {"[!a-c]x", "dx", true},
                                                                         {"[]]", "]", true},
                                                                         {"[a", "[a", true},
                                                                         {"\\*", "*", true},
                                                                         {"\\*", "a", false},
                                                                         {"a**b", "axxb", true},
                                                                         {"*a*b*", "xaxbx", true},
                                                                         {"[a-]", "-", true},
                                                                         {"*a", "aaaaaaaab", false},
                                                                         {"~$*", "~$letter.docx", true}};
  for (const auto& [glob, name, expected] : cases) EXPECT_EQ(glob_matches(glob, name), expected) << glob << " " << name;
}

// Goal: sets hold characters, not bytes: accents are matched whole, in ranges as well, and a negated set matches no
// half of one. What is no UTF-8 stands for itself.
TEST(FilterTest, SetsHoldCharacters) {
  const std::vector<std::tuple<std::string, std::string, bool>> cases = {
      {"[éè]té", "été", true}, {"[éè]té", "àté", false}, {"[à-ü]", "é", true},
      {"[a-z]", "é", false},   {"[!é]", "é", false},     {"*[!é]", "é", false},
      {"[!é]", "à", true},     {"[!a]t", "ét", true},    {"*[é]*.txt", "congé.txt", true},
      {"[\\é]", "é", true},    {"[\xE9]", "\xE9", true}, {"[é]", "\xC3", false},
      {"?", "é\xA9", false}};
  for (const auto& [glob, name, expected] : cases) EXPECT_EQ(glob_matches(glob, name), expected) << glob << " " << name;
}

// Goal: hostile globs cost no more than length times length.
TEST(FilterTest, ManyStarsEndSoon) {
  std::string glob;
  for (int i = 0; i < 2000; ++i) glob += "*a";
  EXPECT_FALSE(glob_matches(glob + "b", std::string(4000, 'a')));
}

// Goal: slashes decide where a pattern applies.
TEST(FilterTest, SlashesAnchorPatterns) {
  const Filter filter({"*.tmp", "/top", "a/b", "logs/", "x/**/y", "deep/**"});
  EXPECT_FALSE(is_taken(filter, "f.tmp"));
  EXPECT_FALSE(is_taken(filter, "a/very/deep/f.tmp"));
  EXPECT_FALSE(is_taken(filter, "top"));
  EXPECT_TRUE(is_taken(filter, "below/top"));
  EXPECT_FALSE(is_taken(filter, "a/b/c"));
  EXPECT_TRUE(is_taken(filter, "z/a/b"));
  EXPECT_TRUE(is_taken(filter, "logs"));
  EXPECT_FALSE(is_taken(filter, "logs", true));
  EXPECT_FALSE(is_taken(filter, "logs/today"));
  EXPECT_FALSE(is_taken(filter, "x/y"));
  EXPECT_FALSE(is_taken(filter, "x/1/2/y"));
  EXPECT_TRUE(is_taken(filter, "deep", true));
  EXPECT_FALSE(is_taken(filter, "deep/f"));
}

// Goal: the last match wins, and "!" reaches into excluded folders, but only where it could match.
TEST(FilterTest, ExclamationTakesBack) {
  const Filter filter({"cache/", "!cache/keep.txt", "*.log", "!important.log"});
  EXPECT_FALSE(is_taken(filter, "cache/other.txt"));
  EXPECT_TRUE(is_taken(filter, "cache/keep.txt"));
  EXPECT_TRUE(is_taken(filter, "a/important.log"));
  EXPECT_FALSE(is_taken(filter, "a/other.log"));
  const Filter reversed({"!keep", "all/"});
  EXPECT_FALSE(is_taken(reversed, "all/keep"));
  const Filter narrow({"cache/", "!other/keep.txt"});
  const auto cache = split_path("cache");
  EXPECT_FALSE(narrow.may_take_back_below(cache, narrow.judge(cache, true, {})));
}

// Goal: an exclude file speaks for its folder alone, and comments, blanks and CR LF are no patterns.
TEST(FilterTest, ExcludeFilesBelongToTheirFolder) {
  Filter filter({});
  const std::size_t outer = filter.size();
  filter.add_lines("# comment\r\n\n*.bak\r\n/only-here\n   \n!keep.bak  \n", 1);
  EXPECT_FALSE(is_taken(filter, "folder/x.bak"));
  EXPECT_TRUE(is_taken(filter, "folder/keep.bak"));
  EXPECT_FALSE(is_taken(filter, "folder/only-here"));
  EXPECT_TRUE(is_taken(filter, "folder/sub/only-here"));
  filter.shrink_to(outer);
  EXPECT_TRUE(is_taken(filter, "folder/x.bak"));
}

}  // namespace
}  // namespace beffroi::daemon
