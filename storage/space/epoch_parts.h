// The sealed parts of an epoch record, one by one. Internal to storage/space: see epoch.h for what they hold.
#pragma once

#include "storage/space/epoch.h"

namespace beffroi::storage {

/// le32(n) ‖ space id: what both sealed parts are bound to.
Bytes epoch_context(const SpaceId& space, Epoch epoch);
/// The context of a box: epoch_context ‖ recipient id.
Bytes box_context(const SpaceId& space, Epoch epoch, const DeviceId& recipient);

using ReaderCheck = FixedBytes<32, struct ReaderCheckTag>;
ReaderCheck reader_check(const crypto::SecretBytes& reader_key);

crypto::Hash256 epoch_commitment(const SpaceId& space, Epoch epoch, const crypto::SecretBytes& secret,
                                 const ContentKeys& content, const ReaderCheck& check);

struct SharedPart {
  ContentKeys content;
  ReaderCheck check;
  std::string space_name;
  PresharedTable preshared;
  SpaceNames names{};
};
Bytes seal_shared(const SpaceId& space, Epoch epoch, const crypto::SecretBytes& secret, const SharedPart& part);
/// Opens `body.shared` and checks it against generation and commitment of `body`. corrupt when anything does not agree.
Result<SharedPart> open_shared(const SpaceId& space, const EpochBody& body, const crypto::SecretBytes& secret);

/// limit_exceeded when the table is too long for a record.
Result<Bytes> seal_handed(const SpaceId& space, Epoch epoch, const crypto::SecretBytes& reader_key,
                          const HandedTable& handed);
/// Epochs in the table are all older than the body's. corrupt when it does not open.
Result<HandedTable> open_handed(const SpaceId& space, const EpochBody& body, const crypto::SecretBytes& reader_key);

/// The epoch's secret with the reader key of those who have it, joined with what all members know. corrupt when they do
/// not belong together.
Result<EpochGrant> complete_grant(const SpaceId& space, const EpochBody& body, crypto::SecretBytes secret,
                                  std::optional<crypto::SecretBytes> reader_key);

}  // namespace beffroi::storage
