#include "storage/space/code_text.h"

#include "crypto/hash.h"
#include "storage/space/envelope.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kGroupCharacters = 5;
constexpr std::size_t kMaxCodeCharacters = 4096;

ByteView checksum(const crypto::Hash256& hash) { return ByteView(hash).first(kChecksumBytes); }

// The code without blanks and dashes, in lower case. The caller wipes it.
std::string compact(std::string_view code) {
  std::string out;
  out.reserve(code.size());
  for (const char c : code) {
    const bool skipped = c == '-' || c == ' ' || (c >= '\t' && c <= '\r');
    if (!skipped) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

// Does it begin as a later version of this kind would?
bool is_newer(const CodeKind& kind, std::string_view digits) {
  const std::string_view letters = kind.prefix.substr(0, kind.prefix.size() - 1);
  if (!digits.starts_with(letters) || digits.size() <= kind.prefix.size()) return false;
  const char version = digits[letters.size()];
  return version > kind.prefix.back() && version <= '9';
}

}  // namespace

std::unexpected<Error> mistyped(const CodeKind& kind) { return fail(ErrorCode::usage, kind.mistyped); }

std::string code_text(const CodeKind& kind, ByteView payload) {
  const crypto::Hash256 hash = crypto::hash256(kind.checksum, payload);
  Bytes bytes;
  const crypto::ScopedWipe wiped(bytes);
  bytes.reserve(payload.size() + kChecksumBytes);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  bytes.insert(bytes.end(), checksum(hash).begin(), checksum(hash).end());
  const std::string digits = to_base32(bytes);
  std::string code(kind.prefix);
  for (std::size_t i = 0; i < digits.size(); i += kGroupCharacters) code += "-" + digits.substr(i, kGroupCharacters);
  return code;
}

Result<Bytes> code_payload(const CodeKind& kind, std::string_view text) {
  if (text.size() > kMaxCodeCharacters) return mistyped(kind);
  std::string digits = compact(text);
  const crypto::ScopedWipe wiped(digits);
  const std::string_view all(digits);
  if (is_newer(kind, all)) return std::unexpected(written_by_newer(N_("invitation code")));
  if (!all.starts_with(kind.prefix)) return mistyped(kind);
  auto payload = from_base32(all.substr(kind.prefix.size()));
  if (!payload || payload->size() <= kChecksumBytes) return mistyped(kind);
  const crypto::Hash256 hash =
      crypto::hash256(kind.checksum, ByteView(*payload).first(payload->size() - kChecksumBytes));
  const bool right = std::ranges::equal(checksum(hash), ByteView(*payload).last(kChecksumBytes));
  if (right) {
    payload->resize(payload->size() - kChecksumBytes);
    return std::move(*payload);
  }
  crypto::wipe(*payload);
  return mistyped(kind);
}

}  // namespace beffroi::storage
