// Goal: a log takes what its rules allow, from who may say it, in its place, and nothing else; and what it took decides
// which commits stand.
#include "storage/space/log.h"

#include <gtest/gtest.h>

#include "tests/support/space_builder.h"

namespace beffroi::storage {
namespace {

using testing::commit_on;
using testing::signed_commit;
using testing::SpaceBuilder;
using testing::state_of;

ErrorCode code_of(const Result<void>& result) { return result ? ErrorCode::io : result.error().code; }

// A vault with a station and a second device, in epoch 1.
struct VaultLogTest : ::testing::Test {
  SpaceBuilder space;
  crypto::DeviceKeys station = space.admit(Role::writer);
  crypto::DeviceKeys second = space.admit(Role::writer);
  SpaceLog& log = space.log;

  VaultLogTest() { space.open_epoch(); }
  DeviceId id_of(const crypto::DeviceKeys& device) const { return device.public_part().id(); }
  void refuses(const RecordBody& body, const crypto::DeviceKeys& signer, ErrorCode code = ErrorCode::refused) {
    const std::string before = state_of(log);
    EXPECT_EQ(code, code_of(space.add(body, signer))) << "type " << body.index() + 1;
    EXPECT_EQ(before, state_of(log));
  }
  MemberBody member(Role role) { return {.root = space.new_keys().public_part(), .role = role}; }
  RemovalBody removal(const crypto::DeviceKeys& device, bool hostile = false) const {
    return SpaceBuilder::removal({device.public_part()}, hostile);
  }
};

TEST_F(VaultLogTest, GenesisMustBeSignedByItsRootAndHaveTheExpectedId) {
  GenesisBody genesis{.kind = SpaceKind::vault, .root = space.root.public_part()};
  EXPECT_EQ(ErrorCode::corrupt,
            SpaceLog::from_genesis(make_record(nullptr, {}, genesis, {}, station.sign)).error().code);
  genesis.root.transport.data = genesis.root.sign.data;
  EXPECT_EQ(ErrorCode::corrupt,
            SpaceLog::from_genesis(make_record(nullptr, {}, genesis, {}, space.root.sign)).error().code);
  EXPECT_EQ(ErrorCode::corrupt, SpaceLog::from_records(log.encoded(), SpaceId{{7}}).error().code);
  EXPECT_EQ(ErrorCode::corrupt, SpaceLog::from_records({}, std::nullopt).error().code);
  EXPECT_EQ(ErrorCode::corrupt, SpaceLog::from_records(std::span(log.encoded()).subspan(1), std::nullopt).error().code);
}

TEST_F(VaultLogTest, LogReadFromItsRecordsIsTheSame) {
  const auto again = SpaceLog::from_records(log.encoded(), log.space());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(state_of(log), state_of(*again));
}

TEST_F(VaultLogTest, CutLogIsAValidButShorterLog) {
  for (std::size_t length = 1; length < log.records().size(); ++length) {
    const auto cut = SpaceLog::from_records(std::span(log.encoded()).first(length), log.space());
    ASSERT_TRUE(cut.has_value());
    EXPECT_FALSE(cut->position(log.head().id).has_value());
  }
}

TEST_F(VaultLogTest, ReorderedAndLeftOutRecordsAreRefused) {
  std::vector<Bytes> records = log.encoded();
  std::swap(records[1], records[2]);
  EXPECT_EQ(ErrorCode::corrupt, SpaceLog::from_records(records, log.space()).error().code);
  records = log.encoded();
  records.erase(records.begin() + 1);
  EXPECT_EQ(ErrorCode::corrupt, SpaceLog::from_records(records, log.space()).error().code);
}

TEST_F(VaultLogTest, ReplayedRecordIsAConflict) {
  const std::string before = state_of(log);
  for (const Bytes& record : std::span(log.encoded()).subspan(1)) {
    const Bytes replayed = record;
    EXPECT_EQ(ErrorCode::conflict, code_of(log.append(replayed)));
  }
  EXPECT_EQ(before, state_of(log));
}

TEST_F(VaultLogTest, RecordOnAnOlderHeadIsAConflict) {
  const Bytes slower = space.record(RetentionBody{.lock_days = 60}, space.root);
  space.must(PinBody{});
  EXPECT_EQ(ErrorCode::conflict, code_of(log.append(slower)));
}

TEST_F(VaultLogTest, ForkedLogDoesNotContinueTheOtherSide) {
  SpaceLog fork = log;
  space.must(PinBody{});
  space.must(PinBody{});
  const auto other_side = fork.append(space.record(PinBody{.commit = {{1}}}, space.root));
  EXPECT_EQ(ErrorCode::corrupt, code_of(other_side));
  EXPECT_FALSE(fork.position(log.head().id).has_value());
}

TEST_F(VaultLogTest, RecordOfAnotherSpaceIsRefused) {
  const Bytes foreign = make_record(&log.head(), SpaceId{{9}}, PinBody{}, {}, space.root.sign);
  EXPECT_EQ(ErrorCode::corrupt, code_of(log.append(foreign)));
}

// The heart of promise 3: whoever holds the station's keys can renew the epoch for the same members, or keep what the
// root wanted deleted, and no more.
TEST_F(VaultLogTest, StationSignsNothingThatTakesAway) {
  const crypto::DeviceKeys newcomer = space.new_keys();
  const std::vector<RecordBody> others = {
      MemberBody{.root = newcomer.public_part(), .role = Role::reader},
      SpaceBuilder::certified(newcomer, space.root, Role::reader),
      removal(second),
      removal(station),
      RetentionBody{.lock_days = 1},
      PinBody{},
      HomeBody{.peer = {}, .address = "evil.example:1"},
      RecoveryBody{.device = id_of(station), .heads = {}},
      HandoverBody{.new_root = newcomer.public_part()},
      DeletionBody{.commits = {CommitId{{1}}}},
  };
  for (const RecordBody& body : others) {
    refuses(body, station);
    SpaceLog by_root = log;  // it is the signer that is refused, not the record
    EXPECT_TRUE(by_root.append(space.record(body, space.root)).has_value()) << "type " << body.index() + 1;
  }
  const Bytes genesis =
      make_record(nullptr, {}, GenesisBody{.kind = SpaceKind::vault, .root = station.public_part()}, {}, station.sign);
  EXPECT_EQ(ErrorCode::refused, code_of(log.append(genesis)));
}

TEST_F(VaultLogTest, StationsRotationMustBePure) {
  const EpochBody pure = space.epoch(station);
  const auto changed = [&](auto change) {
    EpochBody body = pure;
    change(body);
    refuses(body, station);
  };
  const auto drop = [](const DeviceId& id) {
    return [id](EpochBody& body) { std::erase_if(body.boxes, [&](const auto& box) { return box.recipient == id; }); };
  };
  changed(drop(space.root.public_part().id()));
  changed(drop(id_of(second)));
  changed(drop(id_of(station)));
  changed([](EpochBody& body) { body.boxes.clear(); });
  changed([](EpochBody& body) {
    EpochBody::Box extra = body.boxes.back();
    extra.recipient.data.fill(0xFF);
    body.boxes.push_back(extra);
  });
  changed([](EpochBody& body) { body.boxes.back().recipient.data.fill(0xFF); });
  changed([](EpochBody& body) { body.content_generation = 2; });
  changed([](EpochBody& body) { body.content_generation = 3; });
  changed([](EpochBody& body) { body.epoch = {3}; });
  changed([](EpochBody& body) {
    body.epoch = {1};
    body.handed_keys.clear();
  });
  ASSERT_TRUE(space.add(pure, station).has_value());
  EXPECT_EQ(2U, log.epoch().value);
}

TEST_F(VaultLogTest, DepositorMayRotateAndReaderMayNot) {
  const crypto::DeviceKeys depositor = space.admit(Role::depositor);
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  space.open_epoch();
  refuses(space.epoch(reader), reader);
  space.open_epoch(depositor);
  EXPECT_EQ(3U, log.epoch().value);
}

TEST_F(VaultLogTest, DevicesRotateABoundedNumberOfTimesUntilTheRootSigns) {
  EpochBody body = space.epoch(station);  // the log does not look into boxes: one body does for all
  for (std::uint32_t i = 0; i < kMaxRotationsInARow; ++i) {
    body.epoch.value = log.epoch().value + 1;
    ASSERT_TRUE(space.add(body, i % 2 == 0 ? station : second).has_value()) << i;
  }
  body.epoch.value = log.epoch().value + 1;
  refuses(body, station);
  space.must(PinBody{});
  EXPECT_TRUE(space.add(body, station).has_value());
}

TEST_F(VaultLogTest, StrangerAndRemovedDeviceSignNothing) {
  refuses(space.epoch(station), space.new_keys());
  space.must(removal(second));
  refuses(space.epoch(station), second);
}

TEST_F(VaultLogTest, FirstEpochIsOpenedByTheRoot) {
  SpaceBuilder young;
  const crypto::DeviceKeys device = young.admit(Role::writer);
  EXPECT_TRUE(young.log.rotation_due());
  EXPECT_EQ(ErrorCode::refused, code_of(young.add(young.epoch(young.root), device)));
  EXPECT_EQ(ErrorCode::refused, code_of(young.add(RetentionBody{}, young.root)));
  EpochBody second_generation = young.epoch(young.root);
  second_generation.content_generation = 2;
  EXPECT_EQ(ErrorCode::refused, code_of(young.add(second_generation, young.root)));
  EXPECT_TRUE(young.add(young.epoch(young.root), young.root).has_value());
}

TEST_F(VaultLogTest, RootKeepsTheInvariantsToo) {
  EpochBody skipped = space.epoch(space.root);
  skipped.epoch = {4};
  refuses(skipped, space.root);
  EpochBody incomplete = space.epoch(space.root);
  incomplete.boxes.pop_back();
  refuses(incomplete, space.root);
  EpochBody two_generations = space.epoch(space.root, true);
  two_generations.content_generation = 3;
  refuses(two_generations, space.root);
  EXPECT_TRUE(space.add(space.epoch(space.root, true), space.root).has_value());
  EXPECT_EQ(2U, log.content_generation());
}

TEST_F(VaultLogTest, DeviceNeedsItsOwnersCertificateAndAFittingRole) {
  const crypto::DeviceKeys device = space.new_keys();
  DeviceBody body = SpaceBuilder::certified(device, space.root, Role::writer);
  body.certificate.data[0] ^= 1;
  refuses(body, space.root);
  refuses(SpaceBuilder::certified(device, space.new_keys(), Role::writer), space.root);  // no member
  DeviceBody borrowed = SpaceBuilder::certified(device, space.root, Role::writer);
  borrowed.certificate = SpaceBuilder::certified(station, space.root, Role::writer).certificate;
  refuses(borrowed, space.root);

  const crypto::DeviceKeys friend_root = space.new_keys();
  space.must(MemberBody{.root = friend_root.public_part(), .role = Role::reader});
  refuses(SpaceBuilder::certified(device, friend_root, Role::writer), space.root);
  refuses(SpaceBuilder::certified(device, friend_root, Role::depositor), space.root);
  EXPECT_TRUE(space.add(SpaceBuilder::certified(device, friend_root, Role::reader), space.root).has_value());
}

TEST_F(VaultLogTest, NoKeyIsUsedTwice) {
  const crypto::DevicePublic used = station.public_part();
  for (int which = 0; which < 3; ++which) {
    crypto::DeviceKeys fresh = space.new_keys();
    DeviceBody body = SpaceBuilder::certified(fresh, space.root, Role::writer);
    if (which == 0) body.device.sign = used.sign;
    if (which == 1) body.device.box = used.box;
    if (which == 2) body.device.transport = space.root.public_part().transport;
    body.certificate = crypto::sign(crypto::labels::sign_device, space.root.sign, body.device.id());
    refuses(body, space.root);
  }
  refuses(MemberBody{.root = used, .role = Role::reader}, space.root);
  refuses(HandoverBody{.new_root = used}, space.root);
  refuses(HandoverBody{.new_root = space.root.public_part()}, space.root);
}

TEST_F(VaultLogTest, RemovedDeviceCanNotComeBack) {
  space.must(removal(second));
  refuses(removal(second), space.root);
  refuses(SpaceBuilder::certified(second, space.root, Role::writer), space.root);
  EXPECT_EQ(nullptr, log.device_by_transport(second.public_part().transport));
  EXPECT_EQ(nullptr, log.entitled_keys(id_of(second)));
  EXPECT_TRUE(log.device(id_of(second))->removed);
}

TEST_F(VaultLogTest, AfterARemovalOnlyWhatLeadsToTheNextEpochMayFollow) {
  space.must(removal(second));
  EXPECT_TRUE(log.rotation_due());
  for (const RecordBody& body : std::vector<RecordBody>{
           RetentionBody{}, PinBody{}, DeletionBody{.commits = {CommitId{{1}}}},
           HandoverBody{.new_root = space.new_keys().public_part()}, CancelBody{.deletion = log.head().id}})
    refuses(body, space.root);
  const crypto::DeviceKeys replacement = space.admit(Role::writer);
  space.must(RecoveryBody{.device = id_of(replacement), .heads = {}});
  space.must(HomeBody{.peer = {}, .address = "peer.example:8440"});
  space.must(member(Role::reader));
  space.must(removal(station));
  space.open_epoch();
  EXPECT_FALSE(log.rotation_due());
  space.must(PinBody{});
}

TEST_F(VaultLogTest, StationFinishesARotationThatTheRootLeftDue) {
  space.must(removal(second));
  space.open_epoch(station);
  EXPECT_FALSE(log.rotation_due());
}

TEST_F(VaultLogTest, HostileRemovalDemandsNewContentKeys) {
  space.must(removal(second, true));
  EXPECT_TRUE(log.new_content_keys_due());
  refuses(space.epoch(space.root), space.root);
  refuses(space.epoch(station, true), station);
  space.open_epoch(space.root, true);
  EXPECT_EQ(2U, log.content_generation());
  EXPECT_FALSE(log.new_content_keys_due());
}

TEST_F(VaultLogTest, RemovalNamesDevicesThatAreThere) {
  refuses(SpaceBuilder::removal({space.new_keys().public_part()}), space.root);
  refuses(SpaceBuilder::removal({space.root.public_part()}), space.root);
  refuses(RemovalBody{.devices = {}, .identity = space.root.sign.public_key}, space.root);
  refuses(RemovalBody{.devices = {}, .identity = station.sign.public_key}, space.root);
}

TEST_F(VaultLogTest, MemberIsRemovedWithAllOfItsDevicesAndMayReturnWithNewOnes) {
  const crypto::DeviceKeys owner = space.new_keys();
  const MemberBody admission{.root = owner.public_part(), .role = Role::writer};
  space.must(admission);
  const crypto::DeviceKeys laptop = space.admit(Role::writer, owner);
  refuses(RemovalBody{.devices = {}, .identity = owner.sign.public_key}, space.root);
  RemovalBody body = removal(laptop);
  body.identity = owner.sign.public_key;
  space.must(body);
  refuses(SpaceBuilder::certified(space.new_keys(), owner, Role::writer), space.root);
  space.must(admission);
  refuses(SpaceBuilder::certified(laptop, owner, Role::writer), space.root);
  space.admit(Role::writer, owner);
}

TEST_F(VaultLogTest, HandoverReplacesTheRootAndRenewsAllKeys) {
  const crypto::DeviceKeys next_root = space.new_keys();
  space.learn(next_root);
  space.must(HandoverBody{.new_root = next_root.public_part()});
  EXPECT_EQ(next_root.public_part(), log.root());
  refuses(RemovalBody{removal(second)}, space.root);  // the former root
  const std::vector<DeviceId> entitled = log.entitled();
  EXPECT_TRUE(std::ranges::binary_search(entitled, id_of(next_root)));
  EXPECT_FALSE(std::ranges::binary_search(entitled, id_of(space.root)));
  EpochBody body = space.epoch(station, true);
  body.content_generation = 1;
  refuses(body, next_root);
  body.content_generation = 2;
  EXPECT_TRUE(space.add(body, next_root).has_value());
  EXPECT_TRUE(space.add(RetentionBody{.lock_days = 10}, next_root).has_value());
  EXPECT_EQ(10U, log.retentions().back().second.lock_days);
}

TEST_F(VaultLogTest, RulesOfRetentionAreKeptWithTheirPlaces) {
  EXPECT_TRUE(log.retentions().empty());
  space.must(RetentionBody{.lock_days = 30, .within_days = 7});
  const std::uint64_t first = log.head().sequence;
  space.must(PinBody{});
  space.must(RetentionBody{.lock_days = 1, .yearly = 2});
  const RetentionHistory expected = {{first, {.lock_days = 30, .within_days = 7}},
                                     {first + 2, {.lock_days = 1, .yearly = 2}}};
  EXPECT_EQ(expected, log.retentions());
  EXPECT_EQ(expected, SpaceLog::from_records(log.encoded(), log.space())->retentions());
}

TEST_F(VaultLogTest, TheLastPinOfACommitCounts) {
  const CommitId commit{{1}};
  EXPECT_FALSE(log.pinned(commit));
  space.must(PinBody{.commit = commit, .pinned = false});
  EXPECT_FALSE(log.pinned(commit));
  space.must(PinBody{.commit = commit});
  space.must(PinBody{.commit = commit});
  EXPECT_TRUE(log.pinned(commit));
  EXPECT_FALSE(log.pinned(CommitId{{2}}));
  space.must(PinBody{.commit = commit, .pinned = false});
  EXPECT_FALSE(log.pinned(commit));
}

TEST_F(VaultLogTest, DeletionIsTakenBackOnce) {
  space.must(DeletionBody{.commits = {CommitId{{1}}}});
  const RecordId deletion = log.head().id;
  space.must(CancelBody{.deletion = deletion});
  EXPECT_TRUE(log.cancelled(deletion));
  refuses(CancelBody{.deletion = deletion}, space.root);
  refuses(CancelBody{.deletion = log.head().id}, space.root);
  refuses(CancelBody{.deletion = RecordId{{1}}}, space.root);
}

// Goal: whoever sees that snapshots are about to go can stop it, without the kit; who was removed can't.
TEST_F(VaultLogTest, AnyMemberTakesADeletionBack) {
  space.must(DeletionBody{.commits = {CommitId{{1}}}});
  const RecordId deletion = log.head().id;
  SpaceLog without = log;
  EXPECT_TRUE(without.append(space.record(CancelBody{.deletion = deletion}, station)).has_value());
  EXPECT_TRUE(without.cancelled(deletion));
  space.must(removal(second));
  space.must(space.epoch(space.root));
  refuses(CancelBody{.deletion = deletion}, second);
}

TEST_F(VaultLogTest, RecoveryNamesADeviceOfTheSpace) {
  refuses(RecoveryBody{.device = id_of(space.new_keys()), .heads = {}}, space.root);
  space.must(removal(second));
  refuses(RecoveryBody{.device = id_of(second), .heads = {}}, space.root);
}

// Commits.

TEST_F(VaultLogTest, CommitOfAWriterStands) {
  const Commit commit = signed_commit(commit_on(log, station), station);
  EXPECT_TRUE(log.accepts(commit).has_value());
  EXPECT_TRUE(log.accepts_new_commit(commit).has_value());
}

TEST_F(VaultLogTest, CommitMustFitSpaceDeviceSignatureAndLog) {
  const auto code = [&](auto change, const crypto::DeviceKeys& signer) {
    CommitClear clear = commit_on(log, station);
    change(clear);
    return code_of(log.accepts(signed_commit(clear, signer)));
  };
  EXPECT_EQ(ErrorCode::corrupt, code([](CommitClear& clear) { clear.space.data[0] ^= 1; }, station));
  EXPECT_EQ(ErrorCode::corrupt, code([](CommitClear&) {}, second));
  EXPECT_EQ(ErrorCode::conflict, code([](CommitClear& clear) { clear.log_head = RecordId{{1}}; }, station));
  EXPECT_EQ(ErrorCode::refused, code([](CommitClear& clear) { clear.epoch = {2}; }, station));
  EXPECT_EQ(ErrorCode::refused, code([&](CommitClear& clear) { clear.device = id_of(space.root); }, space.root));
  EXPECT_EQ(ErrorCode::refused, code([&](CommitClear& clear) { clear.log_head = log.records()[1].id; }, station));
}

TEST_F(VaultLogTest, ReaderMayNotCommitAndDepositorMay) {
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  const crypto::DeviceKeys depositor = space.admit(Role::depositor);
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(commit_on(log, reader), reader))));
  EXPECT_TRUE(log.accepts_new_commit(signed_commit(commit_on(log, depositor), depositor)).has_value());
}

