#include "storage/space/epoch.h"

#include "crypto/assert.h"
#include "storage/space/epoch_parts.h"

namespace beffroi::storage {
namespace {

using crypto::SecretBytes;

ContentKeys fresh_content(std::uint32_t generation, crypto::Random& random) {
  return {.generation = generation,
          .boundary = SecretBytes::random(kEpochSecretBytes, random),
          .dedup = SecretBytes::random(kEpochSecretBytes, random)};
}

SecretBytes concatenated(const SecretBytes& first, const SecretBytes& second) {
  SecretBytes out(first.size() + second.size());
  std::ranges::copy(first.view(), out.writable().begin());
  std::ranges::copy(second.view(), out.writable().subspan(first.size()).begin());
  return out;
}

Result<std::vector<EpochBody::Box>> make_boxes(const SpaceId& space, const EpochPlan& plan, const SecretBytes& secret,
                                               const SecretBytes& reader_key, crypto::Random& random) {
  const SecretBytes both = concatenated(secret, reader_key);
  std::vector<EpochBody::Box> out;
  for (const auto& recipient : plan.recipients) {
    const DeviceId id = recipient.keys.id();
    const SecretBytes& content = recipient.reads_history ? both : secret;
    BEFFROI_TRY(Bytes box, crypto::seal_box(crypto::kBoxSuite, recipient.keys.box, *recipient.preshared,
                                            box_context(space, plan.epoch, id), content.view(), random));
    out.push_back({.recipient = id, .suite = crypto::kBoxSuite, .bytes = std::move(box)});
  }
  std::ranges::sort(out, {}, &EpochBody::Box::recipient);
  return out;
}

}  // namespace

Result<EpochBody> make_epoch(const SpaceId& space, const EpochPlan& plan, crypto::Random& random) {
  if (plan.space_name.empty() || plan.space_name.size() > kMaxSpaceNameBytes)
    return fail(ErrorCode::usage, N_("A space's name has 1 to {} bytes."), std::to_string(kMaxSpaceNameBytes));
  BEFFROI_ASSERT((plan.epoch.value == 1) == (plan.handed == nullptr) && plan.recipients.size() <= kMaxBoxes);
  const SecretBytes secret = SecretBytes::random(kEpochSecretBytes, random);
  const SecretBytes reader_key = SecretBytes::random(kEpochSecretBytes, random);
  SharedPart shared{
      .content = plan.content != nullptr ? plan.content->clone() : fresh_content(plan.content_generation, random),
      .check = reader_check(reader_key),
      .space_name = plan.space_name,
      .preshared = {},
      .names = plan.names};
  for (const auto& recipient : plan.recipients)
    shared.preshared.insert_or_assign(recipient.keys.id(), recipient.preshared->clone());

  EpochBody out;
  out.epoch = plan.epoch;
  out.commitment = epoch_commitment(space, plan.epoch, secret, shared.content, shared.check);
  out.content_generation = shared.content.generation;
  out.shared = seal_shared(space, plan.epoch, secret, shared);
  if (plan.handed != nullptr) {
    BEFFROI_TRY(out.handed_keys, seal_handed(space, plan.epoch, reader_key, *plan.handed));
  }
  BEFFROI_TRY(out.boxes, make_boxes(space, plan, secret, reader_key, random));
  return out;
}

Result<EpochGrant> open_grant(const SpaceId& space, const EpochBody& body, const crypto::DeviceKeys& me) {
  const DeviceId id = me.public_part().id();
  const auto box = std::ranges::find(body.boxes, id, &EpochBody::Box::recipient);
  if (box == body.boxes.end())
    return fail(ErrorCode::not_found, N_("Epoch {} has no keys for this device."), std::to_string(body.epoch.value));
  BEFFROI_TRY(const SecretBytes opened,
              crypto::open_box(box->suite, me.box, me.preshared, box_context(space, body.epoch, id), box->bytes));
  if (opened.size() != kEpochSecretBytes && opened.size() != 2 * kEpochSecretBytes)
    return fail(ErrorCode::corrupt, N_("The keys of epoch {} are not those that its log record promises."),
                std::to_string(body.epoch.value));
  std::optional<SecretBytes> reader_key;
  if (opened.size() > kEpochSecretBytes) reader_key = SecretBytes::copy_of(opened.view().subspan(kEpochSecretBytes));
  return complete_grant(space, body, SecretBytes::copy_of(opened.view().first(kEpochSecretBytes)),
                        std::move(reader_key));
}

Result<std::vector<EpochPlan::Recipient>> epoch_recipients(const SpaceLog& log, const PresharedTable& preshared) {
  std::vector<EpochPlan::Recipient> out;
  for (const DeviceId& id : log.entitled()) {
    const auto secret = preshared.find(id);
    if (secret == preshared.end())
      return fail(ErrorCode::wrong_state, N_("Device {} is new: its first keys can be sealed only by who admitted it."),
                  id.hex());
    const DeviceState* device = log.device(id);
    out.push_back({.keys = *log.entitled_keys(id),
                   .reads_history = device == nullptr || role_reads_history(device->role),
                   .preshared = &secret->second});
  }
  return out;
}

}  // namespace beffroi::storage
