#include "storage/space/ceremony.h"

#include "crypto/assert.h"
#include "storage/space/log_author.h"
#include "storage/space/record_body.h"

namespace beffroi::storage {
namespace {

DeviceBody device_body(const crypto::DeviceKeys& root, const crypto::DevicePublic& device) {
  return {.identity = root.sign.public_key,
          .device = device,
          .role = Role::writer,
          .certificate = crypto::sign(crypto::labels::sign_device, root.sign, device.id())};
}

PresharedTable preshared_of(const crypto::DeviceKeys& root, const DeviceRequest& device) {
  PresharedTable out;
  out.emplace(root.public_part().id(), root.preshared.clone());
  out.insert_or_assign(device.device.id(), device.preshared.clone());
  return out;
}

Result<void> admit(LogAuthor& author, const crypto::DeviceKeys& root, const DeviceRequest& device) {
  const DeviceState* known = author.log().device(device.device.id());
  if (known == nullptr) return author.add(device_body(root, device.device));
  if (known->removed)
    return fail(ErrorCode::already_exists,
                N_("This station was removed from the space before: it needs new keys. Recover on an empty station."));
  return {};
}

Result<void> remove_others(LogAuthor& author, const DeviceId& stays, const RecoveryPlan& plan) {
  RemovalBody removal;
  removal.hostile = plan.hostile;
  for (const auto& [id, state] : author.log().devices())
    if (id != stays && !state.removed) removal.devices.push_back(last_commit_of(id, plan.heads));
  if (removal.devices.empty()) return {};
  return author.add(removal);
}

RecoveryBody recovery_body(const DeviceId& device, const RecoveryPlan& plan) {
  RecoveryBody out{.device = device, .heads = {}};
  for (const auto& [id, head] : plan.heads) out.heads.push_back(head.commit);
  std::ranges::sort(out.heads);
  out.heads.erase(std::unique(out.heads.begin(), out.heads.end()), out.heads.end());
  if (out.heads.size() > kMaxNamedCommits) out.heads.resize(kMaxNamedCommits);
  return out;
}

std::unexpected<Error> other_kit(const SpaceLog& log) {
  return fail(ErrorCode::refused, N_("This kit is not that of the space {}."), log.space().hex());
}

Result<Bytes> one_record(const SpaceLog& log, const crypto::SigningKeyPair& signer, const RecordBody& body,
                         UnixTime clock) {
  LogAuthor author(log, signer, clock);
  BEFFROI_CHECK(author.add(body));
  return std::move(author.take().front());
}

bool in_bounds(const RetentionBody& rules) {
  const std::initializer_list<std::uint32_t> windows = {rules.within_days, rules.hourly,  rules.daily,
                                                        rules.weekly,      rules.monthly, rules.yearly};
  return rules.lock_days >= 1 && rules.lock_days <= kMaxLockDays && std::ranges::max(windows) <= kMaxRetentionWindow;
}

}  // namespace

crypto::SecretBytes DeviceRequest::encode() const {
  CborWriter out;
  out.reserve(192).array(2);
  write_device_public(out, device);
  out.bytes(preshared.view());
  Bytes bytes = out.take();
  const crypto::ScopedWipe wiped(bytes);
  return crypto::SecretBytes::copy_of(bytes);
}

Result<DeviceRequest> DeviceRequest::decode(ByteView bytes) {
  CborReader in(bytes);
  BodyDecoding decoding{in};
  DeviceRequest out;
  in.array_of(2);
  out.device = read_device_public(decoding);
  const ByteView preshared = in.bytes(crypto::kPresharedBytes);
  if (preshared.size() != crypto::kPresharedBytes || decoding.newer) in.reject();
  in.leave();
  if (!in.finish()) return std::unexpected(malformed(N_("device's request")));
  out.preshared = crypto::SecretBytes::copy_of(preshared);
  return out;
}

Result<std::vector<Bytes>> found_vault(const crypto::DeviceKeys& root, const DeviceRequest& device,
                                       const std::string& name, UnixTime clock, crypto::Random& random) {
  GenesisBody genesis{.kind = SpaceKind::vault, .root = root.public_part()};
  random.fill(genesis.nonce);
  const Bytes first = make_record(nullptr, {}, genesis, clock, root.sign);
  BEFFROI_TRY(SpaceLog log, SpaceLog::from_genesis(first));
  LogAuthor author(std::move(log), root.sign, clock);
  BEFFROI_CHECK(author.add(device_body(root, device.device)));
  const PresharedTable preshared = preshared_of(root, device);
  BEFFROI_TRY(EpochBody epoch, next_epoch(author.log(), nullptr, {preshared, name, {}}, random));
  BEFFROI_CHECK(author.add(std::move(epoch)));
  BEFFROI_CHECK(author.add(kDefaultRetention));
  std::vector<Bytes> out = author.take();
  out.insert(out.begin(), first);
  return out;
}

Result<std::vector<Bytes>> recover_vault(const crypto::DeviceKeys& root, const DeviceRequest& device,
                                         const RecoveryPlan& plan, UnixTime clock, crypto::Random& random) {
  BEFFROI_ASSERT(plan.log != nullptr);
  if (plan.log->root() != root.public_part()) return other_kit(*plan.log);
  if (plan.home && !is_address(plan.home->address))
    return fail(ErrorCode::usage, N_("The address \"{}\" is not of the form HOST:PORT."), plan.home->address);
  BEFFROI_TRY(const SpaceAccess access, open_access(*plan.log, root));
  PresharedTable preshared = preshared_of(root, device);
  for (const auto& [id, secret] : access.current.preshared) preshared.try_emplace(id, secret.clone());

  LogAuthor author(*plan.log, root.sign, clock);
  const DeviceId id = device.device.id();
  BEFFROI_CHECK(admit(author, root, device));
  if (!plan.keep_others) BEFFROI_CHECK(remove_others(author, id, plan));
  BEFFROI_CHECK(author.add(recovery_body(id, plan)));
  const bool waits_for_keys = author.log().device(id)->since > author.log().epoch();
  if (author.log().rotation_due() || waits_for_keys) {
    BEFFROI_TRY(EpochBody epoch, next_epoch(author.log(), &access,
                                            {preshared, access.current.space_name, access.current.names}, random));
    BEFFROI_CHECK(author.add(std::move(epoch)));
  }
  if (plan.home && plan.home != author.log().home()) BEFFROI_CHECK(author.add(*plan.home));
  return author.take();
}

Result<Bytes> rotate_epoch(const SpaceLog& log, const crypto::DeviceKeys& me, UnixTime clock, crypto::Random& random) {
  BEFFROI_TRY(const SpaceAccess access, open_access(log, me));
  if (access.current.epoch != log.epoch())
    return fail(ErrorCode::wrong_state,
                N_("The keys of epoch {} do not open for this device: the root has to renew them."),
                std::to_string(log.epoch().value));
  const EpochGrant& current = access.current;
  BEFFROI_TRY(EpochBody epoch,
              next_epoch(log, &access, {current.preshared, current.space_name, current.names}, random));
  LogAuthor author(log, me.sign, clock);
  BEFFROI_CHECK(author.add(std::move(epoch)));
  return std::move(author.take().front());
}

Result<Bytes> set_retention(const crypto::DeviceKeys& root, const SpaceLog& log, const RetentionBody& rules,
                            UnixTime clock) {
  if (log.root() != root.public_part()) return other_kit(log);
  if (!in_bounds(rules))
    return fail(ErrorCode::usage, N_("A lock is 1 to {} days long, and each other length of time at most {}."),
                std::to_string(kMaxLockDays), std::to_string(kMaxRetentionWindow));
  return one_record(log, root.sign, rules, clock);
}

Result<Bytes> delete_commits(const crypto::DeviceKeys& root, const SpaceLog& log, std::vector<CommitId> commits,
                             UnixTime clock) {
  if (log.root() != root.public_part()) return other_kit(log);
  std::ranges::sort(commits);
  commits.erase(std::unique(commits.begin(), commits.end()), commits.end());
  if (commits.empty() || commits.size() > kMaxNamedCommits)
    return fail(ErrorCode::usage, N_("Name 1 to {} snapshots that are to be deleted."),
                std::to_string(kMaxNamedCommits));
  return one_record(log, root.sign, DeletionBody{std::move(commits)}, clock);
}

Result<Bytes> cancel_deletion(const SpaceLog& log, const crypto::DeviceKeys& signer, const RecordId& deletion,
                              UnixTime clock) {
  return one_record(log, signer.sign, CancelBody{deletion}, clock);
}

}  // namespace beffroi::storage