TEST_F(VaultLogTest, CommitBeforeItsDeviceWasAdmittedIsRefused) {
  CommitClear early = commit_on(log, station);
  const crypto::DeviceKeys late = space.admit(Role::writer);
  early.device = id_of(late);
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(early, late))));
}

TEST_F(VaultLogTest, CommitOfAnOlderEpochStandsButIsNotTakenAnew) {
  const Commit old = signed_commit(commit_on(log, station), station);
  space.open_epoch(station);
  EXPECT_TRUE(log.accepts(old).has_value());
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts_new_commit(old)));
  CommitClear mixed = commit_on(log, station);
  mixed.epoch = {1};
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(mixed, station))));
}

TEST_F(VaultLogTest, CommitsWaitWhileARotationIsDue) {
  const Commit before = signed_commit(commit_on(log, station), station);
  space.must(removal(second));
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts_new_commit(before)));
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(commit_on(log, station), station))));
  EXPECT_TRUE(log.accepts(before).has_value());
}

TEST_F(VaultLogTest, OfARemovedDeviceOnlyTheLastValidCommitAndThoseBeforeItStand) {
  const CommitClear on_head = commit_on(log, second);
  const auto numbered = [&](std::uint64_t sequence) {
    CommitClear clear = on_head;
    clear.sequence = sequence;
    if (sequence > 1) clear.parents = {CommitId{{1}}};
    return clear;
  };
  const Commit valid = signed_commit(numbered(5), second);
  RemovalBody body = removal(second);
  body.devices[0].last_valid_commit = valid.id;
  body.devices[0].last_valid_sequence = 5;
  space.must(body);
  space.open_epoch();

  EXPECT_TRUE(log.accepts(valid).has_value());
  EXPECT_TRUE(log.accepts(signed_commit(numbered(4), second)).has_value());
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts_new_commit(valid)));
  CommitClear twin = numbered(5);
  twin.clock = {1};
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(twin, second))));
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(numbered(6), second))));
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(commit_on(log, second), second))));
}

