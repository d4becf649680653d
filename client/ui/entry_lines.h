// Entries of a snapshot as they come from the daemon: lines like those of `ls -l`, or one JSON object.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "client/session.h"
#include "storage/tree/entry.h"

namespace beffroi::client {

/// "drwxr-xr-x  anne mairie   1.5 MiB  2026-11-23 22:30  /srv/documents"
std::string entry_line(const nlohmann::json& entry, const Console& console);
std::string entry_line(const storage::Entry& entry, const Console& console);

/// Streams {"entries": […]} without keeping it in memory, or a line each for people. `line` makes the line.
class EntryPrinter {
 public:
  using Line = std::function<std::string(const nlohmann::json&)>;
  EntryPrinter(const Session& session, Line line) : session_(session), line_(std::move(line)) {}
  void print(const nlohmann::json& entry);
  /// Closes the object and gives the exit code. An error after the first entry of a JSON answer goes into the same
  /// object; any other comes back, for the caller to say.
  Result<int> finish(const Result<nlohmann::json>& last_word);

 private:
  const Session& session_;
  Line line_;
  std::uint64_t printed_ = 0;
};

}  // namespace beffroi::client
