// A station that keeps only a part of a space in its folder.
#include <gtest/gtest.h>

#include "tests/support/share_replicas.h"

namespace beffroi::daemon::testing {
namespace {

using Listing = std::map<std::string, std::string>;

/// Two stations; the second has not synced yet.
struct PartWorld : ShareReplicas {
  explicit PartWorld(std::size_t count = 2, storage::Role last = storage::Role::writer)
      : ShareReplicas(count, 1, last) {
    all().folder.write("voirie/devis.txt", "devis", 100);
    all().folder.write("voirie/plan.txt", "plan", 100);
    all().folder.write("ecole/liste.txt", "liste", 100);
    all().folder.write("note.txt", "note", 100);
    all().synced();
  }
  Replica& all() { return *replicas[0]; }
  Replica& part() { return *replicas[1]; }
  /// As one that joins and wants no files.
  void begin_with_nothing() {
    LocalPaths none;
    none.set("", false);
    ASSERT_TRUE(part().cycle->state().set_local_paths(none).has_value());
    part().synced();
  }
  void sync_both() {
    for (int round = 0; round < 2; ++round)
      for (const auto& replica : replicas) replica->synced();
  }
};

// Goal: who keeps nothing deletes nothing, and gets a file when it asks for it, with the folders above it.
TEST(SharePartTest, AListOnlyStationFetchesWhatItNeeds) {
  PartWorld world;
  world.begin_with_nothing();
  EXPECT_TRUE(world.part().folder.files.empty());
  const auto fetched = world.part().fetch("voirie/devis.txt");
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message();
  EXPECT_EQ(fetched->files, 2U);
  EXPECT_EQ(world.part().folder.listing(), (Listing{{"voirie/", ""}, {"voirie/devis.txt", "devis"}}));
  world.part().folder.write("voirie/devis.txt", "devis, second", 200);
  world.sync_both();
  EXPECT_EQ(world.all().folder.listing(), (Listing{{"voirie/", ""},
                                                   {"voirie/devis.txt", "devis, second"},
                                                   {"voirie/plan.txt", "plan"},
                                                   {"ecole/", ""},
                                                   {"ecole/liste.txt", "liste"},
                                                   {"note.txt", "note"}}));
  EXPECT_EQ(world.part().fetch("mairie").error().code, ErrorCode::not_found);
}

// Goal: a reader that deleted something, which nobody else hears of, fetches it again; what it has put in its place
// stays.
TEST(SharePartTest, AReaderFetchesWhatItDeleted) {
  PartWorld world(2, storage::Role::reader);
  world.sync_both();
  MemoryFolder& folder = world.part().folder;
  folder.remove("voirie/plan.txt");
  folder.remove("ecole");
  folder.remove("note.txt");
  folder.write("note.txt/mine", "mine", 200);
  world.sync_both();
  EXPECT_EQ(folder.listing(),
            (Listing{{"voirie/", ""}, {"voirie/devis.txt", "devis"}, {"note.txt/", ""}, {"note.txt/mine", "mine"}}));
  folder.move("voirie/devis.txt", "voirie/prix.txt");
  world.sync_both();
  const auto one = world.part().fetch("voirie/plan.txt");
  ASSERT_TRUE(one.has_value()) << one.error().message();
  EXPECT_EQ(one->files, 1U);
  EXPECT_EQ(folder.listing().at("voirie/plan.txt"), "plan");
  EXPECT_FALSE(folder.listing().contains("ecole/"));
  ASSERT_TRUE(world.part().fetch("").has_value());
  world.part().restart();
  world.sync_both();
  const Listing all = {{"voirie/", ""},          {"voirie/prix.txt", "devis"}, {"voirie/plan.txt", "plan"},
                       {"ecole/", ""},           {"ecole/liste.txt", "liste"}, {"note.txt/", ""},
                       {"note.txt/mine", "mine"}};
  EXPECT_EQ(folder.listing(), all);
  EXPECT_EQ(world.all().folder.listing().at("note.txt"), "note");
  // What others do with it comes again.
  world.all().folder.write("voirie/plan.txt", "plan, second", 300);
  world.all().folder.remove("ecole/liste.txt");
  world.sync_both();
  EXPECT_EQ(folder.listing().at("voirie/plan.txt"), "plan, second");
  EXPECT_FALSE(folder.listing().contains("ecole/liste.txt"));
}

// Goal: others rename a freed file and put a folder in its place: neither comes, and neither goes for the others.
TEST(SharePartTest, WhatTakesTheNameOfAFreedFileStays) {
  PartWorld world;
  world.sync_both();
  ASSERT_TRUE(world.part().free("note.txt").has_value());
  world.all().folder.move("note.txt", "old.txt");
  world.all().folder.write("note.txt/inside", "inside", 200);
  const Listing there = world.all().folder.listing();
  const Listing here = world.part().folder.listing();
  for (int round = 0; round < 3; ++round) world.sync_both();
  EXPECT_EQ(world.all().folder.listing(), there);
  EXPECT_EQ(world.part().folder.listing(), here);
  world.part().folder.write("other.txt", "other", 300);
  world.sync_both();
  EXPECT_TRUE(world.all().folder.listing().contains("note.txt/inside"));
}

// Goal: what a writer deleted, and the peer has not heard of yet, does not come back as something new of the writer's.
TEST(SharePartTest, AWritersDeletionStays) {
  PartWorld world;
  world.sync_both();
  world.part().folder.remove("note.txt");
  world.part().settings.may_commit = false;
  world.part().synced();
  EXPECT_EQ(world.part().fetch("note.txt").error().code, ErrorCode::not_found);
  world.part().settings.may_commit = true;
  world.sync_both();
  EXPECT_FALSE(world.all().folder.listing().contains("note.txt"));
}

// Goal: a folder that is freed goes from here alone; what others do in it does not come, and the rest goes on.
TEST(SharePartTest, AFreedFolderStaysInTheSpace) {
  PartWorld world;
  world.part().synced();
  const auto freed = world.part().free("voirie");
  ASSERT_TRUE(freed.has_value()) << freed.error().message();
  EXPECT_EQ(freed->files, 2U);
  EXPECT_EQ(world.part().folder.listing(),
            (Listing{{"ecole/", ""}, {"ecole/liste.txt", "liste"}, {"note.txt", "note"}}));
  world.all().folder.write("voirie/plan.txt", "plan, second", 200);
  world.all().folder.write("ecole/menu.txt", "menu", 200);
  world.part().restart();
  world.sync_both();
  EXPECT_EQ(world.part().folder.listing(),
            (Listing{{"ecole/", ""}, {"ecole/liste.txt", "liste"}, {"ecole/menu.txt", "menu"}, {"note.txt", "note"}}));
  EXPECT_EQ(world.all().folder.listing().at("voirie/plan.txt"), "plan, second");
  ASSERT_TRUE(world.part().fetch("").has_value());
  EXPECT_EQ(world.part().folder.files, world.all().folder.files);
}

void forget_the_applied_tree(Replica& replica) {
  FolderState state = *replica.cycle->state().folder();
  state.applied.reset();
  ASSERT_TRUE(replica.cycle->state().set_folder(state, storage::Durability::synced).has_value());
  replica.restart();
}

// Goal: with a folder that is kept only in part goes what is kept of it, whatever becomes of the folder: not what was
// freed, which nobody saw there.
TEST(SharePartTest, AFolderGoesOnlyWithWhatIsInIt) {
  enum class How : std::uint8_t { removed, renamed, replaced };
  for (const How how : {How::removed, How::renamed, How::replaced}) {
    for (const bool fresh : {false, true}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(how)) + (fresh ? ", fresh" : ""));
      PartWorld world;
      world.part().synced();
      ASSERT_TRUE(world.part().free("voirie/plan.txt").has_value());
      if (how == How::renamed)
        world.part().folder.move("voirie", "rues");
      else
        world.part().folder.remove("voirie");
      if (how == How::replaced) world.part().folder.write("voirie", "a file", 300);
      if (fresh) forget_the_applied_tree(world.part());
      world.sync_both();
      world.sync_both();
      const Listing all = world.all().folder.listing();
      EXPECT_TRUE(all.contains("voirie/plan.txt"));
      EXPECT_EQ(all.contains("rues/devis.txt"), how == How::renamed);
      // A file in the folder's place is left out, and then nothing is said of what was in it.
      if (how != How::replaced) EXPECT_FALSE(all.contains("voirie/devis.txt"));
      // What others put there later comes.
      world.all().folder.write("voirie/devis.txt", "new", 400);
      world.sync_both();
      if (how != How::replaced) EXPECT_TRUE(world.part().fetch("voirie").has_value());
      if (how != How::replaced) EXPECT_EQ(world.part().folder.files, world.all().folder.files);
    }
  }
}

