// Sentences that the daemon itself says (alarms, log): gettext in the language of its environment.
#pragma once

#include <string>

#include "crypto/result.h"

namespace beffroi::daemon {

/// Chooses the language from the environment and binds the catalogue. Call once, first thing in main().
void use_language_of_environment();

/// The sentence of a msgid with its placeholders filled, in the daemon's language.
std::string translated(const std::string& text, const std::vector<std::string>& args);

/// The same for a msgid without placeholders; xgettext finds what stands in _().
std::string translated(const char* text);

}  // namespace beffroi::daemon

#define _(text) ::beffroi::daemon::translated(text)
