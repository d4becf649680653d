// Goal: when two managers change a share at once, removals win, whoever was faster, and nothing is granted that was
// decided on what is no longer so.
#include "storage/space/rebase_change.h"

#include <gtest/gtest.h>

#include "tests/support/share_world.h"

namespace beffroi::storage {
namespace {

using testing::kTestClock;
using testing::Person;
using testing::ShareWorld;

// The log as both managers knew it; what the slower one made of it is a conflict on the log as it is now.
struct RebaseTest : ::testing::Test {
  ShareWorld world;
  SpaceLog& log = world.log;
  Person other = world.admitted(Role::manager);
  Person claire = world.admitted(Role::writer);

  Result<Rebased> rebase(const SpaceLog& decided_on, const Person& signer, const WantedChange& wanted) const {
    return rebase_change(log, decided_on.head().id, signer.keys.sign.public_key, wanted);
  }
  static void expect(Rebased expected, const Result<Rebased>& found) {
    ASSERT_TRUE(found.has_value()) << found.error().message();
    EXPECT_EQ(expected, *found);
  }
  static void expect_refused(const Result<Rebased>& found) {
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(ErrorCode::refused, found.error().code);
  }
  Result<std::vector<Bytes>> removal(const SpaceLog& on, const Person& of, const Person& by) {
    return remove_member(on, by.keys, of.identity(), {}, kTestClock, world.random);
  }
  Result<std::vector<Bytes>> role_change(const SpaceLog& on, const Person& of, Role role, const Person& by) {
    return change_role(on, by.keys, of.identity(), role, {}, kTestClock, world.random);
  }
  // `slower` made these records on a log that has grown since.
  void expect_conflict(const Result<std::vector<Bytes>>& slower) {
    ASSERT_TRUE(slower.has_value());
    const auto added = log.append(slower->front());
    ASSERT_FALSE(added.has_value());
    EXPECT_EQ(ErrorCode::conflict, added.error().code);
  }
};

TEST_F(RebaseTest, RemovalWinsOverARoleInBothOrders) {
  const SpaceLog before = log;
  const auto promoted = role_change(before, claire, Role::manager, other);
  const auto removed = removal(before, claire, world.founder);

  world.take(removed);
  expect_conflict(promoted);
  expect_refused(rebase(before, other, WantsRole{claire.identity(), Role::manager}));

  log = before;
  world.take(promoted);
  expect_conflict(removed);
  expect(Rebased::sign_again, rebase(before, world.founder, WantsMemberRemoved{claire.identity()}));
  world.take(removal(log, claire, world.founder));
  EXPECT_TRUE(log.members().at(claire.identity()).removed);
  EXPECT_TRUE(log.device(claire.id())->removed);
}

TEST_F(RebaseTest, RemovalWinsOverASecondComputerInBothOrders) {
  const SpaceLog before = log;
  Person second = world.second_computer(claire);
  const auto admitted = world.admission(second, Role::writer, other);
  const auto removed = removal(before, claire, world.founder);
  const WantsAdmission wanted{claire.identity(), second.id(), Role::writer};

  world.take(removed);
  expect_conflict(admitted);
  expect_refused(rebase(before, other, wanted));

  log = before;
  world.take(admitted);
  expect_conflict(removed);
  expect(Rebased::sign_again, rebase(before, world.founder, WantsMemberRemoved{claire.identity()}));
  world.take(removal(log, claire, world.founder));
  EXPECT_TRUE(log.device(second.id())->removed);
  EXPECT_GT(log.epoch(), world.access(second).current.epoch);
}

TEST_F(RebaseTest, ManagerWhoWasRemovedGrantsNothing) {
  const SpaceLog before = log;
  const Person newcomer = world.new_person();
  world.take(removal(before, other, world.founder));
  expect_refused(rebase(before, other, WantsAdmission{newcomer.identity(), newcomer.id(), Role::reader}));
  expect_refused(rebase(before, other, WantsRole{claire.identity(), Role::reader}));
  expect_refused(rebase(before, other, WantsMemberRemoved{claire.identity()}));
  expect_refused(rebase(before, other, WantsRotation{}));
  expect(Rebased::done, rebase(before, other, WantsToLeave{}));
}

TEST_F(RebaseTest, ManagerWhoBecameAWriterGrantsNothing) {
  const SpaceLog before = log;
  world.take(role_change(before, other, Role::writer, world.founder));
  expect_refused(rebase(before, other, WantsRole{claire.identity(), Role::reader}));
  expect_refused(rebase(before, other, WantsDeviceRemoved{claire.id()}));
  expect(Rebased::sign_again, rebase(before, other, WantsRotation{}));
}

TEST_F(RebaseTest, UnrelatedChangesDoNotMatter) {
  const SpaceLog before = log;
  const Person newcomer = world.new_person();
  world.take(rotate_epoch(log, world.founder.keys, kTestClock, world.random));
  for (const WantedChange& wanted : std::vector<WantedChange>{
           WantsAdmission{newcomer.identity(), newcomer.id(), Role::reader}, WantsRole{claire.identity(), Role::reader},
           WantsMemberRemoved{claire.identity()}, WantsDeviceRemoved{claire.id()}, WantsToLeave{}, WantsRotation{}})
    expect(Rebased::sign_again, rebase(before, other, wanted));
}

TEST_F(RebaseTest, WhatSomebodyElseDidIsDone) {
  const SpaceLog before = log;
  world.take(role_change(before, claire, Role::manager, world.founder));
  expect(Rebased::done, rebase(before, other, WantsRole{claire.identity(), Role::manager}));
  world.take(removal(log, claire, world.founder));
  expect(Rebased::done, rebase(before, other, WantsMemberRemoved{claire.identity()}));
  expect(Rebased::done, rebase(before, other, WantsDeviceRemoved{claire.id()}));
}

TEST_F(RebaseTest, RemovalThatWasCutShortIsFinished) {
  const SpaceLog before = log;
  const auto removed = removal(before, claire, world.founder);
  ASSERT_TRUE(log.append(removed->front()).has_value());
  expect(Rebased::sign_again, rebase(before, other, WantsMemberRemoved{claire.identity()}));
  world.take(removal(log, claire, other));
  EXPECT_FALSE(log.rotation_due());
}

TEST_F(RebaseTest, OfTwoRolesTheSmallerWins) {
  const SpaceLog before = log;
  const Person depositor = world.admitted(Role::depositor);
  const SpaceLog decided = log;
  world.take(role_change(log, depositor, Role::writer, world.founder));
  expect(Rebased::sign_again, rebase(decided, other, WantsRole{depositor.identity(), Role::reader}));
  expect_refused(rebase(decided, other, WantsRole{depositor.identity(), Role::manager}));
  expect_refused(rebase(before, other, WantsRole{depositor.identity(), Role::manager}));
}

// Somebody came back between the decision and the record: what was decided of the member of before does not hold.
TEST_F(RebaseTest, RemovalWinsThoughItsMemberCameBack) {
  const SpaceLog before = log;
  world.take(removal(before, claire, world.founder));
  Person again = world.second_computer(claire);
  world.take(world.admission(again, Role::reader, world.founder));
  expect_refused(rebase(before, other, WantsRole{claire.identity(), Role::manager}));
}

TEST_F(RebaseTest, AnotherHistoryIsAConflict) {
  SpaceLog fork = log;
  ASSERT_TRUE(fork.append(*rotate_epoch(fork, other.keys, kTestClock, world.random)).has_value());
  const auto found = rebase(fork, other, WantsRotation{});
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(ErrorCode::conflict, found.error().code);
}

}  // namespace
}  // namespace beffroi::storage
