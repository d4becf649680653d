// Encodings of the bodies of log records: one CBOR array each, its type being named beside it.
#pragma once

#include "storage/format/cbor.h"
#include "storage/space/record.h"

namespace beffroi::storage {

/// What a body decoder found beside malformed bytes, which it reports through the reader.
struct BodyDecoding {
  CborReader& in;
  bool newer = false;  ///< a kind of space or of key that this version does not know
};

/// Three keys with their suites: [suite, sign, suite, box, suite, transport].
void write_device_public(CborWriter& out, const crypto::DevicePublic& keys);
crypto::DevicePublic read_device_public(BodyDecoding& decoding);

void write_record_body(CborWriter& out, const RecordBody& body);
/// nullopt for a type number from the future. Precondition: the reader stands at the body.
std::optional<RecordBody> read_record_body(BodyDecoding& decoding, std::uint64_t type);

}  // namespace beffroi::storage
