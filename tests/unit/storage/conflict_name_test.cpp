// Goal: the name of a version that lost says whose it is and when, opens with the same program, and can be written on
// every system, whatever people call themselves and their machines.
#include "storage/merge/conflict_name.h"

#include <gtest/gtest.h>

#include "storage/format/utf8.h"

namespace beffroi::storage {
namespace {

const UnixTime kMonday{1'795'439'100};  // 2026-11-23 13:05 UTC

const ChangeAuthor kClaire{.person = "Claire",
                           .device = "PC mairie",
                           .words = {.conflict = "conflit", .hour_mark = "h"},
                           .utc_offset_s = 3600};

TEST(ConflictNameTest, SaysWhoseAndWhen) {
  EXPECT_EQ(conflict_name("rapport.docx", kClaire, kMonday, 1),
            "rapport (conflit - Claire, PC mairie, 2026-11-23 14h05).docx");
  EXPECT_EQ(conflict_name("rapport.docx", kClaire, kMonday, 3),
            "rapport (conflit - Claire, PC mairie, 2026-11-23 14h05 - 3).docx");
  const ChangeAuthor english{.person = "Clare", .device = "", .words = {}, .utc_offset_s = -5 * 3600};
  EXPECT_EQ(conflict_name("a.txt", english, kMonday, 1), "a (conflict - Clare, 2026-11-23 08.05).txt");
}

TEST(ConflictNameTest, KeepsWhatTellsTheProgram) {
  const auto extended = [](std::string_view name) {
    const std::string out = conflict_name(name, kClaire, kMonday, 1);
    return out.substr(0, out.find(" (")) + "|" + out.substr(out.find(')') + 1);
  };
  EXPECT_EQ(extended("archive.tar.gz"), "archive|.tar.gz");
  EXPECT_EQ(extended("Arrêté n° 12.b.odt"), "Arrêté n° 12.b|.odt");
  EXPECT_EQ(extended("LISEZMOI"), "LISEZMOI|");
  EXPECT_EQ(extended(".profile"), ".profile|");
  EXPECT_EQ(extended(".tar.gz"), ".tar|.gz");
  EXPECT_EQ(extended("M. Dupont"), "M. Dupont|");
  EXPECT_EQ(extended("a."), "a.|");
}

TEST(ConflictNameTest, NamesOfPeopleBecomeSafe) {
  EXPECT_EQ(name_part("..a/b\\c:d*e?f\"g<h>i|j. ", 100), "a_b_c_d_e_f_g_h_i_j");
  EXPECT_EQ(name_part("line\nfeed\x1b[31m", 100), "line_feed_[31m");
  EXPECT_EQ(name_part("not \xff UTF-8", 100), "not _ UTF-8");
  EXPECT_EQ(name_part("\u202Egnp.exe", 100), "_gnp.exe");
  EXPECT_EQ(name_part("Éléonore", 2), "É");
  EXPECT_EQ(name_part("", 10), "");
  const ChangeAuthor nasty{.person = "../../etc", .device = " . ", .words = {"a/b", ":"}, .utc_offset_s = 0};
  EXPECT_EQ(conflict_name("x", nasty, kMonday, 1), "x (a_b - _.._etc, 2026-11-23 13_05)");
}

TEST(ConflictNameTest, NeverLongerThanANameMayBe) {
  std::string accents;
  for (int i = 0; i < 150; ++i) accents += "é";
  const ChangeAuthor long_winded{.person = accents, .device = accents, .words = {accents, accents}, .utc_offset_s = 0};
  for (const std::string& name :
       {accents + ".docx", "x" + accents + ".docx", std::string(255, 'a'), std::string(300, '.')}) {
    const std::string out = conflict_name(name, long_winded, kMonday, 999'999);
    EXPECT_LE(out.size(), kMaxFileNameBytes);
    EXPECT_TRUE(is_utf8(as_bytes(out))) << out;
    EXPECT_NE(out.find("999999"), std::string::npos);
  }
}

TEST(ConflictNameTest, TimesFromNowhereGiveADate) {
  EXPECT_EQ(conflict_name("a", kClaire, {INT64_MIN}, 1), "a (conflit - Claire, PC mairie, 1970-01-01 01h00)");
  EXPECT_EQ(conflict_name("a", kClaire, {INT64_MAX}, 1), "a (conflit - Claire, PC mairie, 9999-12-31 23h59)");
}

}  // namespace
}  // namespace beffroi::storage
