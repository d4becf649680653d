// One synced folder at several stations: what comes out of a cycle, and of one that was cut off at each of its steps.
#include <gtest/gtest.h>

#include "daemon/share/share_history.h"
#include "tests/support/retention_times.h"
#include "tests/support/share_replicas.h"

namespace beffroi::daemon::testing {
namespace {

using Listing = std::map<std::string, std::string>;

// Goal: the plain case. What one writes the others have, with its folders; what one deletes is gone.
TEST(ShareCycleTest, WhatOneDoesTheOthersHave) {
  ShareReplicas world(3);
  world[0].folder.write("voirie/devis.txt", "un", 100);
  world[0].folder.write("plan.txt", "deux", 100);
  EXPECT_TRUE(world[0].synced().confirmed);
  EXPECT_EQ(world[1].synced().report.files_written, 3U);
  EXPECT_EQ(world[1].folder.listing(), world[0].folder.listing());
  world[1].folder.remove("plan.txt");
  world[1].folder.write("voirie/devis.txt", "trois", 200);
  world.settle();
  EXPECT_EQ(world[2].folder.listing(), (Listing{{"voirie/", ""}, {"voirie/devis.txt", "trois"}}));
}

// Goal: a computer that was put back to a state before it wrote into a space is told what to do about that space.
TEST(ShareCycleTest, AComputerThatWasPutBackIsToldHowToComeBack) {
  ShareReplicas world(2);
  world[1].folder.write("a", "1", 1);
  world.settle();
  const auto copy = [](const crypto::DeviceKeys& keys) { return *crypto::DeviceKeys::decode(keys.encode().view()); };
  const storage::testing::Person& person = world[1].person;
  Replica before(world, {copy(person.root), copy(person.device), copy(person.keys)}, "before");
  ASSERT_TRUE(before.vault->bind_peer({world.peer.host->public_part(), "memory:1"}).has_value());
  const auto told = before.sync();
  ASSERT_FALSE(told.has_value());
  EXPECT_NE(told.error().message().find("invited to this space again"), std::string::npos) << told.error().message();
}

// Goal: others move a folder; where its new name is taken, and a commit of this station waits for its receipt
// meanwhile, what is in it was not deleted here.
TEST(ShareCycleTest, WhatOthersMovedAndCouldNotBeWrittenIsNotDeletedHere) {
  ShareReplicas world(2);
  bool busy = false;
  world.peer.edit_answers = [&](Message& answer) {
    if (busy && std::holds_alternative<LeaseMessage>(answer))
      answer = ErrorMessage{Error{ErrorCode::busy, "not now", {}}};
  };
  world[0].folder.write("B/b", "b", 1);
  world.settle();
  world[1].folder.write("B/mine", "mine", 2);
  busy = true;
  EXPECT_FALSE(world[1].synced().confirmed);
  busy = false;
  world[0].folder.move("B", "e");
  world[0].folder.write("e/new", "new", 3);
  world[0].synced();
  world[1].settings.may_commit = false;
  world[1].folder.before_apply = [&] { world[1].folder.write("e", "in the way", 4); };
  busy = true;
  world[1].synced();
  busy = false;
  world[1].folder.before_apply = {};
  world[1].settings.may_commit = true;
  world.settle();
  std::set<std::string> contents;
  for (const auto& [path, file] : world[0].folder.files) contents.insert(file.content);
  EXPECT_EQ(contents, (std::set<std::string>{"", "b", "mine", "new", "in the way"}));
}

// Goal: a cycle in which nothing happened makes no commit.
TEST(ShareCycleTest, RestsWhenNothingHappens) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world.settle();
  const auto before = world[0].vault->snapshots()->size();
  world.settle();
  EXPECT_EQ(world[0].vault->snapshots()->size(), before);
}

// Goal: two who change one file at once keep both versions, and both stations list the conflict until the copy is gone.
TEST(ShareCycleTest, ListsAConflictUntilItsCopyIsGone) {
  ShareReplicas world(2);
  world[0].folder.write("a.txt", "alt", 1);
  world.settle();
  world[0].folder.write("a.txt", "eins", 1'700'000'000);
  world[1].folder.write("a.txt", "zwei", 1'700'000'100);
  world.settle();
  ASSERT_EQ(world[0].folder.files.size(), 2U);
  EXPECT_EQ(world[0].folder.listing()["a.txt"], "zwei");
  for (std::size_t i = 0; i < 2; ++i) {
    const auto listed = world[i].cycle->state().conflicts();
    ASSERT_EQ(listed->size(), 1U) << i;
    EXPECT_EQ(listed->front().path, "a.txt");
  }
  const std::string copy = world[0].cycle->state().conflicts()->front().copy;
  EXPECT_EQ(world[0].folder.files.at(copy).content, "eins");
  world[1].folder.files.erase(copy);
  world.settle();
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(world[i].cycle->state().conflicts()->empty()) << i;
}

// Goal: a file that is edited again and again while its commits do not reach the peer has no conflict with itself.
TEST(ShareCycleTest, IsInNoConflictWithItself) {
  ShareReplicas world(2);
  world[0].folder.write("a", "0", 1);
  world.settle();
  for (int i = 1; i < 60; ++i) {
    world[0].folder.write("a", std::to_string(i), i);
    FaultPlan line;
    line.cut_after_frames = static_cast<std::uint64_t>(i);
    static_cast<void>(world[0].sync(line));
    if (i % 7 == 0) world[0].restart();
  }
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "59"}}));
}