TEST_F(VaultLogTest, OfADeviceRemovedWithoutAValidCommitNoneStands) {
  const Commit commit = signed_commit(commit_on(log, second), second);
  space.must(removal(second));
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(commit)));
}

// A share with a manager and a writer, each the only device of a member.
struct ShareLogTest : ::testing::Test {
  SpaceBuilder space{SpaceKind::share};
  crypto::DeviceKeys manager_root = space.new_keys();
  crypto::DeviceKeys writer_root = space.new_keys();
  crypto::DeviceKeys manager = admitted(manager_root, Role::manager);
  crypto::DeviceKeys writer = admitted(writer_root, Role::writer);
  SpaceLog& log = space.log;

  ShareLogTest() { space.open_epoch(); }
  crypto::DeviceKeys admitted(const crypto::DeviceKeys& owner, Role role) {
    space.must(MemberBody{.root = owner.public_part(), .role = role});
    return space.admit(role, owner);
  }
  void refuses(const RecordBody& body, const crypto::DeviceKeys& signer) {
    const std::string before = state_of(log);
    EXPECT_EQ(ErrorCode::refused, code_of(space.add(body, signer))) << "type " << body.index() + 1;
    EXPECT_EQ(before, state_of(log));
  }
};

TEST_F(ShareLogTest, ManagerAdmitsAndRemovesAndWriterDoesNot) {
  const crypto::DeviceKeys newcomer_root = space.new_keys();
  const crypto::DeviceKeys newcomer = space.new_keys();
  space.learn(newcomer);
  const MemberBody admission{.root = newcomer_root.public_part(), .role = Role::reader};
  refuses(admission, writer);
  space.must(admission, manager);
  const DeviceBody device = SpaceBuilder::certified(newcomer, newcomer_root, Role::reader);
  refuses(device, writer);
  space.must(device, manager);
  space.open_epoch(manager);
  const RemovalBody removal = SpaceBuilder::removal({newcomer.public_part()});
  refuses(removal, writer);
  space.must(removal, manager);
  space.open_epoch(writer);
  EXPECT_EQ(3U, log.epoch().value);
}

