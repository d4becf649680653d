#include "client/selection.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace beffroi::client {
namespace {

TEST(SelectionTest, SplitsAtTheFirstColonBecausePathsMayHaveColons) {
  EXPECT_EQ(parse_selection("latest:/srv/a:b/12:30.txt"), (Selection{"latest", "/srv/a:b/12:30.txt"}));
  EXPECT_EQ(parse_selection("3f9a:docs"), (Selection{"3f9a", "/docs"}));
  EXPECT_EQ(parse_selection("latest"), (Selection{"latest", std::nullopt}));
}

TEST(SelectionTest, PathsAreMadeNormalAndKeepTheirBytes) {
  EXPECT_EQ(parse_selection("latest://a/./b//"), (Selection{"latest", "/a/b"}));
  EXPECT_EQ(parse_selection("latest:/"), (Selection{"latest", "/"}));
  EXPECT_EQ(parse_selection("latest:/caf\xe9\n"), (Selection{"latest", "/caf\xe9\n"}));
}

TEST(SelectionTest, RefusesWhatHasNoSnapshotNoPathOrClimbs) {
  for (const char* const wrong : {":/a", "", "latest:", "/srv/documents", "latest:/a/../b", "latest:.."}) {
    const auto result = parse_selection(wrong);
    ASSERT_FALSE(result) << wrong;
    EXPECT_EQ(result.error().code, ErrorCode::usage) << wrong;
  }
}

TEST(SelectionTest, AbsolutePathsAreLexicalAndWithoutFinalSlash) {
  const std::string here = std::filesystem::current_path().native();
  EXPECT_EQ(absolute_path("/srv/./a/../b/"), "/srv/b");
  EXPECT_EQ(absolute_path("x/"), here + "/x");
  EXPECT_EQ(absolute_path("."), here);
  EXPECT_EQ(absolute_path("/"), "/");
}

}  // namespace
}  // namespace beffroi::client
