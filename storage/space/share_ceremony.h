// Who is in a share and as what, as pure functions: each returns encoded records, verified as everybody else will
// verify them, to be appended in order. A share is founded with the kit; after that its managers' devices sign. Keys of
// a device are here its keys in the share (with_preshared). When the log has moved on meanwhile (conflict), ask
// rebase_change whether the wish still holds, and call again on the new log.
#pragma once

#include "storage/space/ceremony.h"
#include "storage/space/join_request.h"

namespace beffroi::storage {

struct ShareWords {
  std::string space_name;     ///< 1 to kMaxSpaceNameBytes bytes
  std::string identity_name;  ///< of the founder; is_display_name, as the next
  std::string device_name;
};
/// Founds a share: genesis, the founder's device as a manager, epoch 1 boxed for root and device, kDefaultRetention.
/// `device` is as for a vault, its pre-shared secret its own: in the share both have founder_preshared. usage: a name
/// out of bounds.
Result<std::vector<Bytes>> found_share(const crypto::DeviceKeys& root, const DeviceRequest& device,
                                       const ShareWords& words, UnixTime clock, crypto::Random& random);

struct Admission {
  Role role = Role::reader;
  crypto::SecretBytes preshared;  ///< ShareInvitation::preshared
};
/// Admits who asks: member (new, or with a larger role than before), device, and an epoch in which it has a box; before
/// them an epoch that is due. Its device follows its owner's role from then on; one that is to have less than its owner
/// keeps that. Readers, writers and managers read what there was before, depositors do not. Goes on where an earlier
/// admission of the same device was cut short. already_exists: the device is in the space, or somebody came with this
/// secret before; else the log's reasons (refused: a removed device needs new keys).
Result<std::vector<Bytes>> admit_member(const SpaceLog& log, const crypto::DeviceKeys& me, const JoinRequest& applicant,
                                        const Admission& admission, UnixTime clock, crypto::Random& random);

/// Last commit of each device, as the manager verified them.
using BranchEnds = std::map<DeviceId, BranchEnd>;

/// Gives a member another role: member (with the last commits of devices that lose the right to write), and an epoch
/// where it gains or loses the right to read what is older. No records when the role is that already. refused: not a
/// member, or the log's reasons.
Result<std::vector<Bytes>> change_role(const SpaceLog& log, const crypto::DeviceKeys& me, const IdentityId& member,
                                       Role role, const BranchEnds& ends, UnixTime clock, crypto::Random& random);

struct Departure {
  BranchEnds ends;
  bool hostile = false;  ///< the next epoch brings new content keys; what is written from then on is stored anew
};
/// Takes a member out with all of its devices, and renews the keys on the spot. Devices whose admission was cut short
/// and whose first keys nobody here can seal go as well: removals win. Goes on where an earlier removal was cut short.
/// refused: `member` is no member, or one's own identity (leave_space), or the log's reasons.
Result<std::vector<Bytes>> remove_member(const SpaceLog& log, const crypto::DeviceKeys& me, const IdentityId& member,
                                         const Departure& departure, UnixTime clock, crypto::Random& random);
/// The same for one device; its owner stays a member, with or without others.
Result<std::vector<Bytes>> remove_device(const SpaceLog& log, const crypto::DeviceKeys& me, const DeviceId& device,
                                         const Departure& departure, UnixTime clock, crypto::Random& random);

/// Takes the own device out, and its identity when it was the last of it (the founder's stays). The keys are renewed by
/// the next one who may write (rotate_epoch). refused: the last manager, who has to make somebody else one first.
Result<Bytes> leave_space(const SpaceLog& log, const crypto::DeviceKeys& me,
                          const std::optional<BranchEnd>& last_commit, UnixTime clock);

/// Adds or changes display names, by a rotation. A manager names anybody; who may write, its own identity and its
/// devices. refused: others' names, or a reader; usage: not a display name, or nothing to change.
Result<Bytes> set_names(const SpaceLog& log, const crypto::DeviceKeys& me, const SpaceNames& names, UnixTime clock,
                        crypto::Random& random);

/// What the whole space leaves out from now on. No records when the rules are these already. refused: not a manager.
Result<std::vector<Bytes>> set_ignore_rules(const SpaceLog& log, const crypto::DeviceKeys& me, const IgnoreRules& rules,
                                            UnixTime clock, crypto::Random& random);

}  // namespace beffroi::storage
