// A station that keeps only a part of a space in its folder.
#include <gtest/gtest.h>

#include "tests/support/share_replicas.h"

namespace beffroi::daemon::testing {
namespace {

using Listing = std::map<std::string, std::string>;

/// Two stations; the second has not synced yet.
struct PartWorld : ShareReplicas {
  PartWorld() : ShareReplicas(2) {
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
    if (fresh) {
      FolderState state = *world.part().cycle->state().folder();
      state.applied.reset();
      ASSERT_TRUE(world.part().cycle->state().set_folder(state, storage::Durability::synced).has_value());
    }
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
  FolderState state = *world.part().cycle->state().folder();
  state.applied.reset();
  ASSERT_TRUE(world.part().cycle->state().set_folder(state, storage::Durability::synced).has_value());
  world.part().folder.write("note.txt", "in the way", 200);
  world.part().restart();
  world.sync_both();
  EXPECT_EQ(world.all().folder.listing().size(), 6U);
  EXPECT_EQ(world.all().folder.listing().at("note.txt"), "note");
}

}  // namespace
}  // namespace beffroi::daemon::testing
