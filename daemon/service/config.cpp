#include "daemon/service/config.h"

#include "daemon/backup/space_guard.h"

#include <pwd.h>
#include <unistd.h>

#include <spdlog/fmt/fmt.h>
#include <toml++/toml.h>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

namespace beffroi::daemon {
namespace {

constexpr std::uint64_t kMaxSizeBytes = 1ULL << 60;
constexpr uid_t kFirstUserUid = 1000;

std::optional<std::uint32_t> parse_percent(std::string_view text) {
  if (text.empty() || text.back() != '%') return std::nullopt;
  std::uint32_t value = 0;
  const auto* end = text.data() + text.size() - 1;
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value > 90) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_time_of_day(std::string_view text) {
  unsigned hour = 0;
  unsigned minute = 0;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), text.data() + colon, hour);
  const auto second = std::from_chars(text.data() + colon + 1, end, minute);
  const bool read =
      first.ec == std::errc{} && first.ptr == text.data() + colon && second.ec == std::errc{} && second.ptr == end;
  if (!read || hour > 23 || minute > 59) return std::nullopt;
  return hour * 60 + minute;
}

bool parse_upload_limit(std::string_view text, UploadLimit& limit) {
  const auto rate = parse_size(text);
  if (text == "half") {
    limit.kind = UploadLimit::Kind::half;
  } else if (text == "none") {
    limit.kind = UploadLimit::Kind::none;
  } else if (rate && *rate >= kSlowestUploadLimit) {
    limit.kind = UploadLimit::Kind::fixed;
    limit.bytes_per_second = *rate;
  } else {
    return false;
  }
  return true;
}

std::string hours_text(const Hours& hours) {
  constexpr unsigned kMinutes = 60;
  return fmt::format("{:02}:{:02}-{:02}:{:02}", hours.from / kMinutes, hours.from % kMinutes, hours.until / kMinutes,
                     hours.until % kMinutes);
}

std::string upload_limit_text(const UploadLimit& limit) {
  if (limit.kind == UploadLimit::Kind::fixed) return std::to_string(limit.bytes_per_second);
  return limit.kind == UploadLimit::Kind::half ? "half" : "none";
}

/// "08:00-18:00"
bool parse_hours(std::string_view text, Hours& hours) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const auto from = parse_time_of_day(text.substr(0, dash));
  const auto until = parse_time_of_day(text.substr(dash + 1));
  if (!from || !until) return false;
  hours = {.from = *from, .until = *until};
  return true;
}

/// One file's keys, each with the function that takes its value; what is left over is unknown.
class Keys {
 public:
  using Take = std::function<bool(const toml::node&)>;

  void text(const std::string& key, std::string& target) {
    keys_[key] = [&target](const toml::node& node) {
      const auto value = node.value_exact<std::string>();
      if (value) target = *value;
      return value.has_value();
    };
  }
  void flag(const std::string& key, bool& target) {
    keys_[key] = [&target](const toml::node& node) {
      const auto value = node.value_exact<bool>();
      if (value) target = *value;
      return value.has_value();
    };
  }
  void number(const std::string& key, std::uint32_t& target, std::int64_t most) {
    keys_[key] = [&target, most](const toml::node& node) {
      const auto value = node.value_exact<std::int64_t>();
      if (!value || *value < 0 || *value > most) return false;
      target = static_cast<std::uint32_t>(*value);
      return true;
    };
  }
  /// A text that `read` understands.
  void parsed(const std::string& key, std::function<bool(std::string_view)> read) {
    keys_[key] = [read = std::move(read)](const toml::node& node) {
      const auto value = node.value_exact<std::string>();
      return value && read(*value);
    };
  }

