#include "client/ui/progress_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::size_t kNarrowTerminal = 80;

json sending(std::uint64_t sent, std::uint64_t to_send) {
  return {{"phase", "pushing"},
          {"files_scanned", 57'829},
          {"files_total_estimate", 57'829},
          {"bytes_read", 1900 * kMiB},
          {"bytes_added", 714 * kMiB},
          {"bytes_sent", sent},
          {"bytes_to_send", to_send},
          {"errors", 2}};
}

// Goal: on a narrow terminal, whose right edge cuts the line, everything about a long push is still to be seen.
TEST(ProgressTextTest, ALongPushFitsANarrowTerminal) {
  const std::string text = progress_text(sending(702 * kMiB, 714 * kMiB), "about 3 h 20 min left");
  EXPECT_EQ(text,
            "[###################-] 98 % · about 3 h 20 min left · sending · 2 problems · 702 MiB of 714 MiB sent");
  EXPECT_NE(text.substr(0, kNarrowTerminal).find("3 h 20 min left · sending"), std::string::npos);
}

// Goal: without an estimate there is no bar to be wrong.
TEST(ProgressTextTest, AFirstBackupCountsWhatItMeets) {
  const json event = {{"phase", "reading"}, {"files_scanned", 1204}, {"bytes_read", 3 * kMiB}, {"bytes_added", kMiB}};
  EXPECT_EQ(progress_text(event), "reading · 1,204 files · 3.0 MiB read · 1.0 MiB new");
}

TEST(ProgressTextTest, ALaterBackupHasABarOfFiles) {
  const json event = {{"phase", "reading"}, {"files_scanned", 500}, {"files_total_estimate", 1000}};
  EXPECT_EQ(progress_text(event), "[##########----------] 50 % · reading · 500 of about 1,000 files");
}

// Goal: more than was announced (files grew) is no more than all.
TEST(ProgressTextTest, NoBarIsLongerThanItself) {
  EXPECT_EQ(progress_text(sending(9 * kMiB, 3 * kMiB)).substr(0, 28), "[####################] 100 %");
  EXPECT_EQ(restore_text({.files = 1, .bytes = 9, .bytes_total = 3}),
            "[####################] 100 % · 1 file restored · 9 B");
  EXPECT_EQ(restore_text({.files = 2, .bytes = 9, .bytes_total = 0}), "2 files restored · 9 B");
}

// Goal: half of the bytes sent in a minute leave another minute; nothing is said before a rate is known, nor at the
// end.
TEST(SendRateTest, TellsTheTimeLeftByTheRateSoFar) {
  SendRate rate;
  EXPECT_EQ(rate.time_left(0, 0, 0), "");
  EXPECT_EQ(rate.time_left(100 * kMiB, 0, 1'000), "");
  EXPECT_EQ(rate.time_left(100 * kMiB, 0, 9'000), "");
  EXPECT_EQ(rate.time_left(100 * kMiB, 50 * kMiB, 61'000), "about 1 min left");
  EXPECT_EQ(rate.time_left(100 * kMiB, 100 * kMiB, 121'000), "");
}

// Goal: what was sent before this line began, or a new push that counts from zero, does not count for the rate.
TEST(SendRateTest, StartsAnewWhenThePushDoes) {
  SendRate rate;
  EXPECT_EQ(rate.time_left(200 * kMiB, 100 * kMiB, 0), "");
  EXPECT_EQ(rate.time_left(200 * kMiB, 110 * kMiB, 10'000), "about 2 min left");
  EXPECT_EQ(rate.time_left(200 * kMiB, 0, 20'000), "");
  EXPECT_EQ(rate.time_left(200 * kMiB, 100 * kMiB, 30'000), "about 10 s left");
}

}  // namespace
}  // namespace beffroi::client