// Goal: killed at any step of writing, a cycle undoes nothing of others and nothing of one's own.
TEST(ShareCycleTest, SurvivesAKillAtEachStepOfWriting) {
  for (std::size_t at = 0; at < 8; ++at) {
    ShareReplicas world(2);
    for (const char* name : {"a", "b", "c", "d/e"}) world[0].folder.write(name, std::string("alt ") + name, 1);
    world.settle();
    world[0].folder.write("a", "neu a", 5);
    world[0].folder.remove("b");
    world[0].folder.move("d", "f");
    world[0].folder.write("g", "neu g", 5);
    world[0].synced();
    world[1].folder.write("c", "neu c", 5);
    world[1].folder.break_off_after = at;
    static_cast<void>(world[1].sync());
    world[1].folder.break_off_after.reset();
    world[1].restart();
    world.settle();
    EXPECT_EQ(world[0].folder.listing(),
              (Listing{{"a", "neu a"}, {"c", "neu c"}, {"f/", ""}, {"f/e", "alt d/e"}, {"g", "neu g"}}))
        << at;
  }
}

// Goal: what could not be written into the folder is not taken for a wish of its owner, however often it fails.
TEST(ShareCycleTest, WhatCouldNotBeWrittenIsTriedAgain) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world.settle();
  world[0].folder.write("a", "neu", 5);
  world[0].folder.write("b", "neu", 5);
  world[0].synced();
  world[1].folder.refused_per_mille = 1000;
  for (int i = 0; i < 3; ++i) {
    const auto out = world[1].synced();
    EXPECT_FALSE(out.report.commit) << i;
    EXPECT_TRUE(out.report.look_again);
  }
  EXPECT_EQ(world[1].cycle->skipped().size(), 2U);
  world[1].folder.refused_per_mille = 0;
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "neu"}, {"b", "neu"}}));
  EXPECT_TRUE(world[1].cycle->skipped().empty());
}

// Goal: as long as nothing may be committed, others' changes come all the same; and a yes that the brake asked for
// holds.
TEST(ShareCycleTest, TakesInWhileNothingMayBeCommitted) {
  ShareReplicas world(2);
  for (int i = 0; i < 30; ++i) world[0].folder.write("f" + std::to_string(i), std::to_string(i), 1);
  world.settle();
  world[1].settings.may_commit = false;
  world[1].folder.write("mein", "mein", 5);
  world[0].folder.write("neu", "neu", 5);
  world[0].synced();
  auto out = world[1].synced();
  EXPECT_TRUE(out.report.waits);
  EXPECT_FALSE(out.report.commit);
  EXPECT_FALSE(out.confirmed);
  EXPECT_EQ(world[1].folder.listing()["neu"], "neu");
  for (int i = 0; i < 30; ++i) world[1].folder.remove("f" + std::to_string(i));
  EXPECT_FALSE(world[1].synced().report.held);
  for (const bool may_commit : {true, false}) {
    world[1].settings.may_commit = may_commit;
    EXPECT_TRUE(world[1].synced().report.held);
  }
  ASSERT_TRUE(world[1].cycle->release().has_value());
  EXPECT_TRUE(world[1].synced().report.waits);
  world[1].settings.may_commit = true;
  EXPECT_TRUE(world[1].synced().report.commit);
  world[0].synced();
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"mein", "mein"}, {"neu", "neu"}}));
}

