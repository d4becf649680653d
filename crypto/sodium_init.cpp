#include "crypto/sodium_init.h"

#include <sodium.h>

#include "crypto/assert.h"

namespace beffroi::crypto {

void ensure_sodium() {
  static const bool ready = [] {
    BEFFROI_ASSERT(sodium_init() >= 0);
    return true;
  }();
  static_cast<void>(ready);
}

}  // namespace beffroi::crypto
