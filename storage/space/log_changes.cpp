#include "storage/space/log_changes.h"

namespace beffroi::storage {
namespace {

bool signs_with_authority(const SpaceLog& log, const DeviceState& device) {
  return log.kind() == SpaceKind::share && device.role == Role::manager;
}

// Whoever leaves makes one rotation necessary, and leaves once: it is given back, so that departures block nobody.
std::uint32_t rotations_after(const SpaceLog& log, const DeviceState* signer, const Record& record) {
  const std::uint32_t before = log.rotations_in_a_row();
  if (signer == nullptr || signs_with_authority(log, *signer)) return 0;
  if (!std::holds_alternative<RemovalBody>(record.body)) return before + 1;
  return before == 0 ? 0 : before - 1;
}

}  // namespace

void LogChanges::apply(SpaceLog& log, const Record& record) {
  const DeviceState* device = log.device_by_signer(record.signer);
  log.rotations_in_a_row_ = rotations_after(log, device, record);
  std::visit([&](const auto& body) { change(log, body); }, record.body);
}

void LogChanges::use_keys(SpaceLog& log, const crypto::DevicePublic& keys) {
  log.used_keys_.insert({keys.sign.data, keys.box.data, keys.transport.data});
}

void LogChanges::cut(SpaceLog& log, const LastCommit& end) {
  log.devices_.at(end.device).cuts.push_back({log.records_.size(), end.last_valid_commit, end.last_valid_sequence});
}

void LogChanges::enthrone(SpaceLog& log, const crypto::DevicePublic& root) {
  use_keys(log, root);
  log.root_ = root;
  log.members_[root.sign] = {.root = root, .role = Role::manager};
}

void LogChanges::change(SpaceLog& log, const GenesisBody& body) {
  log.kind_ = body.kind;
  enthrone(log, body.root);
}

void LogChanges::change(SpaceLog& log, const MemberBody& body) {
  use_keys(log, body.root);
  log.members_[body.root.sign] = {.root = body.root, .role = body.role};
  for (auto& [id, device] : log.devices_) {
    if (device.identity != body.root.sign || device.removed) continue;
    const Role role = effective_role(body.role, device.certified);
    if (role == device.role) continue;
    device.role = role;
    device.roles.emplace_back(log.records_.size(), role);
  }
  for (const auto& end : body.ends) cut(log, end);
}

void LogChanges::change(SpaceLog& log, const DeviceBody& body) {
  use_keys(log, body.device);
  const Role role = effective_role(log.members_.at(body.identity).role, body.role);
  log.devices_[body.device.id()] = {.keys = body.device,
                                    .identity = body.identity,
                                    .role = role,
                                    .last_valid_commit = {},
                                    .since = {log.epoch_.value + 1},
                                    .certified = body.role,
                                    .removed_at = {},
                                    .roles = {{log.records_.size(), role}}};
}

void LogChanges::change(SpaceLog& log, const RemovalBody& body) {
  for (const auto& removed : body.devices) {
    DeviceState& device = log.devices_.at(removed.device);
    device.removed = true;
    device.removed_at = log.records_.size();
    device.last_valid_commit = removed.last_valid_commit;
    device.last_valid_sequence = removed.last_valid_sequence;
    cut(log, removed);
  }
  if (body.identity) log.members_.at(*body.identity).removed = true;
  log.rotation_due_ = log.rotation_due_ || !body.devices.empty() || body.hostile;
  log.hostile_pending_ = log.hostile_pending_ || body.hostile;
}

void LogChanges::change(SpaceLog& log, const EpochBody& body) {
  log.epoch_ = body.epoch;
  log.content_generation_ = body.content_generation;
  log.rotation_due_ = false;
  log.hostile_pending_ = false;
}

void LogChanges::change(SpaceLog& log, const RetentionBody& body) {
  log.retentions_.emplace_back(log.records_.size(), body);
}

void LogChanges::change(SpaceLog& log, const PinBody& body) {
  if (body.pinned)
    log.pinned_.insert(body.commit);
  else
    log.pinned_.erase(body.commit);
}

void LogChanges::change(SpaceLog& log, const HomeBody& body) { log.home_ = body; }

void LogChanges::change(SpaceLog& log, const HandoverBody& body) {
  enthrone(log, body.new_root);
  log.rotation_due_ = true;
  log.hostile_pending_ = true;
}

void LogChanges::change(SpaceLog& log, const CancelBody& body) { log.cancelled_.insert(body.deletion); }

void LogChanges::change(SpaceLog& log, const SettingsBody& body) { log.ignore_rules_ = body.ignore; }

}  // namespace beffroi::storage
