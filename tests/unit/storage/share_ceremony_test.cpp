// Goal: a share is founded, joined, changed and left by its ceremonies; each gets the rights and keys of its role, and
// who goes keeps neither.
#include "storage/space/share_ceremony.h"

#include <gtest/gtest.h>

#include "storage/space/epoch_parts.h"
#include "tests/support/share_world.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::commit_on;
using testing::kTestClock;
using testing::Person;
using testing::ShareWorld;
using testing::signed_commit;
using Numbers = std::vector<std::uint32_t>;

constexpr std::array kRoles = {Role::manager, Role::writer, Role::reader, Role::depositor};

struct ShareCeremonyTest : ::testing::Test {
  ShareWorld world;
  SpaceLog& log = world.log;

  template <class Value>
  static ErrorCode code_of(const Result<Value>& result) {
    return result ? ErrorCode::io : result.error().code;
  }
  Result<std::vector<Bytes>> role_change(const Person& of, Role role, const Person& by, const BranchEnds& ends = {}) {
    return change_role(log, by.keys, of.identity(), role, ends, kTestClock, world.random);
  }
  Result<std::vector<Bytes>> removal(const Person& of, const Person& by, const Departure& departure = {}) {
    return remove_member(log, by.keys, of.identity(), departure, kTestClock, world.random);
  }
  Result<std::vector<Bytes>> device_removal(const Person& of, const Person& by) {
    return remove_device(log, by.keys, of.id(), {}, kTestClock, world.random);
  }
  Result<Bytes> rotation(const Person& by) { return rotate_epoch(log, by.keys, kTestClock, world.random); }
  Result<Bytes> leaving(const Person& who) { return leave_space(log, who.keys, std::nullopt, kTestClock); }
};

// One ceremony after the other, each byte for byte what an independent implementation made.
struct GoldenShareTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/share.json").at("log");
  crypto::SeededRandom random{vectors.at("seed").get<std::uint64_t>()};
  UnixTime clock{vectors.at("clock").get<std::int64_t>()};
  std::optional<SpaceLog> log;

  crypto::DeviceKeys keys(const char* who) const {
    return *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), who));
  }
  // The next records of the golden log, which must be these.
  void follows(const Result<std::vector<Bytes>>& records) {
    ASSERT_TRUE(records.has_value()) << records.error().message();
    for (const Bytes& record : *records) {
      const std::size_t next = log ? log->records().size() : 0;
      const auto& golden = vectors.at("records").at(next);
      ASSERT_EQ(hex_of(golden, "record"), record) << golden.at("name");
      if (log)
        ASSERT_TRUE(log->append(record).has_value());
      else
        log = *SpaceLog::from_genesis(record);
    }
  }
  void follows(const Result<Bytes>& record) {
    ASSERT_TRUE(record.has_value()) << record.error().message();
    follows(Result<std::vector<Bytes>>(std::vector<Bytes>{*record}));
  }
};

TEST_F(GoldenShareTest, IsFoundedJoinedChangedAndLeftByteForByte) {
  const crypto::DeviceKeys root = keys("root"), friend_root = keys("friend"), laptop_keys = keys("laptop");
  const crypto::DeviceKeys founder_keys = keys("founder");
  follows(found_share(root, {founder_keys.public_part(), founder_keys.preshared.clone()},
                      {vectors.at("name"), "Mairie", "PC du maire"}, clock, random));
  const auto founder = with_preshared(founder_keys, founder_preshared(founder_keys.preshared, log->space()));
  ShareInvitation invitation;
  invitation.token = crypto::SecretBytes::copy_of(hex_of(vectors, "token"));
  const auto laptop = with_preshared(laptop_keys, invitation.preshared());
  const DeviceId id = laptop.public_part().id();
  const JoinRequest request{.root = friend_root.public_part(),
                            .device = laptop.public_part(),
                            .certificate = crypto::sign(crypto::labels::sign_device, friend_root.sign, id),
                            .identity_name = "Claire",
                            .device_name = "PC mairie"};
  const IdentityId claire = request.root.sign;
  follows(
      admit_member(*log, founder, request, {.role = Role::reader, .preshared = invitation.preshared()}, clock, random));
  follows(change_role(*log, founder, claire, Role::writer, {}, clock, random));
  follows(set_names(*log, laptop, {.members = {}, .devices = {{id, "Portable"}}}, clock, random));
  const BranchEnd end{*CommitId::from(hex_of(vectors.at("end"), "commit")),
                      vectors.at("end").at("sequence").get<std::uint64_t>()};
  follows(change_role(*log, founder, claire, Role::reader, {{id, end}}, clock, random));
  follows(leave_space(*log, laptop, end, clock));
  follows(rotate_epoch(*log, founder, clock, random));
  EXPECT_EQ(vectors.at("records").size(), log->records().size());
}

