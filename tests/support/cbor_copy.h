// Reads whatever CBOR the reader accepts and writes the same items again: the property that decode and encode are
// inverse.
#pragma once

#include "storage/format/cbor.h"

namespace beffroi::storage::testing {

/// Copies the next item; recursive, as deep as the reader's limit allows.
inline void copy_cbor_item(CborReader& reader, ByteView input, CborWriter& out) {
  if (reader.failed() || reader.position() >= input.size()) return reader.reject();
  switch (input[reader.position()] >> 5) {
    case 0:
      out.uint(reader.uint());
      return;
    case 1:
      out.integer(reader.integer());
      return;
    case 2:
      out.bytes(reader.bytes());
      return;
    case 3:
      out.text(reader.text());
      return;
    case 4: {
      const std::size_t items = reader.array();
      out.array(items);
      for (std::size_t i = 0; i < items; ++i) copy_cbor_item(reader, input, out);
      return reader.leave();
    }
    case 5: {
      const std::size_t pairs = reader.map();
      out.map(pairs);
      for (std::size_t i = 0; i < pairs && !reader.failed(); ++i) {
        const std::uint64_t key = reader.key();
        if (reader.failed()) return;
        out.key(key);
        copy_cbor_item(reader, input, out);
      }
      return reader.leave();
    }
    default:
      if (reader.try_null())
        out.null();
      else
        out.boolean(reader.boolean());
  }
}

/// The bytes written again, or nullopt when the reader refuses `input`.
inline std::optional<Bytes> copy_cbor(ByteView input, CborLimits limits = {}) {
  CborReader reader(input, limits);
  CborWriter writer;
  copy_cbor_item(reader, input, writer);
  if (!reader.finish()) return std::nullopt;
  return writer.take();
}

}  // namespace beffroi::storage::testing
