#include <zstd.h>

#include <bit>

#include "crypto/assert.h"
#include "storage/format/codec.h"

namespace beffroi::storage {
namespace {

// The probe: below this everything is simply tried.
constexpr std::size_t kProbeAboveBytes = 16 * 1024;
constexpr std::size_t kProbeSampleBytes = 4 * 1024;
constexpr std::size_t kProbeSamples = 3;
// The fastest level that still entropy-codes literals: the negative ones would call Base64 incompressible.
constexpr int kProbeLevel = 1;
// Samples that shrink by less than 3 % are taken for compressed already (photos, ZIP-based office files, ciphertext).
constexpr std::size_t kProbePercent = 97;

void check_zstd(std::size_t outcome) { BEFFROI_ASSERT(ZSTD_isError(outcome) == 0); }

int bits_to_reach(std::size_t bytes) { return std::max(10, static_cast<int>(std::bit_width(bytes))); }

// What stands in front of the data.
void put_payload_header(Codec codec, std::uint16_t reference, std::size_t raw_length, std::size_t data_length,
                        std::uint8_t* out) {
  out[0] = static_cast<std::uint8_t>(codec);
  out[1] = 0;
  out[2] = static_cast<std::uint8_t>(reference);
  out[3] = static_cast<std::uint8_t>(reference >> 8);
  put_le32(out + 4, static_cast<std::uint32_t>(raw_length));
  put_le32(out + 8, static_cast<std::uint32_t>(data_length));
}

}  // namespace

struct PayloadEncoder::State {
  struct FreeContext {
    void operator()(ZSTD_CCtx* owned) const { ZSTD_freeCCtx(owned); }
  };
  std::unique_ptr<ZSTD_CCtx, FreeContext> context{ZSTD_createCCtx()};
  // Output of compress(), reused: a buffer of its own for what is compared with the other.
  Bytes alone, with_base;

  // Completes the payload around `data_length` bytes of data that stand in `buffer` at their place.
  static EncodedPayload complete(Bytes& buffer, Codec codec, std::uint16_t reference, std::size_t raw_length,
                                 std::size_t data_length) {
    const std::size_t end = kPayloadHeaderBytes + data_length, padded = padded_length(end);
    put_payload_header(codec, reference, raw_length, data_length, buffer.data());
    if (buffer.size() < padded) buffer.resize(padded);
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(end), buffer.begin() + static_cast<std::ptrdiff_t>(padded),
              std::uint8_t{0});
    return {ByteView(buffer).first(padded), codec};
  }

  void set(ZSTD_cParameter parameter, int value) {
    check_zstd(ZSTD_CCtx_setParameter(context.get(), parameter, value));
  }

  // Leaves a context for one frame without content size, checksum or dictionary id: the payload header and the seal say
  // all of that.
  void begin(int level) {
    check_zstd(ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters));
    set(ZSTD_c_compressionLevel, level);
    set(ZSTD_c_contentSizeFlag, 0);
    set(ZSTD_c_checksumFlag, 0);
    set(ZSTD_c_dictIDFlag, 0);
  }

  // Puts the frame behind the room of a payload's header; returns its length.
  std::size_t compress(ByteView raw, Bytes& buffer) {
    const std::size_t room = ZSTD_compressBound(raw.size());
    if (buffer.size() < kPayloadHeaderBytes + room) buffer.resize(kPayloadHeaderBytes + room);
    const std::size_t size =
        ZSTD_compress2(context.get(), buffer.data() + kPayloadHeaderBytes, room, raw.data(), raw.size());
    check_zstd(size);
    return size;
  }

  bool seems_incompressible(ByteView raw) {
    if (raw.size() <= kProbeAboveBytes) return false;
    std::size_t compressed = 0;
    for (std::size_t i = 0; i < kProbeSamples; ++i) {
      begin(kProbeLevel);
      const std::size_t offset = i * (raw.size() - kProbeSampleBytes) / (kProbeSamples - 1);
      compressed += compress(raw.subspan(offset, kProbeSampleBytes), alone);
    }
    return compressed * 100 > kProbeSamples * kProbeSampleBytes * kProbePercent;
  }

  EncodedPayload with_reference(Codec codec, ByteView raw, ByteView reference, std::uint16_t index, int level) {
    BEFFROI_ASSERT(!raw.empty() && raw.size() <= kMaxRawBytes && reference.size() <= kMaxRawBytes);
    BEFFROI_ASSERT(index < kMaxChildren);
    begin(level);
    // The whole reference stays in reach of the last byte, and long matches are found wherever they are in it.
    set(ZSTD_c_windowLog, bits_to_reach(reference.size() + raw.size()));
    set(ZSTD_c_enableLongDistanceMatching, 1);
    check_zstd(ZSTD_CCtx_refPrefix(context.get(), reference.data(), reference.size()));
    const std::size_t length = compress(raw, with_base);
    const EncodedPayload out = complete(with_base, codec, index, raw.size(), length);
    const auto view = parse_payload(out.bytes);
    BEFFROI_ASSERT(view.has_value());
    const auto decoded = decode_payload(*view, reference);
    BEFFROI_ASSERT(decoded.has_value() && std::ranges::equal(*decoded, raw));
    return out;
  }
};

PayloadEncoder::PayloadEncoder() : state_(std::make_unique<State>()) { BEFFROI_ASSERT(state_->context != nullptr); }
PayloadEncoder::~PayloadEncoder() = default;
PayloadEncoder::PayloadEncoder(PayloadEncoder&&) noexcept = default;
PayloadEncoder& PayloadEncoder::operator=(PayloadEncoder&&) noexcept = default;

EncodedPayload PayloadEncoder::encode(ByteView raw, int level) & {
  BEFFROI_ASSERT(raw.size() <= kMaxRawBytes);
  if (!raw.empty() && !state_->seems_incompressible(raw)) {
    state_->begin(level);
    const std::size_t length = state_->compress(raw, state_->alone);
    // Compared after padding: bytes that the padding eats again are not worth the decompression.
    if (padded_length(kPayloadHeaderBytes + length) < padded_length(kPayloadHeaderBytes + raw.size()))
      return State::complete(state_->alone, Codec::zstd, kNoReferenceChild, raw.size(), length);
  }
  Bytes& buffer = state_->alone;
  if (buffer.size() < kPayloadHeaderBytes + raw.size()) buffer.resize(kPayloadHeaderBytes + raw.size());
  if (!raw.empty()) std::memcpy(buffer.data() + kPayloadHeaderBytes, raw.data(), raw.size());
  return State::complete(buffer, Codec::stored, kNoReferenceChild, raw.size(), raw.size());
}

EncodedPayload PayloadEncoder::encode_delta(ByteView raw, ByteView base, std::uint16_t base_index, int level) & {
  return state_->with_reference(Codec::zstd_delta, raw, base, base_index, level);
}

EncodedPayload PayloadEncoder::encode_with_dictionary(ByteView raw, ByteView dictionary, std::uint16_t dictionary_index,
                                                      int level) & {
  return state_->with_reference(Codec::zstd_dictionary, raw, dictionary, dictionary_index, level);
}

}  // namespace beffroi::storage