// Goal: a peer that takes no commit just now keeps nobody from having what others do, edits of the same file included.
TEST(ShareCycleTest, TakesInWhileACommitWaits) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world[0].folder.write("b", "alt", 1);
  world.settle();
  bool busy = true;
  world.peer.edit_answers = [&](Message& answer) {
    if (busy && std::holds_alternative<LeaseMessage>(answer))
      answer = ErrorMessage{Error{ErrorCode::busy, "tomorrow", {}}};
  };
  world[1].folder.write("a", "eins", 5);
  EXPECT_TRUE(world[1].synced().not_sent);
  busy = false;
  world[0].folder.write("a", "zwei", 9);
  world[0].folder.remove("b");
  world[0].folder.write("c", "neu", 9);
  world[0].synced();
  busy = true;
  for (int i = 0; i < 3; ++i) {
    world[1].folder.refused_per_mille = i == 0 ? 500 : 0;
    const auto out = world[1].synced();
    EXPECT_TRUE(out.not_sent);
    EXPECT_FALSE(out.report.commit);
    if (i == 1) world[1].restart();
  }
  EXPECT_EQ(world[1].folder.listing()["c"], "neu");
  EXPECT_EQ(world[1].vault->unreceipted()->size(), 1U);
  busy = false;
  world.settle();
  std::multiset<std::string> contents;
  for (const auto& [path, content] : world[0].folder.listing()) contents.insert(content);
  EXPECT_EQ(contents, (std::multiset<std::string>{"eins", "neu", "zwei"}));
}

// Goal: what the peer refuses is told, and not committed again as it is; another state of the folder is, and so is the
// same one once the wait is over. Nothing is stored anew for that.
TEST(ShareCycleTest, WhatIsRefusedIsNotCommittedAgain) {
  ShareReplicas world(2);
  bool full = true;
  world.peer.edit_answers = [&](Message& answer) {
    if (full && std::holds_alternative<LeaseMessage>(answer))
      answer = ErrorMessage{Error{ErrorCode::refused, "full", {}}};
  };
  world[0].folder.write("a", "1", 1);
  auto out = world[0].synced();
  ASSERT_TRUE(out.refused);
  world[0].settings.refused = world[0].synced().refused;
  ASSERT_TRUE(world[0].settings.refused);
  const auto commits = world[0].vault->snapshots()->size();
  for (int i = 0; i < 3; ++i) {
    out = world[0].synced();
    EXPECT_FALSE(out.report.commit);
    EXPECT_TRUE(out.report.waits);
    EXPECT_FALSE(out.confirmed);
    EXPECT_EQ(out.not_sent->code, ErrorCode::refused);
  }
  EXPECT_EQ(world[0].vault->snapshots()->size(), commits);
  full = false;
  world[0].folder.write("b", "2", 2);
  EXPECT_TRUE(world[0].synced().confirmed);
  world[0].folder.remove("b");
  EXPECT_TRUE(world[0].synced().report.refused);
  world[0].settings.refused.reset();
  EXPECT_TRUE(world[0].synced().confirmed);
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "1"}}));
}

// Goal: a commit that went out of the branch right after it was made is not told to be at the peer.
TEST(ShareCycleTest, WhatWasSetAsideIsNotConfirmed) {
  ShareReplicas world(2);
  bool gone = true;
  world.peer.edit_answers = [&](Message& answer) {
    if (gone && std::holds_alternative<LeaseMessage>(answer))
      answer = ErrorMessage{Error{ErrorCode::wrong_state, "let go", {}}};
  };
  world[0].folder.write("a", "1", 1);
  const auto out = world[0].synced();
  EXPECT_FALSE(out.confirmed);
  EXPECT_FALSE(out.not_sent);
  EXPECT_TRUE(out.report.look_again);
  gone = false;
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "1"}}));
}