// Goal: what was kept once and is freed leaves no folder behind that would come back when others remove it.
TEST(SharePartTest, FoldersDoNotComeBack) {
  PartWorld world;
  world.all().folder.write("x/y/f", "f", 100);
  world.all().synced();
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("x/y/f").has_value());
  ASSERT_TRUE(world.part().free("x/y/f").has_value());
  EXPECT_TRUE(world.part().folder.files.empty());
  world.part().folder.files[storage::to_entry_path("x")] = {.is_folder = true, .content = {}, .mode = 0755};
  world.all().folder.remove("x");
  world.sync_both();
  world.part().restart();
  world.sync_both();
  EXPECT_FALSE(world.all().folder.listing().contains("x/"));
}

// Goal: a file that is in use while others rename it does not come back under its old name.
TEST(SharePartTest, ARenameOfWhatIsInUseIsFinishedLater) {
  PartWorld world;
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("note.txt").has_value());
  world.part().folder.in_use.insert("note.txt");
  world.all().folder.move("note.txt", "memo.txt");
  world.sync_both();
  world.part().restart();
  world.sync_both();
  world.part().folder.in_use.clear();
  world.sync_both();
  EXPECT_FALSE(world.all().folder.listing().contains("note.txt"));
  EXPECT_EQ(world.part().folder.listing(), (Listing{{"memo.txt", "note"}}));
}

