#include "storage/space/log_changes.h"

namespace beffroi::storage {
namespace {

bool signs_with_authority(const SpaceLog& log, const DeviceState& device) {
  return log.kind() == SpaceKind::share && device.role == Role::manager;
}

}  // namespace

void LogChanges::apply(SpaceLog& log, const Record& record) {
  const DeviceState* device = log.device_by_signer(record.signer);
  const bool rotation = device != nullptr && !signs_with_authority(log, *device);
  log.rotations_in_a_row_ = rotation ? log.rotations_in_a_row_ + 1 : 0;
  std::visit([&](const auto& body) { change(log, body); }, record.body);
}

void LogChanges::use_keys(SpaceLog& log, const crypto::DevicePublic& keys) {
  log.used_keys_.insert({keys.sign.data, keys.box.data, keys.transport.data});
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
    const Role role = role_includes(body.role, device.certified) ? device.certified : body.role;
    if (role == device.role) continue;
    device.role = role;
    device.roles.emplace_back(log.records_.size(), role);
  }
}

void LogChanges::change(SpaceLog& log, const DeviceBody& body) {
  use_keys(log, body.device);
  log.devices_[body.device.id()] = {.keys = body.device,
                                    .identity = body.identity,
                                    .role = body.role,
                                    .last_valid_commit = {},
                                    .since = {log.epoch_.value + 1},
                                    .certified = body.role,
                                    .removed_at = {},
                                    .roles = {{log.records_.size(), body.role}}};
}

void LogChanges::change(SpaceLog& log, const RemovalBody& body) {
  for (const auto& removed : body.devices) {
    DeviceState& device = log.devices_.at(removed.device);
    device.removed = true;
    device.removed_at = log.records_.size();
    device.last_valid_commit = removed.last_valid_commit;
    device.last_valid_sequence = removed.last_valid_sequence;
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

}  // namespace beffroi::storage
