// Numbers as people read and write them, in the caller's language.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace beffroi::client {

/// "734 B", "1.5 MiB"; "1,5 Mio" in French.
std::string size_text(std::uint64_t bytes);
/// "1 234 567", with the separator of the language.
std::string count_text(std::uint64_t count);
/// "45 s", "12 min", "3 h 20 min", "2 d 4 h".
std::string duration_text(std::uint64_t seconds);
/// An ISO 8601 UTC time of the API in local time: "2026-11-23 22:30", or "23/11/2026 22:30". Gives back what it can't
/// read.
std::string time_text(const std::string& iso);
/// The same of seconds since 1970; empty for a moment that no calendar has.
std::string time_text(time_t moment);

/// "500", "10 GiB", "500MB", "2 Go", "1.5G": K, M, G, T alone are powers of 1,024. ErrorCode::usage.
Result<std::uint64_t> parse_size(std::string_view text);
/// "90", "90s", "30min", "12h", "14d" ("14j"), "2w" in seconds. ErrorCode::usage.
Result<std::uint64_t> parse_duration(std::string_view text);
/// "2026-11-23 22:30", "23/11/2026 22:30" or the day alone, in local time; "2026-11-23T22:30:05Z". Seconds since 1970,
/// not before. ErrorCode::usage.
Result<time_t> parse_moment(const std::string& text);

}  // namespace beffroi::client
