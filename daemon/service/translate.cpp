#include "daemon/service/translate.h"

#include <libintl.h>

#include <clocale>
#include <cstdlib>

namespace beffroi::daemon {

void use_language_of_environment() {
  setlocale(LC_MESSAGES, "");
  setlocale(LC_CTYPE, "");
  // The variable lets a build tree that is not installed speak French.
  const char* folder = std::getenv("BEFFROI_LOCALE_DIR");
  bindtextdomain("beffroi", folder != nullptr ? folder : BEFFROI_LOCALE_DIR);
  bind_textdomain_codeset("beffroi", "UTF-8");
  textdomain("beffroi");
}

std::string translated(const char* text) { return gettext(text); }

std::string translated(const std::string& text, const std::vector<std::string>& args) {
  if (text.empty()) return {};
  return fill_placeholders(gettext(text.c_str()), args);
}

}  // namespace beffroi::daemon
