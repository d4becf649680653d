#include "client/http/json_fields.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "client/http/base64.h"
#include "client/http/ndjson.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

TEST(Base64Test, TheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(from_base64(coded), plain);
  }
  for (const char* const wrong : {"Zg", "Zg=", "Z===", "Zh==", "Zg==Zg==", "Zm9 ", "=AAA"})
    EXPECT_FALSE(from_base64(wrong)) << wrong;
}

TEST(JsonFieldsTest, WrongShapesGiveDefaultsInsteadOfExceptions) {
  const json odd = {{"text", 7}, {"number", "x"}, {"negative", -1}, {"flag", "yes"}, {"sub", nullptr}};
  EXPECT_EQ(text_field(odd, "text"), "");
  EXPECT_EQ(number_field(odd, "number"), 0U);
  EXPECT_EQ(number_field(odd, "negative"), 0U);
  EXPECT_FALSE(flag_field(odd, "flag"));
  EXPECT_TRUE(sub_field(odd, "sub").empty());
  EXPECT_EQ(text_field(json::array(), "text"), "");
}

TEST(JsonFieldsTest, NamesKeepTheirExactBytes) {
  json object;
  set_path(object, "/caf\xe9");
  EXPECT_EQ(path_field(object), "/caf\xe9");
  EXPECT_EQ(path_field(json::parse(json_line(object))), "/caf\xe9");
  json plain;
  set_path(plain, "/caf\xc3\xa9");
  EXPECT_FALSE(plain.contains("path_b64"));
}

class EventReaderTest : public testing::Test {
 protected:
  Result<json> read(const std::string& text, std::size_t piece) {
    const EventSink sink = [this](const json& event) -> Result<void> {
      events_.push_back(text_field(event, "event"));
      return {};
    };
    EventReader reader(sink);
    for (std::size_t at = 0; at < text.size(); at += piece)
      BEFFROI_CHECK(reader.feed(as_bytes(text.substr(at, piece))));
    return reader.finish();
  }
  std::vector<std::string> events_;
};

TEST_F(EventReaderTest, LinesMayArriveInAnyPieces) {
  const std::string text = "{\"event\":\"progress\"}\n{\"event\":\"notice\"}\n{\"event\":\"result\",\"n\":3}\n";
  for (const std::size_t piece : {1U, 7U, 1000U}) {
    events_.clear();
    const auto result = read(text, piece);
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, (json{{"n", 3}}));
    EXPECT_EQ(events_, (std::vector<std::string>{"progress", "notice"}));
  }
}

TEST_F(EventReaderTest, AStreamWithoutItsLastWordWasCut) {
  const auto cut = read("{\"event\":\"progress\"}\n", 100);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error(), cut_stream());
}

TEST_F(EventReaderTest, TheStreamsErrorComesBackWithTextAndArguments) {
  const auto failed = read(
      "{\"event\":\"error\",\"error\":{\"code\":\"disk_full\",\"text\":\"No room in {}.\",\"args\":[\"/srv\"]}}\n", 9);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), (Error{ErrorCode::disk_full, "No room in {}.", {"/srv"}}));
}

TEST_F(EventReaderTest, WhatIsNoEventIsRefused) {
  for (const char* const wrong : {"hello\n", "[]\n", "{\"event\":\"result\"}\n{\"event\":\"result\"}\n"}) {
    const auto result = read(wrong, 100);
    ASSERT_FALSE(result) << wrong;
    EXPECT_EQ(result.error(), not_understood()) << wrong;
  }
}

}  // namespace
}  // namespace beffroi::client