  Result<void> take_all(const toml::table& file, const std::string& path, const std::string& prefix = "") const {
    for (const auto& [name, node] : file) {
      const std::string key = prefix + std::string(name.str());
      const auto known = keys_.find(key);
      const std::string line = std::to_string(node.source().begin.line);
      if (known == keys_.end() && node.is_table()) {
        if (!is_section(key + ".")) return unknown(path, line, key);
        BEFFROI_CHECK(take_all(*node.as_table(), path, key + "."));
      } else if (known == keys_.end()) {
        return unknown(path, line, key);
      } else if (!known->second(node)) {
        return fail(ErrorCode::usage,
                    N_("{}, line {}: the value of \"{}\" can't be used. docs/cli.md lists what is possible."), path,
                    line, key);
      }
    }
    return {};
  }

 private:
  bool is_section(const std::string& prefix) const {
    const auto at = keys_.lower_bound(prefix);
    return at != keys_.end() && at->first.starts_with(prefix);
  }
  static std::unexpected<Error> unknown(const std::string& path, const std::string& line, const std::string& key) {
    return fail(ErrorCode::usage, N_("{}, line {}: there is no setting \"{}\". docs/cli.md lists the settings."), path,
                line, key);
  }
  std::map<std::string, Take> keys_;
};

bool is_log_level(std::string_view text) {
  return text == "trace" || text == "debug" || text == "info" || text == "warning" || text == "error";
}

void limit_keys(Keys& keys, const std::string& section, storage::StoreLimits& limits) {
  keys.parsed(section + "min_free", [&limits](std::string_view text) {
    if (const auto percent = parse_percent(text)) {
      limits.min_free_percent = *percent;
      limits.min_free_bytes.reset();
      return true;
    }
    limits.min_free_bytes = parse_size(text);
    return limits.min_free_bytes.has_value();
  });
}

Result<void> read_file(const std::optional<std::string>& named, const std::string& fallback, const Keys& keys) {
  const std::string path = named.value_or(fallback);
  std::error_code ignored;
  if (!named && !std::filesystem::exists(path, ignored)) return {};
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return fail(ErrorCode::usage, N_("The configuration file {} does not exist or can't be read."), path);
  }
  const auto file = [&]() -> Result<toml::table> {
    try {
      return toml::parse_file(path);
    } catch (const toml::parse_error& error) {
      return fail(ErrorCode::usage, N_("{}, line {}: {}."), path, std::to_string(error.source().begin.line),
                  std::string(error.description()));
    }
  }();
  if (!file) return forward_error(file);
  return keys.take_all(*file, path);
}

template <class Settings>
Result<void> take_words(const CommandLine& words, Settings& settings) {
  if (words.data) settings.data = *words.data;
  if (words.socket) settings.socket = *words.socket;
  if (words.log_level) settings.log_level = *words.log_level;
  if (!is_log_level(settings.log_level)) {
    return fail(ErrorCode::usage,
                N_("The log level \"{}\" does not exist: choose trace, debug, info, warning or error."),
                settings.log_level);
  }
  if (settings.data.empty() || settings.socket.empty()) {
    return fail(ErrorCode::usage,
                N_("Say where data and socket are: --data and --socket, or in the configuration file."));
  }
  return {};
}

/// As a TOML basic string.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    const bool control = static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F;
    out += control ? fmt::format("\\u{:04X}", static_cast<unsigned>(letter)) : std::string(1, letter);
  }
  return out + "\"";
}

std::string limits_text(const storage::StoreLimits& limits) {
  return limits.min_free_bytes ? fmt::format("min_free = \"{}\"\n", *limits.min_free_bytes)
                               : fmt::format("min_free = \"{}%\"\n", limits.min_free_percent);
}

}  // namespace

Account Account::current() {
  Account out;
  const uid_t uid = geteuid();
  out.is_root = uid == 0;
  out.is_service = uid < kFirstUserUid;
  const char* home = std::getenv("HOME");
  if (home == nullptr) {
    const passwd* entry = getpwuid(uid);
    home = entry != nullptr ? entry->pw_dir : "/";
  }
  out.home = home;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  out.runtime_folder = runtime != nullptr ? runtime : "";
  return out;
}

