#include "storage/space/record_body.h"

namespace beffroi::storage {
namespace {

template <class Key>
void write_key(CborWriter& out, std::uint8_t suite, const Key& key) {
  out.uint(suite).bytes(key);
}

// A key of a later suite may have another length: it is skipped, and the record reported as newer.
template <class Key>
Key read_key(BodyDecoding& decoding, std::uint8_t suite) {
  const std::uint64_t found = decoding.in.uint(UINT8_MAX);
  if (found == suite) return decoding.in.fixed<Key>();
  decoding.in.bytes(crypto::kMaxSuiteBytes);
  if (found > suite)
    decoding.newer = true;
  else
    decoding.in.reject();
  return {};
}

Role read_role(CborReader& in) {
  const auto value = static_cast<std::uint8_t>(in.uint(static_cast<std::uint8_t>(Role::depositor)));
  if (value == 0) in.reject();
  return static_cast<Role>(value);
}

void write_role(CborWriter& out, Role role) { out.uint(static_cast<std::uint8_t>(role)); }

template <class Id>
void write_ids(CborWriter& out, const std::vector<Id>& ids) {
  out.array(ids.size());
  for (const Id& id : ids) out.bytes(id);
}

template <class Id>
std::vector<Id> read_ids(CborReader& in) {
  std::vector<Id> out(in.array(kMaxNamedCommits));
  for (Id& id : out) id = in.fixed<Id>();
  in.leave();
  if (std::adjacent_find(out.begin(), out.end(), std::greater_equal<>()) != out.end()) in.reject();
  return out;
}

std::uint32_t read_u32(CborReader& in, std::uint32_t max = UINT32_MAX) {
  return static_cast<std::uint32_t>(in.uint(max));
}

void write_ends(CborWriter& out, const std::vector<LastCommit>& ends) {
  out.array(ends.size());
  for (const auto& end : ends) {
    out.array(end.last_valid_commit ? 3 : 1).bytes(end.device);
    if (end.last_valid_commit) out.bytes(*end.last_valid_commit).uint(end.last_valid_sequence);
  }
}

LastCommit read_end(CborReader& in) {
  LastCommit out;
  const std::size_t items = in.array(3);
  out.device = in.fixed<DeviceId>();
  if (items != 1) {
    out.last_valid_commit = in.fixed<CommitId>();
    out.last_valid_sequence = in.uint();
    if (out.last_valid_sequence == 0) in.reject();
  }
  in.leave();
  return out;
}

std::vector<LastCommit> read_ends(CborReader& in) {
  std::vector<LastCommit> out(in.array(kMaxDevices));
  for (auto& end : out) end = read_end(in);
  in.leave();
  const auto out_of_order = [](const auto& a, const auto& b) { return a.device >= b.device; };
  if (std::adjacent_find(out.begin(), out.end(), out_of_order) != out.end()) in.reject();
  return out;
}

void write(CborWriter& out, const GenesisBody& body) {
  out.array(3).uint(static_cast<std::uint8_t>(body.kind));
  write_device_public(out, body.root);
  out.bytes(body.nonce);
}

void read(BodyDecoding& decoding, GenesisBody& body) {
  CborReader& in = decoding.in;
  in.array_of(3);
  const std::uint64_t kind = in.uint(UINT8_MAX);
  if (kind == 0) in.reject();
  if (kind > static_cast<std::uint8_t>(SpaceKind::share)) decoding.newer = true;
  body.kind = static_cast<SpaceKind>(kind);
  body.root = read_device_public(decoding);
  const auto nonce = in.bytes(body.nonce.size());
  if (nonce.size() == body.nonce.size())
    std::copy(nonce.begin(), nonce.end(), body.nonce.begin());
  else
    in.reject();
}

void write(CborWriter& out, const MemberBody& body) {
  out.array(body.ends.empty() ? 2 : 3);
  write_device_public(out, body.root);
  write_role(out, body.role);
  if (!body.ends.empty()) write_ends(out, body.ends);
}

void read(BodyDecoding& decoding, MemberBody& body) {
  CborReader& in = decoding.in;
  const std::size_t items = in.array(3);
  body.root = read_device_public(decoding);
  body.role = read_role(in);
  if (items != 3) return;
  body.ends = read_ends(in);
  if (body.ends.empty()) in.reject();
}

void write(CborWriter& out, const DeviceBody& body) {
  out.array(5).bytes(body.identity);
  write_device_public(out, body.device);
  write_role(out, body.role);
  out.uint(crypto::kSignatureSuite).bytes(body.certificate);
}

void read(BodyDecoding& decoding, DeviceBody& body) {
  decoding.in.array_of(5);
  body.identity = decoding.in.fixed<IdentityId>();
  body.device = read_device_public(decoding);
  body.role = read_role(decoding.in);
  body.certificate = read_key<crypto::Signature>(decoding, crypto::kSignatureSuite);
}

void write(CborWriter& out, const RemovalBody& body) {
  out.array(3);
  write_ends(out, body.devices);
  if (body.identity)
    out.bytes(*body.identity);
  else
    out.null();
  out.boolean(body.hostile);
}

void read(BodyDecoding& decoding, RemovalBody& body) {
  CborReader& in = decoding.in;
  in.array_of(3);
  body.devices = read_ends(in);
  if (!in.try_null()) body.identity = in.fixed<IdentityId>();
  body.hostile = in.boolean();
  if (body.devices.empty() && !body.identity) in.reject();
}

void write(CborWriter& out, const EpochBody& body) {
  out.array(6).uint(body.epoch.value).bytes(body.commitment).uint(body.content_generation);
  out.bytes(body.shared).bytes(body.handed_keys).array(body.boxes.size());
  for (const auto& box : body.boxes) out.array(3).bytes(box.recipient).uint(box.suite).bytes(box.bytes);
}

void read(BodyDecoding& decoding, EpochBody& body) {
  CborReader& in = decoding.in;
  in.array_of(6);
  body.epoch.value = read_u32(in);
  body.commitment = in.fixed<FixedBytes<32, EpochBody>>().data;
  body.content_generation = read_u32(in);
  body.shared = to_bytes(in.bytes(kMaxSharedBytes));
  body.handed_keys = to_bytes(in.bytes(kMaxHandedKeysBytes));
  body.boxes.resize(in.array(kMaxBoxes));
  for (auto& box : body.boxes) {
    in.array_of(3);
    box.recipient = in.fixed<DeviceId>();
    box.suite = static_cast<std::uint8_t>(in.uint(UINT8_MAX));
    box.bytes = to_bytes(in.bytes(crypto::kMaxSuiteBytes));
    in.leave();
    if (box.suite == 0 || box.bytes.empty()) in.reject();
  }
  in.leave();
  const auto out_of_order = [](const auto& a, const auto& b) { return a.recipient >= b.recipient; };
  if (std::adjacent_find(body.boxes.begin(), body.boxes.end(), out_of_order) != body.boxes.end()) in.reject();
  if (body.epoch.value == 0 || body.content_generation == 0 || body.shared.empty()) in.reject();
  if (body.handed_keys.empty() != (body.epoch.value == 1)) in.reject();
}

constexpr std::array kWindows = {&RetentionBody::within_days, &RetentionBody::hourly,  &RetentionBody::daily,
                                 &RetentionBody::weekly,      &RetentionBody::monthly, &RetentionBody::yearly};

void write(CborWriter& out, const RetentionBody& body) {
  out.array(1 + kWindows.size()).uint(body.lock_days);
  for (const auto window : kWindows) out.uint(body.*window);
}

void read(BodyDecoding& decoding, RetentionBody& body) {
  CborReader& in = decoding.in;
  in.array_of(1 + kWindows.size());
  body.lock_days = read_u32(in, kMaxLockDays);
  for (const auto window : kWindows) body.*window = read_u32(in, kMaxRetentionWindow);
  if (body.lock_days == 0) in.reject();
}

void write(CborWriter& out, const PinBody& body) { out.array(2).bytes(body.commit).boolean(body.pinned); }

void read(BodyDecoding& decoding, PinBody& body) {
  decoding.in.array_of(2);
  body.commit = decoding.in.fixed<CommitId>();
  body.pinned = decoding.in.boolean();
}

void write(CborWriter& out, const HomeBody& body) {
  out.array(5);
  write_key(out, crypto::kTransportSuite, body.peer.transport);
  write_key(out, crypto::kSignatureSuite, body.peer.sign);
  out.bytes(as_bytes(body.address));
}

void read(BodyDecoding& decoding, HomeBody& body) {
  decoding.in.array_of(5);
  body.peer.transport = read_key<crypto::TransportPublicKey>(decoding, crypto::kTransportSuite);
  body.peer.sign = read_key<crypto::SigningPublicKey>(decoding, crypto::kSignatureSuite);
  body.address = to_string(decoding.in.bytes(kMaxAddressBytes));
  if (!is_address(body.address)) decoding.in.reject();
}

void write(CborWriter& out, const RecoveryBody& body) {
  out.array(2).bytes(body.device);
  write_ids(out, body.heads);
}

void read(BodyDecoding& decoding, RecoveryBody& body) {
  decoding.in.array_of(2);
  body.device = decoding.in.fixed<DeviceId>();
  body.heads = read_ids<CommitId>(decoding.in);
}

void write(CborWriter& out, const HandoverBody& body) {
  out.array(1);
  write_device_public(out, body.new_root);
}

void read(BodyDecoding& decoding, HandoverBody& body) {
  decoding.in.array_of(1);
  body.new_root = read_device_public(decoding);
}

void write(CborWriter& out, const DeletionBody& body) {
  out.array(1);
  write_ids(out, body.commits);
}

void read(BodyDecoding& decoding, DeletionBody& body) {
  decoding.in.array_of(1);
  body.commits = read_ids<CommitId>(decoding.in);
  if (body.commits.empty()) decoding.in.reject();
}

void write(CborWriter& out, const CancelBody& body) { out.array(1).bytes(body.deletion); }

void read(BodyDecoding& decoding, CancelBody& body) {
  decoding.in.array_of(1);
  body.deletion = decoding.in.fixed<RecordId>();
}

constexpr std::uint64_t kSettingsVersion = 1;

void write(CborWriter& out, const SettingsBody& body) {
  out.array(2).uint(kSettingsVersion).encoded(encode_ignore_rules(body.ignore));
}

// A later version may say more: it is skipped, and the record reported as newer.
void read(BodyDecoding& decoding, SettingsBody& body) {
  constexpr std::size_t kMaxItems = 64;
  CborReader& in = decoding.in;
  const std::size_t items = in.array(kMaxItems);
  const std::uint64_t version = in.uint();
  if (version > kSettingsVersion) {
    decoding.newer = true;
    for (std::size_t i = 1; i < items && !in.failed(); ++i) in.encoded();
    return;
  }
  if (version != kSettingsVersion || items != 2) in.reject();
  auto rules = decode_ignore_rules(in.encoded());
  if (rules)
    body.ignore = std::move(*rules);
  else if (rules.error().code == ErrorCode::unsupported_version)
    decoding.newer = true;
  else
    in.reject();
}

template <std::size_t Index = 0>
std::optional<RecordBody> read_alternative(BodyDecoding& decoding, std::uint64_t type) {
  if constexpr (Index == std::variant_size_v<RecordBody>) {
    return std::nullopt;
  } else {
    if (type != Index + 1) return read_alternative<Index + 1>(decoding, type);
    std::variant_alternative_t<Index, RecordBody> body;
    read(decoding, body);
    decoding.in.leave();
    return body;
  }
}

}  // namespace

bool is_address(std::string_view address) {
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  return !address.empty() && address.size() <= kMaxAddressBytes && std::ranges::all_of(address, printable);
}

void write_device_public(CborWriter& out, const crypto::DevicePublic& keys) {
  out.array(6);
  write_key(out, crypto::kSignatureSuite, keys.sign);
  write_key(out, crypto::kBoxSuite, keys.box);
  write_key(out, crypto::kTransportSuite, keys.transport);
}

crypto::DevicePublic read_device_public(BodyDecoding& decoding) {
  crypto::DevicePublic out;
  decoding.in.array_of(6);
  out.sign = read_key<crypto::SigningPublicKey>(decoding, crypto::kSignatureSuite);
  out.box = read_key<crypto::BoxPublicKey>(decoding, crypto::kBoxSuite);
  out.transport = read_key<crypto::TransportPublicKey>(decoding, crypto::kTransportSuite);
  decoding.in.leave();
  return out;
}

void write_record_body(CborWriter& out, const RecordBody& body) {
  std::visit([&](const auto& alternative) { write(out, alternative); }, body);
}

std::optional<RecordBody> read_record_body(BodyDecoding& decoding, std::uint64_t type) {
  return read_alternative(decoding, type);
}

}  // namespace beffroi::storage