// Goal: what others changed and could not be written is no change of one's own, whatever they do with it next.
TEST(ShareCycleTest, WhatOthersTakeBackDoesNotReturn) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world.settle();
  world[0].folder.write("neu", "neu", 5);
  world[0].synced();
  // Nothing is passed on, so that the merged tree is in no commit.
  world[1].settings.may_commit = false;
  world[1].folder.write("mein", "mein", 5);
  world[1].folder.refused_per_mille = 1000;
  world[1].synced();
  EXPECT_FALSE(world[1].cycle->state().folder()->left);
  world[0].folder.remove("neu");
  world[0].synced();
  world[1].settings.may_commit = true;
  world[1].folder.refused_per_mille = 0;
  world.settle();
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"a", "alt"}, {"mein", "mein"}}));
}

// Goal: a version that lost and whose copy could not be written is not lost, and becomes one copy, however often.
TEST(ShareCycleTest, ACopyThatCouldNotBeWrittenComesOnce) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world.settle();
  world[0].folder.write("a", "eins", 1'700'000'100);
  world[0].synced();
  world[1].settings.may_commit = false;
  world[1].folder.write("a", "zwei", 1'700'000'000);
  world[1].folder.refused_per_mille = 1000;
  for (int i = 0; i < 4; ++i) world[1].synced();
  EXPECT_TRUE(world[1].cycle->state().folder()->left);
  world[1].settings.may_commit = true;
  world[1].folder.refused_per_mille = 0;
  world.settle();
  std::multiset<std::string> contents;
  for (const auto& [path, content] : world[0].folder.listing()) contents.insert(content);
  EXPECT_EQ(contents, (std::multiset<std::string>{"eins", "zwei"}));
}

// Goal: a folder that could not go, since it holds what is not shared, takes nothing with it that somebody brings back.
TEST(ShareCycleTest, AFolderThatStaysTakesNothingBack) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world[0].folder.write("d/f", "eins", 1);
  world[0].folder.write("d/g", "zwei", 1);
  world.settle();
  world[1].folder.write("d/Thumbs.db", "Bild", 1);
  world[0].folder.remove("d");
  world[0].synced();
  world[1].synced();
  ASSERT_EQ(world[1].folder.listing(), (Listing{{"a", "1"}, {"d/", ""}, {"d/Thumbs.db", "Bild"}}));
  world[0].folder.write("d/f", "eins", 1);
  world[0].folder.write("d/g", "zwei", 1);
  for (int i = 0; i < 2; ++i) {
    world[0].synced();
    world[1].synced();
  }
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"a", "1"}, {"d/", ""}, {"d/f", "eins"}, {"d/g", "zwei"}}));
  EXPECT_EQ(world[1].folder.listing()["d/f"], "eins");
}

// Goal: what others have of a folder is not lost with its power, nor deleted for them afterwards.
TEST(ShareCycleTest, APowerCutDeletesNothingForOthers) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world.settle();
  world[1].folder.write("a", "neu", 5);
  world[1].folder.write("d/b", "neu", 5);
  world[1].synced();
  world[1].folder.lose_power();
  world[1].restart();
  world.settle();
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"a", "neu"}, {"d/", ""}, {"d/b", "neu"}}));
}

// Goal: the same of a file that others already had, so that nothing of it was committed.
TEST(ShareCycleTest, APowerCutDeletesNothingThatBothMade) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world[0].synced();
  world[1].folder.write("a", "1", 1);
  EXPECT_FALSE(world[1].synced().report.commit);
  world[1].folder.lose_power();
  world[1].restart();
  world.settle();
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"a", "1"}}));
}

// Goal: a disk that can't be synced passes nothing on, and once it can, all is passed on.
TEST(ShareCycleTest, WhatIsNotDurableIsNotPassedOn) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world[0].folder.sync_fails = true;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(world[0].sync());
    EXPECT_TRUE(world[0].vault->snapshots()->empty());
  }
  world[0].folder.sync_fails = false;
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "1"}}));
}