TEST_F(ShareCeremonyTest, FoundedShareIsReadyForItsManager) {
  EXPECT_EQ(SpaceKind::share, log.kind());
  EXPECT_EQ(1U, log.epoch().value);
  EXPECT_FALSE(log.rotation_due());
  EXPECT_EQ(Role::manager, world.role_of(world.founder));
  EXPECT_TRUE(world.may_write(world.founder));
  ASSERT_EQ(1U, log.retentions().size());
  EXPECT_EQ(kDefaultRetention, log.retentions().front().second);
  const SpaceAccess access = world.access(world.founder);
  EXPECT_EQ("Trois communes", access.current.space_name);
  EXPECT_EQ("Mairie, PC du maire", shown_name(access.current.names, world.founder.identity(), world.founder.id()));
  EXPECT_TRUE(access.problems.empty());
}

TEST_F(ShareCeremonyTest, RootOpensItsShareFromTheKitAlone) {
  const crypto::DeviceKeys& root = world.founder.root;
  const auto access = open_access(log, with_preshared(root, founder_preshared(root.preshared, log.space())));
  ASSERT_TRUE(access.has_value());
  EXPECT_TRUE(access->problems.empty());
}

// Members know each other's pre-shared secrets: those of the vaults must not be among them.
TEST_F(ShareCeremonyTest, SecretsOfTheVaultStayOutOfTheShare) {
  const Person member = world.admitted(Role::reader);
  for (const auto& [id, secret] : world.access(member).current.preshared) {
    EXPECT_FALSE(secret == world.founder.device.preshared);
    EXPECT_FALSE(secret == world.founder.root.preshared);
    EXPECT_FALSE(secret == member.device.preshared);
  }
}

TEST_F(ShareCeremonyTest, NamesAreBounded) {
  const DeviceRequest request{world.founder.device.public_part(), world.founder.device.preshared.clone()};
  const auto found = [&](const ShareWords& words) {
    return code_of(found_share(world.founder.root, request, words, kTestClock, world.random));
  };
  EXPECT_EQ(ErrorCode::usage, found({"", "Mairie", "PC"}));
  EXPECT_EQ(ErrorCode::usage, found({"Essai", "", "PC"}));
  EXPECT_EQ(ErrorCode::usage, found({"Essai", "Mairie", "P\nC"}));
}

TEST_F(ShareCeremonyTest, EveryRoleIsAdmittedWithItsRights) {
  world.take(rotation(world.founder));
  for (const Role role : kRoles) {
    const std::uint32_t before = log.epoch().value;
    const Person person = world.admitted(role);
    EXPECT_EQ(role, world.role_of(person));
    EXPECT_EQ(role_writes(role), world.may_write(person)) << role_name(role);
    EXPECT_EQ(before + 1, log.epoch().value);
    EXPECT_EQ(role_reads_history(role) ? before + 1 : 1U, world.epochs_of(person).size()) << role_name(role);
    EXPECT_TRUE(world.access(person).problems.empty());
    const SpaceAccess seen = world.access(world.founder);
    EXPECT_EQ("Claire, PC mairie", shown_name(seen.current.names, person.identity(), person.id()));
  }
}

