#include "storage/format/utf8.h"

namespace beffroi::storage {
namespace {

// RFC 3629, section 4: for a lead byte, how many continuation bytes follow and the range of the first of them, which is
// what rules out long forms (E0, F0), surrogates (ED) and values above U+10FFFF (F4).
struct Sequence {
  std::size_t continuation = 0;
  std::uint8_t first_low = 0x80;
  std::uint8_t first_high = 0xBF;
};

std::optional<Sequence> sequence_of(std::uint8_t lead) {
  if (lead < 0x80) return Sequence{};
  if (lead < 0xC2) return std::nullopt;
  if (lead < 0xE0) return Sequence{.continuation = 1};
  if (lead == 0xE0) return Sequence{.continuation = 2, .first_low = 0xA0};
  if (lead == 0xED) return Sequence{.continuation = 2, .first_high = 0x9F};
  if (lead < 0xF0) return Sequence{.continuation = 2};
  if (lead == 0xF0) return Sequence{.continuation = 3, .first_low = 0x90};
  if (lead < 0xF4) return Sequence{.continuation = 3};
  if (lead == 0xF4) return Sequence{.continuation = 3, .first_high = 0x8F};
  return std::nullopt;
}

}  // namespace

bool is_utf8(ByteView text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto sequence = sequence_of(text[at]);
    if (!sequence || text.size() - at - 1 < sequence->continuation) return false;
    for (std::size_t i = 1; i <= sequence->continuation; ++i) {
      const std::uint8_t low = i == 1 ? sequence->first_low : std::uint8_t{0x80};
      const std::uint8_t high = i == 1 ? sequence->first_high : std::uint8_t{0xBF};
      if (text[at + i] < low || text[at + i] > high) return false;
    }
    at += 1 + sequence->continuation;
  }
  return true;
}

}  // namespace beffroi::storage
