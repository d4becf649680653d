#include "daemon/api/cbor_lists.h"

namespace beffroi::daemon {

Result<std::vector<Bytes>> decode_byte_strings(ByteView body, std::size_t max_bytes) {
  storage::CborReader in(body);
  std::vector<Bytes> out;
  for (std::size_t left = in.array(); left > 0 && !in.failed(); --left) out.push_back(to_bytes(in.bytes(max_bytes)));
  in.leave();
  if (!in.finish()) return fail(ErrorCode::usage, N_("The request's body is not a list of byte strings in CBOR."));
  return out;
}

void write_byte_strings(storage::CborWriter& out, std::span<const Bytes> strings) {
  out.array(strings.size());
  for (const Bytes& string : strings) out.bytes(string);
}

}  // namespace beffroi::daemon