// Goal: somebody who edits a file between the look and the writing loses nothing.
TEST(ShareCycleTest, AnEditInBetweenIsKept) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world.settle();
  world[0].folder.write("a", "eins", 5);
  world[0].synced();
  world[1].folder.before_apply = [&] { world[1].folder.write("a", "zwei", 9); };
  world[1].synced();
  world[1].folder.before_apply = {};
  world.settle();
  std::set<std::string> contents;
  for (const auto& [path, content] : world[0].folder.listing()) contents.insert(content);
  EXPECT_EQ(contents, (std::set<std::string>{"eins", "zwei"}));
}

// Goal: a file that can't be read any more was not deleted, not even for a station that has forgotten all.
TEST(ShareCycleTest, UnreadableIsNotDeleted) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world[0].folder.write("d/b", "2", 1);
  world.settle();
  world[1].folder.unreadable = {storage::to_entry_path("a"), storage::to_entry_path("d/b")};
  world[1].restart();
  world[1].folder.write("c", "3", 1);
  world[1].synced();
  world[0].synced();
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"a", "1"}, {"c", "3"}, {"d/", ""}, {"d/b", "2"}}));
}

// Goal: the brake holds what empties the folder; resume passes it on, undo brings it back.
TEST(ShareCycleTest, HoldsBackWhatTakesTooMuch) {
  ShareReplicas world(2);
  for (int i = 0; i < 30; ++i) world[0].folder.write("f" + std::to_string(i), std::to_string(i), 1);
  world.settle();
  const auto all = world[0].folder.listing();
  world[0].folder.files.clear();
  world[0].folder.write("neu", "neu", 1);
  auto held = world[0].synced();
  ASSERT_TRUE(held.report.held);
  EXPECT_EQ(held.report.held->reason, storage::BrakeReason::too_many);
  EXPECT_EQ(held.report.held->counts.deleted, 30U);
  EXPECT_FALSE(held.report.commit);
  world[1].synced();
  EXPECT_EQ(world[1].folder.listing(), all);
  const auto undo = [&] {
    return world[0].cycle->undo(world[0].settings, world[0].vault->local_source(), world[0].progress);
  };
  world[0].folder.refused_per_mille = 1000;
  EXPECT_EQ(undo().error().code, ErrorCode::partial);
  ASSERT_TRUE(world[0].synced().report.held) << "what could not be brought back is not passed on";
  world[0].folder.refused_per_mille = 0;
  const auto back = undo();
  ASSERT_TRUE(back.has_value()) << back.error().message();
  EXPECT_EQ(*back, 30U);
  world.settle();
  EXPECT_EQ(world[1].folder.files.size(), 31U);

  world[1].folder.files.clear();
  held = world[1].synced();
  ASSERT_TRUE(held.report.held);
  EXPECT_EQ(held.report.held->reason, storage::BrakeReason::emptied);
  ASSERT_TRUE(world[1].cycle->release().has_value());
  EXPECT_TRUE(world[1].synced().report.commit);
  world.settle();
  EXPECT_TRUE(world[0].folder.files.empty());
}

// Goal: a program that rewrites few files at a time is held back once it has rewritten many; somebody else's deletions
// never count.
TEST(ShareCycleTest, CountsWhatWasPassedOnLately) {
  ShareReplicas world(2);
  for (int i = 0; i < 60; ++i) world[0].folder.write("f" + std::to_string(i), std::to_string(i), 1);
  world.settle();
  std::size_t passed = 0;
  for (int i = 0; i < 60; ++i) {
    world[0].folder.write("f" + std::to_string(i), "verschlüsselt " + std::to_string(i), 2);
    world.peer.clock.pass(20);
    if (world[0].synced().report.held) break;
    ++passed;
  }
  EXPECT_EQ(passed, 12U);
  EXPECT_FALSE(world[1].synced().report.held);
  world.peer.clock.pass(storage::testing::kDay);
  EXPECT_FALSE(world[0].synced().report.held);
}

