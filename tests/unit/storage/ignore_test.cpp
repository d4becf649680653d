// Goal: rules leave out what they say and nothing else, on every member's machine; what comes from outside is one
// encoding of rules or refused.
#include "storage/merge/ignore.h"

#include <gtest/gtest.h>

#include "storage/tree/entry.h"

namespace beffroi::storage {
namespace {

IgnoreRules rules_of(std::vector<std::string> patterns) {
  auto out = IgnoreRules::from_patterns(std::move(patterns));
  EXPECT_TRUE(out.has_value()) << out.error().message();
  return out.value_or(IgnoreRules{});
}

/// Paths are '/'-separated; a folder's ends with '/'.
bool leaves_out(const std::string& pattern, const std::string& path) {
  return rules_of({pattern}).ignored_by(to_entry_path(path), path.ends_with('/')) != nullptr;
}

TEST(IgnoreTest, NamesAtAnyDepth) {
  EXPECT_TRUE(leaves_out("*.tmp", "a.tmp"));
  EXPECT_TRUE(leaves_out("*.tmp", "x/y/a.TMP"));
  EXPECT_TRUE(leaves_out("*.tmp", ".tmp"));
  EXPECT_FALSE(leaves_out("*.tmp", "a.tmp.odt"));
  EXPECT_FALSE(leaves_out("*.tmp", "atmp"));
  EXPECT_TRUE(leaves_out("Thumbs.db", "photos/THUMBS.DB"));
  EXPECT_FALSE(leaves_out("Thumbs.db", "Thumbs.db2"));
  EXPECT_TRUE(leaves_out("a*b*c", "aXbXbc"));
  EXPECT_FALSE(leaves_out("a*b*c", "aXbXb"));
  EXPECT_TRUE(leaves_out("brouillon", "brouillon/a/b.odt")) << "a folder with all below it";
  EXPECT_FALSE(leaves_out("a*c", "a/c")) << "a star stays in its component";
}

TEST(IgnoreTest, AQuestionMarkIsOneCharacter) {
  EXPECT_TRUE(leaves_out("?.odt", "é.odt"));
  EXPECT_FALSE(leaves_out("??.odt", "é.odt"));
  EXPECT_FALSE(leaves_out("*??", "€"));
  EXPECT_TRUE(leaves_out("*??", "€a"));
  EXPECT_TRUE(leaves_out("?.odt", "\xe9.odt"));
  EXPECT_FALSE(leaves_out("?.odt", ".odt"));
  EXPECT_FALSE(leaves_out("a?b", "a/b"));
}

TEST(IgnoreTest, FromTheTopAndFoldersOnly) {
  EXPECT_TRUE(leaves_out("/cache", "cache"));
  EXPECT_TRUE(leaves_out("/cache", "cache/x"));
  EXPECT_FALSE(leaves_out("/cache", "a/cache"));
  EXPECT_TRUE(leaves_out("a/*.log", "a/b.log"));
  EXPECT_FALSE(leaves_out("a/*.log", "x/a/b.log"));
  EXPECT_FALSE(leaves_out("a/*.log", "a/b/c.log"));
  EXPECT_TRUE(leaves_out("cache/", "x/cache/"));
  EXPECT_TRUE(leaves_out("cache/", "x/cache/file"));
  EXPECT_FALSE(leaves_out("cache/", "x/cache")) << "a file of that name";
}

TEST(IgnoreTest, AnyDepth) {
  EXPECT_TRUE(leaves_out("a/**/b", "a/b"));
  EXPECT_TRUE(leaves_out("a/**/b", "a/x/y/b"));
  EXPECT_TRUE(leaves_out("a/**/b", "a/x/b/c")) << "below what is left out";
  EXPECT_FALSE(leaves_out("a/**/b", "a/x/c"));
  EXPECT_TRUE(leaves_out("**/b/*.o", "x/b/c.o"));
  EXPECT_TRUE(leaves_out("**/b/*.o", "b/c.o"));
  EXPECT_TRUE(leaves_out("a/**", "a/b/c"));
  EXPECT_TRUE(leaves_out("a/**/b/**/c", "a/b/x/b/y/c"));
  EXPECT_FALSE(leaves_out("a/**/b/**/c", "a/x/y/c"));
}

TEST(IgnoreTest, OtherCharactersStandForThemselves) {
  EXPECT_TRUE(leaves_out("[ab].odt", "[AB].odt"));
  EXPECT_FALSE(leaves_out("[ab].odt", "a.odt"));
  EXPECT_TRUE(leaves_out("a\\*", "a\\b"));
  EXPECT_TRUE(leaves_out("#a", "#a"));
}

TEST(IgnoreTest, TheDefaultsLeaveOutLocksAndLeftoversOnly) {
  const IgnoreRules rules = IgnoreRules::defaults();
  for (const std::string path : {"~$rapport.docx", "conseil/.~lock.rapport.odt#", "a.tmp", ".DS_Store", "x/Thumbs.db",
                                 "desktop.ini", ".a.odt.swp", "film.mp4.part", "a.pdf.crdownload", "._photo.jpg",
                                 "lettre.odt~", "$RECYCLE.BIN/S-1-5/x.docx", ".Trash-1000/files/a"})
    EXPECT_NE(rules.ignored_by(to_entry_path(path), false), nullptr) << path;
  for (const std::string path : {"rapport.docx", "tmp/plan.odt", "partage.odt", "a.partie", "Corbeille/a", ".profile",
                                 "budget~2026.ods", "lock.odt", "dossier$/a", "sauvegarde.tmpl"})
    EXPECT_EQ(rules.ignored_by(to_entry_path(path), false), nullptr) << path;
  EXPECT_EQ(rules.ignored_by("", true), nullptr) << "the shared folder itself";
}

TEST(IgnoreTest, TellsWhichRule) {
  const IgnoreRules rules = rules_of({"z*", "*.tmp"});
  EXPECT_EQ(*rules.ignored_by("a.tmp", false), "*.tmp");
  EXPECT_EQ(*rules.ignored_by("zz", false), "z*");
  EXPECT_EQ(IgnoreRules().ignored_by("a", false), nullptr);
}

TEST(IgnoreTest, WhatIsNoPatternIsNamed) {
  for (const std::string pattern : {"", "!a", "*", "**", "/", "/**/", "a//b", "//a", "./a", "a/../b", "..", "a\nb",
                                    "\x7f", "\xff", "a**b", "***.odt"}) {
    const auto refused = IgnoreRules::from_patterns({"*.ok", pattern});
    ASSERT_FALSE(refused.has_value()) << pattern;
    EXPECT_EQ(refused.error().code, ErrorCode::usage);
    EXPECT_EQ(refused.error().args, std::vector<std::string>{pattern});
  }
  EXPECT_TRUE(IgnoreRules::from_patterns({std::string(kMaxIgnorePatternBytes, 'a')}).has_value());
  EXPECT_FALSE(IgnoreRules::from_patterns({std::string(kMaxIgnorePatternBytes + 1, 'a')}).has_value());
}

TEST(IgnoreTest, TheirNumberAndSizeAreBounded) {
  std::vector<std::string> many, long_ones;
  for (std::size_t i = 0; i < kMaxIgnorePatterns; ++i) many.push_back("a" + std::to_string(i));
  EXPECT_TRUE(IgnoreRules::from_patterns(many).has_value());
  many.push_back(many.front());
  EXPECT_TRUE(IgnoreRules::from_patterns(many).has_value()) << "a repeat";
  many.push_back("b");
  EXPECT_EQ(IgnoreRules::from_patterns(many).error().code, ErrorCode::limit_exceeded);
  for (std::size_t i = 0; i < 65; ++i) long_ones.push_back(std::to_string(100 + i) + std::string(252, 'a'));
  EXPECT_EQ(IgnoreRules::from_patterns(long_ones).error().code, ErrorCode::limit_exceeded);
}

TEST(IgnoreTest, StarsDoNotExplode) {
  std::string pattern, name(60'000, 'a');
  for (int i = 0; i < 120; ++i) pattern += "a*";
  EXPECT_FALSE(leaves_out(pattern + "b", name));
}

TEST(IgnoreTest, OneEncodingInEveryOrder) {
  const IgnoreRules rules = rules_of({"b", "a", "é*", "a"});
  EXPECT_EQ(to_hex(encode_ignore_rules(rules)), "8201836161616263c3a92a");
  EXPECT_EQ(*decode_ignore_rules(encode_ignore_rules(rules)), rules);
  const IgnoreRules defaults = IgnoreRules::defaults();
  EXPECT_EQ(*decode_ignore_rules(encode_ignore_rules(defaults)), defaults);
  EXPECT_EQ(*decode_ignore_rules(encode_ignore_rules({})), IgnoreRules{});
}

TEST(IgnoreTest, RulesChangeByNames) {
  const IgnoreRules rules = rules_of({"*.tmp", "b"});
  EXPECT_EQ(*rules.changed({"a", "b"}, {"*.tmp"}), rules_of({"a", "b"}));
  EXPECT_EQ(*rules.changed({}, {}), rules);
  EXPECT_EQ(rules.changed({}, {"*.bak"}).error().code, ErrorCode::usage);
  EXPECT_EQ(rules.changed({"*"}, {}).error().code, ErrorCode::usage);
}

TEST(IgnoreTest, OtherEncodingsAreRefused) {
  const auto error = [](const char* hex) { return decode_ignore_rules(*from_hex(hex)).error().code; };
  EXPECT_EQ(error("82018261626161"), ErrorCode::corrupt) << "not ascending";
  EXPECT_EQ(error("82018261616161"), ErrorCode::corrupt) << "twice";
  EXPECT_EQ(error("820181612a"), ErrorCode::corrupt) << "would leave everything out";
  EXPECT_EQ(error("8201816161ff"), ErrorCode::corrupt) << "a byte more";
  EXPECT_EQ(error("8201814161"), ErrorCode::corrupt) << "bytes, no text";
  EXPECT_EQ(error("8101"), ErrorCode::corrupt);
  EXPECT_EQ(error("820080"), ErrorCode::corrupt);
  EXPECT_EQ(error("820280"), ErrorCode::unsupported_version);
  EXPECT_EQ(error(""), ErrorCode::corrupt);
  EXPECT_EQ(decode_ignore_rules(Bytes(kMaxIgnoreRulesBytes + 1)).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace beffroi::storage