TEST_F(ShareCeremonyTest, OnlyManagersAdmitChangeAndRemove) {
  const Person other = world.admitted(Role::reader);
  for (const Role role : {Role::writer, Role::reader, Role::depositor}) {
    const Person person = world.admitted(role);
    Person newcomer = world.new_person();
    EXPECT_EQ(ErrorCode::refused, code_of(world.admission(newcomer, Role::reader, person))) << role_name(role);
    EXPECT_EQ(ErrorCode::refused, code_of(role_change(other, Role::writer, person))) << role_name(role);
    EXPECT_EQ(ErrorCode::refused, code_of(role_change(person, Role::manager, person))) << role_name(role);
    EXPECT_EQ(ErrorCode::refused, code_of(removal(other, person))) << role_name(role);
    EXPECT_EQ(ErrorCode::refused, code_of(device_removal(other, person))) << role_name(role);
    EXPECT_EQ(ErrorCode::refused, code_of(removal(world.founder, person))) << role_name(role);
  }
  const Person manager = world.admitted(Role::manager);
  Person newcomer = world.new_person();
  world.take(world.admission(newcomer, Role::reader, manager));
  world.take(role_change(other, Role::writer, manager));
  world.take(removal(other, manager));
}

TEST_F(ShareCeremonyTest, EveryRoleBecomesEveryOther) {
  for (const Role from : kRoles)
    for (const Role to : kRoles) {
      SCOPED_TRACE(std::string(role_name(from)) + " to " + role_name(to));
      const Person person = world.admitted(from);
      std::optional<Commit> before;
      BranchEnds ends;
      if (role_writes(from)) {
        before = signed_commit(commit_on(log, person.keys), person.keys);
        ends[person.id()] = {before->id, 1};
      }
      const CommitClear late = commit_on(log, person.keys, 2);
      world.take(role_change(person, to, world.founder, ends));
      EXPECT_EQ(to, world.role_of(person));
      EXPECT_FALSE(log.rotation_due());
      EXPECT_EQ(log.epoch(), world.access(person).current.epoch);
      EXPECT_EQ(role_writes(to), world.may_write(person));
      if (before) EXPECT_TRUE(log.accepts(*before).has_value());
      const bool lost = role_writes(from) && !role_writes(to);
      EXPECT_EQ(role_writes(from) && !lost, log.accepts(signed_commit(late, person.keys)).has_value());
      if (role_reads_history(to)) EXPECT_EQ(log.epoch().value, world.epochs_of(person).size());
    }
}

TEST_F(ShareCeremonyTest, SameRoleAgainIsNothing) {
  const Person person = world.admitted(Role::writer);
  const auto records = role_change(person, Role::writer, world.founder);
  ASSERT_TRUE(records.has_value());
  EXPECT_TRUE(records->empty());
}

TEST_F(ShareCeremonyTest, DepositorReadsNothingOlderThanItself) {
  world.take(rotation(world.founder));
  const Person depositor = world.admitted(Role::depositor);
  world.take(rotation(world.founder));
  EXPECT_EQ((Numbers{3, 4}), world.epochs_of(depositor));
  EXPECT_FALSE(world.access(depositor).current.reader_key.has_value());
}

TEST_F(ShareCeremonyTest, SecondComputerHasAtMostItsOwnersRole) {
  const Person first = world.admitted(Role::writer);
  Person second = world.second_computer(first);
  world.take(world.admission(second, Role::reader, world.founder));
  EXPECT_EQ(Role::writer, world.role_of(first));
  EXPECT_EQ(Role::reader, world.role_of(second));
  world.take(role_change(first, Role::manager, world.founder));
  EXPECT_EQ(Role::manager, world.role_of(first));
  EXPECT_EQ(Role::reader, world.role_of(second));
}

