#include "daemon/api/name_pattern.h"

#include <gtest/gtest.h>

namespace beffroi::daemon {
namespace {

bool matches(const char* pattern, const std::string& path) { return NamePattern(pattern).matches(path); }

TEST(NamePatternTest, WithoutASlashItIsTheLastName) {
  EXPECT_TRUE(matches("budget*", "/srv/mairie/Budget 2026.ods"));
  EXPECT_TRUE(matches("*2026*", "/srv/mairie/Budget 2026.ods"));
  EXPECT_FALSE(matches("mairie", "/srv/mairie/Budget 2026.ods"));
  EXPECT_FALSE(matches("budget", "/srv/mairie/Budget 2026.ods"));
  EXPECT_TRUE(matches("?", "/x/y"));
  EXPECT_FALSE(matches("?", "/x/yz"));
}

TEST(NamePatternTest, WithASlashItIsTheWholePath) {
  EXPECT_TRUE(matches("/srv/*.ods", "/srv/mairie/Budget 2026.ods"));
  EXPECT_TRUE(matches("*/mairie/*", "/srv/mairie/Budget 2026.ods"));
  EXPECT_FALSE(matches("mairie/*", "/srv/mairie/Budget 2026.ods"));
}

TEST(NamePatternTest, IgnoresCaseBeyondAscii) {
  EXPECT_TRUE(matches("DÉLIBÉRATION*", "/a/délibération 3.odt"));
  EXPECT_TRUE(matches("œuvre", "/a/Œuvre"));
  EXPECT_TRUE(matches("ÿ", "/a/Ÿ"));
  EXPECT_TRUE(matches("žluť", "/a/ŽLUŤ"));
  EXPECT_FALSE(matches("e", "/a/é"));
}

TEST(NamePatternTest, Sets) {
  EXPECT_TRUE(matches("[abc]x", "/bx"));
  EXPECT_TRUE(matches("[a-c]x", "/Bx"));
  EXPECT_FALSE(matches("[!a-c]x", "/bx"));
  EXPECT_TRUE(matches("[^a-c]x", "/dx"));
  EXPECT_TRUE(matches("[]]", "/]"));
  EXPECT_TRUE(matches("[a-]", "/-"));
  EXPECT_TRUE(matches("[", "/[")) << "a lone bracket is itself";
  EXPECT_TRUE(matches("\\*", "/*"));
  EXPECT_FALSE(matches("\\*", "/a"));
  EXPECT_TRUE(matches("[!]", "/[!]")) << "nothing closes it: itself";
  EXPECT_TRUE(matches("[]", "/[]"));
  EXPECT_TRUE(matches("[a][b", "/a[b"));
}

// Goal: names that are no UTF-8 are found, and no pattern takes for ever.
TEST(NamePatternTest, TakesAnyBytesInBoundedTime) {
  EXPECT_TRUE(matches("caf*", "/caf\xE9"));
  EXPECT_TRUE(matches("caf\xE9", "/caf\xE9"));
  EXPECT_TRUE(matches("caf?", "/caf\xE9"));
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", "/" + std::string(5000, 'a')));
  EXPECT_FALSE(matches("", "/a"));
  EXPECT_TRUE(matches("***", "/a"));
}

}  // namespace
}  // namespace beffroi::daemon
