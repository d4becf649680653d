#include "daemon/api/http_parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace beffroi::daemon {

namespace http = boost::beast::http;

namespace {

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

std::unexpected<Error> not_http() {
  return fail(ErrorCode::usage, N_("This is not a request that the daemon understands."));
}

Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    const auto name = percent_decoded(pair.substr(0, equals));
    const auto value = percent_decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value || !out.emplace(*name, *value).second) return not_http();
  }
  return out;
}

}  // namespace

struct HttpParser::State {
  http::request_parser<http::string_body> parser;
};

HttpParser::HttpParser() : state_(std::make_unique<State>()) {
  state_->parser.header_limit(kMaxHttpHeaderBytes);
  state_->parser.body_limit(kMaxHttpBodyBytes);
  state_->parser.eager(true);
}
HttpParser::~HttpParser() = default;

Result<std::size_t> HttpParser::feed(ByteView data) {
  boost::system::error_code error;
  const std::size_t used = state_->parser.put(boost::asio::buffer(data.data(), data.size()), error);
  if (error == http::error::need_more) return used;
  if (error == http::error::header_limit || error == http::error::body_limit) {
    return fail(ErrorCode::limit_exceeded, N_("The request is too long."));
  }
  if (error) return not_http();
  return used;
}

bool HttpParser::done() const { return state_->parser.is_done(); }
bool HttpParser::keep_alive() const { return state_->parser.keep_alive(); }

Result<HttpRequest> HttpParser::take() {
  auto message = state_->parser.release();
  HttpRequest out;
  out.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const auto question = target.find('?');
  const auto path = percent_decoded(target.substr(0, question));
  if (!path || path->empty() || path->front() != '/') return not_http();
  out.path = *path;
  if (question != std::string_view::npos) {
    BEFFROI_TRY(out.query, parse_query(target.substr(question + 1)));
  }
  out.body = std::move(message.body());
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace beffroi::daemon