TEST_F(ShareLogTest, ManagerRenewsContentKeysAndWriterDoesNot) {
  refuses(space.epoch(writer, true), writer);
  space.open_epoch(manager, true);
  EXPECT_EQ(2U, log.content_generation());
}

TEST_F(ShareLogTest, RootAloneRecoversAndHandsOver) {
  refuses(RecoveryBody{.device = writer.public_part().id(), .heads = {}}, manager);
  refuses(HandoverBody{.new_root = space.new_keys().public_part()}, manager);
}

TEST_F(ShareLogTest, AnyMemberTakesADeletionBack) {
  refuses(DeletionBody{.commits = {CommitId{{1}}}}, writer);
  space.must(DeletionBody{.commits = {CommitId{{1}}}}, manager);
  space.must(CancelBody{.deletion = log.head().id}, writer);
}

TEST_F(ShareLogTest, LastManagerGoesOnlyByTheRoot) {
  const RemovalBody removal = SpaceBuilder::removal({manager.public_part()});
  const MemberBody demotion{.root = manager_root.public_part(), .role = Role::writer};
  refuses(removal, manager);
  refuses(demotion, manager);
  space.must(demotion);
  refuses(MemberBody{.root = space.new_keys().public_part(), .role = Role::reader}, manager);
}

TEST_F(ShareLogTest, OneOfTwoManagersMayRemoveTheOther) {
  const crypto::DeviceKeys other = admitted(space.new_keys(), Role::manager);
  space.must(SpaceBuilder::removal({manager.public_part()}), other);
}

