#include <charconv>

#include "daemon/net/tls.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kMaxHostBytes = 255;

std::unexpected<Error> bad_address(std::string_view text) {
  return fail(ErrorCode::usage, N_("\"{}\" is not an address. Write HOST:PORT, for example peer.example.fr:8440."),
              std::string(text.substr(0, kMaxHostBytes)));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= kMaxHostBytes &&
         std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '[' && c != ']'; });
}

}  // namespace

Result<Address> Address::parse(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return bad_address(text);
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return bad_address(text);
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  // More than one colon without brackets: an IPv6 address alone.
  const auto number = has_port ? parse_port(port) : std::optional(default_port);
  if (!number || !is_host(host)) return bad_address(text);
  return Address{std::string(host), *number};
}

std::string Address::text() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace beffroi::daemon
