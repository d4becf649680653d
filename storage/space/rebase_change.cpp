#include "storage/space/rebase_change.h"

namespace beffroi::storage {
namespace {

std::unexpected<Error> removed_meanwhile() {
  return fail(ErrorCode::refused, N_("Whom this concerns was removed from the space meanwhile, and removals win."));
}

std::unexpected<Error> no_right_any_more() {
  return fail(ErrorCode::refused, N_("You were removed from the space, or are no manager of it any more."));
}

class Rebase {
 public:
  Rebase(const SpaceLog& log, std::uint64_t decided_at, const crypto::SigningPublicKey& signer)
      : log_(log), signer_(signer) {
    for (const Record& record : std::span(log.records()).subspan(decided_at + 1)) {
      if (const auto* removal = std::get_if<RemovalBody>(&record.body)) note(*removal);
      if (const auto* member = std::get_if<MemberBody>(&record.body)) changed_.insert(member->root.sign);
    }
  }

  Result<Rebased> operator()(const WantsAdmission& wanted) const {
    if (!manages()) return no_right_any_more();
    if (gone_.contains(wanted.identity) || gone_devices_.contains(wanted.device)) return removed_meanwhile();
    const DeviceState* device = log_.device(wanted.device);
    const bool has_keys = device != nullptr && !device->removed && device->since <= log_.epoch();
    return has_keys ? Rebased::done : Rebased::sign_again;
  }
  Result<Rebased> operator()(const WantsRole& wanted) const {
    if (!manages()) return no_right_any_more();
    const MemberState* member = in_use(wanted.identity);
    if (gone_.contains(wanted.identity) || member == nullptr) return removed_meanwhile();
    if (member->role == wanted.role) return Rebased::done;
    if (!changed_.contains(wanted.identity) || role_includes(member->role, wanted.role)) return Rebased::sign_again;
    return fail(ErrorCode::refused, N_("Somebody else changed this member's role meanwhile: look, and decide again."));
  }
  Result<Rebased> operator()(const WantsMemberRemoved& wanted) const {
    if (in_use(wanted.identity) == nullptr) return done_but_for_the_keys();
    return manages() ? Result<Rebased>(Rebased::sign_again) : no_right_any_more();
  }
  Result<Rebased> operator()(const WantsDeviceRemoved& wanted) const {
    const DeviceState* device = log_.device(wanted.device);
    if (device == nullptr || device->removed) return done_but_for_the_keys();
    return manages() ? Result<Rebased>(Rebased::sign_again) : no_right_any_more();
  }
  Result<Rebased> operator()(const WantsToLeave&) const {
    return author() == nullptr ? Rebased::done : Rebased::sign_again;
  }
  Result<Rebased> operator()(const WantsRotation&) const {
    const DeviceState* device = author();
    if (by_root() || (device != nullptr && role_writes(device->role))) return Rebased::sign_again;
    return no_right_any_more();
  }
  Result<Rebased> operator()(const WantsSettings&) const {
    return manages() ? Result<Rebased>(Rebased::sign_again) : no_right_any_more();
  }

 private:
  void note(const RemovalBody& removal) {
    for (const auto& device : removal.devices) gone_devices_.insert(device.device);
    if (removal.identity) gone_.insert(*removal.identity);
  }

  bool by_root() const { return signer_ == log_.root().sign; }
  const DeviceState* author() const { return log_.device_by_signer(signer_); }
  bool manages() const { return by_root() || (author() != nullptr && author()->role == Role::manager); }
  const MemberState* in_use(const IdentityId& identity) const {
    const auto member = log_.members().find(identity);
    return member == log_.members().end() || member->second.removed ? nullptr : &member->second;
  }
  // Who removed them may have been cut short before the keys were renewed.
  Rebased done_but_for_the_keys() const {
    return log_.rotation_due() && manages() ? Rebased::sign_again : Rebased::done;
  }

  const SpaceLog& log_;
  const crypto::SigningPublicKey& signer_;
  std::set<IdentityId> gone_;
  std::set<DeviceId> gone_devices_;
  std::set<IdentityId> changed_;
};

}  // namespace

Result<Rebased> rebase_change(const SpaceLog& log, const RecordId& decided_on, const crypto::SigningPublicKey& signer,
                              const WantedChange& wanted) {
  const auto decided_at = log.position(decided_on);
  if (!decided_at)
    return fail(ErrorCode::conflict, N_("The log of the space is not the one that this was decided on."));
  return std::visit(Rebase(log, *decided_at, signer), wanted);
}

}  // namespace beffroi::storage
