// Settings of a daemon: defaults, then a TOML file, then the command line. Every option of the command line has a key.
// Strict: an unknown key or a bad value is refused with the file, the line and the key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "crypto/result.h"
#include "daemon/service/upload_limit.h"
#include "storage/store/limits.h"

namespace beffroi::daemon {

struct ScheduleSettings {
  bool enabled = true;
  std::uint32_t at_minute = 22 * 60 + 30;  ///< of the day, local time
  std::uint32_t random_delay_min = 30;
};

struct StationSettings {
  std::string data;
  std::string socket;
  std::string admin_group = "beffroi-admin";
  std::string log_level = "info";
  ScheduleSettings schedule;
  storage::StoreLimits limits;
  std::string alarm_command;
  std::uint32_t threads = 0;  ///< 0: one per core
  std::uint64_t partial_step_bytes = 64ULL * 1024 * 1024;
  std::optional<Hours> yield_hours;  ///< when its reading and compressing take only what nobody wants
  UploadLimit upload_limit;
};

struct PeerSettings {
  std::string data;
  std::string socket;
  std::string listen = "[::]:8440";
  std::string address;  ///< HOST:PORT that stations dial, put into invitations; empty: must be given with each
  std::string contact;  ///< whom stations are told to call when their organisation is suspended
  std::string admin_group = "beffroi-admin";
  std::string log_level = "info";
  storage::StoreLimits limits;
  std::string alarm_command;
  std::uint32_t silent_days = 3;        ///< working days without contact before the alarm
  std::uint32_t gc_every_hours = 24;    ///< 0: by hand only
  std::uint32_t scrub_every_days = 30;  ///< for a pass over everything; 0: by hand only
};

/// What the command line said; absent: not said.
struct CommandLine {
  std::optional<std::string> config{}, data{}, socket{}, listen{}, log_level{};
};

/// Facts about the account that choose between the system's and the user's default paths.
struct Account {
  bool is_root = false;
  bool is_service = false;  ///< started by systemd's system manager, or a system account
  std::string home;
  std::string runtime_folder;  ///< $XDG_RUNTIME_DIR, may be empty
  static Account current();
};

/// ErrorCode::usage for everything that is wrong with the settings. A named file that is missing is wrong; a default
/// one may be missing.
Result<StationSettings> load_station_settings(const CommandLine& words, const Account& account);
Result<PeerSettings> load_peer_settings(const CommandLine& words, const Account& account);

/// The effective settings as TOML, for --check-config.
std::string to_toml(const StationSettings& settings);
std::string to_toml(const PeerSettings& settings);

/// "500 MB", "10GiB", "1048576": decimal or binary units, blanks forgiven. nullopt when it is no size.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace beffroi::daemon
