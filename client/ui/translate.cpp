#include "client/ui/translate.h"

#include <clocale>
#include <cstdlib>
#include <string_view>

namespace beffroi::client {
namespace {

constexpr const char* kDomain = "beffroi";

// What the environment asks for, by POSIX' order of precedence.
const char* wanted_locale() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

// gettext looks at LANGUAGE only when the locale is not "C": a neutral UTF-8 locale lets a machine without generated
// locales (a fresh server over SSH) speak French all the same.
void speak_without_generated_locale() {
  const std::string wanted = wanted_locale();
  setlocale(LC_MESSAGES, "C.UTF-8");
  setlocale(LC_CTYPE, "C.UTF-8");
  if (std::getenv("LANGUAGE") == nullptr) setenv("LANGUAGE", wanted.substr(0, wanted.find('.')).c_str(), 1);
}

}  // namespace

void use_language_of_environment() {
  const bool known = setlocale(LC_MESSAGES, "") != nullptr;
  if (!known || setlocale(LC_CTYPE, "") == nullptr) speak_without_generated_locale();
  const char* const folder = std::getenv("BEFFROI_LOCALE_DIR");
  bindtextdomain(kDomain, folder != nullptr ? folder : BEFFROI_LOCALE_DIR);
  bind_textdomain_codeset(kDomain, "UTF-8");
  textdomain(kDomain);
}

std::string spoken_language() {
  // The catalogue's header is the translation of the empty message.
  const std::string_view header = gettext("");
  if (header.contains("Language: fr")) return "fr";
  return std::string_view(wanted_locale()).starts_with("fr") ? "fr" : "en";
}

std::string translated(const Error& error) {
  if (error.text.empty()) return error_code_name(error.code);
  return fill_placeholders(gettext(error.text.c_str()), error.args);
}

}  // namespace beffroi::client