TEST_F(ShareLogTest, RootKeepsItsRole) {
  refuses(MemberBody{.root = space.root.public_part(), .role = Role::reader}, manager);
  refuses(RemovalBody{.devices = {}, .identity = space.root.sign.public_key}, manager);
}

TEST_F(ShareLogTest, RoleChangeReachesTheDevicesFromThatPositionOn) {
  const auto id = manager.public_part().id();
  const MemberBody admission{.root = space.new_keys().public_part(), .role = Role::reader};
  space.must(MemberBody{.root = manager_root.public_part(), .role = Role::writer});
  EXPECT_EQ(Role::writer, log.device(id)->role);
  EXPECT_EQ(Role::manager, log.device(id)->role_at(log.records().size() - 2));
  EXPECT_EQ(Role::writer, log.device(id)->role_at(log.records().size() - 1));
  refuses(admission, manager);
  EXPECT_TRUE(log.accepts_new_commit(signed_commit(commit_on(log, manager), manager)).has_value());
  space.must(MemberBody{.root = manager_root.public_part(), .role = Role::manager});
  space.must(admission, manager);
}

// Goal: a lowered role would leave commits with an older log head valid: whoever may write no longer is removed, which
// names the last commit that counts.
TEST_F(ShareLogTest, ADeviceThatMayWriteIsRemovedBeforeItsOwnerMayNot) {
  const Commit before = signed_commit(commit_on(log, writer), writer);
  const MemberBody lowered{.root = writer_root.public_part(), .role = Role::reader};
  refuses(lowered, manager);
  refuses(lowered, space.root);
  RemovalBody removal = SpaceBuilder::removal({writer.public_part()});
  removal.devices.front().last_valid_commit = before.id;
  removal.devices.front().last_valid_sequence = 1;
  space.must(removal, manager);
  space.open_epoch(manager);
  space.must(lowered, manager);
  EXPECT_TRUE(log.accepts(before).has_value());
  CommitClear backdated = commit_on(log, writer, 2);
  backdated.parents = {before.id};
  backdated.log_head = before.clear.log_head;
  backdated.epoch = before.clear.epoch;
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(backdated, writer))));
}

