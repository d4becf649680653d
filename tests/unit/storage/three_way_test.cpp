// Goal: two replicas' folders become one, the same one whoever merges; nothing that somebody wrote is lost; what people
// mean by renaming, deleting and editing is what comes out; and it costs what was changed.
#include "storage/merge/three_way.h"

#include <gtest/gtest.h>

#include "tests/support/merge_world.h"

namespace beffroi::storage {
namespace {

using testing::applied;
using testing::FolderModel;
using testing::MergeWorld;
using testing::RandomEdits;
using Listing = std::map<std::string, std::uint64_t>;
using std::string_literals::operator""s;

constexpr std::int64_t kMonday = 1'795'439'100;  // 2026-11-23 13:05 UTC, 14:05 where Claire is

struct ThreeWayTest : ::testing::Test {
  MergeWorld world;
  FolderModel base, ours, theirs;

  void begin() { ours = theirs = base; }
  /// The merged folder; both sides get there by their lists, and the other replica finds it too.
  FolderModel merged(std::size_t conflicts = 0) {
    const MergedTree result = world.merge(base, ours, theirs);
    const MergedTree mirrored = world.merge_reversed(base, ours, theirs);
    FolderModel out = world.load(result.root.object.id);
    EXPECT_EQ(result.root.digest, mirrored.root.digest);
    EXPECT_EQ(result.conflicts, mirrored.conflicts);
    EXPECT_EQ(result.conflicts.size(), conflicts);
    EXPECT_EQ(result.root.digest, testing::build_tree(out.entries, *world.objects).digest) << "as built anew";
    EXPECT_EQ(applied(ours, result.for_ours).listing(), out.listing());
    EXPECT_EQ(applied(theirs, result.for_theirs).listing(), out.listing());
    out.expect_sound();
    return out;
  }
};

TEST_F(ThreeWayTest, WhatOneSideChangedIsTaken) {
  base.write("plan/rue.odt", 1);
  base.write("plan/pont.odt", 2);
  base.write("vieux.odt", 3);
  begin();
  ours.write("plan/rue.odt", 11);
  ours.write("nouveau/avis.odt", 12);
  theirs.remove("vieux.odt");
  theirs.write("plan/pont.odt", 13);
  EXPECT_EQ(
      merged().listing(),
      (Listing{{"plan/", 0}, {"plan/rue.odt", 11}, {"plan/pont.odt", 13}, {"nouveau/", 0}, {"nouveau/avis.odt", 12}}));
}

TEST_F(ThreeWayTest, NothingToDoMeansNoChangesAndNoWriting) {
  base.write("a", 1);
  begin();
  ours.write("b", 2);
  const MergedTree one_sided = world.merge(base, ours, theirs);
  EXPECT_TRUE(one_sided.for_ours.empty());
  EXPECT_EQ(one_sided.root.object.id, world.store(ours));
  EXPECT_EQ(one_sided.for_theirs.size(), 1U);
  const MergedTree equal = world.merge(base, ours, ours);
  EXPECT_TRUE(equal.for_ours.empty() && equal.for_theirs.empty());
  EXPECT_EQ(equal.root.object.id, world.store(ours));
}

TEST_F(ThreeWayTest, BothMadeTheSameOfAFile) {
  base.write("a", 1);
  begin();
  ours.write("a", 2, 500);
  theirs.write("a", 2, 700);
  ours.write("new/b", 3, 100);
  theirs.write("new/b", 3, 90);
  FolderModel out = merged();
  EXPECT_EQ(out.listing(), (Listing{{"a", 2}, {"new/", 0}, {"new/b", 3}}));
  EXPECT_EQ(out.at("a").mtime_s, 700);
  EXPECT_EQ(out.at("new/b").mtime_s, 100);
}

TEST_F(ThreeWayTest, BothChangedAFileTheLaterKeepsTheName) {
  base.write("conseil/rapport.docx", 1);
  begin();
  ours.write("conseil/rapport.docx", 2, kMonday);
  theirs.write("conseil/rapport.docx", 3, kMonday + 60);
  EXPECT_EQ(merged(1).listing(),
            (Listing{{"conseil/", 0},
                     {"conseil/rapport.docx", 3},
                     {"conseil/rapport (conflit - Claire, PC mairie, 2026-11-23 14h05).docx", 2}}));
}

TEST_F(ThreeWayTest, EqualTimesAreToldApartByContent) {
  begin();
  ours.write("rapport.docx", 2, kMonday);
  theirs.write("rapport.docx", 3, kMonday);
  EXPECT_EQ(merged(1).listing(),
            (Listing{{"rapport.docx", 3}, {"rapport (conflit - Claire, PC mairie, 2026-11-23 14h05).docx", 2}}));
}

TEST_F(ThreeWayTest, ATakenNameGetsANumberAndTheSameContentNoSecondCopy) {
  const std::string copy = "rapport (conflit - Claire, PC mairie, 2026-11-23 14h05)";
  base.write("rapport.docx", 1);
  base.write(copy + ".docx", 50);
  begin();
  ours.write("rapport.docx", 2, kMonday);
  theirs.write("rapport.docx", 3, kMonday + 60);
  const Listing numbered = merged(1).listing();
  EXPECT_EQ(numbered, (Listing{{"rapport.docx", 3},
                               {copy + ".docx", 50},
                               {"rapport (conflit - Claire, PC mairie, 2026-11-23 14h05 - 2).docx", 2}}));
  base.write(copy + ".docx", 2);
  ours.write(copy + ".docx", 2);
  theirs.write(copy + ".docx", 2);
  EXPECT_EQ(merged(1).listing(), (Listing{{"rapport.docx", 3}, {copy + ".docx", 2}}));
}

// Goal: what both had is named alike by both, also when only the hour tells the two apart.
TEST_F(ThreeWayTest, NamesakesGiveACopyOneName) {
  world.paul = world.claire;
  world.paul.utc_offset_s = 0;
  base.write("bureau/note", 1, kMonday);
  base.write("archives/avis", 5, kMonday);
  begin();
  ours.move("bureau/note", "archives/note");
  theirs.move("bureau/note", "bureau/avis");
  EXPECT_EQ(merged(1).listing(), (Listing{{"bureau/", 0},
                                          {"archives/", 0},
                                          {"archives/avis", 5},
                                          {"archives/avis (conflit - Claire, PC mairie, 2026-11-23 13h05)", 1}}));
}

TEST_F(ThreeWayTest, AChangeSurvivesADeletion) {
  base.write("a", 1);
  base.write("b", 2);
  base.write("touched", 3, 10);
  begin();
  ours.remove("a");
  theirs.write("a", 11);
  ours.write("b", 12);
  theirs.remove("b");
  ours.remove("touched");
  theirs.at("touched").mtime_s = 20;
  EXPECT_EQ(merged().listing(), (Listing{{"a", 11}, {"b", 12}}));
}

TEST_F(ThreeWayTest, AChangeInADeletedFolderKeepsItsParentsOnly) {
  base.write("affaires/2025/a", 1);
  base.write("affaires/2025/b", 2);
  base.write("affaires/2024/c", 3);
  begin();
  ours.remove("affaires");
  theirs.write("affaires/2025/b", 22);
  EXPECT_EQ(merged().listing(), (Listing{{"affaires/", 0}, {"affaires/2025/", 0}, {"affaires/2025/b", 22}}));
}

TEST_F(ThreeWayTest, ANewFileInADeletedFolderKeepsIt) {
  base.write("affaires/a", 1);
  begin();
  ours.remove("affaires");
  theirs.write("affaires/sub/new", 2);
  EXPECT_EQ(merged().listing(), (Listing{{"affaires/", 0}, {"affaires/sub/", 0}, {"affaires/sub/new", 2}}));
}

TEST_F(ThreeWayTest, AFolderKeepsTheNameBeforeAFile) {
  begin();
  ours.write("plan", 1, kMonday + 100'000);
  theirs.write("plan/rue", 2, kMonday);
  EXPECT_EQ(merged(1).listing(),
            (Listing{{"plan/", 0}, {"plan/rue", 2}, {"plan (conflit - Claire, PC mairie, 2026-11-24 17h51)", 1}}));
}

TEST_F(ThreeWayTest, AFileReplacedByAFolderAndEditedSurvivesBesideIt) {
  base.write("plan", 1);
  begin();
  ours.remove("plan");
  ours.write("plan/rue", 2);
  theirs.write("plan", 3, kMonday);
  EXPECT_EQ(merged(1).listing(),
            (Listing{{"plan/", 0}, {"plan/rue", 2}, {"plan (conflit - Paul, Portable, 2026-11-23 14h05)", 3}}));
}

TEST_F(ThreeWayTest, RightsTimesAndContentsMergeFieldByField) {
  base.write("a", 1, 100).mode = 0600;
  base.write("b", 2, 100).mode = 0600;
  begin();
  ours.at("a").mode = 0640;
  theirs.at("a").mtime_s = 200;
  ours.write("b", 22, 300).mode = 0600;
  theirs.at("b").mode = 0660;
  FolderModel out = merged();
  EXPECT_EQ(out.at("a").mode, 0640U);
  EXPECT_EQ(out.at("a").mtime_s, 200);
  EXPECT_EQ(out.at("b").size, 22U);
  EXPECT_EQ(out.at("b").mode, 0660U);
  EXPECT_EQ(out.at("b").mtime_s, 300);
  EXPECT_EQ(out.entries.size(), 2U);
}

TEST_F(ThreeWayTest, AnEditLandsUnderTheNewName) {
  base.write("brouillon.odt", 1);
  begin();
  ours.move("brouillon.odt", "arrete.odt");
  theirs.write("brouillon.odt", 2);
  EXPECT_EQ(merged().listing(), (Listing{{"arrete.odt", 2}}));
  const MergedTree result = world.merge(base, ours, base);
  ASSERT_EQ(result.for_theirs.size(), 2U);
  EXPECT_EQ(result.for_theirs[0].path, "arrete.odt");
  EXPECT_EQ(result.for_theirs[0].moved_from, "brouillon.odt");
  EXPECT_EQ(result.for_theirs[1].moved_from, std::nullopt);
}

TEST_F(ThreeWayTest, ARenameOutlivesADeletion) {
  base.write("a", 1);
  base.write("folder/b", 2);
  begin();
  ours.move("a", "kept");
  theirs.remove("a");
  ours.move("folder", "renamed");
  theirs.remove("folder");
  EXPECT_EQ(merged().listing(), (Listing{{"kept", 1}, {"renamed/", 0}, {"renamed/b", 2}}));
}

TEST_F(ThreeWayTest, ARenamedFolderTakesAlongWhatTheOtherSideDid) {
  base.write("budget/2026/a", 1);
  base.write("budget/2026/b", 2);
  base.write("budget/c", 3);
  base.write("budget/empty", 0);
  begin();
  ours.move("budget", "finances");
  theirs.write("budget/2026/a", 11);
  theirs.remove("budget/2026/b");
  theirs.write("budget/2026/new/d", 14);
  EXPECT_EQ(merged().listing(), (Listing{{"finances/", 0},
                                         {"finances/2026/", 0},
                                         {"finances/2026/a", 11},
                                         {"finances/2026/new/", 0},
                                         {"finances/2026/new/d", 14},
                                         {"finances/c", 3},
                                         {"finances/empty", 0}}));
}

TEST_F(ThreeWayTest, MovedByOneAndRenamedByTheOtherIsBoth) {
  base.write("a.odt", 1);
  base.mkdir("archives");
  begin();
  ours.move("a.odt", "archives/a.odt");
  theirs.move("a.odt", "b.odt");
  EXPECT_EQ(merged().listing(), (Listing{{"archives/", 0}, {"archives/b.odt", 1}}));
}

// Moved by one and renamed by the other, just to where an unchanged file is: none gives way without a trace.
TEST_F(ThreeWayTest, APathThatWasFreeOnNoSideIsLookedUp) {
  base.write("a.odt", 1, kMonday);
  base.write("archives/b.odt", 2, kMonday + 60);
  begin();
  ours.move("a.odt", "archives/a.odt");
  theirs.move("a.odt", "b.odt");
  EXPECT_EQ(merged(1).listing(), (Listing{{"archives/", 0},
                                          {"archives/b.odt", 2},
                                          {"archives/b (conflit - Claire, PC mairie, 2026-11-23 14h05).odt", 1}}));
  base.write("archives/b.odt", 2, kMonday - 60);
  ours.at("archives/b.odt") = theirs.at("archives/b.odt") = base.at("archives/b.odt");
  EXPECT_EQ(merged(1).listing(), (Listing{{"archives/", 0},
                                          {"archives/b.odt", 1},
                                          {"archives/b (conflit - Claire, PC mairie, 2026-11-23 14h04).odt", 2}}));
}

TEST_F(ThreeWayTest, TwoNewNamesLeaveOneFileWithBothEdits) {
  base.write("a", 1);
  base.write("f/b", 2);
  base.write("f/c", 3);
  begin();
  ours.move("a", "x");
  theirs.move("a", "y");
  ours.move("f", "g");
  theirs.move("f", "h");
  ours.write("g/b", 22);
  theirs.write("h/c", 33);
  theirs.write("h/new", 4);
  EXPECT_EQ(merged().listing(), (Listing{{"x", 1}, {"g/", 0}, {"g/b", 22}, {"g/c", 33}, {"g/new", 4}}));
}

TEST_F(ThreeWayTest, FoldersMovedIntoEachOtherStayWhereTheyWere) {
  base.write("p/a", 1);
  base.write("r/b", 2);
  begin();
  ours.move("p", "r/p");
  theirs.move("r", "p/r");
  EXPECT_EQ(merged().listing(), (Listing{{"p/", 0}, {"p/a", 1}, {"r/", 0}, {"r/b", 2}}));
}

/// Moves some folder, under its name, into another one.
void move_a_folder(FolderModel& folder, crypto::Random& random) {
  std::vector<std::string> folders;
  for (const auto& [path, entry] : folder.entries)
    if (entry.type == EntryType::directory) folders.push_back(path);
  const std::string from = folders[random.below(folders.size())];
  const std::uint64_t target = random.below(folders.size() + 1);
  const std::string to = path_in(target == folders.size() ? "" : folders[target], name_of(from));
  if (!folder.entries.contains(to) && !is_at_or_below(to, from)) folder.move_at(from, to);
}

TEST_F(ThreeWayTest, FoldersMovedIntoEachOtherAtRandomLoseNothing) {
  for (std::uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    crypto::SeededRandom random(seed);
    base = {};
    for (std::uint64_t i = 1; i <= 5; ++i) {
      const std::string number = std::to_string(i);
      base.write("d" + number + "/f" + number, i);
    }
    for (std::uint64_t left = random.below(4); left > 0; --left) move_a_folder(base, random);
    begin();
    for (std::uint64_t left = 1 + random.below(4); left > 0; --left) move_a_folder(ours, random);
    for (std::uint64_t left = 1 + random.below(4); left > 0; --left) move_a_folder(theirs, random);
    EXPECT_EQ(merged().contents(), base.contents());
  }
}

TEST_F(ThreeWayTest, TwoFilesRenamedToOneNameBothSurvive) {
  base.write("a", 1, kMonday);
  base.write("b", 2, kMonday + 60);
  begin();
  ours.move("a", "c");
  theirs.move("b", "c");
  EXPECT_EQ(merged(1).listing(), (Listing{{"c", 2}, {"c (conflit - Claire, PC mairie, 2026-11-23 14h05)", 1}}));
}

TEST_F(ThreeWayTest, SwappedNamesAreEdits) {
  base.write("a", 1);
  base.write("b", 2);
  begin();
  ours.write("a", 2);
  ours.write("b", 1);
  theirs.write("c", 3);
  EXPECT_EQ(merged().listing(), (Listing{{"a", 2}, {"b", 1}, {"c", 3}}));
}

TEST_F(ThreeWayTest, WithoutAnAncestorBothFoldersAreJoined) {
  ours.write("plan/a", 1);
  ours.write("plan/same", 2, 10);
  theirs.write("plan/b", 3);
  theirs.write("plan/same", 2, 10);
  const auto result = merge_trees(
      world.opener, {std::nullopt, world.store(ours), world.store(theirs), world.claire, world.paul}, *world.objects);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(world.load(result->root.object.id).listing(),
            (Listing{{"plan/", 0}, {"plan/a", 1}, {"plan/b", 3}, {"plan/same", 2}}));
}

TEST_F(ThreeWayTest, ATopFolderWithAnEntryOfItsOwnMergesToo) {
  Entry top;
  top.type = EntryType::directory;
  top.mode = 0755;
  base.entries.emplace("", top);
  begin();
  ours.entries.at("").mode = 0750;
  theirs.write("a", 1);
  FolderModel out = merged();
  EXPECT_EQ(out.entries.at("").mode, 0750U);
  EXPECT_EQ(out.entries.size(), 2U);
}

TEST_F(ThreeWayTest, SomethingBelowAFileIsRefused) {
  base.write("a", 1);
  begin();
  Entry below = base.at("a");
  below.path = "a\0b"s;
  ours.write("a", 2);
  ours.entries.emplace(below.path, below);
  const auto refused = world.try_merge(base, ours, theirs);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
}

TEST_F(ThreeWayTest, APathThatIsTooDeepIsRefused) {
  std::string path;
  for (std::size_t i = 0; i <= kMaxMergeDepth; ++i) path += "d/";
  begin();
  theirs.write(path + "file", 1);
  const auto refused = world.try_merge(base, ours, theirs);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
}

TEST_F(ThreeWayTest, DamageIsTold) {
  base.write("a", 1);
  begin();
  ours.write("b", 2);
  theirs.write("c", 3);
  const ObjectId damaged = world.store(theirs);
  world.objects->corrupt(damaged);
  const auto result = world.try_merge(base, ours, theirs);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
}

TEST_F(ThreeWayTest, CostsWhatChanged) {
  for (int i = 0; i < 100'000; ++i)
    base.write("folder" + std::to_string(i % 100) + "/file" + std::to_string(i), 10'000 + static_cast<unsigned>(i));
  begin();
  ours.write("folder7/file7", 1);
  theirs.write("folder50/file50", 2);
  theirs.remove("folder93/file93");
  const MergeInput input{world.store(base), world.store(ours), world.store(theirs), world.claire, world.paul};
  const std::size_t all = world.objects->size();
  world.objects->reset_counts();
  const auto result = merge_trees(world.opener, input, *world.objects);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->for_ours.size(), 2U);
  EXPECT_EQ(result->for_theirs.size(), 1U);
  // The two diffs read three changes on both sides, the edits two paths and what ends where it does because of them.
  const std::size_t levels = 1U + result->root.object.height;
  EXPECT_LE(world.objects->gets(), 2 * 2 * 3 * levels + 2 * 6 * levels + 2);
  EXPECT_LT(world.objects->gets(), all / 3);
  EXPECT_LE(world.objects->puts(), 2 * 2 * levels);
}

/// What must be true of every merge, checked on contents that are told apart by number.
void expect_nothing_lost(const FolderModel& base, const FolderModel& ours, const FolderModel& theirs,
                         const FolderModel& merged) {
  const auto base_contents = base.contents(), in_ours = ours.contents(), in_theirs = theirs.contents(),
             in_merged = merged.contents();
  std::map<Digest, int> times;
  for (const auto& [path, entry] : base.entries) ++times[entry.content_digest];
  for (const auto& sides : {std::pair(&in_ours, &in_theirs), std::pair(&in_theirs, &in_ours)}) {
    for (const Digest& content : *sides.first) {
      if (in_merged.contains(content)) continue;
      EXPECT_TRUE(base_contents.contains(content)) << "somebody wrote it just now";
      // Of two equal files each side may have deleted one.
      EXPECT_TRUE(!sides.second->contains(content) || times[content] > 1) << "both sides still had it";
    }
  }
  // And what one side deleted while the other left it alone is gone.
  for (const auto& [path, entry] : base.entries) {
    const auto left_alone = [&, p = path, e = entry](const FolderModel& side) {
      const auto found = side.entries.find(p);
      return found != side.entries.end() && found->second == e;
    };
    // Below 100: contents that anybody may have made anew.
    if (entry.size < 100 || times[entry.content_digest] > 1) continue;
    const bool gone = (left_alone(ours) && !in_theirs.contains(entry.content_digest)) ||
                      (left_alone(theirs) && !in_ours.contains(entry.content_digest));
    if (gone) EXPECT_FALSE(in_merged.contains(entry.content_digest)) << to_display_path(path);
  }
}

struct ThreeWayPropertyTest : ThreeWayTest, ::testing::WithParamInterface<int> {
  static constexpr int kSeedsPerCase = 250;

  void run(std::uint64_t seed) {
    crypto::SeededRandom random(seed);
    base = {};
    RandomEdits founders(random, 100), claire(random, 1000), paul(random, 2000);
    for (std::uint64_t left = random.below(25); left > 0; --left) founders.edit(base);
    begin();
    for (std::uint64_t left = random.below(12); left > 0; --left) claire.edit(ours);
    for (std::uint64_t left = random.below(12); left > 0; --left) paul.edit(theirs);
    const MergedTree result = world.merge(base, ours, theirs);
    const MergedTree mirrored = world.merge_reversed(base, ours, theirs);
    const FolderModel merged = world.load(result.root.object.id);
    EXPECT_EQ(result.root.digest, mirrored.root.digest);
    EXPECT_EQ(result.conflicts, mirrored.conflicts);
    EXPECT_EQ(result.root.digest, testing::build_tree(merged.entries, *world.objects).digest);
    EXPECT_EQ(applied(ours, result.for_ours).entries, merged.entries);
    EXPECT_EQ(applied(theirs, result.for_theirs).entries, merged.entries);
    merged.expect_sound();
    expect_nothing_lost(base, ours, theirs, merged);
    // One side alone is that side.
    EXPECT_EQ(world.load(world.merge(base, ours, base).root.object.id).entries, ours.entries);
    // Who has merged already has nothing more to do.
    EXPECT_TRUE(world.merge(ours, merged, ours).for_ours.empty());
    EXPECT_EQ(world.merge(theirs, theirs, merged).root.digest, result.root.digest);
  }
};

TEST_P(ThreeWayPropertyTest, AnyEditsConvergeAndLoseNothing) {
  for (int i = 0; i < kSeedsPerCase && !HasFailure(); ++i) {
    const auto seed = static_cast<std::uint64_t>(GetParam() * kSeedsPerCase + i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    run(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ThreeWayPropertyTest, ::testing::Range(0, 12));

}  // namespace
}  // namespace beffroi::storage
