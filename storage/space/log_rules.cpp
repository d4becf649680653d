#include "storage/space/log_rules.h"

namespace beffroi::storage {
namespace {

// Who may sign beside the root, which may sign everything. Each includes those above it.
enum class Signer : std::uint8_t {
  root,     // nobody else
  manager,  // a manager's device
  rotator,  // a device that may write, for a pure rotation
  member,   // any device
};
// What may be said while a rotation is due.
enum class WhileDue : std::uint8_t { wait, by_root, by_signer };

struct Rule {
  Signer in_vault;
  Signer in_share;
  WhileDue while_due;
};

// In the order of RecordBody; the genesis has its own check.
constexpr std::array<Rule, std::variant_size_v<RecordBody>> kRules = {{
    {Signer::root, Signer::root, WhileDue::wait},             // genesis
    {Signer::root, Signer::manager, WhileDue::by_root},       // member
    {Signer::root, Signer::manager, WhileDue::by_root},       // device
    {Signer::root, Signer::member, WhileDue::by_signer},      // removal; of others than itself: a manager
    {Signer::rotator, Signer::rotator, WhileDue::by_signer},  // epoch
    {Signer::root, Signer::manager, WhileDue::wait},          // retention
    {Signer::root, Signer::manager, WhileDue::wait},          // pin
    {Signer::root, Signer::manager, WhileDue::by_root},       // home
    {Signer::root, Signer::root, WhileDue::by_root},          // recovery
    {Signer::root, Signer::root, WhileDue::wait},             // handover
    {Signer::root, Signer::manager, WhileDue::wait},          // deletion
    {Signer::member, Signer::member, WhileDue::wait},         // cancel
    {Signer::root, Signer::manager, WhileDue::wait},          // settings
}};

// What the signer of a record is to this log.
struct Author {
  bool is_root = false;
  const DeviceState* device = nullptr;

