#include "client/ui/human.h"

#include <gtest/gtest.h>

#include "client/ui/console.h"
#include "client/ui/printable.h"

namespace beffroi::client {
namespace {

TEST(HumanTest, SizesAreShortAndRounded) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(size_text(1023 * 1024), "1023 KiB");
  EXPECT_EQ(size_text(1024 * 1024 - 1), "1024 KiB");
  EXPECT_EQ(size_text(20ULL << 30), "20.0 GiB");
  EXPECT_EQ(size_text(UINT64_MAX), "16777216 TiB");
}

TEST(HumanTest, CountsAndDurations) {
  EXPECT_EQ(count_text(7), "7");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(12 * 60), "12 min");
  EXPECT_EQ(duration_text(3 * 3600 + 20 * 60), "3 h 20 min");
  EXPECT_EQ(duration_text(26 * 3600), "1 d 2 h");
}

TEST(HumanTest, SizesAndTimesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_size("500"), 500U);
  EXPECT_EQ(parse_size("10GiB"), 10ULL << 30);
  EXPECT_EQ(parse_size("500 MB"), 500'000'000U);
  EXPECT_EQ(parse_size("1,5G"), 3ULL << 29);
  EXPECT_EQ(parse_size("2 Go"), 2'000'000'000U);
  EXPECT_EQ(parse_size("50KiB"), 51200U);
  EXPECT_EQ(parse_duration("1s"), 1U);
  EXPECT_EQ(parse_duration("30m"), 1800U);
  EXPECT_EQ(parse_duration("14d"), 14U * 86400);
  EXPECT_EQ(parse_duration("14j"), 14U * 86400);
  for (const char* const wrong : {"", "GiB", "-5", "10 parsecs", "1e9", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(wrong)) << wrong;
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(HumanTest, MomentsAreReadAsPeopleWriteThem) {
  setenv("TZ", "UTC-1", 1);
  tzset();
  EXPECT_EQ(parse_moment("2026-11-23T22:30:05Z"), 1795473005);
  EXPECT_EQ(parse_moment("2026-11-23 23:30"), 1795473000);
  EXPECT_EQ(parse_moment("23/11/2026 23:30"), 1795473000);
  EXPECT_EQ(parse_moment("2026-11-23T23:30"), 1795473000);
  EXPECT_EQ(parse_moment("2026-11-24"), 1795474800);
  EXPECT_EQ(parse_moment("24/11/2026"), 1795474800);
  for (const char* const wrong :
       {"", "yesterday", "2026-11-23 22:30 or so", "2026-13-01", "2026-02-31", "1950-01-01", "1700000000"})
    EXPECT_FALSE(parse_moment(wrong)) << wrong;
}

TEST(HumanTest, TimesOfTheApiBecomeLocalOnes) {
  setenv("TZ", "UTC-1", 1);
  tzset();
  EXPECT_EQ(time_text("2026-11-23T22:30:05Z"), "2026-11-23 23:30");
  EXPECT_EQ(time_text("1969-12-31T23:59:59.999999999Z"), "1970-01-01 00:59");
  EXPECT_EQ(time_text("yesterday"), "yesterday");
}

TEST(PrintableTest, NothingInANameReachesTheTerminalAsACommand) {
  EXPECT_EQ(printable("d\xc3\xa9lib\xc3\xa9ration.txt"), "d\xc3\xa9lib\xc3\xa9ration.txt");
  EXPECT_EQ(printable("a\x1b[31mb\nc"), "a\\x1b[31mb\\x0ac");
  EXPECT_EQ(printable("\xe9t\xe9"), "\\xe9t\\xe9");
  EXPECT_EQ(printable("\xe2\x80\xaegpj.exe"), "\\u202egpj.exe");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(printable("\xf0\x9f\x94\x94"), "\xf0\x9f\x94\x94");
}

TEST(ConsoleTest, TablesPadByCharactersNotBytes) {
  EXPECT_EQ(table_text({{"nom", "\ttaille", "x"}, {"\xc3\xa9t\xc3\xa9 long", "\t7", ""}}),
            "nom       taille  x\n"
            "\xc3\xa9t\xc3\xa9 long       7  \n");
}

}  // namespace
}  // namespace beffroi::client
