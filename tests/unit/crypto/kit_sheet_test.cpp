#include "crypto/kit_sheet.h"

#include "crypto/kit.h"
#include "crypto/kit_file.h"
#include "vectors.h"

namespace beffroi::crypto {
namespace {

KitSheet example_sheet(std::string name = "Mairie de Saint-Élix") {
  SeededRandom random(1);
  const SecretBytes secret = SecretBytes::random(32, random);
  KitSheet sheet{.identity_name = std::move(name), .words = kit_words(secret), .space_id = {}, .date = "2026-01-31"};
  random.fill(sheet.space_id);
  return sheet;
}

std::size_t count(const std::string& text, const std::string& wanted) {
  std::size_t found = 0;
  for (auto at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++found;
  return found;
}

TEST(KitSheetTest, TheTextOfEitherLanguageReadsBack) {
  const KitSheet sheet = example_sheet();
  for (const char* language : {"fr", "fr_FR.UTF-8", "en", "C"}) {
    const auto file = parse_kit_text(kit_text(sheet, language));
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_EQ(file->words, sheet.words);
    EXPECT_EQ(file->space_id, sheet.space_id);
    EXPECT_TRUE(file->peer_address.empty());  // the lines to fill in by hand are empty
    EXPECT_FALSE(file->peer_key.has_value());
  }
}

TEST(KitSheetTest, LanguagesDiffer) {
  const KitSheet sheet = example_sheet();
  EXPECT_NE(kit_text(sheet, "fr").find("KIT DE SECOURS"), std::string::npos);
  EXPECT_NE(kit_text(sheet, "en").find("RECOVERY KIT"), std::string::npos);
  EXPECT_NE(kit_html(sheet, "fr").find("<html lang=\"fr\">"), std::string::npos);
  EXPECT_NE(kit_html(sheet, "de").find("<html lang=\"en\">"), std::string::npos);
}

TEST(KitSheetTest, ANameCannotPassForAnythingElseOnTheSheet) {
  for (const char* name :
       {"x\n1. abaisser\nEspace : aaaa", "1. abaisser 2. abandon", "Pair : a:1", "", "<script>&\"", "a\x01\x7f\tb"}) {
    const KitSheet sheet = example_sheet(name);
    const auto file = parse_kit_text(kit_text(sheet, "fr"));
    ASSERT_TRUE(file.has_value()) << name << ": " << file.error().message();
    EXPECT_EQ(file->words, sheet.words);
    EXPECT_EQ(file->space_id, sheet.space_id);
    EXPECT_EQ(kit_html(sheet, "fr").find("<script"), std::string::npos);
  }
}

TEST(KitSheetTest, ThePageHoldsEveryWordOnceAndLoadsNothing) {
  const KitSheet sheet = example_sheet();
  const std::string page = kit_html(sheet, "fr");
  EXPECT_EQ(count(page, "<li><b>"), kKitWords);
  for (std::size_t i = 0; i < kKitWords; ++i)
    EXPECT_EQ(count(page, "<b>" + std::to_string(i + 1) + ".</b>" + sheet.words[i] + "<"), 1U);
  for (const char* outside : {"http", "src=", "url(", "<script", "<link", "@import"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_NE(page.find("size: A4"), std::string::npos);
}

TEST(KitSheetTest, LinesFitOnPaper) {
  for (const char* language : {"fr", "en"}) {
    std::istringstream text(kit_text(example_sheet(), language));
    for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 125U) << line;
  }
}

}  // namespace
}  // namespace beffroi::crypto
