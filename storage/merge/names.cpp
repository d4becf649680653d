#include "storage/merge/names.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>

#include "crypto/result.h"
#include "storage/format/utf8.h"
#include "storage/merge/path_parts.h"

namespace beffroi::storage {
namespace {

// Devices of MS-DOS, and the digits that end two of them, superscripts among them ("Naming Files, Paths, and
// Namespaces", Microsoft).
constexpr std::array<std::string_view, 6> kDevices = {"con", "prn", "aux", "nul", "conin$", "conout$"};
constexpr std::array<std::string_view, 2> kNumberedDevices = {"com", "lpt"};
constexpr std::array<std::string_view, 13> kDeviceNumbers = {"0", "1", "2", "3", "4", "5", "6",
                                                             "7", "8", "9", "¹", "²", "³"};

bool is_forbidden(char c) { return static_cast<unsigned char>(c) < 0x20 || kNotInWindowsNames.contains(c); }

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Whatever stands behind the first dot: NUL.tar.gz is the device too, as is "NUL .txt".
bool is_reserved(std::string_view name) {
  std::string stem = ascii_lower(name.substr(0, name.find('.')));
  while (stem.ends_with(' ')) stem.pop_back();
  if (std::ranges::find(kDevices, stem) != kDevices.end()) return true;
  return std::ranges::any_of(kNumberedDevices, [&](std::string_view device) {
    return stem.starts_with(device) &&
           std::ranges::find(kDeviceNumbers, stem.substr(device.size())) != kDeviceNumbers.end();
  });
}

// Of well-formed UTF-8: one for each character, two for those of four bytes.
std::size_t utf16_units(std::string_view text) {
  std::size_t out = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U) out += byte >= 0xF0U ? 2 : 1;
  }
  return out;
}

struct Free {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

}  // namespace

std::optional<NameProblem> windows_problem(std::string_view name) {
  if (!is_utf8(as_bytes(name))) return NameProblem::not_text;
  if (std::ranges::any_of(name, is_forbidden)) return NameProblem::character;
  if (name.ends_with('.') || name.ends_with(' ')) return NameProblem::ending;
  if (is_reserved(name)) return NameProblem::reserved;
  if (utf16_units(name) > kMaxWindowsNameUnits) return NameProblem::too_long;
  return std::nullopt;
}

std::optional<NameProblem> windows_path_problem(std::string_view entry_path) {
  if (const auto problem = windows_problem(name_of(entry_path))) return problem;
  if (utf16_units(entry_path) > kMaxWindowsPathUnits) return NameProblem::too_long;
  return std::nullopt;
}

const char* name_problem_text(NameProblem problem) {
  switch (problem) {
    case NameProblem::not_text:
      return N_("The name is not valid text (UTF-8).");
    case NameProblem::character:
      return N_("The name has a character that Windows does not allow: < > : \" / \\ | ? *");
    case NameProblem::ending:
      return N_("The name ends with a dot or a space: Windows leaves these out.");
    case NameProblem::reserved:
      return N_("Windows keeps this name for itself.");
    case NameProblem::too_long:
      return N_("The name, or the path to it, is too long for Windows.");
  }
  return "";
}

std::string name_key(std::string_view name) {
  utf8proc_uint8_t* text = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  const utf8proc_ssize_t size =
      utf8proc_map(as_bytes(name).data(), static_cast<utf8proc_ssize_t>(name.size()), &text, options);
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(text);
  if (size < 0) return std::string(name);
  return to_string({text, static_cast<std::size_t>(size)});
}

std::vector<std::vector<std::string>> name_clashes(std::span<const std::string> names) {
  std::map<std::string, std::vector<std::string>> by_key;
  for (const std::string& name : names) by_key[name_key(name)].push_back(name);
  std::vector<std::vector<std::string>> out;
  for (auto& [key, group] : by_key) {
    if (group.size() < 2) continue;
    std::ranges::sort(group);
    out.push_back(std::move(group));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace beffroi::storage
