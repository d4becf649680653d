#include "storage/merge/conflict_name.h"

#include <chrono>

#include "storage/merge/names.h"
#include "storage/space/audit_entry.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kMaxExtensionBytes = 16;
constexpr std::size_t kMaxHourMarkBytes = 4;

void trim(std::string& text) {
  const auto is_edge = [](char c) { return c == ' ' || c == '.'; };
  while (!text.empty() && is_edge(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, is_edge));
}

bool is_extension(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !text.empty() && text.size() <= kMaxExtensionBytes && std::ranges::all_of(text, is_plain);
}

// Where the extension begins: ".docx", ".tar.gz"; at the end when there is none.
std::size_t extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || !is_extension(name.substr(dot + 1))) return name.size();
  constexpr std::string_view kTar = ".tar";
  return dot > kTar.size() && name.substr(0, dot).ends_with(kTar) ? dot - kTar.size() : dot;
}

// At most `max` bytes, not cut inside a character.
std::string_view beginning_of(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xC0U) == 0x80U) --max;
  return text.substr(0, max);
}

// audit_text() leaves a '?' for what it refuses itself.
std::string without_forbidden(std::string_view text, std::size_t max_bytes) {
  std::string out = audit_text(text, max_bytes);
  std::ranges::replace_if(out, [](char c) { return kNotInWindowsNames.contains(c); }, '_');
  return out;
}

std::string padded(std::int64_t number, std::size_t digits) {
  const std::string out = std::to_string(number);
  return std::string(digits - std::min(digits, out.size()), '0') + out;
}

std::string local_time(UnixTime time, const ChangeAuthor& author) {
  const std::int64_t utc = std::clamp<std::int64_t>(time.seconds, 0, kMaxAuditTimeSeconds);
  const std::int64_t shown = std::clamp<std::int64_t>(utc + author.utc_offset_s, 0, kMaxAuditTimeSeconds);
  const std::chrono::year_month_day date{
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(shown)))};
  const std::string day = padded(static_cast<int>(date.year()), 4) + "-" +
                          padded(static_cast<unsigned>(date.month()), 2) + "-" +
                          padded(static_cast<unsigned>(date.day()), 2);
  const std::int64_t minutes = (shown % 86'400) / 60;
  return day + " " + padded(minutes / 60, 2) + without_forbidden(author.words.hour_mark, kMaxHourMarkBytes) +
         padded(minutes % 60, 2);
}

std::string in_brackets(const ChangeAuthor& author, UnixTime changed, std::size_t number) {
  std::string out = name_part(author.words.conflict, kMaxAuthorNameBytes) + " - ";
  for (const std::string& name : {author.person, author.device}) {
    const std::string part = name_part(name, kMaxAuthorNameBytes);
    if (!part.empty()) out += part + ", ";
  }
  out += local_time(changed, author);
  if (number > 1) out += " - " + std::to_string(number);
  return " (" + out + ")";
}

}  // namespace

std::string name_part(std::string_view text, std::size_t max_bytes) {
  std::string out = without_forbidden(text, max_bytes);
  trim(out);
  return out;
}

std::string conflict_name(std::string_view name, const ChangeAuthor& author, UnixTime changed, std::size_t number) {
  const std::size_t extension = extension_of(name);
  const std::string end = in_brackets(author, changed, number) + std::string(name.substr(extension));
  return std::string(beginning_of(name.substr(0, extension), kMaxFileNameBytes - end.size())) + end;
}

}  // namespace beffroi::storage
