// What long work shows while it goes on: one line that is rewritten on a terminal, a plain line every ten seconds
// elsewhere, nothing with --json.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "client/session.h"

namespace beffroi::client {

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
  std::string time_left(std::uint64_t to_send, std::uint64_t sent);

  const Session& session_;
  bool drawn_ = false;
  std::int64_t last_shown_ms_ = 0;
  std::int64_t sending_since_ms_ = -1;
  std::uint64_t sent_before_ = 0;
};

/// "reading · 1,204 files · 3.1 GiB read · 120 MiB new": the part of a progress event that has no clock in it.
std::string progress_text(const nlohmann::json& event);

}  // namespace beffroi::client
