// Expected failures as values: every function that can fail for a reason outside our code returns Result<T>.
#pragma once

#include <expected>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

/// Marks a string as a gettext msgid without translating it: the client translates.
#define N_(text) text

namespace beffroi {

/// What kind of failure happened. The client maps each to the documented exit code.
enum class ErrorCode {
  usage,                ///< the caller's words are wrong (exit 2)
  not_found,            ///< the named thing does not exist (1)
  already_exists,       ///< refuses to overwrite (1)
  wrong_state,          ///< not possible now: e.g. not initialised, already initialised (1)
  io,                   ///< the operating system refused a read or write (1)
  disk_full,            ///< no room; nothing was lost (1)
  busy,                 ///< another operation holds what is needed (1)
  cancelled,            ///< stopped on purpose (1)
  timeout,              ///< a deadline passed (1)
  unreachable,          ///< nobody answers there (daemon: 4, peer: 1)
  protocol,             ///< the other side speaks wrongly; the connection is dropped (1)
  unsupported_version,  ///< written by a newer Beffroi (1)
  limit_exceeded,       ///< a bound on something from outside was passed (1)
  conflict,             ///< compare-and-swap lost: read again and retry (1)
  partial,              ///< done, but some files could not be read (3)
  corrupt,              ///< integrity violation: bytes are not what they should be (5)
  refused,              ///< no right to do this (6)
};

/// Stable lower-case name, as used in the protocol and in JSON ("not_found").
const char* error_code_name(ErrorCode code);
/// Inverse of error_code_name; ErrorCode::protocol for a name that is unknown.
ErrorCode error_code_from_name(const std::string& name);

/// A failure. `text` is an English gettext msgid with `{}` placeholders; `args` fill them in order. Never holds a
/// secret.
struct Error {
  ErrorCode code = ErrorCode::io;
  std::string text;
  std::vector<std::string> args;

  // Not left to the compiler: it would write them out at each of the thousands of places where a Result is passed on.
  Error();
  Error(ErrorCode of, std::string sentence, std::initializer_list<std::string> with);
  Error(ErrorCode of, std::string sentence, std::vector<std::string> with);
  Error(const Error&);
  Error(Error&&) noexcept;
  Error& operator=(const Error&);
  Error& operator=(Error&&) noexcept;
  ~Error();

  /// The English sentence, placeholders filled.
  std::string message() const;
  /// Prefixes nothing and hides nothing: compares all fields (for tests).
  bool operator==(const Error&) const;
};

/// Fills the `{}` placeholders of an already translated `text`, in order. Missing arguments leave `{}`.
std::string fill_placeholders(const std::string& text, const std::vector<std::string>& args);

template <class T = void>
using Result = std::expected<T, Error>;

/// Builds the unexpected side of a Result: `return fail(ErrorCode::io, N_("Cannot read {}."), path);`
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, std::string text, Args&&... args) {
  return std::unexpected<Error>(Error{code, std::move(text), {std::string(std::forward<Args>(args))...}});
}

/// Passes an error on to a Result of another value type: `if (!x) return forward_error(x);`
template <class T>
[[nodiscard]] std::unexpected<Error> forward_error(const std::expected<T, Error>& failed) {
  return std::unexpected<Error>(failed.error());
}

}  // namespace beffroi

/// Evaluates an expression of type Result<T>, returns its error from the enclosing function (not a coroutine), else
/// binds the value: `BEFFROI_TRY(auto header, decode_header(bytes));`
#define BEFFROI_CONCAT_INNER(a, b) a##b
#define BEFFROI_CONCAT(a, b) BEFFROI_CONCAT_INNER(a, b)
#define BEFFROI_TRY(declaration, ...)                                                       \
  auto BEFFROI_CONCAT(beffroi_try_, __LINE__) = (__VA_ARGS__);                              \
  if (!BEFFROI_CONCAT(beffroi_try_, __LINE__))                                              \
    return std::unexpected<beffroi::Error>(BEFFROI_CONCAT(beffroi_try_, __LINE__).error()); \
  declaration = std::move(*BEFFROI_CONCAT(beffroi_try_, __LINE__))
/// The same for Result<void>: `BEFFROI_CHECK(store.sync());`
#define BEFFROI_CHECK(...)                                              \
  if (auto beffroi_check_result = (__VA_ARGS__); !beffroi_check_result) \
  return std::unexpected<beffroi::Error>(beffroi_check_result.error())
/// The coroutine forms: co_return instead of return.
#define BEFFROI_CO_TRY(declaration, ...)                                                       \
  auto BEFFROI_CONCAT(beffroi_try_, __LINE__) = (__VA_ARGS__);                                 \
  if (!BEFFROI_CONCAT(beffroi_try_, __LINE__))                                                 \
    co_return std::unexpected<beffroi::Error>(BEFFROI_CONCAT(beffroi_try_, __LINE__).error()); \
  declaration = std::move(*BEFFROI_CONCAT(beffroi_try_, __LINE__))
#define BEFFROI_CO_CHECK(...)                                           \
  if (auto beffroi_check_result = (__VA_ARGS__); !beffroi_check_result) \
  co_return std::unexpected<beffroi::Error>(beffroi_check_result.error())