Result<StationSettings> load_station_settings(const CommandLine& words, const Account& account) {
  StationSettings settings;
  const bool for_user = !account.is_root && !account.is_service;
  const std::string runtime = account.runtime_folder.empty() ? account.home + "/.local/state" : account.runtime_folder;
  settings.data = for_user ? account.home + "/.local/share/beffroi" : "/var/lib/beffroi-station";
  settings.socket = for_user ? runtime + "/beffroi/station.sock" : "/run/beffroi-station/station.sock";
  const std::string file = for_user ? account.home + "/.config/beffroi/station.toml" : "/etc/beffroi/station.toml";

  Keys keys;
  keys.text("station.data", settings.data);
  keys.text("station.socket", settings.socket);
  keys.text("station.admin_group", settings.admin_group);
  keys.text("station.log_level", settings.log_level);
  keys.flag("schedule.enabled", settings.schedule.enabled);
  keys.parsed("schedule.at", [&](std::string_view text) {
    const auto minute = parse_time_of_day(text);
    if (minute) settings.schedule.at_minute = *minute;
    return minute.has_value();
  });
  keys.number("schedule.random_delay_min", settings.schedule.random_delay_min, 12 * 60);
  keys.parsed("store.max_size", [&](std::string_view text) {
    settings.limits.max_bytes = text.empty() ? std::nullopt : parse_size(text);
    // With less than a backup's reserve every backup would stop at once.
    return text.empty() || (settings.limits.max_bytes && *settings.limits.max_bytes > kSpaceCheckBytes);
  });
  limit_keys(keys, "store.", settings.limits);
  keys.text("alarm.command", settings.alarm_command);
  keys.number("backup.threads", settings.threads, 64);
  keys.parsed("backup.yield_hours", [&](std::string_view text) {
    if (text.empty()) settings.yield_hours.reset();
    return text.empty() || parse_hours(text, settings.yield_hours.emplace());
  });
  keys.parsed("sync.upload_limit",
              [&](std::string_view text) { return parse_upload_limit(text, settings.upload_limit); });
  keys.parsed("sync.upload_limit_hours",
              [&](std::string_view text) { return parse_hours(text, settings.upload_limit.hours); });
  keys.parsed("backup.partial_step", [&](std::string_view text) {
    const auto bytes = parse_size(text);
    if (bytes) settings.partial_step_bytes = *bytes;
    return bytes.has_value();
  });
  BEFFROI_CHECK(read_file(words.config, file, keys));
  BEFFROI_CHECK(take_words(words, settings));
  return settings;
}

Result<PeerSettings> load_peer_settings(const CommandLine& words, const Account& account) {
  PeerSettings settings;
  const bool for_user = !account.is_root && !account.is_service;
  const std::string runtime = account.runtime_folder.empty() ? account.home + "/.local/state" : account.runtime_folder;
  settings.data = for_user ? account.home + "/.local/share/beffroi-peer" : "/var/lib/beffroi-peer";
  settings.socket = for_user ? runtime + "/beffroi/peer.sock" : "/run/beffroi-peer/peer.sock";
  const std::string file = for_user ? account.home + "/.config/beffroi/peer.toml" : "/etc/beffroi/peer.toml";

  Keys keys;
  keys.text("peer.data", settings.data);
  keys.text("peer.socket", settings.socket);
  keys.text("peer.listen", settings.listen);
  keys.text("peer.address", settings.address);
  keys.text("peer.contact", settings.contact);
  keys.text("peer.admin_group", settings.admin_group);
  keys.text("peer.log_level", settings.log_level);
  limit_keys(keys, "store.", settings.limits);
  keys.text("alarm.command", settings.alarm_command);
  keys.number("alarm.silent_days", settings.silent_days, 365);
  keys.number("gc.every_hours", settings.gc_every_hours, 24 * 31);
  keys.number("scrub.every_days", settings.scrub_every_days, 365);
  BEFFROI_CHECK(read_file(words.config, file, keys));
  if (words.listen) settings.listen = *words.listen;
  BEFFROI_CHECK(take_words(words, settings));
  return settings;
}

