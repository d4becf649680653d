#include <zstd.h>

#include "crypto/assert.h"
#include "storage/format/cbor.h"
#include "storage/format/codec.h"

namespace beffroi::storage {
namespace {

// RFC 8878, section 3.1.1. Skippable frames start otherwise and are refused.
constexpr std::uint32_t kZstdMagic = 0xFD2FB528;

std::unexpected<Error> malformed_payload() { return std::unexpected(malformed("object payload")); }

bool has_reference(Codec codec) { return codec == Codec::zstd_delta || codec == Codec::zstd_dictionary; }

bool is_one_zstd_frame(ByteView data) {
  return data.size() >= 4 && get_le32(data.data()) == kZstdMagic &&
         ZSTD_findFrameCompressedSize(data.data(), data.size()) == data.size();
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// One per thread: making one costs more than a small frame.
ZSTD_DCtx* decoding_context() {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> per_thread(ZSTD_createDCtx());
  BEFFROI_ASSERT(per_thread != nullptr);
  return per_thread.get();
}

}  // namespace

Result<PayloadView> parse_payload(ByteView padded) {
  if (padded.size() < kPayloadHeaderBytes || padded.size() > kMaxPayloadBytes) return malformed_payload();
  if (padded[0] > static_cast<std::uint8_t>(Codec::zstd_dictionary))
    return fail(ErrorCode::unsupported_version, N_("An object was written by a newer Beffroi: update this one."));
  PayloadView out;
  out.codec = static_cast<Codec>(padded[0]);
  const auto reference = static_cast<std::uint16_t>(padded[2] | (padded[3] << 8));
  out.raw_length = get_le32(padded.data() + 4);
  const std::size_t data_length = get_le32(padded.data() + 8);
  if (padded[1] != 0 || out.raw_length > kMaxRawBytes || data_length > padded.size() - kPayloadHeaderBytes ||
      padded.size() != padded_length(kPayloadHeaderBytes + data_length))
    return malformed_payload();
  out.data = padded.subspan(kPayloadHeaderBytes, data_length);
  const ByteView padding = padded.subspan(kPayloadHeaderBytes + data_length);
  if (std::ranges::any_of(padding, [](std::uint8_t byte) { return byte != 0; })) return malformed_payload();

  if (has_reference(out.codec)) {
    if (reference >= kMaxChildren) return malformed_payload();
    out.reference_child = reference;
  } else if (reference != kNoReferenceChild) {
    return malformed_payload();
  }
  // Nothing to compress is stored, and stored bytes are as long as they say.
  const bool length_fits = out.codec == Codec::stored ? data_length == out.raw_length : out.raw_length > 0;
  if (!length_fits) return malformed_payload();
  return out;
}

Result<Bytes> decode_payload(const PayloadView& payload, ByteView reference) {
  BEFFROI_ASSERT(payload.raw_length <= kMaxRawBytes);
  if (payload.codec == Codec::stored) return to_bytes(payload.data);
  if (!is_one_zstd_frame(payload.data)) return malformed_payload();
  ZSTD_DCtx* const context = decoding_context();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
  if (has_reference(payload.codec) &&
      ZSTD_isError(ZSTD_DCtx_refPrefix(context, reference.data(), reference.size())) != 0)
    return malformed_payload();
  Bytes out(payload.raw_length);
  const std::size_t written =
      ZSTD_decompressDCtx(context, out.data(), out.size(), payload.data.data(), payload.data.size());
  ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);  // drops the pointer to `reference`
  if (written != out.size()) return malformed_payload();        // an error code is never a length
  return out;
}

}  // namespace beffroi::storage
