// A share for tests: people with the keys of their vaults, who found it, invite each other, join and go, by the
// ceremonies alone.
#pragma once

#include "storage/space/rebase_change.h"
#include "storage/space/share_ceremony.h"
#include "tests/support/space_builder.h"

namespace beffroi::storage::testing {

/// Somebody with a kit and one computer.
struct Person {
  crypto::DeviceKeys root;
  crypto::DeviceKeys device;  ///< as in the vault
  crypto::DeviceKeys keys;    ///< as in the share

  IdentityId identity() const { return root.sign.public_key; }
  DeviceId id() const { return device.public_part().id(); }
};

class ShareWorld {
 public:
  ShareWorld() : founder(new_person()), log(founded()) {
    founder.keys = with_preshared(founder.device, founder_preshared(founder.device.preshared, log.space()));
  }

  Person new_person() {
    return {.root = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random)),
            .device = crypto::DeviceKeys::generate(random),
            .keys = {}};
  }
  /// Another computer of somebody.
  Person second_computer(const Person& owner) {
    return {.root = with_preshared(owner.root, owner.root.preshared.clone()),
            .device = crypto::DeviceKeys::generate(random),
            .keys = {}};
  }
  ShareInvitation invitation(Role role) {
    return {.address = "pair.example:8440",
            .peer = {},
            .space = log.space(),
            .token = crypto::SecretBytes::random(kShareTokenBytes, random),
            .role = role,
            .expires = {kTestClock.seconds + 7 * 86'400}};
  }
  static JoinRequest request_of(const Person& person, const std::string& name = "Claire",
                                const std::string& computer = "PC mairie") {
    return {.root = person.root.public_part(),
            .device = person.device.public_part(),
            .certificate = crypto::sign(crypto::labels::sign_device, person.root.sign, person.id()),
            .identity_name = name,
            .device_name = computer};
  }
  /// The records by which `by` admits `person`, whose keys in the share are set.
  Result<std::vector<Bytes>> admission(Person& person, Role role, const Person& by) {
    const ShareInvitation invited = invitation(role);
    person.keys = with_preshared(person.device, invited.preshared());
    return admit_member(log, by.keys, request_of(person), {.role = role, .preshared = invited.preshared()}, kTestClock,
                        random);
  }
  Person admitted(Role role) {
    Person person = new_person();
    take(admission(person, role, founder));
    return person;
  }
  /// Appends what must have come out.
  void take(const Result<std::vector<Bytes>>& records) {
    if (!records) throw std::runtime_error(records.error().message());
    for (const Bytes& record : *records) append(record);
  }
  void take(const Result<Bytes>& record) {
    if (!record) throw std::runtime_error(record.error().message());
    append(*record);
  }
  SpaceAccess access(const Person& person) const {
    auto out = open_access(log, person.keys);
    if (!out) throw std::runtime_error(out.error().message());
    return std::move(*out);
  }
  /// The epochs that open.
  std::vector<std::uint32_t> epochs_of(const Person& person) const {
    const SpaceAccess opened = access(person);
    std::vector<std::uint32_t> out;
    for (std::uint32_t epoch = 1; epoch <= log.epoch().value; ++epoch)
      if (opened.keys->epoch(Epoch{epoch}) != nullptr) out.push_back(epoch);
    return out;
  }
  bool may_write(const Person& person) const {
    return log.accepts_new_commit(signed_commit(commit_on(log, person.keys), person.keys)).has_value();
  }
  Role role_of(const Person& person) const { return log.device(person.id())->role; }

  crypto::SeededRandom random{11};
  Person founder;
  SpaceLog log;

 private:
  SpaceLog founded() {
    const auto records = found_share(founder.root, {founder.device.public_part(), founder.device.preshared.clone()},
                                     {"Trois communes", "Mairie", "PC du maire"}, kTestClock, random);
    if (!records) throw std::runtime_error(records.error().message());
    auto out = SpaceLog::from_records(*records, std::nullopt);
    if (!out) throw std::runtime_error(out.error().message());
    return std::move(*out);
  }
  void append(const Bytes& record) {
    if (auto added = log.append(record); !added) throw std::runtime_error(added.error().message());
  }
};

}  // namespace beffroi::storage::testing