TEST_F(ShareLogTest, RoleChangeGivesNoDeviceARightThatItsCertificateLacks) {
  const crypto::DeviceKeys owner = space.new_keys();
  space.must(MemberBody{.root = owner.public_part(), .role = Role::writer}, manager);
  const crypto::DeviceKeys kiosk = space.admit(Role::depositor, owner);
  refuses(MemberBody{.root = owner.public_part(), .role = Role::reader}, manager);
  space.must(MemberBody{.root = owner.public_part(), .role = Role::manager}, manager);
  EXPECT_EQ(Role::depositor, log.device(kiosk.public_part().id())->role);
}

// Goal: a role that is lowered takes effect on the spot, and what the device signs with an older log head afterwards
// does not count; nor does it when the role is raised again.
TEST_F(ShareLogTest, ALoweredRoleNamesTheLastCommitThatCounts) {
  const auto id = writer.public_part().id();
  const Commit before = signed_commit(commit_on(log, writer), writer);
  CommitClear late = commit_on(log, writer, 2);
  late.parents = {before.id};
  const MemberBody lowered{.root = writer_root.public_part(),
                           .role = Role::reader,
                           .ends = {LastCommit{id, before.id, before.clear.sequence}}};
  refuses(lowered, writer);
  space.must(lowered, manager);
  EXPECT_FALSE(log.device(id)->removed);
  EXPECT_FALSE(log.rotation_due());
  EXPECT_TRUE(log.accepts(before).has_value());
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(late, writer))));
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(commit_on(log, writer, 2), writer))));
  space.must(MemberBody{.root = writer_root.public_part(), .role = Role::writer}, manager);
  EXPECT_EQ(ErrorCode::refused, code_of(log.accepts(signed_commit(late, writer))));
  EXPECT_TRUE(log.accepts_new_commit(signed_commit(commit_on(log, writer, 2), writer)).has_value());
}

