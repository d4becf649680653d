#include "storage/space/log_author.h"

namespace beffroi::storage {

Result<void> LogAuthor::add(const RecordBody& body) {
  Bytes record = make_record(&log_.head(), log_.space(), body, clock_, signer_);
  BEFFROI_CHECK(log_.append(record));
  added_.push_back(std::move(record));
  return {};
}

LastCommit last_commit_of(const DeviceId& device, const std::map<DeviceId, BranchEnd>& ends) {
  const auto end = ends.find(device);
  if (end == ends.end()) return {.device = device, .last_valid_commit = {}};
  return {.device = device, .last_valid_commit = end->second.commit, .last_valid_sequence = end->second.sequence};
}

Result<EpochBody> next_epoch(const SpaceLog& log, const SpaceAccess* access, const EpochWords& words,
                             crypto::Random& random) {
  EpochPlan plan{.epoch = {log.epoch().value + 1}, .space_name = words.space_name, .recipients = {}};
  plan.names = names_in_use(log, words.names);
  plan.content_generation = log.content_generation();
  if (access != nullptr) {
    plan.handed = &access->unhanded;
    // The keys of a generation that does not open can't be kept.
    const bool known = access->current.content.generation == log.content_generation();
    if (known && !log.new_content_keys_due())
      plan.content = &access->current.content;
    else
      ++plan.content_generation;
  }
  BEFFROI_TRY(plan.recipients, epoch_recipients(log, words.preshared));
  return make_epoch(log.space(), plan, random);
}

}  // namespace beffroi::storage
