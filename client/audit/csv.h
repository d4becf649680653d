// Comma-separated values (RFC 4180), written so that a spreadsheet computes nothing of them, and read back exactly.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace beffroi::client {

/// One cell, always quoted. What a spreadsheet would take for a formula gets an apostrophe in front: at the beginning
/// and, for programs that cut cells at semicolons (French ones do), after each of those. So does an apostrophe there,
/// which makes it reversible.
std::string csv_cell(std::string_view text);

inline constexpr std::size_t kMaxCsvCellBytes = 4096;
inline constexpr std::size_t kMaxCsvCells = 32;

/// Reads lines that csv_cell wrote. Not thread-safe; the stream outlives it.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in) : in_(in) {}
  /// The next line's cells without their apostrophes; nullopt at the end. ErrorCode::corrupt when it is no such line.
  Result<std::optional<std::vector<std::string>>> next();

 private:
  Result<std::string> cell();

  std::istream& in_;
};

}  // namespace beffroi::client
