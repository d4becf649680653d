#include "crypto/result.h"

#include <gtest/gtest.h>

#include "crypto/assert.h"

namespace beffroi {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::usage, N_("{} is not even."), std::to_string(value));
  return value / 2;
}

Result<int> quarter(int value) {
  BEFFROI_TRY(const int once, half(value));
  BEFFROI_TRY(const int twice, half(once));
  return twice;
}

TEST(ResultTest, TryPassesTheFirstErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error(), (Error{ErrorCode::usage, "{} is not even.", {"3"}}));
  EXPECT_EQ(quarter(6).error().message(), "3 is not even.");
}

TEST(ResultTest, EveryCodeHasANameThatLeadsBackToIt) {
  // The names travel in the protocol and in JSON: a code without one, or two with the same, would turn into another
  // error.
  for (int i = 0; i <= static_cast<int>(ErrorCode::refused); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(error_code_from_name(error_code_name(code)), code) << i;
  }
  EXPECT_STREQ(error_code_name(ErrorCode::unsupported_version), "unsupported_version");
  EXPECT_EQ(error_code_from_name("no such thing"), ErrorCode::protocol);
}

TEST(ResultTest, PlaceholdersAreFilledInOrderAndArgumentsAreNeverRead) {
  EXPECT_EQ(fill_placeholders("{} of {}", {"a", "b"}), "a of b");
  EXPECT_EQ(fill_placeholders("{} of {}", {"{}", "b"}),
            "{} of b");  // a file named {} must not swallow the next argument
  EXPECT_EQ(fill_placeholders("{} of {}", {"a"}), "a of {}");
  EXPECT_EQ(fill_placeholders("none", {"a"}), "none");
}

TEST(AssertDeathTest, StaysOnAndNamesTheExpression) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(BEFFROI_ASSERT(1 + 1 == 3), "internal error: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace beffroi