// Goal: a hostile departure, after which everything is stored under new keys, stops no station that keeps a part, and
// deletes nothing.
TEST(SharePartTest, NewContentKeysStopNobody) {
  PartWorld world(3);
  for (int i = 0; i < 1'500; ++i)
    world.all().folder.write("many/" + std::string(40, 'n') + std::to_string(i), std::to_string(i), 100);
  world.all().synced();
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("voirie/devis.txt").has_value());
  const std::size_t before = world.all().folder.files.size();
  const auto records = storage::remove_member(world.all().vault->log(), world.all().person.keys,
                                              world.replicas.back()->person.identity(), {.ends = {}, .hostile = true},
                                              world.peer.clock.now(), world.random);
  ASSERT_TRUE(records.has_value()) << records.error().message();
  ASSERT_TRUE(world.all().vault->append_records(*records).has_value());
  world.replicas.pop_back();
  world.part().folder.write("voirie/devis.txt", "second", 200);
  world.sync_both();
  world.sync_both();
  EXPECT_EQ(world.all().folder.files.size(), before);
  EXPECT_EQ(world.all().folder.listing().at("voirie/devis.txt"), "second");
  EXPECT_EQ(world.part().folder.listing(), (Listing{{"voirie/", ""}, {"voirie/devis.txt", "second"}}));
}

