#include "crypto/sheet_lines.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "crypto/fold_french.h"

namespace beffroi::crypto {
namespace {

struct LabelName {
  std::string_view folded;
  SheetLabel label;
};

constexpr std::array kLabelNames = {
    LabelName{"nom", SheetLabel::name},        LabelName{"name", SheetLabel::name},
    LabelName{"date", SheetLabel::date},       LabelName{"espace", SheetLabel::space},
    LabelName{"space", SheetLabel::space},     LabelName{"pair", SheetLabel::peer},
    LabelName{"peer", SheetLabel::peer},       LabelName{"adresse", SheetLabel::address},
    LabelName{"address", SheetLabel::address}, LabelName{"cle", SheetLabel::key},
    LabelName{"clef", SheetLabel::key},        LabelName{"key", SheetLabel::key},
};

struct Replacement {
  std::string_view from;
  std::string_view to;
};

// Tab, no-break spaces (French typography puts them before a colon), byte order mark, other line ends.
constexpr std::array kReplacements = {
    Replacement{"\t", " "},          Replacement{"\xc2\xa0", " "}, Replacement{"\xe2\x80\xaf", " "},
    Replacement{"\xef\xbb\xbf", ""}, Replacement{"\r", "\n"},      Replacement{"\f", "\n"},
};

std::string_view without_spaces_around(std::string_view text) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(' ') - from + 1);
}

// "____" and "....": the line to write on.
bool is_unfilled(std::string_view value) { return value.find_first_not_of("_.- ") == std::string_view::npos; }

}  // namespace

std::string plain_blanks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto* const found =
        std::ranges::find_if(kReplacements, [&](const Replacement& r) { return text.starts_with(r.from); });
    if (found == kReplacements.end()) {
      out.push_back(text.front());
      text.remove_prefix(1);
    } else {
      out += found->to;
      text.remove_prefix(found->from.size());
    }
  }
  return out;
}

std::vector<std::string_view> sheet_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_spaces_around(text.substr(0, end));
    if (!line.empty() && !line.starts_with('#')) out.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<LabelledLine> labelled_line(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(0, colon);
  name = without_spaces_around(name.substr(0, name.find('/')));  // "Espace / Space"
  std::string folded;
  if (name.size() > 16 || !fold_french(name, folded)) return std::nullopt;
  const auto* const found = std::ranges::find(kLabelNames, folded, &LabelName::folded);
  if (found == kLabelNames.end()) return std::nullopt;
  const std::string_view value = without_spaces_around(line.substr(colon + 1));
  return LabelledLine{found->label, name, is_unfilled(value) ? std::string_view{} : value};
}

Result<Hash256> parse_grouped_base32(std::string_view text, std::string_view what) {
  constexpr std::size_t kMaxGroupedBytes = 200;  // 52 digits and any reasonable number of blanks
  std::string digits;
  if (text.size() <= kMaxGroupedBytes)
    std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != ' ' && c != '-'; });
  const auto bytes = from_base32(digits);
  Hash256 out{};
  if (!bytes || bytes->size() != out.size())
    return fail(ErrorCode::usage, N_("What follows \"{}\" is not the 52 letters and digits (a-z, 2-7) of the sheet."),
                what);
  std::ranges::copy(*bytes, out.begin());
  return out;
}

std::string grouped_base32(ByteView bytes) {
  const std::string digits = to_base32(bytes);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i % 4 == 0) out.push_back(' ');
    out.push_back(digits[i]);
  }
  return out;
}

Result<std::string> parse_host_port(std::string_view text) {
  constexpr std::size_t kMaxAddressBytes = 300;
  const auto bad = [&] {
    return fail(ErrorCode::usage, N_("The address \"{}\" is not of the form HOST:PORT."), one_line(text));
  };
  const auto colon = text.rfind(':');
  if (text.size() > kMaxAddressBytes || colon == std::string_view::npos || colon == 0) return bad();
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c == '\x7f'; })) return bad();
  if (host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))) return bad();
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) return bad();
  return std::string(text);
}

std::string one_line(std::string_view name) {
  std::size_t length = std::min(name.size(), kMaxSheetNameBytes);
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80; };
  while (length > 0 && length < name.size() && continues(length)) --length;
  std::string out(name.substr(0, length));
  std::ranges::replace_if(out, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, ' ');
  return out;
}

}  // namespace beffroi::crypto
