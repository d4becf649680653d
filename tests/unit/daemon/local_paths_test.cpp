#include "daemon/share/local_paths.h"

#include <gtest/gtest.h>

#include "storage/tree/entry.h"

namespace beffroi::daemon {
namespace {

std::string at(const std::string& path) { return storage::to_entry_path(path); }

// Goal: without a rule everything is here; else the longest one at or above a path decides.
TEST(LocalPathsTest, TheLongestRuleDecides) {
  LocalPaths paths;
  EXPECT_TRUE(paths.has_all() && paths.has("") && paths.has(at("a/b")));
  paths.set("", false);
  paths.set(at("a/b"), true);
  paths.set(at("a/b/c"), false);
  EXPECT_FALSE(paths.has(at("a")) || paths.has(at("a/bc")) || paths.has(at("a/b/c/d")));
  EXPECT_TRUE(paths.has(at("a/b")) && paths.has(at("a/b/d/e")));
  EXPECT_TRUE(paths.leads_to(at("a")) && paths.leads_to(""));
  EXPECT_FALSE(paths.leads_to(at("a/b")) || paths.leads_to(at("a/bc")));
}

// Goal: a rule takes the place of those below it, and one that says nothing new is not kept.
TEST(LocalPathsTest, ARuleReplacesThoseBelow) {
  LocalPaths paths;
  paths.set(at("a/b"), false);
  paths.set(at("a/c/d"), false);
  paths.set(at("a"), true);
  EXPECT_TRUE(paths.has_all());
  paths.set("", false);
  paths.set(at("x"), false);
  EXPECT_EQ(paths.rules().size(), 1U);
}

// Goal: what got another name is kept there as it was, with what was said of parts of it.
TEST(LocalPathsTest, RulesGoAlongWithAName) {
  LocalPaths paths;
  paths.set("", false);
  paths.set(at("a"), true);
  paths.set(at("a/b"), false);
  paths.copy(at("a"), at("z/y"));
  paths.forget(at("a"));
  EXPECT_TRUE(paths.has(at("z/y/x")));
  EXPECT_FALSE(paths.has(at("z/y/b/c")) || paths.has(at("a")) || paths.has(at("z")));
}

// Goal: what is written is read again; what is malformed is an error, since without it much would look deleted.
TEST(LocalPathsTest, IsReadAsItWasWritten) {
  LocalPaths paths;
  paths.set("", false);
  paths.set(at("a/b"), true);
  paths.unsettled.insert(at("c"));
  Bytes encoded = paths.encode();
  const auto read = LocalPaths::decode(encoded);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, paths);
  encoded.pop_back();
  EXPECT_EQ(LocalPaths::decode(encoded).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace beffroi::daemon
