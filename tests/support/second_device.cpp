#include "tests/support/second_device.h"

namespace beffroi::daemon::testing {

SecondDevice::SecondDevice(PeerWorld& world, TestVault& first, bool keep_first, const std::function<void()>& meanwhile)
    : random(99) {
  auto opened = Vault::open(folder.path() + "/data", clock, random);
  BEFFROI_ASSERT(opened.has_value());
  vault = std::move(*opened);
  const auto request = vault->device_request();
  BEFFROI_ASSERT(request.has_value());
  const auto space = world.caller(*first).space;
  const storage::SpaceLog log = space->log();
  const auto heads = space->heads();
  BEFFROI_ASSERT(heads.has_value());
  storage::RecoveryPlan plan;
  plan.log = &log;
  plan.keep_others = keep_first;
  for (const auto& head : *heads) plan.heads[head.device] = {head.commit, head.sequence};
  const auto added = storage::recover_vault(first.root, *request, plan, clock.now(), random);
  BEFFROI_ASSERT(added.has_value());
  if (meanwhile) meanwhile();
  std::vector<Bytes> all = log.encoded();
  for (const Bytes& record : *added) {
    BEFFROI_ASSERT(space->append_record(record).has_value());
    all.push_back(record);
  }
  BEFFROI_ASSERT(vault->found(all).has_value());
  BEFFROI_ASSERT(vault->bind_peer({world.host->public_part(), "memory:1"}).has_value());
}

}  // namespace beffroi::daemon::testing
