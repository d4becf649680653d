#include "storage/space/share_ceremony.h"

#include "storage/space/log_author.h"

namespace beffroi::storage {
namespace {

Result<void> check_names(const SpaceNames& names) {
  const auto is_name = [](const auto& item) { return is_display_name(item.second); };
  if (std::ranges::all_of(names.members, is_name) && std::ranges::all_of(names.devices, is_name)) return {};
  return fail(ErrorCode::usage, N_("A name that others see is one line of 1 to {} bytes."),
              std::to_string(kMaxDisplayNameBytes));
}

bool in_use(const SpaceLog& log, const IdentityId& identity) {
  const auto member = log.members().find(identity);
  return member != log.members().end() && !member->second.removed;
}

// Somebody who signs records of a share, and knows the keys of the epoch so far.
class ShareAuthor {
 public:
  static Result<ShareAuthor> open(const SpaceLog& log, const crypto::DeviceKeys& me, UnixTime clock,
                                  crypto::Random& random) {
    BEFFROI_TRY(SpaceAccess access, open_access(log, me));
    return ShareAuthor(log, me, std::move(access), clock, random);
  }

  const SpaceLog& log() const { return author_.log(); }
  const PresharedTable& preshared() const { return preshared_; }
  Result<void> add(const RecordBody& body) { return author_.add(body); }
  void learn(const DeviceId& device, const crypto::SecretBytes& preshared) {
    preshared_.insert_or_assign(device, preshared.clone());
  }
  void name(const SpaceNames& names) {
    for (const auto& [id, name] : names.members) names_.members.insert_or_assign(id, name);
    for (const auto& [id, name] : names.devices) names_.devices.insert_or_assign(id, name);
  }

  // The next epoch, for everybody entitled now; further ones may follow.
  Result<void> rotate() {
    BEFFROI_TRY(EpochBody epoch,
                next_epoch(log(), &access_, {preshared_, access_.current.space_name, names_}, random_));
    BEFFROI_CHECK(add(std::move(epoch)));
    BEFFROI_TRY(access_, open_access(log(), me_));
    return {};
  }
  bool knows_the_newest_keys() const { return access_.current.epoch == log().epoch(); }
  Result<void> rotate_if_due() { return log().rotation_due() ? rotate() : Result<void>(); }

  // Devices that wait for their first keys, which nobody here can seal: while they are there, no epoch can be opened.
  std::set<DeviceId> stranded() const {
    std::set<DeviceId> out;
    for (const auto& [id, device] : log().devices())
      if (!device.removed && device.since > log().epoch() && !preshared_.contains(id)) out.insert(id);
    return out;
  }
  std::vector<Bytes> take() { return author_.take(); }

 private:
  ShareAuthor(const SpaceLog& log, const crypto::DeviceKeys& me, SpaceAccess access, UnixTime clock,
              crypto::Random& random)
      : me_(me), author_(log, me.sign, clock), access_(std::move(access)), random_(random) {
    for (const auto& [id, secret] : access_.current.preshared) learn(id, secret);
    names_ = access_.current.names;
  }

