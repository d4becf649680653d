#include "client/ui/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <ostream>

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
constexpr std::size_t kBarCells = 20;

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
      std::pair{"collecting", N_("making room")},
  };
  for (const auto& [name, text] : kPhases)
    if (phase == name) return _(text);
  return "";
}

// "[#######-------------]  36 %". No bar before the whole is known.
std::string bar_text(std::uint64_t done, std::uint64_t whole) {
  if (whole == 0) return {};
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(whole));
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kBarCells));
  std::string out = "[" + std::string(filled, '#') + std::string(kBarCells - filled, '-') + "] ";
  return out + fill(_("{} %"), std::to_string(static_cast<unsigned>(share * 100)));
}

class Parts {
 public:
  void add(const std::string& part) {
    if (!part.empty()) text_ += (text_.empty() ? "" : " · ") + part;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string progress_text(const nlohmann::json& event, const std::string& left) {
  Parts parts;
  const auto number = [&](const char* name) { return number_field(event, name); };
  const std::uint64_t files = number("files_scanned");
  const std::uint64_t estimate = number("files_total_estimate");
  const std::uint64_t sent = number("bytes_sent");
  const std::uint64_t to_send = number("bytes_to_send");
  // What matters most stands first: a narrow terminal cuts the end off.
  parts.add(to_send > 0 ? bar_text(sent, to_send) : bar_text(files, estimate));
  parts.add(left);
  parts.add(phase_name(text_field(event, "phase")));
  if (const auto errors = number("errors"); errors > 0)
    parts.add(fill(ngettext("{} problem", "{} problems", errors), count_text(errors)));
  if (to_send > 0) {
    parts.add(fill(_("{} of {} sent"), size_text(sent), size_text(to_send)));
    return parts.take();
  }
  if (estimate > files)
    parts.add(fill(_("{} of about {} files"), count_text(files), count_text(estimate)));
  else if (files > 0)
    parts.add(fill(ngettext("{} file", "{} files", files), count_text(files)));
  if (number("bytes_read") > 0) parts.add(fill(_("{} read"), size_text(number("bytes_read"))));
  if (number("bytes_added") > 0) parts.add(fill(_("{} new"), size_text(number("bytes_added"))));
  return parts.take();
}

std::string restore_text(const RestoreProgress& done) {
  Parts parts;
  parts.add(bar_text(done.bytes, done.bytes_total));
  parts.add(fill(ngettext("{} file restored · {}", "{} files restored · {}", done.files), count_text(done.files),
                 size_text(done.bytes)));
  return parts.take();
}

ProgressLine::ProgressLine(const Session& session) : session_(session), last_shown_ms_(monotonic_ms()) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const nlohmann::json& event) {
  show(progress_text(
      event, rate_.time_left(number_field(event, "bytes_to_send"), number_field(event, "bytes_sent"), monotonic_ms())));
}

std::string SendRate::time_left(std::uint64_t to_send, std::uint64_t sent, std::int64_t now_ms) {
  if (to_send == 0 || sent >= to_send) return {};
  if (since_ms_ < 0 || sent < sent_before_) {
    since_ms_ = now_ms;
    sent_before_ = sent;
  }
  const std::int64_t elapsed = now_ms - since_ms_;
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
