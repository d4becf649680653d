#include "daemon/share/membership.h"

#include <algorithm>

namespace beffroi::daemon {
namespace {

using storage::BranchEnds;
using storage::Role;
using storage::SpaceLog;
using storage::SpaceNames;

constexpr std::size_t kMinPrefixDigits = 4;
constexpr std::size_t kShownIdDigits = 8;

template <class Id>
std::string name_or_digits(const std::map<Id, std::string>& names, const Id& id) {
  const auto found = names.find(id);
  return found == names.end() ? id.hex().substr(0, kShownIdDigits) : found->second;
}

bool fits(const std::string& asked, const std::string& name, const std::string& hex) {
  return asked == name || (asked.size() >= kMinPrefixDigits && hex.starts_with(asked));
}

/// The one that is called so; names win over beginnings of ids.
template <class Item, class Hex>
Result<Item> find_one(const std::vector<Item>& items, const std::string& asked, Hex hex, const char* none,
                      const char* several) {
  std::vector<const Item*> named, numbered;
  for (const Item& item : items) {
    if (item.name == asked) named.push_back(&item);
    if (fits(asked, item.name, hex(item))) numbered.push_back(&item);
  }
  const auto& fitting = named.empty() ? numbered : named;
  if (fitting.empty()) return fail(ErrorCode::not_found, none, asked);
  if (fitting.size() > 1) return fail(ErrorCode::usage, several, asked);
  return *fitting.front();
}

/// Last commits as they are verified here.
Result<BranchEnds> branch_ends(Vault& vault) {
  BranchEnds out;
  BEFFROI_TRY(const auto heads, vault.store().heads());
  for (const storage::BranchHead& head : heads)
    out.emplace(head.device, storage::BranchEnd{head.commit, head.sequence});
  return out;
}

/// What the peer has of this device's branch: what it has not, nobody ever sees.
Result<std::optional<storage::BranchEnd>> last_confirmed(const Vault& vault) {
  std::optional<storage::BranchEnd> out;
  BEFFROI_TRY(const auto snapshots, vault.snapshots());
  for (const Snapshot& snapshot : snapshots) {
    const auto& clear = snapshot.commit.clear;
    if (clear.device != vault.device_id() || !snapshot.receipt_counter) continue;
    if (!out || out->sequence < clear.sequence) out = storage::BranchEnd{snapshot.commit.id, clear.sequence};
  }
  return out;
}

std::map<storage::DeviceId, storage::UnixTime> last_commits(const std::vector<Snapshot>& snapshots) {
  std::map<storage::DeviceId, storage::UnixTime> out;
  for (const Snapshot& snapshot : snapshots) {
    auto& last = out[snapshot.commit.clear.device];
    last = std::max(last, snapshot.receipt_time.value_or(snapshot.commit.clear.clock));
  }
  return out;
}

/// What a wish to name somebody comes to.
Result<SpaceNames> wanted_names(const Share& share, const NameWish& wish) {
  BEFFROI_TRY(const auto members, members_of(share));
  const auto own = std::ranges::find_if(members, &Member::me);
  const bool means_me = wish.member.empty() && own != members.end();
  BEFFROI_TRY(const Member member, means_me ? Result<Member>(*own) : find_member(share, wish.member));
  if (wish.device.empty()) return SpaceNames{.members = {{member.identity, wish.name}}, .devices = {}};
  BEFFROI_TRY(const MemberDevice device, find_device(member, wish.device));
  return SpaceNames{.members = {}, .devices = {{device.id, wish.name}}};
}

Ceremony one_record(std::function<Result<Bytes>(const SpaceLog&)> make) {
  return [make = std::move(make)](const SpaceLog& log) -> Result<std::vector<Bytes>> {
    BEFFROI_TRY(Bytes record, make(log));
    return std::vector<Bytes>(1, std::move(record));
  };
}

asio::awaitable<void> forget(StationContext& station, const SharePointer& share) {
  if (station.shares.control() != nullptr) co_await station.shares.control()->end(share->space);
  const auto removed = co_await station.work.run([&] { return station.shares.remove(share); });
  const std::string alarm = kShareAlarm + share->space.hex();
  removed ? station.clear_alarm(alarm) : station.raise_alarm(alarm, removed.error());
}

}  // namespace

Result<SpaceNames> names_of(const Share& share) {
  BEFFROI_TRY(auto access, storage::open_access(share.vault->log(), share.vault->device_keys()));
  return std::move(access.current.names);
}

std::optional<Role> own_role(const Share& share) {
  if (!share.joined()) return std::nullopt;
  const SpaceLog log = share.vault->log();
  const storage::DeviceState* own = log.device(share.vault->device_id());
  if (own == nullptr || own->removed) return std::nullopt;
  return own->role;
}

Result<void> require_joined(const Share& share) {
  if (share.joined()) return {};
  return fail(ErrorCode::wrong_state, N_("This computer was not let into the space yet: a manager has to confirm it. "
                                         "'beffroi space list' shows what it waits for."));
}

Result<ShareControl*> control_of(StationContext& station, const Share& share) {
  BEFFROI_CHECK(require_joined(share));
  if (station.shares.control() != nullptr) return station.shares.control();
  return fail(ErrorCode::wrong_state, N_("This service keeps no folders in step."));
}

Result<void> require_manager(const Share& share) {
  if (own_role(share) == Role::manager) return {};
  return fail(ErrorCode::refused,
              N_("Only a manager of the space {} may do this. Ask one of them: 'beffroi space "
                 "members' shows who they are."),
              share.shown());
}

Result<std::vector<Member>> members_of(const Share& share) {
  const SpaceLog log = share.vault->log();
  const storage::DeviceId me = share.vault->device_id();
  BEFFROI_TRY(const SpaceNames names, names_of(share));
  BEFFROI_TRY(const auto snapshots, share.vault->snapshots());
  const auto commits = last_commits(snapshots);
  std::map<storage::IdentityId, Member> out;
  for (const auto& [id, state] : log.members()) {
    if (state.removed) continue;
    out.emplace(id,
                Member{.identity = id, .name = name_or_digits(names.members, id), .role = state.role, .devices = {}});
  }
  for (const auto& [id, state] : log.devices()) {
    const auto owner = out.find(state.identity);
    if (state.removed || owner == out.end()) continue;
    const auto commit = commits.find(id);
    owner->second.me = owner->second.me || id == me;
    owner->second.devices.push_back(
        {.id = id,
         .name = name_or_digits(names.devices, id),
         .role = state.role,
         .me = id == me,
         .has_keys = state.since <= log.epoch(),
         .last_commit = commit == commits.end() ? std::nullopt : std::optional(commit->second)});
  }
  std::vector<Member> list;
  for (auto& [id, member] : out) list.push_back(std::move(member));
  std::ranges::sort(list, {}, [](const Member& member) { return std::tie(member.name, member.identity); });
  return list;
}

Result<Member> find_member(const Share& share, const std::string& name) {
  BEFFROI_TRY(const auto members, members_of(share));
  return find_one(
      members, name, [](const Member& member) { return member.identity.hex(); },
      N_("{} is no member of this space. 'beffroi space members' shows who is."),
      N_("Several members are called {}. Give the first digits of the right one's id."));
}

Result<MemberDevice> find_device(const Member& member, const std::string& name) {
  return find_one(
      member.devices, name, [](const MemberDevice& device) { return device.id.hex(); },
      N_("This member has no computer {}. 'beffroi space members' shows them."),
      N_("Several computers are called {}. Give the first digits of the right one's id."));
}

// A depositor could not keep a folder in step: it can't read the tree that its own changes would go into.
Result<Role> parse_role(const std::string& name) {
  for (const Role role : {Role::manager, Role::writer, Role::reader})
    if (name == storage::role_name(role)) return role;
  return fail(ErrorCode::usage, N_("There is no role \"{}\": choose manager, writer or reader."), name);
}

asio::awaitable<Result<Member>> change_member_role(StationContext& station, SharePointer share, std::string member,
                                                   Role role) {
  BEFFROI_CO_CHECK(require_manager(*share));
  BEFFROI_CO_TRY(Member whom, co_await station.work.run([&] { return find_member(*share, member); }));
  Vault& vault = *share->vault;
  const auto identity = whom.identity;
  BEFFROI_CO_CHECK(
      co_await change_share(station, *share, storage::WantsRole{identity, role},
                            [&vault, &station, identity, role](const SpaceLog& log) -> Result<std::vector<Bytes>> {
                              BEFFROI_TRY(const BranchEnds ends, branch_ends(vault));
                              return storage::change_role(log, vault.device_keys(), identity, role, ends,
                                                          station.clock.now(), station.random);
                            }));
  whom.role = role;
  co_return whom;
}

asio::awaitable<Result<Member>> remove_from_share(StationContext& station, SharePointer share, RemovalWish wish) {
  BEFFROI_CO_CHECK(require_manager(*share));
  BEFFROI_CO_TRY(Member whom, co_await station.work.run([&] { return find_member(*share, wish.member); }));
  storage::WantedChange wanted = storage::WantsMemberRemoved{whom.identity};
  if (!wish.device.empty()) {
    BEFFROI_CO_TRY(MemberDevice device, find_device(whom, wish.device));
    wanted = storage::WantsDeviceRemoved{device.id};
    whom.devices = {std::move(device)};
  }
  Vault& vault = *share->vault;
  const bool hostile = wish.hostile;
  BEFFROI_CO_CHECK(co_await change_share(
      station, *share, wanted, [&vault, &station, wanted, hostile](const SpaceLog& log) -> Result<std::vector<Bytes>> {
        storage::Departure departure{.ends = {}, .hostile = hostile};
        BEFFROI_TRY(departure.ends, branch_ends(vault));
        const storage::UnixTime now = station.clock.now();
        if (const auto* device = std::get_if<storage::WantsDeviceRemoved>(&wanted))
          return storage::remove_device(log, vault.device_keys(), device->device, departure, now, station.random);
        const auto& identity = std::get<storage::WantsMemberRemoved>(wanted).identity;
        return storage::remove_member(log, vault.device_keys(), identity, departure, now, station.random);
      }));
  co_return whom;
}

asio::awaitable<Result<void>> rename_in_share(StationContext& station, SharePointer share, NameWish wish) {
  BEFFROI_CO_TRY(const SpaceNames names, co_await station.work.run([&] { return wanted_names(*share, wish); }));
  Vault& vault = *share->vault;
  co_return co_await change_share(
      station, *share, storage::WantsRotation{}, one_record([&vault, &station, names](const SpaceLog& log) {
        return storage::set_names(log, vault.device_keys(), names, station.clock.now(), station.random);
      }));
}

asio::awaitable<Result<void>> leave_share(StationContext& station, SharePointer share, bool only_here) {
  Vault& vault = *share->vault;
  if (share->joined() && !only_here) {
    ShareControl* control = station.shares.control();
    // What can't be passed on stays in the folder.
    if (control != nullptr) co_await control->sync_now(share->space);
    BEFFROI_CO_CHECK(co_await change_share(
        station, *share, storage::WantsToLeave{}, one_record([&vault, &station](const SpaceLog& log) -> Result<Bytes> {
          BEFFROI_TRY(const auto last, last_confirmed(vault));
          return storage::leave_space(log, vault.device_keys(), last, station.clock.now());
        })));
  }
  co_await forget(station, share);
  co_return Result<void>();
}

asio::awaitable<Result<bool>> renew_keys_if_due(StationContext& station, SharePointer share) {
  Vault& vault = *share->vault;
  const auto role = own_role(*share);
  if (!role || !storage::role_writes(*role) || !vault.log().rotation_due()) co_return false;
  bool renewed = false;
  BEFFROI_CO_CHECK(co_await change_share(
      station, *share, storage::WantsRotation{},
      [&vault, &station, &renewed](const SpaceLog& log) -> Result<std::vector<Bytes>> {
        if (!log.rotation_due()) return std::vector<Bytes>();
        BEFFROI_TRY(Bytes record, storage::rotate_epoch(log, vault.device_keys(), station.clock.now(), station.random));
        renewed = true;
        return std::vector<Bytes>(1, std::move(record));
      }));
  co_return renewed;
}

asio::awaitable<void> let_go(StationContext& station, SharePointer& share) {
  co_await station.work.run([&share] {
    share.reset();
    return true;
  });
}

}  // namespace beffroi::daemon
