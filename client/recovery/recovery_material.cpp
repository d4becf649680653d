#include "client/recovery/recovery_material.h"

#include "client/http/ndjson.h"
#include "storage/format/cbor.h"

namespace beffroi::client {
namespace {

constexpr std::size_t kMaxRecords = 1'000'000;
constexpr std::size_t kMaxHeads = 100'000;

struct RawHead {
  storage::DeviceId device;
  std::uint64_t sequence = 0;
  Bytes commit;
};

struct RawAnswer {
  std::vector<Bytes> records;
  std::vector<RawHead> heads;
  crypto::SecretBytes device_request;
  storage::PeerPublic peer;
  std::optional<Bytes> receipt;
};

std::optional<RawAnswer> parse(ByteView answer) {
  storage::CborReader in(answer);
  RawAnswer out;
  in.array_of(6);
  for (std::size_t left = in.array(kMaxRecords); left > 0 && !in.failed(); --left)
    out.records.push_back(to_bytes(in.bytes(storage::kMaxRecordBytes)));
  in.leave();
  for (std::size_t left = in.array(kMaxHeads); left > 0 && !in.failed(); --left) {
    RawHead head;
    in.array_of(3);
    head.device = in.fixed<storage::DeviceId>();
    head.sequence = in.uint();
    head.commit = to_bytes(in.bytes(storage::kMaxCommitBytes));
    in.leave();
    out.heads.push_back(std::move(head));
  }
  in.leave();
  out.device_request = crypto::SecretBytes::copy_of(in.bytes());
  out.peer.transport = in.fixed<crypto::TransportPublicKey>();
  out.peer.sign = in.fixed<crypto::SigningPublicKey>();
  if (!in.try_null()) out.receipt = to_bytes(in.bytes(storage::kMaxReceiptBytes));
  in.leave();
  if (!in.finish()) return std::nullopt;
  return out;
}

Result<void> check_root(const storage::SpaceLog& log, const crypto::DevicePublic& root) {
  if (log.root() == root) return {};
  return fail(ErrorCode::refused,
              N_("These words open another vault than the one that the peer gave back. Take the kit of this vault."));
}

Result<void> check_peer(const storage::SpaceLog& log, const storage::PeerPublic& peer,
                        const RecoveryExpectation& expected) {
  const auto home = log.home();
  const bool as_on_kit = expected.peer && *expected.peer == peer.transport;
  if (expected.peer && !as_on_kit)
    return fail(ErrorCode::corrupt, N_("The peer has another key than the kit says. Nothing was taken from it; check "
                                       "the address with its operator."));
  // A peer that has moved is believed when the kit names its new key; one key of two is another peer's.
  const bool moved = as_on_kit && home && home->peer.transport != peer.transport;
  if (home && home->peer != peer && !moved)
    return fail(ErrorCode::corrupt,
                N_("This is not the peer that the vault was kept at: its key is another. Nothing was taken from it; "
                   "check the address "
                   "with its operator, and write the peer's key into the kit's file if it has moved."));
  return {};
}

Result<std::map<storage::DeviceId, storage::BranchEnd>> check_heads(const storage::SpaceLog& log,
                                                                    const std::vector<RawHead>& heads) {
  std::map<storage::DeviceId, storage::BranchEnd> out;
  for (const RawHead& head : heads) {
    const storage::DeviceState* device = log.device(head.device);
    if (device != nullptr && device->removed) {
      // The log says how far its branch counts. What it signed after that must not be able to stop a recovery.
      if (device->last_valid_commit && head.sequence >= device->last_valid_sequence)
        out.insert_or_assign(head.device, storage::BranchEnd{*device->last_valid_commit, device->last_valid_sequence});
      continue;
    }
    BEFFROI_TRY(const storage::Commit commit, storage::decode_commit(head.commit));
    if (commit.clear.device != head.device || commit.clear.sequence != head.sequence || out.contains(head.device))
      return fail(ErrorCode::corrupt, N_("The peer gave snapshots back under wrong names. Call its operator."));
    BEFFROI_CHECK(log.accepts(commit));
    out.emplace(head.device, storage::BranchEnd{commit.id, head.sequence});
  }
  return out;
}

Result<std::optional<storage::Receipt>> check_receipt(const storage::SpaceLog& log, const RawAnswer& raw) {
  if (!raw.receipt) return std::nullopt;
  BEFFROI_TRY(storage::Receipt receipt, storage::decode_receipt(*raw.receipt, raw.peer.sign));
  if (receipt.space != log.space())
    return fail(ErrorCode::corrupt, N_("The peer gave the receipt of another vault. Call its operator."));
  return std::optional(std::move(receipt));
}

}  // namespace

Bytes recovery_request(const std::string& address, const RecoveryExpectation& expected,
                       const crypto::DeviceKeys& root) {
  storage::CborWriter out;
  out.array(5).text(address);
  if (expected.peer)
    out.bytes(*expected.peer);
  else
    out.null();
  // The kit's sheet has no signing key: the peer's is learnt over the channel that its transport key secures.
  out.null();
  out.bytes(root.transport_seed.view());
  if (expected.space)
    out.bytes(*expected.space);
  else
    out.null();
  return out.take();
}

Result<RecoveryMaterial> read_recovery_material(ByteView answer, const RecoveryExpectation& expected,
                                                const crypto::DevicePublic& root) {
  const std::optional<RawAnswer> raw = parse(answer);
  if (!raw) return std::unexpected(not_understood());
  BEFFROI_TRY(storage::SpaceLog log, storage::SpaceLog::from_records(raw->records, expected.space));
  BEFFROI_CHECK(check_root(log, root));
  BEFFROI_CHECK(check_peer(log, raw->peer, expected));
  BEFFROI_TRY(auto heads, check_heads(log, raw->heads));
  BEFFROI_TRY(auto receipt, check_receipt(log, *raw));
  BEFFROI_TRY(storage::DeviceRequest device, storage::DeviceRequest::decode(raw->device_request.view()));
  const bool peer_checked = expected.peer.has_value() || log.home().has_value();
  return RecoveryMaterial{std::move(log), std::move(heads),   std::move(device),
                          raw->peer,      std::move(receipt), peer_checked};
}

}  // namespace beffroi::client
