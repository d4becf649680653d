// Spaces for tests: a root, devices and a log that grows record by record, all from a seed.
#pragma once

#include "crypto/assert.h"
#include "storage/space/ceremony.h"

namespace beffroi::storage::testing {

inline constexpr UnixTime kTestClock{1'700'000'000};

/// A space whose founder keeps everybody's secrets, which no real one does.
class SpaceBuilder {
 public:
  explicit SpaceBuilder(SpaceKind kind = SpaceKind::vault, std::uint64_t seed = 1)
      : random(seed), root(crypto::DeviceKeys::generate(random)), log(open_log(kind)) {
    learn(root);
  }

  /// The record that `signer` would add next.
  Bytes record(const RecordBody& body, const crypto::DeviceKeys& signer) const {
    return make_record(&log.head(), log.space(), body, kTestClock, signer.sign);
  }
  Result<void> add(const RecordBody& body, const crypto::DeviceKeys& signer) {
    return log.append(record(body, signer));
  }
  /// Adds a record that must be allowed.
  void must(const RecordBody& body, const crypto::DeviceKeys& signer) {
    const auto added = add(body, signer);
    if (!added) throw std::runtime_error(added.error().message());
  }
  void must(const RecordBody& body) { must(body, root); }

  crypto::DeviceKeys new_keys() { return crypto::DeviceKeys::generate(random); }
  static DeviceBody certified(const crypto::DeviceKeys& device, const crypto::DeviceKeys& owner, Role role) {
    const crypto::DevicePublic keys = device.public_part();
    return {.identity = owner.sign.public_key,
            .device = keys,
            .role = role,
            .certificate = crypto::sign(crypto::labels::sign_device, owner.sign, keys.id())};
  }
  /// Admits a new device of the root's identity, which has no keys until the next epoch.
  crypto::DeviceKeys admit(Role role) { return admit(role, root); }
  crypto::DeviceKeys admit(Role role, const crypto::DeviceKeys& owner) {
    crypto::DeviceKeys device = new_keys();
    must(certified(device, owner, role));
    learn(device);
    return device;
  }
  void learn(const crypto::DeviceKeys& device) {
    preshared.insert_or_assign(device.public_part().id(), device.preshared.clone());
  }

  /// The next epoch for everybody entitled, as `author` would make it.
  EpochBody epoch(const crypto::DeviceKeys& author, bool new_content_keys = false) {
    EpochPlan plan{.epoch = {log.epoch().value + 1}, .space_name = "Essai", .recipients = {}};
    std::optional<SpaceAccess> access;
    if (log.epoch().value > 0) {
      auto opened = open_access(log, author);
      BEFFROI_ASSERT(opened.has_value());
      access = std::move(*opened);
      plan.handed = &access->unhanded;
      plan.content_generation = log.content_generation() + 1;
      if (!new_content_keys) plan.content = &access->current.content;
    }
    return for_everybody(std::move(plan));
  }
  /// The same with the keys of the newest epoch alone, which has handed on all the others: quick when there are many.
  EpochBody epoch_after(const EpochBody& newest, const crypto::DeviceKeys& author) {
    auto opened = open_grant(log.space(), newest, author);
    BEFFROI_ASSERT(opened.has_value());
    HandedTable handed;
    handed.emplace(newest.epoch, HandedKeys{opened->secret.clone(), opened->reader_key->clone()});
    return for_everybody({.epoch = {newest.epoch.value + 1},
                          .content = &opened->content,
                          .handed = &handed,
                          .space_name = "Essai",
                          .recipients = {}});
  }
  void open_epoch(const crypto::DeviceKeys& author, bool new_content_keys = false) {
    must(epoch(author, new_content_keys), author);
  }
  void open_epoch() { open_epoch(root); }
  static RemovalBody removal(std::vector<crypto::DevicePublic> devices, bool hostile = false) {
    RemovalBody out;
    out.hostile = hostile;
    for (const auto& device : devices) out.devices.push_back({.device = device.id(), .last_valid_commit = {}});
    std::ranges::sort(out.devices, {}, &RemovalBody::Device::device);
    return out;
  }

  crypto::SeededRandom random;
  crypto::DeviceKeys root;
  SpaceLog log;
  PresharedTable preshared;

 private:
  EpochBody for_everybody(EpochPlan plan) {
    auto recipients = epoch_recipients(log, preshared);
    BEFFROI_ASSERT(recipients.has_value());
    plan.recipients = std::move(*recipients);
    auto body = make_epoch(log.space(), plan, random);
    BEFFROI_ASSERT(body.has_value());
    return std::move(*body);
  }
  SpaceLog open_log(SpaceKind kind) {
    GenesisBody genesis{.kind = kind, .root = root.public_part()};
    random.fill(genesis.nonce);
    auto opened = SpaceLog::from_genesis(make_record(nullptr, {}, genesis, kTestClock, root.sign));
    BEFFROI_ASSERT(opened.has_value());
    return std::move(*opened);
  }
};

/// The state of a log as one value, to see that nothing changed.
inline std::string state_of(const SpaceLog& log) {
  std::string out = log.head().id.hex() + " " + std::to_string(log.records().size()) + " " +
                    std::to_string(log.epoch().value) + " " + std::to_string(log.content_generation()) + " " +
                    std::to_string(log.rotation_due()) + std::to_string(log.new_content_keys_due()) + " " +
                    std::to_string(log.rotations_in_a_row()) + " " + log.root().id().hex();
  for (const auto& [id, device] : log.devices())
    out += "\n" + id.hex() + " " + role_name(device.role) + " " + std::to_string(device.removed);
  for (const auto& [id, member] : log.members())
    out += "\n" + id.hex() + " " + role_name(member.role) + " " + std::to_string(member.removed);
  for (const auto& [position, rule] : log.retentions())
    out += "\n" + std::to_string(position) + " " + std::to_string(rule.lock_days);
  return out + "\n" + (log.home() ? log.home()->address : "");
}

/// A commit of `device` on top of the log as it is.
inline CommitClear commit_on(const SpaceLog& log, const crypto::DeviceKeys& device, std::uint64_t sequence = 1) {
  CommitClear out;
  out.space = log.space();
  out.device = device.public_part().id();
  out.sequence = sequence;
  if (sequence > 1) out.parents.push_back(CommitId{{1}});
  out.epoch = log.epoch();
  out.log_head = log.head().id;
  out.clock = kTestClock;
  return out;
}
/// Seals it with keys that fit its epoch but belong to nobody: the log does not look inside.
inline Bytes encoded_commit(const CommitClear& clear, const crypto::DeviceKeys& device) {
  const EpochKeys keys(clear.epoch, crypto::SecretBytes(32));
  return make_commit(clear, {}, keys, device.sign);
}
inline Commit signed_commit(const CommitClear& clear, const crypto::DeviceKeys& device) {
  auto out = decode_commit(encoded_commit(clear, device));
  BEFFROI_ASSERT(out.has_value());
  return std::move(*out);
}

}  // namespace beffroi::storage::testing
