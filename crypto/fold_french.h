// French letters without accents and case, as people type them. Internal to crypto/.
#pragma once

#include <string>
#include <string_view>

namespace beffroi::crypto {

/// Appends `typed` in lower-case ASCII letters to `out` (œ as oe): UTF-8, accents composed or combining. False, with
/// part of it appended, when something is not a letter of French.
bool fold_french(std::string_view typed, std::string& out);

}  // namespace beffroi::crypto