TEST_F(ShareCeremonyTest, InvitationAsMoreRaisesItsOwner) {
  const Person first = world.admitted(Role::reader);
  Person second = world.second_computer(first);
  world.take(world.admission(second, Role::writer, world.founder));
  EXPECT_EQ(Role::writer, world.role_of(first));
  EXPECT_EQ(Role::writer, world.role_of(second));
  const Person depositor = world.admitted(Role::depositor);
  Person other = world.second_computer(depositor);
  EXPECT_EQ(ErrorCode::refused, code_of(world.admission(other, Role::reader, world.founder)));
}

TEST_F(ShareCeremonyTest, InvitationAdmitsOneComputerOnce) {
  const ShareInvitation invited = world.invitation(Role::reader);
  const auto admit = [&](const Person& person) {
    return admit_member(log, world.founder.keys, ShareWorld::request_of(person),
                        {.role = Role::reader, .preshared = invited.preshared()}, kTestClock, world.random);
  };
  const Person person = world.new_person();
  world.take(admit(person));
  EXPECT_EQ(ErrorCode::already_exists, code_of(admit(person)));
  EXPECT_EQ(ErrorCode::already_exists, code_of(admit(world.new_person())));
  world.take(removal(person, world.founder));
  EXPECT_EQ(ErrorCode::already_exists, code_of(admit(world.new_person())));
}

TEST_F(ShareCeremonyTest, RequestWithAForeignCertificateIsRefused) {
  JoinRequest request = ShareWorld::request_of(world.new_person());
  request.certificate = ShareWorld::request_of(world.new_person()).certificate;
  EXPECT_EQ(ErrorCode::refused, code_of(admit_member(log, world.founder.keys, request,
                                                     {.role = Role::reader, .preshared = crypto::SecretBytes(32)},
                                                     kTestClock, world.random)));
}

TEST_F(ShareCeremonyTest, AdmissionGoesOnWhereItWasCutShort) {
  const SpaceLog before = log;
  const ShareInvitation invited = world.invitation(Role::reader);
  Person person = world.new_person();
  person.keys = with_preshared(person.device, invited.preshared());
  const auto admit = [&] {
    return admit_member(log, world.founder.keys, ShareWorld::request_of(person),
                        {.role = Role::reader, .preshared = invited.preshared()}, kTestClock, world.random);
  };
  const auto records = admit();
  ASSERT_EQ(3U, records->size());
  for (std::size_t done = 0; done < records->size(); ++done) {
    log = before;
    for (const Bytes& record : std::span(*records).first(done)) ASSERT_TRUE(log.append(record).has_value());
    world.take(admit());
    EXPECT_EQ((Numbers{1, 2}), world.epochs_of(person)) << done;
  }
}

TEST_F(ShareCeremonyTest, RemovedMemberReadsNothingWrittenAfterwards) {
  const Person reader = world.admitted(Role::reader);
  const Person gone = world.admitted(Role::writer);
  Person second = world.second_computer(gone);
  world.take(world.admission(second, Role::writer, world.founder));
  const std::uint32_t last = log.epoch().value;
  const Commit commit = signed_commit(commit_on(log, gone.keys), gone.keys);
  const CommitClear late = commit_on(log, gone.keys, 2);
  Departure departure;
  departure.ends[gone.id()] = {commit.id, 1};
  world.take(removal(gone, world.founder, departure));

  EXPECT_FALSE(log.rotation_due());
  EXPECT_TRUE(log.members().at(gone.identity()).removed);
  EXPECT_EQ(last + 1, log.epoch().value);
  for (const Person* person : std::array<const Person*, 2>{&gone, &second}) {
    EXPECT_TRUE(log.device(person->id())->removed);
    EXPECT_EQ(last, world.epochs_of(*person).size());
    EXPECT_FALSE(world.may_write(*person));
  }
  EXPECT_TRUE(log.accepts(commit).has_value());
  EXPECT_FALSE(log.accepts(signed_commit(late, gone.keys)).has_value());
  EXPECT_EQ(last + 1, world.epochs_of(reader).size());
  EXPECT_EQ(ErrorCode::refused, code_of(removal(gone, world.founder)));
}

