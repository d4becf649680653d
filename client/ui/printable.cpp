#include "client/ui/printable.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "storage/format/utf8.h"

namespace beffroi::client {
namespace {

std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xF0) return 4;
  if (lead >= 0xE0) return 3;
  return 2;
}

std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t out = byte(0) & (0x7FU >> sequence.size());
  for (std::size_t i = 1; i < sequence.size(); ++i) out = out << 6 | (byte(i) & 0x3FU);
  return out;
}

bool misleads(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

void append_escape(std::string& out, const char* format, unsigned value) {
  std::array<char, 16> text{};
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
  const int length = std::snprintf(text.data(), text.size(), format, value);
#pragma clang diagnostic pop
  out.append(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::string printable(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const std::string_view sequence = name.substr(0, sequence_length(static_cast<unsigned char>(name[0])));
    if (!storage::is_utf8(as_bytes(sequence))) {
      append_escape(out, "\\x%02x", static_cast<unsigned char>(name[0]));
      name.remove_prefix(1);
      continue;
    }
    const std::uint32_t point = code_point(sequence);
    if (!misleads(point))
      out += sequence;
    else if (point < 0x80)
      append_escape(out, "\\x%02x", point);
    else
      append_escape(out, "\\u%04x", point);
    name.remove_prefix(sequence.size());
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return width;
}

std::string padded(const std::string& text, std::size_t columns, bool right) {
  const std::size_t width = display_width(text);
  const std::string padding(width < columns ? columns - width : 0, ' ');
  return right ? padding + text : text + padding;
}

}  // namespace beffroi::client
