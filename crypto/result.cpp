#include "crypto/result.h"

#include <array>

#include "crypto/assert.h"

namespace beffroi {
namespace {

struct CodeName {
  ErrorCode code;
  const char* name;
};

constexpr std::array kCodeNames = {
    CodeName{ErrorCode::usage, "usage"},
    CodeName{ErrorCode::not_found, "not_found"},
    CodeName{ErrorCode::already_exists, "already_exists"},
    CodeName{ErrorCode::wrong_state, "wrong_state"},
    CodeName{ErrorCode::io, "io"},
    CodeName{ErrorCode::disk_full, "disk_full"},
    CodeName{ErrorCode::busy, "busy"},
    CodeName{ErrorCode::cancelled, "cancelled"},
    CodeName{ErrorCode::timeout, "timeout"},
    CodeName{ErrorCode::unreachable, "unreachable"},
    CodeName{ErrorCode::protocol, "protocol"},
    CodeName{ErrorCode::unsupported_version, "unsupported_version"},
    CodeName{ErrorCode::limit_exceeded, "limit_exceeded"},
    CodeName{ErrorCode::conflict, "conflict"},
    CodeName{ErrorCode::partial, "partial"},
    CodeName{ErrorCode::corrupt, "corrupt"},
    CodeName{ErrorCode::refused, "refused"},
};

}  // namespace

const char* error_code_name(ErrorCode code) {
  for (const auto& entry : kCodeNames)
    if (entry.code == code) return entry.name;
  assertion_failed("an ErrorCode has a name", __FILE__, __LINE__);
}

ErrorCode error_code_from_name(const std::string& name) {
  for (const auto& entry : kCodeNames)
    if (name == entry.name) return entry.code;
  return ErrorCode::protocol;
}

std::string fill_placeholders(const std::string& text, const std::vector<std::string>& args) {
  std::string out;
  std::size_t from = 0;
  for (const auto& arg : args) {
    const auto at = text.find("{}", from);
    if (at == std::string::npos) break;
    out.append(text, from, at - from).append(arg);
    from = at + 2;
  }
  return out.append(text, from, std::string::npos);
}

Error::Error() = default;
Error::Error(ErrorCode of, std::string sentence, std::initializer_list<std::string> with)
    : code(of), text(std::move(sentence)), args(with) {}
Error::Error(ErrorCode of, std::string sentence, std::vector<std::string> with)
    : code(of), text(std::move(sentence)), args(std::move(with)) {}
Error::Error(const Error&) = default;
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(const Error&) = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

bool Error::operator==(const Error&) const = default;

std::string Error::message() const { return fill_placeholders(text, args); }

}  // namespace beffroi
