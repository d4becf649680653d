#include "daemon/api/http_parser.h"

#include <gtest/gtest.h>

namespace beffroi::daemon {
namespace {

Result<HttpRequest> parse(const std::string& text) {
  HttpParser parser;
  const auto used = parser.feed(as_bytes(text));
  if (!used) return forward_error(used);
  EXPECT_TRUE(parser.done());
  return parser.take();
}

// Goal: method, path, query and body arrive decoded.
TEST(HttpParserTest, TakesARequestApart) {
  const auto request =
      parse("POST /v1/l%C3%A0?path=/a%20b+c&flag=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/v1/là");
  EXPECT_EQ(request->query.at("path"), "/a b c");
  EXPECT_EQ(request->query.at("flag"), "1");
  EXPECT_EQ(request->body, "body");
}

// Goal: what is not HTTP, or names the same thing twice, is refused with one code.
TEST(HttpParserTest, RefusesWhatIsNoRequest) {
  for (const char* text :
       {"\r\n\r\n", "bonjour\r\n\r\n", "GET /a HTTP/9.9\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n",
        "GET /a%2 HTTP/1.1\r\n\r\n", "GET relative HTTP/1.1\r\n\r\n", "GET /a?x=1&x=2 HTTP/1.1\r\n\r\n",
        "GET /a?x=%g0 HTTP/1.1\r\n\r\n", "POST /a HTTP/1.1\r\nContent-Length: many\r\n\r\n"}) {
    HttpParser parser;
    const auto used = parser.feed(as_bytes(std::string_view(text)));
    const bool refused = !used || (parser.done() && !parser.take());
    EXPECT_TRUE(refused) << text;
  }
}

// Goal: header and body are bounded, whatever they announce.
TEST(HttpParserTest, BoundsHeaderAndBody) {
  HttpParser header;
  const std::string long_header = "GET / HTTP/1.1\r\nX: " + std::string(kMaxHttpHeaderBytes, 'x') + "\r\n\r\n";
  const auto used = header.feed(as_bytes(long_header));
  ASSERT_FALSE(used.has_value());
  EXPECT_EQ(used.error().code, ErrorCode::limit_exceeded);

  HttpParser body;
  const std::string announced =
      "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(kMaxHttpBodyBytes + 1) + "\r\n\r\n";
  const auto refused = body.feed(as_bytes(announced));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
}

// Goal: bytes may come one by one, and what follows the request is left alone.
TEST(HttpParserTest, TakesBytesOneByOneAndNoMoreThanItsOwn) {
  const std::string text = "POST /v1/x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /next";
  HttpParser parser;
  Bytes pending;
  std::size_t at = 0;
  while (!parser.done()) {
    ASSERT_LT(at, text.size());
    pending.push_back(static_cast<std::uint8_t>(text[at++]));
    const auto used = parser.feed(pending);
    ASSERT_TRUE(used.has_value());
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(*used));
  }
  EXPECT_EQ(text.substr(at), "GET /next");
  EXPECT_EQ(parser.take()->body, "abc");
}

TEST(HttpParserTest, PercentDecoding) {
  EXPECT_EQ(percent_decoded("a%2Fb%2f+c"), "a/b/ c");
  EXPECT_EQ(percent_decoded("%00"), std::string(1, '\0'));
  EXPECT_FALSE(percent_decoded("%").has_value());
  EXPECT_FALSE(percent_decoded("%a").has_value());
  EXPECT_FALSE(percent_decoded("%-1").has_value());
}

}  // namespace
}  // namespace beffroi::daemon