TEST_F(ShareLogTest, EndsAreThoseOfDevicesThatMayWriteNoMore) {
  const auto ends = [](const crypto::DeviceKeys& device) {
    return std::vector<LastCommit>{{.device = device.public_part().id(), .last_valid_commit = {}}};
  };
  MemberBody lowered{.root = writer_root.public_part(), .role = Role::reader, .ends = ends(manager)};
  refuses(lowered, manager);
  lowered.ends = ends(writer);
  lowered.role = Role::depositor;
  refuses(lowered, manager);
  refuses(MemberBody{.root = space.new_keys().public_part(), .role = Role::reader, .ends = ends(writer)}, manager);
  lowered.role = Role::reader;
  space.must(lowered, manager);
}

// Goal: a station that came as a reader can become more, with the keys that it has.
TEST_F(ShareLogTest, DeviceWhoseRecordAllowsMoreFollowsItsOwnersRole) {
  const crypto::DeviceKeys owner = space.new_keys();
  space.must(MemberBody{.root = owner.public_part(), .role = Role::reader}, manager);
  const crypto::DeviceKeys device = space.admit(Role::manager, owner);
  const auto role = [&] { return log.device(device.public_part().id())->role; };
  EXPECT_EQ(Role::reader, role());
  refuses(MemberBody{.root = owner.public_part(), .role = Role::manager}, device);
  for (const Role next : {Role::writer, Role::depositor, Role::manager}) {
    space.must(MemberBody{.root = owner.public_part(), .role = next}, manager);
    EXPECT_EQ(next, role());
  }
}

