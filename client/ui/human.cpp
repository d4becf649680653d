#include "client/ui/human.h"

#include <time.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ranges>

#include "client/ui/translate.h"

namespace beffroi::client {
namespace {

constexpr std::uint64_t kMinute = 60;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kMebi = kKibi * 1024;
constexpr std::uint64_t kGibi = kMebi * 1024;
constexpr std::uint64_t kTebi = kGibi * 1024;

constexpr std::array kSizeUnits = {
    Unit{"", 1},
    Unit{"b", 1},
    Unit{"o", 1},
    Unit{"k", kKibi},
    Unit{"kib", kKibi},
    Unit{"kio", kKibi},
    Unit{"kb", 1000},
    Unit{"ko", 1000},
    Unit{"m", kMebi},
    Unit{"mib", kMebi},
    Unit{"mio", kMebi},
    Unit{"mb", 1'000'000},
    Unit{"mo", 1'000'000},
    Unit{"g", kGibi},
    Unit{"gib", kGibi},
    Unit{"gio", kGibi},
    Unit{"gb", 1000 * 1'000'000ULL},
    Unit{"go", 1000 * 1'000'000ULL},
    Unit{"t", kTebi},
    Unit{"tib", kTebi},
    Unit{"tio", kTebi},
    Unit{"tb", 1'000'000 * 1'000'000ULL},
    Unit{"to", 1'000'000 * 1'000'000ULL},
};

constexpr std::array kDurationUnits = {
    Unit{"", 1},      Unit{"s", 1},    Unit{"m", kMinute}, Unit{"min", kMinute},
    Unit{"h", kHour}, Unit{"d", kDay}, Unit{"j", kDay},    Unit{"w", 7 * kDay},
};

std::string lower_without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// "12", "1.5", "1,5" followed by a unit. nullopt: no number, an unknown unit, or more than 2^63.
template <std::size_t N>
std::optional<std::uint64_t> parse_quantity(std::string_view text, const std::array<Unit, N>& units) {
  const std::string plain = lower_without_blanks(text);
  double value = 0;
  double place = 0;
  std::size_t at = 0;
  for (; at < plain.size(); ++at) {
    const char c = plain[at];
    if ((c == '.' || c == ',') && place == 0 && at > 0) {
      place = 0.1;
    } else if (c >= '0' && c <= '9') {
      value = place == 0 ? value * 10 + (c - '0') : value + place * (c - '0');
      place /= 10;
    } else {
      break;
    }
  }
  if (at == 0) return std::nullopt;
  for (const Unit& unit : units)
    if (plain.substr(at) == unit.name) {
      const double out = value * static_cast<double>(unit.factor);
      if (out > 9e18) return std::nullopt;
      return static_cast<std::uint64_t>(out);
    }
  return std::nullopt;
}

/// All of the text, by one of strptime's formats, if it is a day of the calendar (the 31st of February would else be
/// one of March).
std::optional<tm> read_by(const std::string& text, const char* format) {
  tm out{};
  const char* const end = strptime(text.c_str(), format, &out);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::chrono::year_month_day day(std::chrono::year(out.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(out.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(out.tm_mday)));
  if (!day.ok()) return std::nullopt;
  return out;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  if (bytes < kKibi) return fill(_("{} B"), std::to_string(bytes));
  std::array names = {N_("{} KiB"), N_("{} MiB"), N_("{} GiB"), N_("{} TiB")};
  std::size_t unit = 0;
  std::uint64_t scale = kKibi;
  while (unit + 1 < names.size() && bytes / scale >= kKibi) {
    scale *= 1024;
    ++unit;
  }
  // Tenths, rounded; the division first keeps it from overflowing.
  std::uint64_t tenths = (bytes / scale) * 10 + ((bytes % scale) / (scale / 1024) * 10 + 512) / 1024;
  if (tenths >= 1000) return fill(_(names[unit]), std::to_string((tenths + 5) / 10));
  // Translators: the decimal separator.
  return fill(_(names[unit]), std::to_string(tenths / 10) + _(".") + std::to_string(tenths % 10));
}

std::string count_text(std::uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    // Translators: the separator between thousands.
    if (i > 0 && (digits.size() - i) % 3 == 0) out += _(",");
    out += digits[i];
  }
  return out;
}

std::string duration_text(std::uint64_t seconds) {
  if (seconds < kMinute) return fill(_("{} s"), std::to_string(seconds));
  if (seconds < kHour) return fill(_("{} min"), std::to_string((seconds + 30) / kMinute));
  if (seconds < kDay)
    return fill(_("{} h {} min"), std::to_string(seconds / kHour), std::to_string(seconds % kHour / kMinute));
  return fill(_("{} d {} h"), std::to_string(seconds / kDay), std::to_string(seconds % kDay / kHour));
}

std::string time_text(const std::string& iso) {
  tm utc{};
  const char* const end = strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (end == nullptr) return iso;
  const std::string out = time_text(timegm(&utc));
  return out.empty() ? iso : out;
}

std::string time_text(time_t moment) {
  tm local{};
  if (localtime_r(&moment, &local) == nullptr) return {};
  std::array<char, 64> out{};
  // Translators: date and time, as strftime takes it.
  const char* const format = _("%Y-%m-%d %H:%M");
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
  const std::size_t length = strftime(out.data(), out.size(), format, &local);
#pragma clang diagnostic pop
  return std::string(out.data(), length);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  if (const auto bytes = parse_quantity(text, kSizeUnits)) return *bytes;
  return fail(ErrorCode::usage, N_("\"{}\" is no size: write for example 500MB or 20GiB."), text);
}

Result<std::uint64_t> parse_duration(std::string_view text) {
  if (const auto seconds = parse_quantity(text, kDurationUnits)) return *seconds;
  return fail(ErrorCode::usage, N_("\"{}\" is no length of time: write for example 12h or 14d."), text);
}

Result<time_t> parse_moment(const std::string& text) {
  constexpr std::array kLocalFormats = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                        "%d/%m/%Y %H:%M",    "%Y-%m-%d",       "%d/%m/%Y"};
  time_t out = -1;
  if (auto utc = read_by(text, "%Y-%m-%dT%H:%M:%SZ")) out = timegm(&*utc);
  for (const char* const format : kLocalFormats) {
    if (out >= 0) break;
    auto local = read_by(text, format);
    if (!local) continue;
    local->tm_isdst = -1;
    out = mktime(&*local);
  }
  if (out >= 0) return out;
  return fail(ErrorCode::usage, N_("\"{}\" is no date: write for example 2026-11-23 or \"2026-11-23 22:30\"."), text);
}

}  // namespace beffroi::client
