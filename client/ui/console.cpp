#include "client/ui/console.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "client/interrupt.h"
#include "client/ui/printable.h"
#include "crypto/secret.h"

namespace beffroi::client {
namespace {

// Turns the terminal's echo off while it lives.
class WithoutEcho {
 public:
  explicit WithoutEcho(bool wanted) : active_(wanted && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!active_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~WithoutEcho() {
    if (active_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;

 private:
  termios before_{};
  bool active_;
};

}  // namespace

Console Console::standard() {
  return {std::cout,
          std::cerr,
          std::cin,
          isatty(STDIN_FILENO) == 1,
          isatty(STDOUT_FILENO) == 1,
          isatty(STDERR_FILENO) == 1};
}

void Console::print(std::string_view line) const { out << line << '\n'; }

void Console::note(std::string_view line) const { err << line << '\n' << std::flush; }

std::string Console::name(std::string_view bytes) const {
  return out_is_terminal || err_is_terminal ? printable(bytes) : std::string(bytes);
}

Result<std::string> Console::ask(std::string_view question, bool secret) const {
  err << question << std::flush;
  const WithoutEcho silence(secret && in_is_terminal);
  std::string line;
  if (!std::getline(in, line) || interrupted()) {
    crypto::wipe(line);
    return std::unexpected(interrupted_error());
  }
  return line;
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  const auto text_of = [](const std::string& cell) {
    return std::string_view(cell).substr(cell.starts_with('\t') ? 1 : 0);
  };
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(text_of(row[i])));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - display_width(text_of(row[i])), ' ');
      const bool last = i + 1 == row.size();
      if (row[i].starts_with('\t')) out += padding;
      out += text_of(row[i]);
      if (!last) out += row[i].starts_with('\t') ? "  " : padding + "  ";
    }
    out += '\n';
  }
  return out;
}

}  // namespace beffroi::client
