// Where a command reads and speaks: standard streams in the program, strings in tests.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace beffroi::client {

/// Not thread-safe. Results go to `out`, everything said beside them to `err`.
struct Console {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;

  /// The process' own.
  static Console standard();

  /// One line each.
  void print(std::string_view line) const;
  void note(std::string_view line) const;
  /// A name as it may be shown: escaped on a terminal, as it is in a pipe.
  std::string name(std::string_view bytes) const;
  /// Asks on `err`, reads a line from `in` (without echo when that is a terminal and `secret`). ErrorCode::cancelled at
  /// end of input or Ctrl-C. The caller wipes a secret.
  Result<std::string> ask(std::string_view question, bool secret) const;
};

/// Rows in columns: all but the last cell padded to the widest of their column; numbers may be right-aligned by a
/// leading tab in the cell.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace beffroi::client
