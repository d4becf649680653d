// The input is the clear part of a log record; the target signs it as the golden root, so that the decoder gets past
// the signature. Property: a record that is accepted is the one encoding of what it says, and opens a log or does not,
// without harm.
#include "storage/space/envelope.h"
#include "storage/space/log.h"
#include "tests/fuzz/fuzz_target.h"

using namespace beffroi;

namespace {

crypto::SigningKeyPair golden_root() {
  crypto::SecretBytes kit(32);
  for (std::size_t i = 0; i < kit.size(); ++i) kit.writable()[i] = static_cast<std::uint8_t>(i);
  return std::move(crypto::DeviceKeys::root_from_kit(kit).sign);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::SigningKeyPair root = golden_root();
  const Bytes encoded = storage::sign_envelope(crypto::labels::sign_record, {data, size}, root);
  const auto record = storage::decode_record(encoded);
  if (!record) return 0;
  const bool genesis = record->sequence == 0;
  storage::Record previous;
  previous.id = record->previous;
  previous.sequence = record->sequence - 1;
  BEFFROI_ASSERT(encoded ==
                 storage::make_record(genesis ? nullptr : &previous, record->space, record->body, record->clock, root));
  static_cast<void>(storage::SpaceLog::from_genesis(encoded));
  return 0;
}