// With all its keys and secrets, those of other members that it knew, and everything that the peer stores.
TEST_F(ShareCeremonyTest, NoBoxOfTheNewEpochOpensForWhoWasRemoved) {
  const Person gone = world.admitted(Role::manager);
  const SpaceAccess known = world.access(gone);
  world.take(removal(gone, world.founder));
  const auto& body = std::get<EpochBody>(log.head().body);
  for (const auto& box : body.boxes)
    for (const auto& [id, preshared] : known.current.preshared)
      for (const DeviceId& recipient : {box.recipient, gone.id()})
        EXPECT_FALSE(crypto::open_box(box.suite, gone.device.box, preshared,
                                      box_context(log.space(), body.epoch, recipient), box.bytes)
                         .has_value());
  EXPECT_FALSE(open_shared(log.space(), body, known.current.secret).has_value());
  EXPECT_FALSE(open_handed(log.space(), body, *known.current.reader_key).has_value());
}

TEST_F(ShareCeremonyTest, HostileDepartureBringsNewContentKeys) {
  const Person gone = world.admitted(Role::writer);
  const crypto::SecretBytes dedup = world.access(world.founder).current.content.dedup.clone();
  Departure departure;
  departure.hostile = true;
  world.take(removal(gone, world.founder, departure));
  EXPECT_EQ(2U, log.content_generation());
  EXPECT_FALSE(world.access(world.founder).current.content.dedup == dedup);
}

TEST_F(ShareCeremonyTest, OneComputerIsRemovedAndItsOwnerStays) {
  const Person first = world.admitted(Role::reader);
  Person second = world.second_computer(first);
  world.take(world.admission(second, Role::reader, world.founder));
  world.take(device_removal(first, world.founder));
  EXPECT_TRUE(log.device(first.id())->removed);
  EXPECT_FALSE(log.device(second.id())->removed);
  EXPECT_FALSE(log.members().at(first.identity()).removed);
  EXPECT_EQ(log.epoch(), world.access(second).current.epoch);
}

TEST_F(ShareCeremonyTest, NobodyRemovesItself) {
  const Person manager = world.admitted(Role::manager);
  EXPECT_EQ(ErrorCode::refused, code_of(removal(manager, manager)));
  EXPECT_EQ(ErrorCode::refused, code_of(device_removal(manager, manager)));
  EXPECT_EQ(ErrorCode::refused, code_of(removal(world.new_person(), manager)));
  EXPECT_EQ(ErrorCode::refused, code_of(removal(world.founder, manager)));  // its root's identity stays
}

TEST_F(ShareCeremonyTest, RemovalGoesOnWhereItWasCutShort) {
  const Person gone = world.admitted(Role::reader);
  const auto records = removal(gone, world.founder);
  ASSERT_EQ(2U, records->size());
  ASSERT_TRUE(log.append(records->front()).has_value());
  EXPECT_TRUE(log.rotation_due());
  world.take(removal(gone, world.founder));
  EXPECT_FALSE(log.rotation_due());
}

// Somebody else's admission was cut short: its first keys are out of our reach, and a removal must not wait for them.
TEST_F(ShareCeremonyTest, RemovalDoesNotWaitForAnAdmissionThatWasCutShort) {
  const Person manager = world.admitted(Role::manager);
  const Person gone = world.admitted(Role::reader);
  Person newcomer = world.new_person();
  const auto records = world.admission(newcomer, Role::reader, manager);
  for (const Bytes& record : std::span(*records).first(2)) ASSERT_TRUE(log.append(record).has_value());
  EXPECT_EQ(ErrorCode::wrong_state, code_of(rotation(world.founder)));
  world.take(removal(gone, world.founder));
  EXPECT_FALSE(log.rotation_due());
  EXPECT_TRUE(log.device(newcomer.id())->removed);
}