// Goal: a long fetch that is broken off keeps what it has brought, and goes on from there.
TEST(SharePartTest, ALongFetchGoesOnWhereItWas) {
  PartWorld world;
  for (std::size_t i = 0; i < kFetchedTogether + 100; ++i)
    world.all().folder.write("many/" + std::to_string(i), std::to_string(i), 100);
  world.all().synced();
  world.begin_with_nothing();
  int writings = 0;
  world.part().folder.before_apply = [&] {
    if (++writings == 2) world.part().folder.break_off_after = 50;
  };
  EXPECT_FALSE(world.part().fetch("many").has_value());
  world.part().folder.before_apply = {};
  world.part().folder.break_off_after.reset();
  world.part().restart();
  world.sync_both();
  const std::size_t kept = world.part().folder.files.size();
  EXPECT_GE(kept, kFetchedTogether - 10);
  EXPECT_LT(kept, kFetchedTogether + 10);
  EXPECT_EQ(world.all().folder.files.size(), kFetchedTogether + 107);
  const auto rest = world.part().fetch("many");
  ASSERT_TRUE(rest.has_value());
  EXPECT_LT(rest->files, 110U);
  EXPECT_EQ(world.part().folder.files.size(), kFetchedTogether + 101);
}

// Goal: the brake looks at what is kept here, not at the whole space.
TEST(SharePartTest, TheBrakeCountsWhatIsHere) {
  PartWorld world;
  for (int i = 0; i < 100; ++i) world.all().folder.write("other/" + std::to_string(i), std::to_string(i), 100);
  for (int i = 0; i < 12; ++i) world.all().folder.write("mine/" + std::to_string(i), std::to_string(i), 100);
  world.all().synced();
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("mine").has_value());
  for (int i = 0; i < 11; ++i) world.part().folder.remove("mine/" + std::to_string(i));
  EXPECT_TRUE(world.part().synced().report.held.has_value());
}

// Goal: what somebody puts into the folder is shared and kept, also where nothing else is kept.
TEST(SharePartTest, WhatIsNewIsKept) {
  PartWorld world;
  world.begin_with_nothing();
  world.part().folder.write("ecole/sortie/bus.txt", "bus", 200);
  world.sync_both();
  EXPECT_EQ(world.all().folder.listing().at("ecole/sortie/bus.txt"), "bus");
  world.all().folder.write("ecole/sortie/prix.txt", "prix", 300);
  world.all().folder.write("ecole/liste.txt", "liste, second", 300);
  world.sync_both();
  EXPECT_EQ(
      world.part().folder.listing(),
      (Listing{
          {"ecole/", ""}, {"ecole/sortie/", ""}, {"ecole/sortie/bus.txt", "bus"}, {"ecole/sortie/prix.txt", "prix"}}));
}

// Goal: a file in the place of one that is not kept here replaces nothing: it waits, told, until somebody decides.
TEST(SharePartTest, AFileInTheWayReplacesNothing) {
  PartWorld world;
  world.begin_with_nothing();
  world.part().folder.write("note.txt", "another note", 200);
  world.sync_both();
  EXPECT_EQ(world.all().folder.listing().at("note.txt"), "note");
  ASSERT_EQ(world.part().cycle->skipped().size(), 1U);
  EXPECT_EQ(world.part().cycle->skipped()[0].path, "note.txt");
  // Fetching it makes two versions of it.
  ASSERT_TRUE(world.part().fetch("note.txt").has_value());
  world.sync_both();
  world.sync_both();
  std::set<std::string> contents;
  for (const auto& [path, content] : world.all().folder.listing())
    if (path.starts_with("note")) contents.insert(content);
  EXPECT_EQ(contents, (std::set<std::string>{"note", "another note"}));
}

// Goal: nor does a folder, whatever is in it, also when everything is looked at without an earlier tree.
TEST(SharePartTest, AFolderInTheWayReplacesNothing) {
  for (const bool fresh : {false, true}) {
    PartWorld world;
    world.begin_with_nothing();
    world.part().folder.write("note.txt/inside.txt", "inside", 200);
    if (fresh) forget_the_applied_tree(world.part());
    world.part().restart();
    world.sync_both();
    EXPECT_EQ(world.all().folder.listing().size(), 6U) << fresh;
    EXPECT_EQ(world.all().folder.listing().at("note.txt"), "note") << fresh;
  }
}