// Goal: a disk that is not mounted deletes nothing, and its return needs nobody.
TEST(ShareCycleTest, AMissingFolderWaits) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world.settle();
  world[0].folder.found = storage::FolderFound::missing;
  EXPECT_TRUE(world[0].synced().report.held);
  EXPECT_FALSE(world[0].cycle->release().has_value());
  world[0].folder.found = storage::FolderFound::same;
  EXPECT_FALSE(world[0].synced().report.held);
  EXPECT_FALSE(*world[0].cycle->state().held());
}

// Goal: a rewind waits for a cycle that runs; and whatever comes into the branch meanwhile, the cycle does not commit
// over it.
TEST(ShareCycleTest, CommitsNothingOverARewind) {
  ShareReplicas world(2);
  world[0].folder.write("a", "1", 1);
  world.settle();
  const Snapshot before = world[0].vault->snapshots()->back();
  world[0].folder.write("a", "2", 5);
  world.settle();
  world[0].folder.after_scan = [&] {
    const auto rewound = commit_rewind(*world[0].vault, {}, {.as_of = before}, world[0].settings.author);
    ASSERT_FALSE(rewound);
    EXPECT_EQ(rewound.error().code, ErrorCode::busy);
    storage::TreeRoot root;
    root.object = {.id = before.commit.clear.root, .height = before.sealed.root_height};
    root.digest = before.sealed.tree_digest;
    root.entries = before.sealed.entries;
    ASSERT_TRUE(world[0].vault->commit(root, {}, 0, {}));
  };
  world[0].folder.write("b", "3", 6);
  const auto out = world[0].sync();
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::busy);
  world[0].folder.after_scan = {};
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "1"}, {"b", "3"}}));
}

// Goal: keys that are renewed while a commit waits cost neither the commit's changes nor a conflict.
TEST(ShareCycleTest, ARenewalOfKeysLosesNothing) {
  ShareReplicas world(2);
  world[0].folder.write("a", "alt", 1);
  world.settle();
  world[1].folder.write("a", "neu", 5);
  world[1].folder.write("b", "neu b", 5);
  FaultPlan line;
  for (line.cut_after_frames = 0; world[1].vault->unreceipted()->empty(); ++line.cut_after_frames)
    static_cast<void>(world[1].sync(line));
  const auto rotation =
      storage::rotate_epoch(world[0].vault->log(), world[0].person.keys, world.peer.clock.now(), world.random);
  ASSERT_TRUE(rotation.has_value()) << rotation.error().message();
  ASSERT_TRUE(world[0].vault->append_records({&*rotation, 1}).has_value());
  world[0].synced();
  world[1].folder.write("a", "neuer", 6);
  world.settle();
  EXPECT_EQ(world[0].folder.listing(), (Listing{{"a", "neuer"}, {"b", "neu b"}}));
}

// Goal: a station that is killed after it has removed what others moved away, and before that is in its new place, has
// deleted nothing.
TEST(ShareCycleTest, AMoveThatIsCutOffDeletesNothing) {
  // The second one made what is moved itself, and may not commit it yet.
  for (const bool is_new : {false, true}) {
    ShareReplicas world(2);
    world[0].folder.write("A/B/d", "d", 1);
    world[0].folder.write("C/x", "x", 1);
    if (!is_new) world[0].folder.write("A/B/e", "kept", 1);
    world.settle();
    world[0].folder.move("A/B", "C/a");
    world[0].synced();
    if (is_new) world[1].folder.write("A/B/e", "kept", 2);
    world[1].settings.may_commit = !is_new;
    world[1].folder.in_use.insert(storage::to_entry_path("C/a/e"));
    for (int kills = 0; kills < 2; ++kills) {
      // After the new folder with its first file, and the removal of the file.
      world[1].folder.break_off_after = kills == 0 ? 4 : 0;
      static_cast<void>(world[1].sync());
      world[1].restart();
    }
    EXPECT_FALSE(world[1].folder.listing().contains("A/B/e")) << "it was to be cut off later";
    world[1].folder.in_use.clear();
    world[1].folder.break_off_after.reset();
    world[1].settings.may_commit = true;
    world[1].folder.write("own", "work", 2);
    world.settle();
    EXPECT_EQ(world[0].folder.listing()["C/a/e"], "kept") << is_new;
    EXPECT_EQ(world[0].folder.listing()["own"], "work");
  }
}

