// What long work shows while it goes on: a bar and one line that is rewritten on a terminal, a plain line every ten
// seconds elsewhere, nothing with --json.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "client/session.h"

namespace beffroi::client {

/// Tells from what was sent how long the rest will take: by the rate since sending began, which is steadier on a slow
/// line than that of the last second.
class SendRate {
 public:
  /// "about 12 min left"; empty while that can't be said yet, and when all is sent.
  std::string time_left(std::uint64_t to_send, std::uint64_t sent, std::int64_t now_ms);

 private:
  std::int64_t since_ms_ = -1;
  std::uint64_t sent_before_ = 0;
};

/// Not thread-safe. Takes its line away when it goes.
class ProgressLine {
 public:
  explicit ProgressLine(const Session& session);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// A "progress" event of the API.
  void show(const nlohmann::json& event);
  /// Any other text; at most about ten times a second reaches the terminal.
  void show(const std::string& text);
  /// A remark above the line.
  void remark(std::string_view line);
  void clear();

  /// A sink for http streams: shows progress, says notices, ignores the rest.
  EventSink sink();

 private:
  const Session& session_;
  bool drawn_ = false;
  std::int64_t last_shown_ms_ = 0;
  SendRate rate_;
};

/// "[#####---------------] 28 % · reading · 1,204 of about 4,300 files · 3.1 GiB read · 120 MiB new", or while sending
/// "[#####---------------] 28 % · about 12 min left · sending · 84.0 MiB of 300 MiB sent". `left`: as SendRate says.
std::string progress_text(const nlohmann::json& event, const std::string& left = {});

/// What a restore has written so far; bytes_total 0: not known.
struct RestoreProgress {
  std::uint64_t files = 0, bytes = 0, bytes_total = 0;
};
/// "[#####---------------] 28 % · 1,204 files restored · 1.2 GiB".
std::string restore_text(const RestoreProgress& done);

}  // namespace beffroi::client
