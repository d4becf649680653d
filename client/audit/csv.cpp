#include "client/audit/csv.h"

#include <array>
#include <istream>
#include <optional>

namespace beffroi::client {
namespace {

constexpr char kGuard = '\'';

bool needs_guard(std::string_view rest) {
  // The wide forms count as well where East Asian text is typed.
  static constexpr std::array<std::string_view, 11> kBeginnings = {"=", "+",  "-",  "@",  "\t", "\r",
                                                                   "'", "＝", "＋", "－", "＠"};
  for (const std::string_view beginning : kBeginnings)
    if (rest.starts_with(beginning)) return true;
  return false;
}

std::string guarded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool cell_begins = i == 0 || text[i - 1] == ';';
    if (cell_begins && needs_guard(text.substr(i))) out += kGuard;
    out += text[i];
  }
  return out;
}

std::string without_guards(std::string_view text) {
  std::string out;
  bool cell_begins = true;
  for (const char c : text) {
    const bool is_guard = cell_begins && c == kGuard;
    if (!is_guard) out += c;
    cell_begins = !is_guard && c == ';';
  }
  return out;
}

std::unexpected<Error> no_csv() {
  return fail(ErrorCode::corrupt, N_("This file is not as 'beffroi peer audit --csv' writes it. Export it again."));
}

}  // namespace

std::string csv_cell(std::string_view text) {
  std::string out = "\"";
  for (const char c : guarded(text)) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

// From behind the first quote up to behind the last one.
Result<std::string> CsvReader::cell() {
  std::string out;
  for (;;) {
    const int c = in_.get();
    if (c == std::istream::traits_type::eof() || out.size() > kMaxCsvCellBytes) return no_csv();
    if (c != '"') {
      out += static_cast<char>(c);
      continue;
    }
    if (in_.peek() != '"') return without_guards(out);
    out += static_cast<char>(in_.get());
  }
}

Result<std::optional<std::vector<std::string>>> CsvReader::next() {
  std::vector<std::string> out;
  if (in_.peek() == std::istream::traits_type::eof()) return std::nullopt;
  while (out.size() < kMaxCsvCells) {
    if (in_.get() != '"') return no_csv();
    BEFFROI_TRY(std::string text, cell());
    out.push_back(std::move(text));
    int c = in_.get();
    if (c == ',') continue;
    if (c == '\r') c = in_.get();
    if (c == '\n' || c == std::istream::traits_type::eof()) return out;
    return no_csv();
  }
  return no_csv();
}

}  // namespace beffroi::client
