// Assertions against our own bugs. They stay on in release builds: a backup tool that goes on after a broken invariant
// can only make things worse. Never used on input from outside.
#pragma once

namespace beffroi {
/// Prints expression, file and line to stderr and aborts. Prints no values: they might be secret.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace beffroi

#define BEFFROI_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::beffroi::assertion_failed(#condition, __FILE__, __LINE__))