  const crypto::DeviceKeys& me_;
  LogAuthor author_;
  SpaceAccess access_;
  PresharedTable preshared_;
  SpaceNames names_;
  crypto::Random& random_;
};

// How far the device may go: as far as its owner, or as its invitation says when that is less.
Role certified_role(Role owner, Role invited) { return owner == invited ? Role::manager : invited; }

Result<void> admit(ShareAuthor& author, const JoinRequest& applicant, Role role) {
  const auto& members = author.log().members();
  const auto member = members.find(applicant.root.sign);
  const bool is_member = member != members.end() && !member->second.removed;
  const bool suffices = is_member && role_includes(member->second.role, role);
  // Reader and depositor each may what the other may not: one of them would be taken away in passing.
  if (is_member && !suffices && !role_includes(role, member->second.role))
    return fail(ErrorCode::refused, N_("Its owner is a {} of this space: change that role before you admit a {}."),
                role_name(member->second.role), role_name(role));
  if (!suffices) BEFFROI_CHECK(author.add(MemberBody{.root = applicant.root, .role = role}));
  const Role owner = author.log().members().at(applicant.root.sign).role;
  return author.add(DeviceBody{.identity = applicant.root.sign,
                               .device = applicant.device,
                               .role = certified_role(owner, role),
                               .certificate = applicant.certificate});
}

Result<void> check_not_here(const ShareAuthor& author, const DeviceId& device, const crypto::SecretBytes& preshared) {
  const DeviceState* known = author.log().device(device);
  if (known != nullptr && !known->removed && known->since <= author.log().epoch())
    return fail(ErrorCode::already_exists, N_("This computer is in the space already."));
  for (const auto& [id, secret] : author.preshared())
    if (id != device && secret == preshared)
      return fail(ErrorCode::already_exists, N_("This invitation has been used: each one is for one computer."));
  return {};
}

Result<void> add_removal(ShareAuthor& author, std::set<DeviceId> devices, const std::optional<IdentityId>& identity,
                         const Departure& departure) {
  devices.merge(author.stranded());
  RemovalBody removal{.devices = {}, .identity = identity, .hostile = departure.hostile};
  for (const DeviceId& id : devices) removal.devices.push_back(last_commit_of(id, departure.ends));
  return author.add(removal);
}

std::unexpected<Error> own_removal() {
  return fail(ErrorCode::refused, N_("Nobody removes itself: leave the space instead."));
}

std::unexpected<Error> no_member() {
  return fail(ErrorCode::refused, N_("Who is to be removed is not a member of this space."));
}

bool is_last_manager(const SpaceLog& log, const DeviceId& me) {
  const auto others = [&](const auto& device) {
    return device.first != me && !device.second.removed && device.second.role == Role::manager;
  };
  return std::ranges::none_of(log.devices(), others);
}

bool is_last_device(const SpaceLog& log, const DeviceId& me, const IdentityId& identity) {
  const auto others = [&](const auto& device) {
    return device.first != me && !device.second.removed && device.second.identity == identity;
  };
  return std::ranges::none_of(log.devices(), others);
}

}  // namespace

Result<std::vector<Bytes>> found_share(const crypto::DeviceKeys& root, const DeviceRequest& device,
                                       const ShareWords& words, UnixTime clock, crypto::Random& random) {
  const DeviceId id = device.device.id();
  const SpaceNames names{.members = {{root.sign.public_key, words.identity_name}},
                         .devices = {{id, words.device_name}}};
  BEFFROI_CHECK(check_names(names));
  GenesisBody genesis{.kind = SpaceKind::share, .root = root.public_part()};
  random.fill(genesis.nonce);
  const Bytes first = make_record(nullptr, {}, genesis, clock, root.sign);
  BEFFROI_TRY(SpaceLog log, SpaceLog::from_genesis(first));
  LogAuthor author(std::move(log), root.sign, clock);
  BEFFROI_CHECK(author.add(DeviceBody{.identity = root.sign.public_key,
                                      .device = device.device,
                                      .role = Role::manager,
                                      .certificate = crypto::sign(crypto::labels::sign_device, root.sign, id)}));
  PresharedTable preshared;
  preshared.emplace(root.public_part().id(), founder_preshared(root.preshared, author.log().space()));
  preshared.insert_or_assign(id, founder_preshared(device.preshared, author.log().space()));
  BEFFROI_TRY(EpochBody epoch, next_epoch(author.log(), nullptr, {preshared, words.space_name, names}, random));
  BEFFROI_CHECK(author.add(std::move(epoch)));
  BEFFROI_CHECK(author.add(kDefaultRetention));
  std::vector<Bytes> out = author.take();
  out.insert(out.begin(), first);
  return out;
}

Result<std::vector<Bytes>> admit_member(const SpaceLog& log, const crypto::DeviceKeys& me, const JoinRequest& applicant,
                                        const Admission& admission, UnixTime clock, crypto::Random& random) {
  const DeviceId id = applicant.device.id();
  BEFFROI_TRY(ShareAuthor author, ShareAuthor::open(log, me, clock, random));
  BEFFROI_CHECK(check_not_here(author, id, admission.preshared));
  author.learn(id, admission.preshared);
  author.name({.members = {{applicant.root.sign, applicant.identity_name}}, .devices = {{id, applicant.device_name}}});
  BEFFROI_CHECK(author.rotate_if_due());
  const DeviceState* waiting = author.log().device(id);
  if (waiting == nullptr || waiting->removed) BEFFROI_CHECK(admit(author, applicant, admission.role));
  const bool has_keys = author.log().device(id)->since <= author.log().epoch();
  if (!has_keys) BEFFROI_CHECK(author.rotate());
  return author.take();
}

Result<std::vector<Bytes>> change_role(const SpaceLog& log, const crypto::DeviceKeys& me, const IdentityId& member,
                                       Role role, const BranchEnds& ends, UnixTime clock, crypto::Random& random) {
  if (!in_use(log, member))
    return fail(ErrorCode::refused, N_("Who is to get another role is not a member of this space."));
  const MemberState& state = log.members().at(member);
  if (state.role == role) return std::vector<Bytes>();
  BEFFROI_TRY(ShareAuthor author, ShareAuthor::open(log, me, clock, random));
  BEFFROI_CHECK(author.rotate_if_due());
  MemberBody body{.root = state.root, .role = role};
  bool reading_changes = false;
  for (const auto& [id, device] : log.devices()) {
    if (device.removed || device.identity != member) continue;
    const Role after = effective_role(role, device.certified);
    if (role_writes(device.role) && !role_writes(after)) body.ends.push_back(last_commit_of(id, ends));
    reading_changes = reading_changes || role_reads_history(device.role) != role_reads_history(after);
  }
  BEFFROI_CHECK(author.add(body));
  if (reading_changes) BEFFROI_CHECK(author.rotate());
  return author.take();
}

Result<std::vector<Bytes>> remove_member(const SpaceLog& log, const crypto::DeviceKeys& me, const IdentityId& member,
                                         const Departure& departure, UnixTime clock, crypto::Random& random) {
  const DeviceState* own = log.device(me.public_part().id());
  if (own != nullptr && own->identity == member) return own_removal();
  const auto known = log.members().find(member);
  if (known == log.members().end() || (known->second.removed && !log.rotation_due())) return no_member();
  BEFFROI_TRY(ShareAuthor author, ShareAuthor::open(log, me, clock, random));
  if (!known->second.removed) {
    std::set<DeviceId> devices;
    for (const auto& [id, device] : log.devices())
      if (!device.removed && device.identity == member) devices.insert(id);
    BEFFROI_CHECK(add_removal(author, std::move(devices), member, departure));
  }
  BEFFROI_CHECK(author.rotate_if_due());
  return author.take();
}

Result<std::vector<Bytes>> remove_device(const SpaceLog& log, const crypto::DeviceKeys& me, const DeviceId& device,
                                         const Departure& departure, UnixTime clock, crypto::Random& random) {
  if (device == me.public_part().id()) return own_removal();
  const DeviceState* known = log.device(device);
  if (known == nullptr || (known->removed && !log.rotation_due())) return no_member();
  BEFFROI_TRY(ShareAuthor author, ShareAuthor::open(log, me, clock, random));
  if (!known->removed) BEFFROI_CHECK(add_removal(author, {device}, std::nullopt, departure));
  BEFFROI_CHECK(author.rotate_if_due());
  return author.take();
}

Result<Bytes> leave_space(const SpaceLog& log, const crypto::DeviceKeys& me,
                          const std::optional<BranchEnd>& last_commit, UnixTime clock) {
  const DeviceId id = me.public_part().id();
  const DeviceState* own = log.device(id);
  if (own == nullptr || own->removed) return no_member();
  if (own->role == Role::manager && is_last_manager(log, id))
    return fail(ErrorCode::refused,
                N_("This computer is the last manager of the space: make somebody else a manager before you leave."));
  BranchEnds ends;
  if (last_commit) ends.emplace(id, *last_commit);
  RemovalBody removal{.devices = {last_commit_of(id, ends)}, .identity = {}};
  if (own->identity != log.root().sign && is_last_device(log, id, own->identity)) removal.identity = own->identity;
  LogAuthor author(log, me.sign, clock);
  BEFFROI_CHECK(author.add(removal));
  return std::move(author.take().front());
}

Result<Bytes> set_names(const SpaceLog& log, const crypto::DeviceKeys& me, const SpaceNames& names, UnixTime clock,
                        crypto::Random& random) {
  if (names.empty()) return fail(ErrorCode::usage, N_("Say whose name is to be changed."));
  BEFFROI_CHECK(check_names(names));
  const NameAuthor namer = name_author(log, me.sign.public_key, log.records().size());
  SpaceNames known;
  if (!take_names(log, namer, names, known))
    return fail(ErrorCode::refused, N_("Only a manager changes the names of others."));
  BEFFROI_TRY(ShareAuthor author, ShareAuthor::open(log, me, clock, random));
  if (!author.knows_the_newest_keys())
    return fail(ErrorCode::wrong_state,
                N_("The keys of epoch {} do not open for this device: the root has to renew them."),
                std::to_string(log.epoch().value));
  author.name(names);
  BEFFROI_CHECK(author.rotate());
  return std::move(author.take().front());
}

Result<std::vector<Bytes>> set_ignore_rules(const SpaceLog& log, const crypto::DeviceKeys& me, const IgnoreRules& rules,
                                            UnixTime clock, crypto::Random& random) {
  if (rules == log.ignore_rules()) return std::vector<Bytes>();
  BEFFROI_TRY(ShareAuthor author, ShareAuthor::open(log, me, clock, random));
  BEFFROI_CHECK(author.rotate_if_due());
  BEFFROI_CHECK(author.add(SettingsBody{rules}));
  return author.take();
}

}  // namespace beffroi::storage