TEST_F(ShareLogTest, EverybodyLeavesAndNobodyElseIsTakenOut) {
  const crypto::DeviceKeys owner = space.new_keys();
  space.must(MemberBody{.root = owner.public_part(), .role = Role::reader}, manager);
  const crypto::DeviceKeys reader = space.admit(Role::reader, owner);
  const crypto::DeviceKeys second = space.admit(Role::reader, owner);
  space.open_epoch(manager);
  RemovalBody own = SpaceBuilder::removal({reader.public_part()});
  refuses(own, second);
  refuses(own, writer);
  refuses(SpaceBuilder::removal({reader.public_part(), second.public_part()}), reader);
  refuses(SpaceBuilder::removal({reader.public_part()}, true), reader);
  refuses(RemovalBody{.devices = {}, .identity = writer_root.sign.public_key}, reader);
  own.identity = owner.sign.public_key;
  refuses(own, reader);  // the other device would stay
  own.identity.reset();
  space.must(own, reader);
  EXPECT_TRUE(log.rotation_due());
  refuses(own, reader);
  RemovalBody last = SpaceBuilder::removal({second.public_part()});
  last.identity = owner.sign.public_key;
  space.must(last, second);
  EXPECT_TRUE(log.members().at(owner.sign.public_key).removed);
  space.open_epoch(writer);
  EXPECT_FALSE(log.rotation_due());
}

TEST_F(ShareLogTest, LastManagerDoesNotLeave) {
  const RemovalBody leaving = SpaceBuilder::removal({manager.public_part()});
  refuses(leaving, manager);
  admitted(space.new_keys(), Role::manager);
  space.must(leaving, manager);
}

// Goal: however many leave while no manager is there, a writer can renew the keys after each of them.
TEST_F(ShareLogTest, DeparturesDoNotUseUpTheWritersRotations) {
  const crypto::DeviceKeys owner = space.new_keys();
  space.must(MemberBody{.root = owner.public_part(), .role = Role::reader}, manager);
  std::vector<crypto::DeviceKeys> readers;
  for (std::uint32_t i = 0; i <= kMaxRotationsInARow; ++i) readers.push_back(space.admit(Role::reader, owner));
  EpochBody newest = space.epoch(manager);
  space.must(newest, manager);
  for (const crypto::DeviceKeys& reader : readers) {
    space.must(SpaceBuilder::removal({reader.public_part()}), reader);
    newest = space.epoch_after(newest, writer);
    space.must(newest, writer);
  }
  EXPECT_EQ(1U, log.rotations_in_a_row());
}

TEST_F(ShareLogTest, MemberKeepsItsKeys) {
  MemberBody changed{.root = writer_root.public_part(), .role = Role::writer};
  changed.root.box = space.new_keys().public_part().box;
  refuses(changed, manager);
}

}  // namespace
}  // namespace beffroi::storage
