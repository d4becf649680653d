#include "crypto/kit_file.h"

#include "crypto/kit.h"
#include "crypto/peer_details.h"
#include "vectors.h"

namespace beffroi::crypto {
namespace {

class KitFileTest : public testing::Test {
 protected:
  SeededRandom random_{1};
  std::vector<std::string> words_ = kit_words(SecretBytes::random(32, random_));

  std::string joined(const std::string& separator) const {
    std::string out;
    for (const auto& word : words_) out += word + separator;
    return out;
  }
  std::string numbered(const std::string& after_number, const std::string& separator) const {
    std::string out;
    for (std::size_t i = 0; i < words_.size(); ++i) out += std::to_string(i + 1) + after_number + words_[i] + separator;
    return out;
  }
};

TEST_F(KitFileTest, WordsAreFoundInAnyLayout) {
  const std::vector<std::string> layouts = {joined(" "),
                                            joined("\n"),
                                            joined("\r\n"),
                                            joined("\t"),
                                            joined(", "),
                                            "\xef\xbb\xbf" + joined("\xc2\xa0"),
                                            numbered(". ", "\n"),
                                            numbered(".", "\r\n"),
                                            numbered(") ", "  "),
                                            numbered(" ", " | "),
                                            numbered(". ", "\xc2\xa0\xc2\xa0"),
                                            numbered("\n", "\n")};
  for (const auto& text : layouts) {
    const auto file = parse_kit_text(text);
    ASSERT_TRUE(file.has_value()) << text << file.error().message();
    EXPECT_EQ(file->words, words_) << text;
  }
}

TEST_F(KitFileTest, CommentsAreNoWords) {
  const auto file =
      parse_kit_text("# copied from the sheet\n- by the secretary\n" + joined(" ") + "\n-- end\nSeen by: me\n");
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->words, words_);
}

TEST_F(KitFileTest, NumbersGiveTheOrder) {
  // A sheet copied column by column.
  std::string text;
  for (std::size_t column = 0; column < 4; ++column)
    for (std::size_t i = column; i < kKitWords; i += 4) text += std::to_string(i + 1) + ". " + words_[i] + "\n";
  const auto file = parse_kit_text(text);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->words, words_);
}

TEST_F(KitFileTest, AnIllegibleWordIsLeftToTheCode) {
  words_[6] = "?";
  words_[20] = "";
  const auto file = parse_kit_text(numbered(". ", "\n"));
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const auto reading = read_kit_words(file->words);
  ASSERT_TRUE(reading.has_value());
  ASSERT_EQ(reading->corrections.size(), 2U);
  EXPECT_EQ(reading->corrections[0].position, 7U);
  EXPECT_EQ(reading->corrections[1].position, 21U);
}

TEST_F(KitFileTest, LabelledLinesAreReadInBothLanguages) {
  Hash256 space{};
  random_.fill(space);
  const std::string space_text = to_base32(space);
  for (const char* labels :
       {"Espace : {}\nPair : EPCI\nAdresse : [2001:db8::1]:8440\nClé : {}\n",
        "space:{}\nPEER: EPCI\naddress:   [2001:db8::1]:8440\nKey:{}\n",
        "Espace / Space : {}\nPair / Peer: EPCI\nAdresse / Address : [2001:db8::1]:8440\nCLE:{}\n"}) {
    const auto file = parse_kit_text(fill_placeholders(labels, {space_text, space_text}) + numbered(". ", "\n"));
    ASSERT_TRUE(file.has_value()) << labels << file.error().message();
    EXPECT_EQ(file->space_id, space);
    EXPECT_EQ(file->peer_name, "EPCI");
    EXPECT_EQ(file->peer_address, "[2001:db8::1]:8440");
    ASSERT_TRUE(file->peer_key.has_value());
    EXPECT_EQ(file->peer_key->data, space);
    EXPECT_EQ(file->words, words_);
  }
}

TEST_F(KitFileTest, GroupsParityAndCaseOfTheSpaceDoNotMatter) {
  Hash256 space{};
  random_.fill(space);
  std::string grouped;
  for (const char c : to_base32(space))
    grouped += std::string(1, static_cast<char>(std::toupper(c))) + (grouped.size() % 3 ? "" : "-");
  const auto file = parse_kit_text("Espace : " + grouped + "\n" + joined(" "));
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->space_id, space);
}

TEST_F(KitFileTest, TheRefusalSaysWhatToMend) {
  const auto sentence = [](const std::string& text) {
    const auto file = parse_kit_text(text);
    return file ? std::string("accepted")
                : std::string(error_code_name(file.error().code)) + ": " + file.error().message();
  };
  EXPECT_EQ(sentence(""), "usage: This kit has 0 words, not 28: copy all of them from the sheet, in order.");
  EXPECT_EQ(sentence(joined(" ") + " abaisser"),
            "usage: This kit has 29 words, not 28: copy all of them from the sheet, in order.");
  EXPECT_EQ(sentence("1. abaisser\n"
                     "3. abandon\n")
                .substr(0, 49),
            "usage: This kit lacks the words number 2, 4, 5, 6");
  EXPECT_EQ(sentence(numbered(". ", "\n") + "4. abaisser"),
            "usage: This kit has two words number 4: copy each once from the sheet.");
  EXPECT_EQ(sentence(numbered(". ", "\n") + "29. abaisser"),
            "usage: This kit has a word number 29: the words of a sheet are numbered 1 to 28.");
  EXPECT_EQ(sentence("Espace : abcd\n" + joined(" ")),
            "usage: What follows \"Espace\" is not the 52 letters and digits (a-z, 2-7) of the sheet.");
  EXPECT_EQ(sentence("Adresse : nowhere\n" + joined(" ")),
            "usage: The address \"nowhere\" is not of the form HOST:PORT.");
  EXPECT_EQ(sentence(std::string(70'000, 'a')), "limit_exceeded: This file is too large to be a kit.");
}

TEST_F(KitFileTest, HostileTextsAreRefusedWithoutHarm) {
  SeededRandom random(9);
  const std::string alphabet = "0129.): abé\xcc\x81\xff\n\r\t,;|#-_EspacePair/?";
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text(random.below(400), ' ');
    for (char& c : text) c = alphabet[random.below(alphabet.size())];
    const auto file = parse_kit_text(text);
    if (file) {
      EXPECT_EQ(file->words.size(), kKitWords);
    }
    static_cast<void>(parse_peer_text(text));
  }
  EXPECT_FALSE(parse_kit_text("99999999999999999999. abaisser").has_value());
  EXPECT_FALSE(parse_kit_text(std::string(1000, '1')).has_value());
}

}  // namespace
}  // namespace beffroi::crypto
