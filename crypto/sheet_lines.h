// The lines of the texts that people copy by hand: kit and peer details. Internal to crypto/.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.h"
#include "crypto/result.h"

namespace beffroi::crypto {

/// A kit or a peer file is never longer.
inline constexpr std::size_t kMaxSheetBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxSheetNameBytes = 200;

enum class SheetLabel { name, date, space, peer, address, key };

/// "Label : value" with a label that is known, in French or English, accents and case ignored.
struct LabelledLine {
  SheetLabel label;
  std::string_view name;   ///< the label as it was written
  std::string_view value;  ///< without outer blanks; empty when the blank on the sheet was left unfilled
};

/// A copy of `text` in which every kind of blank is a space and every kind of line end a newline. The caller wipes it.
std::string plain_blanks(std::string_view text);
/// Lines without outer blanks; views into `text`. Empty lines and those that start with # are left out.
std::vector<std::string_view> sheet_lines(std::string_view text);
std::optional<LabelledLine> labelled_line(std::string_view line);

/// 32 bytes from base32 text as it is printed, in groups parted by blanks or hyphens. `what` names it in the error
/// (ErrorCode::usage).
Result<Hash256> parse_grouped_base32(std::string_view text, std::string_view what);
/// Base32 in groups of four, to be copied by hand.
std::string grouped_base32(ByteView bytes);

/// ErrorCode::usage unless HOST:PORT (or [IPV6]:PORT), at most 300 bytes.
Result<std::string> parse_host_port(std::string_view text);

/// A name on one line, without control characters, cut to kMaxSheetNameBytes at a character's boundary.
std::string one_line(std::string_view name);

}  // namespace beffroi::crypto
