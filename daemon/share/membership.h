// Who is in a share, and changes of it by this device. For the protocol thread.
#pragma once

#include "daemon/share/share_change.h"
#include "storage/space/share_ceremony.h"

namespace beffroi::daemon {

using SharePointer = std::shared_ptr<Share>;

struct MemberDevice {
  storage::DeviceId id;
  std::string name;  ///< or the first digits of its id
  storage::Role role = storage::Role::reader;
  bool me = false;
  bool has_keys = true;  ///< false: its admission was cut short
  std::optional<storage::UnixTime> last_commit;
};
struct Member {
  storage::IdentityId identity;
  std::string name;
  storage::Role role = storage::Role::reader;
  bool me = false;
  std::vector<MemberDevice> devices;  ///< in use
};
/// As this station knows them. Those without a computer are left out, but for the root, which always is one. Blocking.
Result<std::vector<Member>> members_of(const Share& share);
/// Display names that stand now.
Result<storage::SpaceNames> names_of(const Share& share);
/// Of this device; nullopt: it was removed, or is not in yet.
std::optional<storage::Role> own_role(const Share& share);
/// wrong_state, with a sentence, while a manager has to let this device in.
Result<void> require_joined(const Share& share);
/// Who keeps its folder in step. wrong_state: not let in yet, or this service keeps none.
Result<ShareControl*> control_of(StationContext& station, const Share& share);
/// refused, with a sentence, unless this device is a manager's.
Result<void> require_manager(const Share& share);

/// Named by its name or the beginning of its id (4 digits at least). not_found; usage: several fit.
Result<Member> find_member(const Share& share, const std::string& name);
Result<MemberDevice> find_device(const Member& member, const std::string& name);

/// "manager", "writer", "reader", "depositor". usage.
Result<storage::Role> parse_role(const std::string& name);

/// What was changed, and for whom; errors as change_share.
asio::awaitable<Result<Member>> change_member_role(StationContext& station, SharePointer share, std::string member,
                                                   storage::Role role);
struct RemovalWish {
  std::string member;
  std::string device;  ///< empty: all of the member
  bool hostile = false;
};
asio::awaitable<Result<Member>> remove_from_share(StationContext& station, SharePointer share, RemovalWish wish);

struct NameWish {
  std::string name;
  std::string member;  ///< empty: this station's own
  std::string device;  ///< empty: the member itself
};
asio::awaitable<Result<void>> rename_in_share(StationContext& station, SharePointer share, NameWish wish);

/// This device takes itself out; the folder's files stay as they are. Before that a cycle passes on what it can.
/// Of a space that one waits to be let into, or with `only_here` (this device was taken out, or the peer is no more),
/// what is here of it goes and nobody is told. refused: the last manager.
asio::awaitable<Result<void>> leave_share(StationContext& station, SharePointer share, bool only_here);

/// Opens the next epoch when one is due and this device may: after somebody has left. True when it did.
asio::awaitable<Result<bool>> renew_keys_if_due(StationContext& station, SharePointer share);

/// Lets a share go on the pool: who holds it last closes its database, and removes it when it was left.
asio::awaitable<void> let_go(StationContext& station, SharePointer& share);

}  // namespace beffroi::daemon