// Goal: who asks for the log just before others write a record and a commit under it is not told to try again.
TEST(ShareCycleTest, ALogThatGrowsMeanwhileIsAskedForAgain) {
  ShareReplicas world(2);
  world.settle();
  const auto rotation =
      storage::rotate_epoch(world[0].vault->log(), world[0].person.keys, world.peer.clock.now(), world.random);
  ASSERT_TRUE(world[0].vault->append_records({&*rotation, 1}).has_value());
  EXPECT_TRUE(world[0].vault->append_records({&*rotation, 1}).has_value()) << "another session may bring it, too";
  world[0].folder.write("a", "neu", 5);
  world[0].synced();
  const std::size_t known = world[1].vault->log_length();
  int cut = 0;
  world.peer.edit_answers = [&](Message& answer) {
    auto* const log = std::get_if<LogMessage>(&answer);
    if (log == nullptr || cut > 0) return;
    ++cut;
    log->length = known;
    log->records.resize(1);
  };
  world[1].synced();
  EXPECT_EQ(cut, 1);
  EXPECT_EQ(world[1].folder.listing(), world[0].folder.listing());
}

void remove_the_last(ShareReplicas& world) {
  const auto& gone = *world.replicas.back();
  const storage::Departure departure{.ends = {}, .hostile = true};
  const auto records = storage::remove_member(world[0].vault->log(), world[0].person.keys, gone.person.identity(),
                                              departure, world.peer.clock.now(), world.random);
  ASSERT_TRUE(records.has_value()) << records.error().message();
  ASSERT_TRUE(world[0].vault->append_records(*records).has_value());
  world.replicas.pop_back();
}

// Goal: after a hostile departure everything is stored under new keys, and what somebody had changed meanwhile is
// there.
TEST(ShareCycleTest, AHostileDepartureLosesNothing) {
  ShareReplicas world(3);
  for (const char* name : {"a", "b", "c"}) world[0].folder.write(name, std::string("alt ") + name, 1);
  world.settle();
  remove_the_last(world);
  world[0].folder.write("a", "neu a", 5);
  world[1].folder.write("b", "neu b", 5);
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (Listing{{"a", "neu a"}, {"b", "neu b"}, {"c", "alt c"}}));
  for (const auto& head : *world[1].cycle->graph().heads())
    EXPECT_EQ(head.sealed.content_generation, world[1].vault->keys()->content_keys().generation);
}

// Goal: what a station can't read when it looks at everything anew was not deleted, however much it is.
TEST(ShareCycleTest, AHostileDepartureKeepsAllThatIsNotRead) {
  ShareReplicas world(3);
  for (const char* name : {"a", "b", "c", "d/e"}) world[0].folder.write(name, std::string("alt ") + name, 1);
  world.settle();
  const auto all = world[0].folder.listing();
  remove_the_last(world);
  for (const char* name : {"a", "b", "d/e"}) world[1].folder.unreadable.insert(storage::to_entry_path(name));
  world[1].folder.max_skipped = 1;
  world.settle();
  EXPECT_EQ(world[0].folder.listing(), all);
}

// Goal: a rule that came later deletes nothing at the others, even when everything is looked at anew; what is deleted
// with its folder is.
TEST(ShareCycleTest, AHostileDepartureDeletesNothingByRule) {
  ShareReplicas world(3);
  for (const char* name : {"a", "a.bak", "build/x", "d/e", "d/e.bak"}) world[0].folder.write(name, name, 1);
  world.settle();
  remove_the_last(world);
  world[0].synced();
  world[1].settings.rules = *storage::IgnoreRules::from_patterns({"*.bak", "build/"});
  for (const char* name : {"a.bak", "build", "d"}) world[1].folder.remove(name);
  world[1].synced();
  world[0].synced();
  EXPECT_EQ(world[0].folder.listing(),
            (Listing{{"a", "a"}, {"a.bak", "a.bak"}, {"build/", ""}, {"build/x", "build/x"}}));
}

}  // namespace
}  // namespace beffroi::daemon::testing