// Goal: what was changed here and is not in the space yet does not go when its folder is freed.
TEST(SharePartTest, WhatOnlyThisStationHasIsNotFreed) {
  PartWorld world;
  world.part().synced();
  world.part().folder.write("voirie/devis.txt", "devis, second", 200);
  const auto freed = world.part().free("voirie");
  ASSERT_TRUE(freed.has_value()) << freed.error().message();
  EXPECT_EQ(freed->files, 1U);
  EXPECT_EQ(freed->left, 1U);
  EXPECT_EQ(world.part().folder.listing().at("voirie/devis.txt"), "devis, second");
  world.sync_both();
  EXPECT_EQ(world.all().folder.listing().at("voirie/devis.txt"), "devis, second");
}

// Goal: a folder that others rename is kept under its new name.
TEST(SharePartTest, AKeptFolderIsKeptUnderItsNewName) {
  PartWorld world;
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("voirie").has_value());
  world.all().folder.move("voirie", "rues");
  world.sync_both();
  world.all().folder.write("rues/lampe.txt", "lampe", 300);
  world.sync_both();
  EXPECT_EQ(
      world.part().folder.listing(),
      (Listing{{"rues/", ""}, {"rues/devis.txt", "devis"}, {"rues/plan.txt", "plan"}, {"rues/lampe.txt", "lampe"}}));
}

// Goal: the version that lost is kept where the one that won is.
TEST(SharePartTest, BothVersionsOfAConflictAreKept) {
  PartWorld world;
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("note.txt").has_value());
  world.part().folder.write("note.txt", "mine", 1'700'000'000);
  world.all().folder.write("note.txt", "theirs", 1'700'000'100);
  world.sync_both();
  world.sync_both();
  std::set<std::string> contents;
  for (const auto& [path, content] : world.part().folder.listing()) contents.insert(content);
  EXPECT_EQ(contents, (std::set<std::string>{"mine", "theirs"}));
}

// Goal: killed at any step of a fetch or of freeing, nothing is deleted for others, and nothing comes back that they
// deleted meanwhile.
TEST(SharePartTest, AKillInBetweenIsMadeGood) {
  for (const bool fetching : {true, false}) {
    for (std::size_t step = 0; step < 6; ++step) {
      SCOPED_TRACE(std::string(fetching ? "fetching, step " : "freeing, step ") + std::to_string(step));
      PartWorld world;
      world.part().synced();
      if (fetching) ASSERT_TRUE(world.part().free("").has_value());
      world.part().folder.break_off_after = step;
      static_cast<void>(fetching ? world.part().fetch("voirie") : world.part().free("voirie"));
      world.part().folder.break_off_after.reset();
      world.part().restart();
      world.all().folder.remove("voirie/plan.txt");
      world.sync_both();
      EXPECT_EQ(world.all().folder.listing(), (Listing{{"voirie/", ""},
                                                       {"voirie/devis.txt", "devis"},
                                                       {"ecole/", ""},
                                                       {"ecole/liste.txt", "liste"},
                                                       {"note.txt", "note"}}));
      ASSERT_TRUE(world.part().fetch("").has_value());
      EXPECT_EQ(world.part().folder.files, world.all().folder.files);
    }
  }
}

// Goal: also after the keys were changed, when the folder is read anew, what is not kept here was not deleted.
TEST(SharePartTest, NewKeysDeleteNothing) {
  PartWorld world;
  world.begin_with_nothing();
  ASSERT_TRUE(world.part().fetch("voirie").has_value());
  world.part().folder.write("note.txt", "in the way", 200);
  forget_the_applied_tree(world.part());
  world.sync_both();
  EXPECT_EQ(world.all().folder.listing().size(), 6U);
  EXPECT_EQ(world.all().folder.listing().at("note.txt"), "note");
}

}  // namespace
}  // namespace beffroi::daemon::testing
