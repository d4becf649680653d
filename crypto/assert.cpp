#include "crypto/assert.h"

#include <cstdio>
#include <cstdlib>

namespace beffroi {

void assertion_failed(const char* expression, const char* file, int line) {
  // stdio only: the logger may be what is broken.
  std::fprintf(stderr, "beffroi: internal error: %s (%s:%d). Please report it.\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace beffroi
