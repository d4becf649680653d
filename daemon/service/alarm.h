// Alarms: what somebody must hear of. Each has a name; while it lasts it stands in the status, and when it begins the
// alarm command is run once with one sentence. Durable: a restart does not repeat it.
#pragma once

#include <map>
#include <mutex>

#include "daemon/service/clock.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

struct Alarm {
  std::string name;  ///< kind, and subject where there are several ("silent:<space>")
  std::string text;  ///< msgid
  std::vector<std::string> args;
  storage::UnixTime since;
};

/// Thread-safe.
class AlarmBoard {
 public:
  /// `command` is run by /bin/sh with the sentence as $1, in $BEFFROI_ALARM and on standard input; empty: none. Alarms
  /// that lasted when the daemon stopped are loaded.
  AlarmBoard(storage::Database& database, Clock& clock, std::string command);
  /// Begins the alarm, or replaces its sentence when it lasts already (the command is run only at the beginning).
  void raise(const std::string& name, const Error& what);
  void clear(const std::string& name);
  /// Raises or clears.
  void set(const std::string& name, bool lasts, const Error& what);
  std::vector<Alarm> current() const;

 private:
  std::optional<Alarm> find(const std::string& name) const;
  void save(const Alarm& alarm);
  void call(const std::string& sentence) const;
  storage::Database& database_;
  Clock& clock_;
  std::string command_;
  std::mutex writing_;        ///< one change at a time, disk included
  mutable std::mutex mutex_;  ///< guards the map for a moment: the status never waits for a disk
  std::map<std::string, Alarm> alarms_;
};

}  // namespace beffroi::daemon
