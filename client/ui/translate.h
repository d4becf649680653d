// The caller's language: French or English, by gettext.
#pragma once

#include <libintl.h>

#include <string>
#include <utility>

#include "crypto/result.h"

namespace beffroi::client {

/// Chooses the language from the environment and binds the catalogue (BEFFROI_LOCALE_DIR for a build tree that is not
/// installed). French is spoken even where the system has no French locale generated. Call once, first thing in main().
void use_language_of_environment();

/// "fr" or "en": the language in which sentences come out, for texts that have their own translations (the kit).
std::string spoken_language();

/// The sentence in the caller's language.
inline const char* _(const char* text) { return gettext(text); }

/// Fills the placeholders of an already translated sentence.
template <class... Args>
std::string fill(const std::string& text, Args&&... args) {
  return fill_placeholders(text, {std::string(std::forward<Args>(args))...});
}

/// An error's sentence in the caller's language.
std::string translated(const Error& error);

}  // namespace beffroi::client