std::string to_toml(const StationSettings& settings) {
  std::string out =
      fmt::format("[station]\ndata = {}\nsocket = {}\nadmin_group = {}\nlog_level = {}\n", quoted(settings.data),
                  quoted(settings.socket), quoted(settings.admin_group), quoted(settings.log_level));
  out += fmt::format("\n[schedule]\nenabled = {}\nat = \"{:02}:{:02}\"\nrandom_delay_min = {}\n",
                     settings.schedule.enabled, settings.schedule.at_minute / 60, settings.schedule.at_minute % 60,
                     settings.schedule.random_delay_min);
  const std::string most = settings.limits.max_bytes ? std::to_string(*settings.limits.max_bytes) : "";
  out += fmt::format("\n[store]\nmax_size = \"{}\"\n{}", most, limits_text(settings.limits));
  out += fmt::format("\n[alarm]\ncommand = {}\n", quoted(settings.alarm_command));
  out +=
      fmt::format("\n[backup]\nthreads = {}\npartial_step = \"{}\"\n", settings.threads, settings.partial_step_bytes);
  out += fmt::format("yield_hours = \"{}\"\n", settings.yield_hours ? hours_text(*settings.yield_hours) : "");
  out += fmt::format("\n[sync]\nupload_limit = \"{}\"\nupload_limit_hours = \"{}\"\n",
                     upload_limit_text(settings.upload_limit), hours_text(settings.upload_limit.hours));
  return out;
}

std::string to_toml(const PeerSettings& settings) {
  std::string out =
      fmt::format("[peer]\ndata = {}\nsocket = {}\nlisten = {}\naddress = {}\ncontact = {}\n", quoted(settings.data),
                  quoted(settings.socket), quoted(settings.listen), quoted(settings.address), quoted(settings.contact));
  out += fmt::format("admin_group = {}\nlog_level = {}\n", quoted(settings.admin_group), quoted(settings.log_level));
  out += fmt::format("\n[store]\n{}", limits_text(settings.limits));
  out +=
      fmt::format("\n[alarm]\ncommand = {}\nsilent_days = {}\n", quoted(settings.alarm_command), settings.silent_days);
  out += fmt::format("\n[gc]\nevery_hours = {}\n\n[scrub]\nevery_days = {}\n", settings.gc_every_hours,
                     settings.scrub_every_days);
  return out;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || !std::isfinite(value) || value < 0) return std::nullopt;
  std::string unit;
  for (const auto* at = parsed.ptr; at != end; ++at) {
    if (*at != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*at)));
  }
  static const std::map<std::string, double> units = {{"", 1},
                                                      {"b", 1},
                                                      {"o", 1},
                                                      {"kb", 1e3},
                                                      {"ko", 1e3},
                                                      {"mb", 1e6},
                                                      {"mo", 1e6},
                                                      {"gb", 1e9},
                                                      {"go", 1e9},
                                                      {"tb", 1e12},
                                                      {"to", 1e12},
                                                      {"k", 1024},
                                                      {"m", 1 << 20},
                                                      {"g", 1 << 30},
                                                      {"kib", 1024},
                                                      {"mib", 1 << 20},
                                                      {"gib", 1 << 30},
                                                      {"t", 1099511627776.0},
                                                      {"tib", 1099511627776.0}};
  const auto factor = units.find(unit);
  if (factor == units.end() || value * factor->second > static_cast<double>(kMaxSizeBytes)) return std::nullopt;
  return static_cast<std::uint64_t>(value * factor->second);
}

}  // namespace beffroi::daemon
