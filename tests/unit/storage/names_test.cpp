// Goal: names that a member's Windows or macOS can't hold, or takes for another's, are told before anything is lost;
// ordinary names of a mairie are left alone.
#include "storage/merge/names.h"

#include <gtest/gtest.h>

#include "storage/tree/entry.h"

namespace beffroi::storage {
namespace {

using Names = std::vector<std::string>;

TEST(NamesTest, OrdinaryNamesAreLeftAlone) {
  for (const std::string_view name :
       {"Délibération n° 12.docx", "e\u0301tat civil.pdf", ".profile", "a b", "console.txt", "COM10", "com",
        "auxiliaire", "nul part.odt", "LPT", "l'été (copie).odt", "100 % voté; oui!.txt", "plan~1.dwg", "😀.txt"})
    EXPECT_EQ(windows_problem(name), std::nullopt) << name;
}

TEST(NamesTest, WhatWindowsRefuses) {
  for (const std::string_view name : {"a:b", "12/03", "qui?", "*.odt", "a\\b", "<a>", "a|b", "\"a\"", "a\tb"})
    EXPECT_EQ(windows_problem(name), NameProblem::character) << name;
  for (const std::string_view name : {"CON", "con", "CON.txt", "Con .txt", "nul", "NUL.tar.gz", "aux", "PRN.odt",
                                      "COM1", "com9.log", "lpt0", "LPT².txt", "CONIN$", "conout$.x"})
    EXPECT_EQ(windows_problem(name), NameProblem::reserved) << name;
  for (const std::string_view name : {"fin.", "fin ", "etc...", "CON.", " "})
    EXPECT_EQ(windows_problem(name), NameProblem::ending) << name;
  for (const std::string_view name : {"caf\xe9.txt", "\xff", "\xed\xa0\x80"})
    EXPECT_EQ(windows_problem(name), NameProblem::not_text);
}

TEST(NamesTest, LengthsCountAsWindowsCounts) {
  std::string accents, smileys;
  for (int i = 0; i < 255; ++i) accents += "é";
  for (int i = 0; i < 127; ++i) smileys += "😀";
  EXPECT_EQ(windows_problem(accents), std::nullopt) << "510 bytes, 255 units";
  EXPECT_EQ(windows_problem(accents + "x"), NameProblem::too_long);
  EXPECT_EQ(windows_problem(smileys + "x"), std::nullopt) << "255 units";
  EXPECT_EQ(windows_problem(smileys + "xx"), NameProblem::too_long);
  EXPECT_EQ(windows_path_problem(to_entry_path("x/" + std::string(198, 'a'))), std::nullopt);
  EXPECT_EQ(windows_path_problem(to_entry_path("x/" + std::string(199, 'a'))), NameProblem::too_long);
  EXPECT_EQ(windows_path_problem(to_entry_path("CON/a")), std::nullopt) << "told of the folder itself";
  EXPECT_EQ(windows_path_problem(to_entry_path("a/CON")), NameProblem::reserved);
}

TEST(NamesTest, EveryProblemHasASentence) {
  for (const NameProblem problem : {NameProblem::not_text, NameProblem::character, NameProblem::ending,
                                    NameProblem::reserved, NameProblem::too_long})
    EXPECT_STRNE(name_problem_text(problem), "");
}

TEST(NamesTest, CaseAndAccentsClash) {
  EXPECT_EQ(name_key("Rapport.docx"), name_key("rapport.DOCX"));
  EXPECT_EQ(name_key("\u00e9t\u00e9"), name_key("e\u0301te\u0301"));
  EXPECT_EQ(name_key("\u00c9tat"), name_key("e\u0301tat"));
  EXPECT_EQ(name_key("\u0152uvre"), name_key("\u0153uvre"));
  EXPECT_EQ(name_key("\u1e09"), name_key("c\u0301\u0327")) << "marks in either order";
  EXPECT_NE(name_key("\u00e9tat"), name_key("etat"));
  EXPECT_NE(name_key("oeuvre"), name_key("\u0153uvre"));
  EXPECT_NE(name_key("plan 1"), name_key("plan1"));
  EXPECT_EQ(name_key("caf\xe9"), "caf\xe9");
  EXPECT_NE(name_key("CAF\xe9"), name_key("caf\xe9"));
  EXPECT_EQ(name_key(""), "");
}

TEST(NamesTest, ClashesOfAFolderAreGrouped) {
  const Names folder = {"rapport.docx", "plan.odt", "Rapport.docx", "e\u0301tat", "RAPPORT.docx", "\u00e9tat", "\xff"};
  EXPECT_EQ(name_clashes(folder),
            (std::vector<Names>{{"RAPPORT.docx", "Rapport.docx", "rapport.docx"}, {"e\u0301tat", "\u00e9tat"}}));
  EXPECT_TRUE(name_clashes(Names{}).empty());
}

}  // namespace
}  // namespace beffroi::storage
