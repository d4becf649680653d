// Two managers change a share at once: one of them is faster, the other's record is a conflict. Whether what it wanted
// still makes sense on the new log is decided here, always in the same way: removals win over whatever was decided
// without knowing of them, and take away what was granted without knowing of them when they come second.
#pragma once

#include <variant>

#include "storage/space/log.h"

namespace beffroi::storage {

struct WantsAdmission {
  IdentityId identity;
  DeviceId device;
  Role role = Role::reader;
};
struct WantsRole {
  IdentityId identity;
  Role role = Role::reader;
};
struct WantsMemberRemoved {
  IdentityId identity;
};
struct WantsDeviceRemoved {
  DeviceId device;
};
struct WantsToLeave {};
/// A rotation, or names.
struct WantsRotation {};
/// Other rules for names to leave out: whoever was slower makes its change of the rules that hold now.
struct WantsSettings {};

using WantedChange = std::variant<WantsAdmission, WantsRole, WantsMemberRemoved, WantsDeviceRemoved, WantsToLeave,
                                  WantsRotation, WantsSettings>;

enum class Rebased {
  sign_again,  ///< call the ceremony again on this log
  done,        ///< somebody else did it: there is nothing to sign
};

/// `decided_on`: head of the log when the change was decided; `signer`: who wanted it. conflict: `decided_on` is not in
/// this log (another history: an alarm). refused, with the reason: the signer has no right to it any more; who is
/// concerned was removed meanwhile; a larger role is no longer what it was decided on, because somebody changed that
/// role meanwhile.
Result<Rebased> rebase_change(const SpaceLog& log, const RecordId& decided_on, const crypto::SigningPublicKey& signer,
                              const WantedChange& wanted);

}  // namespace beffroi::storage
