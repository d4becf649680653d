#include "client/ui/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "client/clock.h"
#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/printable.h"

namespace beffroi::client {
namespace {

constexpr std::int64_t kTerminalPauseMs = 100;
constexpr std::int64_t kPlainPauseMs = 10'000;
constexpr std::int64_t kRateAfterMs = 3'000;
constexpr std::size_t kDefaultColumns = 80;

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return kDefaultColumns;
  return size.ws_col;
}

std::string cut_to(const std::string& text, std::size_t columns) {
  std::size_t end = 0;
  std::size_t width = 0;
  while (end < text.size()) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80;
    if (begins && ++width > columns) break;
    ++end;
  }
  return text.substr(0, end);
}

const char* phase_name(const std::string& phase) {
  constexpr std::array kPhases = {
      std::pair{"scanning", N_("looking around")}, std::pair{"reading", N_("reading")},
      std::pair{"committing", N_("finishing")},    std::pair{"pushing", N_("sending")},
      std::pair{"fetching", N_("fetching")},       std::pair{"checking", N_("checking")},
  };
  for (const auto& [name, text] : kPhases)
    if (phase == name) return _(text);
  return "";
}

}  // namespace

std::string progress_text(const nlohmann::json& event) {
  std::vector<std::string> parts;
  const auto number = [&](const char* name) { return number_field(event, name); };
  if (const char* const phase = phase_name(text_field(event, "phase")); *phase != '\0') parts.emplace_back(phase);
  const std::uint64_t files = number("files_scanned");
  const std::uint64_t estimate = number("files_total_estimate");
  if (estimate > files)
    parts.push_back(fill(_("{} of about {} files"), count_text(files), count_text(estimate)));
  else if (files > 0)
    parts.push_back(fill(ngettext("{} file", "{} files", files), count_text(files)));
  if (number("bytes_read") > 0) parts.push_back(fill(_("{} read"), size_text(number("bytes_read"))));
  if (number("bytes_added") > 0) parts.push_back(fill(_("{} new"), size_text(number("bytes_added"))));
  const std::uint64_t to_send = number("bytes_to_send");
  if (to_send > 0)
    parts.push_back(fill(_("{} of {} sent"), size_text(number("bytes_sent")), size_text(to_send)));
  else if (number("bytes_sent") > 0)
    parts.push_back(fill(_("{} sent"), size_text(number("bytes_sent"))));
  if (const auto errors = number("errors"); errors > 0)
    parts.push_back(fill(ngettext("{} problem", "{} problems", errors), count_text(errors)));
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " · ") + part;
  return out;
}

ProgressLine::ProgressLine(const Session& session) : session_(session), last_shown_ms_(monotonic_ms()) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const nlohmann::json& event) {
  std::string text = progress_text(event);
  const std::string left = time_left(number_field(event, "bytes_to_send"), number_field(event, "bytes_sent"));
  if (!left.empty()) text += " · " + left;
  show(text);
}

// The rate since sending began: steadier on a slow line than that of the last second.
std::string ProgressLine::time_left(std::uint64_t to_send, std::uint64_t sent) {
  if (to_send == 0 || sent >= to_send) return {};
  const std::int64_t now = monotonic_ms();
  if (sending_since_ms_ < 0 || sent < sent_before_) {
    sending_since_ms_ = now;
    sent_before_ = sent;
  }
  const std::int64_t elapsed = now - sending_since_ms_;
  const std::uint64_t done = sent - sent_before_;
  if (elapsed < kRateAfterMs || done == 0) return {};
  const double seconds =
      static_cast<double>(to_send - sent) * static_cast<double>(elapsed) / 1000 / static_cast<double>(done);
  return fill(_("about {} left"), duration_text(static_cast<std::uint64_t>(seconds)));
}

void ProgressLine::show(const std::string& text) {
  if (session_.json) return;
  const bool terminal = session_.console().err_is_terminal;
  const std::int64_t now = monotonic_ms();
  if (now - last_shown_ms_ < (terminal ? kTerminalPauseMs : kPlainPauseMs)) return;
  last_shown_ms_ = now;
  if (!terminal) {
    session_.console().note(text);
    return;
  }
  session_.console().err << '\r' << cut_to(printable(text), terminal_columns() - 1) << "\x1b[K" << std::flush;
  drawn_ = true;
}

void ProgressLine::remark(std::string_view line) {
  clear();
  session_.remark(session_.console().name(line));
}

void ProgressLine::clear() {
  if (drawn_) session_.console().err << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

EventSink ProgressLine::sink() {
  return [this](const nlohmann::json& event) -> Result<void> {
    const std::string kind = text_field(event, "event");
    if (kind == "progress") show(event);
    if (kind == "notice") remark(translated(said_in(event)));
    return {};
  };
}

}  // namespace beffroi::client
