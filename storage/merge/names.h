// Names in a shared folder that not every member's machine can hold: what Windows refuses, and names that Windows or
// macOS take for the same one though their bytes differ. Entries keep their bytes; this only tells, at the side that
// writes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace beffroi::storage {

enum class NameProblem : unsigned char {
  not_text,   ///< no UTF-8
  character,  ///< < > : " / \ | ? * or a control character
  ending,     ///< a dot or a space, which Windows drops
  reserved,   ///< CON, NUL, COM1…, with any extension
  too_long,   ///< the name, or the path up to it
};

/// What Windows refuses in a name, beside control characters.
inline constexpr std::string_view kNotInWindowsNames = "<>:\"/\\|?*";
/// In UTF-16 units, as Windows counts. Of a path 259 are allowed, of which 59 are left to where the folder lies
/// ("C:\Users\secretaire\Documents\Mairie de Saint-Martin\").
inline constexpr std::size_t kMaxWindowsNameUnits = 255;
inline constexpr std::size_t kMaxWindowsPathUnits = 200;

/// Of one component; the first that applies, in the order of the enumeration. nullopt: Windows holds it.
std::optional<NameProblem> windows_problem(std::string_view name);
/// Of an entry's path (storage/tree/entry.h) below the shared folder: that of its last component, or too_long.
std::optional<NameProblem> windows_path_problem(std::string_view entry_path);
/// An English gettext msgid: a sentence for who has to give the file another name.
const char* name_problem_text(NameProblem problem);

/// Equal for names of one folder that a file system without regard for case, or for how accents are written, takes for
/// the same: case-folded, then NFC (Unicode Standard Annex 15). A name that is not UTF-8 is its own key. Depends on the
/// Unicode version of libutf8proc: for comparing in memory, not for storing. Full case folding makes "ß" the same as
/// "ss", which Windows does not: a warning too many, never one too few.
std::string name_key(std::string_view name);

/// Names of one folder that clash, each group ascending by bytes; groups by their first names.
std::vector<std::vector<std::string>> name_clashes(std::span<const std::string> names);

}  // namespace beffroi::storage