TEST_F(ShareCeremonyTest, EveryRoleLeavesAndTheNextWriterRenewsTheKeys) {
  const Person writer = world.admitted(Role::writer);
  for (const Role role : kRoles) {
    const Person person = world.admitted(role);
    const std::uint32_t last = log.epoch().value;
    world.take(leaving(person));
    EXPECT_TRUE(log.rotation_due());
    EXPECT_TRUE(log.members().at(person.identity()).removed);
    EXPECT_EQ(ErrorCode::refused, code_of(leaving(person)));
    world.take(rotation(writer));
    EXPECT_FALSE(log.rotation_due());
    EXPECT_FALSE(world.may_write(person));
    EXPECT_TRUE(world.may_write(writer));
    EXPECT_EQ(last, world.access(person).current.epoch.value);
  }
}

TEST_F(ShareCeremonyTest, LastManagerHandsOverBeforeItLeaves) {
  const Person heir = world.admitted(Role::writer);
  EXPECT_EQ(ErrorCode::refused, code_of(leaving(world.founder)));
  world.take(role_change(heir, Role::manager, world.founder));
  world.take(leaving(world.founder));
  EXPECT_FALSE(log.members().at(world.founder.identity()).removed);  // its kit still recovers the space
  world.take(rotation(heir));
  Person newcomer = world.new_person();
  world.take(world.admission(newcomer, Role::reader, heir));
  EXPECT_EQ(ErrorCode::refused, code_of(leaving(heir)));
}

TEST_F(ShareCeremonyTest, AdmissionRenewsTheKeysFirstWhenSomebodyLeft) {
  const Person gone = world.admitted(Role::reader);
  world.take(leaving(gone));
  const Person person = world.admitted(Role::reader);
  EXPECT_EQ((Numbers{1, 2, 3, 4}), world.epochs_of(person));
}

TEST_F(ShareCeremonyTest, RemovedComputerDoesNotComeBackButItsOwnerDoes) {
  const Person first = world.admitted(Role::writer);
  world.take(removal(first, world.founder));
  Person again = world.second_computer(first);
  world.take(world.admission(again, Role::reader, world.founder));
  EXPECT_EQ(Role::reader, world.role_of(again));
  const ShareInvitation invited = world.invitation(Role::reader);
  EXPECT_EQ(ErrorCode::refused,
            code_of(admit_member(log, world.founder.keys, ShareWorld::request_of(first),
                                 {.role = Role::reader, .preshared = invited.preshared()}, kTestClock, world.random)));
}

TEST_F(ShareCeremonyTest, NamesAreChangedByWhoMay) {
  const Person writer = world.admitted(Role::writer);
  const Person reader = world.admitted(Role::reader);
  const auto rename = [&](const Person& by, const Person& of, const std::string& name) {
    return set_names(log, by.keys, {.members = {}, .devices = {{of.id(), name}}}, kTestClock, world.random);
  };
  world.take(rename(writer, writer, "Portable"));
  world.take(rename(world.founder, reader, "Accueil"));
  const SpaceNames seen = world.access(reader).current.names;
  EXPECT_EQ("Claire, Portable", shown_name(seen, writer.identity(), writer.id()));
  EXPECT_EQ("Claire, Accueil", shown_name(seen, reader.identity(), reader.id()));
  EXPECT_TRUE(world.access(reader).problems.empty());
  EXPECT_EQ(ErrorCode::refused, code_of(rename(writer, reader, "PC")));
  EXPECT_EQ(ErrorCode::refused, code_of(rename(reader, reader, "PC")));
  EXPECT_EQ(ErrorCode::usage, code_of(rename(writer, writer, "P\nC")));
  EXPECT_EQ(ErrorCode::usage, code_of(set_names(log, writer.keys, {}, kTestClock, world.random)));
}

}  // namespace
}  // namespace beffroi::storage
