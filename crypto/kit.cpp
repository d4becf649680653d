#include "crypto/kit.h"

#include "crypto/assert.h"
#include "crypto/reed_solomon.h"

namespace beffroi::crypto {
namespace {

constexpr std::uint8_t kKitVersion = 1;
constexpr unsigned kBitsPerWord = 11;
constexpr std::size_t kPayloadBytes = 1 + kKitSecretBytes;
static_assert(kPayloadBytes * 8 == kKitDataWords * kBitsPerWord);
static_assert(kKitWords == kCodeSymbols && kKitDataWords == kCodeDataSymbols);

void wipe_codeword(Codeword& word) {
  wipe({reinterpret_cast<std::uint8_t*>(word.data()), word.size() * sizeof word[0]});
}

bool payload_bit(ByteView payload, std::size_t bit) { return (payload[bit / 8] >> (7 - bit % 8) & 1) != 0; }

Codeword encode(ByteView payload) {
  Codeword word{};
  for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
    auto& symbol = word[bit / kBitsPerWord];
    symbol = static_cast<std::uint16_t>(symbol << 1 | (payload_bit(payload, bit) ? 1 : 0));
  }
  append_checks(word);
  return word;
}

SecretBytes payload_of(const Codeword& word) {
  SecretBytes payload(kPayloadBytes);
  const auto out = payload.writable();
  for (std::size_t bit = 0; bit < kPayloadBytes * 8; ++bit) {
    const unsigned value = word[bit / kBitsPerWord] >> (kBitsPerWord - 1 - bit % kBitsPerWord) & 1U;
    out[bit / 8] = static_cast<std::uint8_t>(out[bit / 8] | value << (7 - bit % 8));
  }
  return payload;
}

std::string positions_text(const std::vector<std::size_t>& positions) {
  std::string out;
  for (const std::size_t position : positions) out += (out.empty() ? "" : ", ") + std::to_string(position + 1);
  return out;
}

std::unexpected<Error> too_many_wrong(const std::vector<std::size_t>& unknown) {
  if (unknown.empty())
    return fail(ErrorCode::corrupt,
                N_("More than two of the kit's words are wrong, or their order is: compare each with the sheet."));
  return fail(
      ErrorCode::corrupt,
      N_("More than two of the kit's words are wrong. Not in the word list: number {}. Compare each with the sheet."),
      positions_text(unknown));
}

// A wrong version after two corrections is more likely a kit that was mistyped beyond repair than a newer one.
Result<KitReading> reading_of(const Codeword& word, const std::vector<std::size_t>& corrected,
                              const std::vector<std::size_t>& unknown) {
  const SecretBytes payload = payload_of(word);
  const std::uint8_t version = payload.view()[0];
  if (version != kKitVersion) {
    if (version == 0 || corrected.size() == kCodeMaxWrong) return too_many_wrong(unknown);
    return fail(ErrorCode::unsupported_version,
                N_("This kit is of version {}, which this version of Beffroi does not know: update Beffroi."),
                std::to_string(version));
  }
  KitReading out{.secret = SecretBytes::copy_of(payload.view().subspan(1)), .corrections = {}};
  for (const std::size_t position : corrected)
    out.corrections.push_back({position + 1, std::string(kit_word(word[position]))});
  return out;
}

}  // namespace

std::vector<std::string> kit_words(const SecretBytes& secret) {
  BEFFROI_ASSERT(secret.size() == kKitSecretBytes);
  SecretBytes payload(kPayloadBytes);
  payload.writable()[0] = kKitVersion;
  std::memcpy(payload.writable().data() + 1, secret.view().data(), kKitSecretBytes);
  Codeword word = encode(payload.view());
  std::vector<std::string> out;
  out.reserve(kKitWords);  // a reallocation would leave words behind
  for (const std::uint16_t symbol : word) out.emplace_back(kit_word(symbol));
  wipe_codeword(word);
  return out;
}

Result<KitReading> read_kit_words(const std::vector<std::string>& typed) {
  if (typed.size() != kKitWords)
    return fail(ErrorCode::usage, N_("This kit has {} words, not 28: copy all of them from the sheet, in order."),
                std::to_string(typed.size()));
  Codeword word{};
  std::vector<std::size_t> unknown;
  for (std::size_t i = 0; i < kKitWords; ++i) {
    const auto index = kit_word_index(typed[i]);
    if (!index) unknown.push_back(i);
    word[i] = index.value_or(0);
  }
  const auto corrected = correct(word, unknown);
  auto out = corrected ? reading_of(word, *corrected, unknown) : Result<KitReading>(too_many_wrong(unknown));
  wipe_codeword(word);
  return out;
}

}  // namespace beffroi::crypto
