// The payload inside the seal, and its codecs:
//   0 codec u8 · 1 zero u8 · 2 reference child u16 (0xFFFF: none) · 4 raw length u32 · 8 data length u32 · 12 data ·
//   zeros
// padded to padded_length(). Delta and dictionary name their base by child index.
#pragma once

#include <memory>

#include "storage/format/object.h"

namespace beffroi::storage {

enum class Codec : std::uint8_t {
  stored = 0,
  zstd = 1,             ///< one zstd frame
  zstd_delta = 2,       ///< one zstd frame with the base chunk's plaintext as prefix (ZSTD_CCtx_refPrefix)
  zstd_dictionary = 3,  ///< one zstd frame with a dictionary object's plaintext as raw-content dictionary
};

inline constexpr std::size_t kPayloadHeaderBytes = 12;
inline constexpr std::uint16_t kNoReferenceChild = 0xFFFF;
inline constexpr int kDefaultCompressionLevel = 3;

/// A padded payload that can be sealed, and what was chosen. `bytes` are the encoder's, until the same function is
/// called again.
struct EncodedPayload {
  ByteView bytes;
  Codec codec = Codec::stored;
};

/// Reusable compression state: one per thread. Not thread-safe.
class PayloadEncoder {
 public:
  PayloadEncoder();
  ~PayloadEncoder();
  PayloadEncoder(PayloadEncoder&&) noexcept;
  PayloadEncoder& operator=(PayloadEncoder&&) noexcept;

  /// Compresses when a cheap probe of samples says that it may pay, and keeps the result when it is shorter after
  /// padding; stores otherwise. raw.size() <= kMaxRawBytes (asserted). What zstd makes of given bytes may change with
  /// its version: nothing may depend on equal bytes giving equal payloads.
  EncodedPayload encode(ByteView raw, int level = kDefaultCompressionLevel) &;
  /// Always the delta codec against `base`, named as child `base_index`; the caller compares sizes with encode()'s.
  /// `raw` is not empty. The result is decoded again and compared (asserted) before it is returned.
  EncodedPayload encode_delta(ByteView raw, ByteView base, std::uint16_t base_index, int level) &;
  /// The same with a dictionary object's plaintext.
  EncodedPayload encode_with_dictionary(ByteView raw, ByteView dictionary, std::uint16_t dictionary_index, int level) &;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What the payload says of itself, checked against its length and padding. `data` points into the payload.
struct PayloadView {
  Codec codec = Codec::stored;
  std::optional<std::uint16_t> reference_child;  ///< present for delta and dictionary, absent otherwise
  std::uint32_t raw_length = 0;
  ByteView data;
};
/// ErrorCode::unsupported_version for a codec from the future, corrupt when anything else is not as an encoder writes
/// it.
Result<PayloadView> parse_payload(ByteView padded);

/// Decompresses to exactly raw_length bytes; `reference` is the base's or dictionary's plaintext (empty for other
/// codecs). ErrorCode::corrupt when the data do not decompress to that length. Never allocates more than raw_length
/// (bounded by kMaxRawBytes).
Result<Bytes> decode_payload(const PayloadView& payload, ByteView reference);

}  // namespace beffroi::storage