  bool manages(const SpaceLog& log) const {
    return is_root || (log.kind() == SpaceKind::share && device->role == Role::manager);
  }
};

template <class... Args>
Result<void> refuse(const char* text, Args&&... args) {
  return fail(ErrorCode::refused, text, std::forward<Args>(args)...);
}

bool may_sign(Signer needed, const DeviceState& device) {
  switch (needed) {
    case Signer::root:
      return false;
    case Signer::manager:
      return device.role == Role::manager;
    case Signer::rotator:
      return role_writes(device.role);
    case Signer::member:
      return true;
  }
  return false;
}

Result<Author> authority(const SpaceLog& log, const Record& record) {
  const Rule& rule = kRules[record.body.index()];
  const Author author{record.signer == log.root().sign, log.device_by_signer(record.signer)};
  const Signer needed = log.kind() == SpaceKind::vault ? rule.in_vault : rule.in_share;
  if (!author.is_root && (author.device == nullptr || !may_sign(needed, *author.device)))
    return fail(ErrorCode::refused, N_("The key {} has no right to sign this record of the space's log."),
                record.signer.hex());
  const bool allowed_now = !log.rotation_due() || rule.while_due == WhileDue::by_signer ||
                           (rule.while_due == WhileDue::by_root && author.is_root);
  if (!allowed_now)
    return fail(ErrorCode::refused, N_("The space's keys must be renewed before anything else is changed."));
  return author;
}

Result<void> check_fresh(const SpaceLog& log, const crypto::DevicePublic& keys) {
  const std::set<std::array<std::uint8_t, 32>> own{keys.sign.data, keys.box.data, keys.transport.data};
  const bool used = std::any_of(own.begin(), own.end(), [&](const auto& key) { return log.key_used(key); });
  if (used || own.size() != 3)
    return refuse(N_("A key of device {} is in use already, or was before: new devices need new keys."),
                  keys.id().hex());
  return {};
}

// Does a device of a manager stay when `goes` go? (Else nobody but the root could change anything any more.)
template <class Goes>
Result<void> check_manager_stays(const SpaceLog& log, const Author& author, Goes goes) {
  if (author.is_root) return {};
  for (const auto& [id, device] : log.devices())
    if (!device.removed && device.role == Role::manager && !goes(id, device)) return {};
  return refuse(N_("The last manager of a space can be removed by its root only."));
}

Result<void> check(const SpaceLog&, const Author&, const GenesisBody&) {
  return refuse(N_("A space's log has one genesis record, the first."));
}

Result<void> check_role_change(const SpaceLog& log, const Author& author, const MemberBody& body) {
  std::set<DeviceId> ends;
  for (const auto& end : body.ends) ends.insert(end.device);
  std::size_t losing = 0;
  for (const auto& [id, device] : log.devices()) {
    if (device.removed || device.identity != body.root.sign || role_includes(body.role, device.certified)) continue;
    // Neither of the two includes the other: the device would gain a right that its certificate does not give.
    if (!role_includes(device.certified, body.role))
      return refuse(N_("Device {} is a {}: remove it before its owner becomes a {}."), id.hex(),
                    role_name(device.certified), role_name(body.role));
    if (!role_writes(device.role) || role_writes(body.role)) continue;
    // Without the last commit that counts the device could go on signing with an older log head.
    ++losing;
    if (!ends.contains(id))
      return refuse(N_("Device {} may write: remove it before its owner becomes a {}."), id.hex(),
                    role_name(body.role));
  }
  if (ends.size() != losing) return refuse(N_("A change of role ends the snapshots of a device that may go on."));
  if (body.role == Role::manager) return {};
  return check_manager_stays(
      log, author, [&](const DeviceId&, const DeviceState& device) { return device.identity == body.root.sign; });
}

Result<void> check(const SpaceLog& log, const Author& author, const MemberBody& body) {
  const auto found = log.members().find(body.root.sign);
  if (found == log.members().end()) {
    if (!body.ends.empty()) return refuse(N_("A change of role ends the snapshots of a device that may go on."));
    const auto active = std::count_if(log.members().begin(), log.members().end(),
                                      [](const auto& member) { return !member.second.removed; });
    if (static_cast<std::size_t>(active) >= kMaxMembers)
      return refuse(N_("A space has at most {} members."), std::to_string(kMaxMembers));
    return check_fresh(log, body.root);
  }
  if (found->second.root != body.root) return refuse(N_("A member came with other keys than it has in the log."));
  if (body.root == log.root()) return refuse(N_("The role of a space's root can't be changed."));
  return check_role_change(log, author, body);
}

Result<void> check(const SpaceLog& log, const Author&, const DeviceBody& body) {
  const auto member = log.members().find(body.identity);
  if (member == log.members().end() || member->second.removed)
    return refuse(N_("The owner of device {} is not a member of this space."), body.device.id().hex());
  // In a share a device's record may allow more than its owner's role: so a change of that role reaches it.
  const bool capped = log.kind() == SpaceKind::share && role_includes(body.role, member->second.role);
  if (!capped && !role_includes(member->second.role, body.role))
    return refuse(N_("A device of a {} can't be a {}."), role_name(member->second.role), role_name(body.role));
  if (!crypto::verify(crypto::labels::sign_device, body.identity, body.device.id(), body.certificate))
    return refuse(N_("Device {} is not certified by its owner's kit."), body.device.id().hex());
  if (log.entitled().size() > kMaxDevices)
    return refuse(N_("A space has at most {} devices."), std::to_string(kMaxDevices));
  return check_fresh(log, body.device);
}

Result<void> check_removed_identity(const SpaceLog& log, const IdentityId& identity, const std::set<DeviceId>& going) {
  const auto member = log.members().find(identity);
  if (member == log.members().end() || member->second.removed)
    return refuse(N_("Who is to be removed is not a member of this space."));
  if (identity == log.root().sign) return refuse(N_("A space's root can't be removed, only hand over."));
  for (const auto& [id, device] : log.devices())
    if (!device.removed && device.identity == identity && !going.contains(id))
      return refuse(N_("A member is removed with all of its devices, but {} would stay."), id.hex());
  return {};
}

// Who manages nothing takes itself out, and nothing else. (Why not its owner's other devices as well: one that was
// captured could shut them all out; and a hostile removal would make everybody wait for a manager.)
Result<void> check_leaves(const Author& author, const RemovalBody& body) {
  const bool itself = body.devices.size() == 1 && body.devices.front().device == author.device->keys.id();
  const bool own = !body.identity || *body.identity == author.device->identity;
  if (itself && own && !body.hostile) return {};
  return refuse(N_("Only a manager removes others from a space."));
}

Result<void> check(const SpaceLog& log, const Author& author, const RemovalBody& body) {
  if (!author.manages(log)) BEFFROI_CHECK(check_leaves(author, body));
  std::set<DeviceId> going;
  for (const auto& removed : body.devices) {
    const DeviceState* device = log.device(removed.device);
    if (device == nullptr || device->removed)
      return refuse(N_("Device {} is not in this space, or was removed before."), removed.device.hex());
    going.insert(removed.device);
  }
  if (body.identity) BEFFROI_CHECK(check_removed_identity(log, *body.identity, going));
  if (going.empty()) return {};
  return check_manager_stays(log, author, [&](const DeviceId& id, const DeviceState&) { return going.contains(id); });
}

Result<void> check_generation(const SpaceLog& log, const Author& author, const EpochBody& body) {
  const std::uint32_t now = log.content_generation();
  const bool renewed = now < UINT32_MAX && body.content_generation == now + 1;
  if (log.epoch().value == 0) {
    if (!author.manages(log)) return refuse(N_("The first epoch of a space is opened by its root or a manager."));
    if (body.content_generation != now) return refuse(N_("The first epoch brings the first content keys."));
    return {};
  }
  if (log.new_content_keys_due() && !renewed) return refuse(N_("The next epoch must bring new content keys."));
  if (!renewed && body.content_generation != now) return refuse(N_("An epoch skips a generation of content keys."));
  if (renewed && !author.manages(log))
    return refuse(N_("A device may renew the keys of a space, but not its content keys."));
  return {};
}

/// What a device signs may be no longer than an honest epoch record is. (Why: the sealed parts can't be judged from
/// outside, and a captured station must not be able to make a log too long for the root's removal of it.)
Result<void> check_honest_size(const SpaceLog& log, const EpochBody& body) {
  constexpr std::size_t kHonestBoxBytes = 512;
  constexpr std::size_t kFixedBytes = 1024;
  // In a share with the display names of device and owner.
  const std::size_t per_recipient = log.kind() == SpaceKind::share ? 336 : 128;
  constexpr std::size_t kBytesPerEpoch = 256;
  const bool long_box = std::ranges::any_of(
      body.boxes, [](const auto& box) { return box.suite == crypto::kBoxSuite && box.bytes.size() > kHonestBoxBytes; });
  const bool honest = !long_box && body.shared.size() <= kFixedBytes + per_recipient * log.entitled().size() &&
                      body.handed_keys.size() <= kFixedBytes + kBytesPerEpoch * std::size_t{log.epoch().value};
  if (honest) return {};
  return refuse(N_("Epoch {} is longer than it can honestly be."), std::to_string(body.epoch.value));
}

Result<void> check(const SpaceLog& log, const Author& author, const EpochBody& body) {
  if (log.epoch().value == UINT32_MAX || body.epoch.value != log.epoch().value + 1)
    return refuse(N_("Epoch {} can't follow epoch {}."), std::to_string(body.epoch.value),
                  std::to_string(log.epoch().value));
  BEFFROI_CHECK(check_generation(log, author, body));
  if (!author.manages(log) && log.rotations_in_a_row() >= kMaxRotationsInARow)
    return refuse(N_("Devices have renewed the keys of this space {} times: now its root has to do it."),
                  std::to_string(kMaxRotationsInARow));
  if (!author.manages(log)) BEFFROI_CHECK(check_honest_size(log, body));
  const auto same = [](const EpochBody::Box& box, const DeviceId& id) { return box.recipient == id; };
  if (!std::ranges::equal(body.boxes, log.entitled(), same))
    return refuse(N_("The keys of epoch {} are not sealed for exactly the members and the root."),
                  std::to_string(body.epoch.value));
  return {};
}

Result<void> check(const SpaceLog& log, const Author&, const RecoveryBody& body) {
  const DeviceState* device = log.device(body.device);
  if (device == nullptr || device->removed)
    return refuse(N_("Device {}, which is to go on after a loss, is not in this space."), body.device.hex());
  return {};
}

Result<void> check(const SpaceLog& log, const Author&, const HandoverBody& body) {
  return check_fresh(log, body.new_root);
}

Result<void> check(const SpaceLog& log, const Author&, const CancelBody& body) {
  const auto position = log.position(body.deletion);
  const bool is_deletion = position && std::holds_alternative<DeletionBody>(log.records()[*position].body);
  if (!is_deletion || log.cancelled(body.deletion))
    return refuse(N_("What is to be taken back is not a deletion of this space, or was taken back before."));
  return {};
}

Result<void> check(const SpaceLog& log, const Author&, const SettingsBody&) {
  if (log.kind() == SpaceKind::share) return {};
  return refuse(N_("Only a shared folder has settings: a vault has none."));
}

// The decoder checked all there is to check.
Result<void> check(const SpaceLog&, const Author&, const RetentionBody&) { return {}; }
Result<void> check(const SpaceLog&, const Author&, const PinBody&) { return {}; }
Result<void> check(const SpaceLog&, const Author&, const HomeBody&) { return {}; }
Result<void> check(const SpaceLog&, const Author&, const DeletionBody&) { return {}; }

}  // namespace

Result<void> check_genesis(const Record& record) {
  const auto* genesis = std::get_if<GenesisBody>(&record.body);
  const auto refuse_genesis = [] {
    return fail(ErrorCode::corrupt, N_("A space's log does not begin with a genesis record that its root signed."));
  };
  if (genesis == nullptr || record.signer != genesis->root.sign) return refuse_genesis();
  const crypto::DevicePublic& root = genesis->root;
  if (std::set{root.sign.data, root.box.data, root.transport.data}.size() != 3) return refuse_genesis();
  return {};
}

Result<void> check_rules(const SpaceLog& log, const Record& record) {
  BEFFROI_TRY(const Author author, authority(log, record));
  return std::visit([&](const auto& body) { return check(log, author, body); }, record.body);
}

}  // namespace beffroi::storage
