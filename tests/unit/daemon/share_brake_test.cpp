// What counts for the brake of a synced folder, and for how long; and what is remembered between two cycles.
#include "daemon/share/share_brake.h"

#include <gtest/gtest.h>

#include "tests/support/memory_database.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;
using storage::UnixTime;

Entry file(const std::string& path, std::uint8_t content, EntryType type = EntryType::file) {
  Entry out;
  out.path = path;
  out.type = type;
  out.size = content;
  out.content_digest.data[0] = content;
  return out;
}

// Goal: deletions and rewrites count, also of a file that got another name on the way; renames, new times and folders
// do not.
TEST(ShareBrakeTest, CountsWhatOthersWouldLose) {
  storage::SideChanges changes;
  changes.removed = {{"gone", file("gone", 1)},
                     {"moved", file("moved", 2)},
                     {"locked", file("locked", 3)},
                     {"folder", file("folder", 0, EntryType::directory)}};
  changes.added = {{"there", file("there", 2)}, {"locked.x", file("locked.x", 9)}};
  changes.moved_to = {{"moved", "there"}, {"locked", "locked.x"}};
  changes.edited["same"] = {file("same", 4), file("same", 4)};
  changes.edited["other"] = {file("other", 5), file("other", 6)};
  const auto counts = count(inflicted(changes, UnixTime{100}));
  EXPECT_EQ(counts.deleted, 1U);
  EXPECT_EQ(counts.rewritten, 2U);
}

// Goal: each file counts once within an hour, and not at all after it or under a clock that was set back.
TEST(ShareBrakeTest, RemembersAnHour) {
  PassedChanges passed = with_recent({}, {{1, {UnixTime{1000}, false}}, {2, {UnixTime{1000}, true}}}, UnixTime{1000});
  passed = with_recent(passed, {{1, {UnixTime{3000}, false}}}, UnixTime{3000});
  EXPECT_EQ(passed.size(), 2U);
  passed = with_recent(passed, {}, UnixTime{1000 + kBrakeMemoryS + 1});
  EXPECT_EQ(passed.size(), 1U);
  EXPECT_TRUE(with_recent(passed, {}, UnixTime{10}).empty());
}

// Goal: every row comes back as it was written, and a row that is damaged reads as none.
TEST(ShareStateTest, RowsComeBack) {
  storage::testing::MemoryDatabase database;
  ShareState state(*database);
  EXPECT_FALSE(state.folder()->applied);
  FolderState folder;
  folder.applied = storage::ObjectId{{1}};
  folder.base = ShareBase{.tree = {{2}}, .commits = {storage::CommitId{{3}}}, .whole = false};
  folder.pending = PendingCommit{.sequence = 4, .root = {{5}}, .base = {{6}}, .whole = true};
  folder.left = LeftTree{.root = {{10}}, .base = {{11}}};
  folder.content_generation = 7;
  folder.epoch = {8};
  folder.trees_through = 9;
  ASSERT_TRUE(state.set_folder(folder, storage::Durability::synced).has_value());
  const auto back = state.folder();
  EXPECT_EQ(back->applied, folder.applied);
  EXPECT_EQ(back->base->tree, folder.base->tree);
  EXPECT_EQ(back->base->commits, folder.base->commits);
  EXPECT_FALSE(back->base->whole);
  EXPECT_EQ(back->pending->sequence, 4U);
  EXPECT_EQ(back->pending->base, folder.pending->base);
  EXPECT_EQ(back->left->base, folder.left->base);
  EXPECT_EQ(back->content_generation, 7U);
  EXPECT_EQ(back->epoch, folder.epoch);
  EXPECT_EQ(back->trees_through, 9U);
  std::size_t kept = 0;
  ASSERT_TRUE(database->scan(storage::Table::state, as_bytes(kKeptRootPrefix), [&](ByteView, ByteView root) {
    kept += root.size() == 32 ? 1U : 0U;
    return true;
  }));
  EXPECT_EQ(kept, 6U);

  ASSERT_TRUE(state.set_held(HeldBack{storage::BrakeReason::emptied, {5, 0, 5, 0}, {77}, true}).has_value());
  EXPECT_EQ((*state.held())->counts.deleted, 5U);
  EXPECT_TRUE((*state.held())->released);
  ASSERT_TRUE(state.set_held(std::nullopt).has_value());
  EXPECT_FALSE(*state.held());
  ASSERT_TRUE(state.set_passed({{UINT64_MAX, {UnixTime{5}, true}}}).has_value());
  EXPECT_TRUE(state.passed()->at(UINT64_MAX).deleted);
  ASSERT_TRUE(state.set_conflicts({{"a", "b"}}).has_value());
  EXPECT_EQ(state.conflicts()->front().copy, "b");
  ASSERT_TRUE(
      database->put(storage::Table::state, as_bytes("share/folder_state"), Bytes{1, 2}, storage::Durability::synced));
  EXPECT_FALSE(state.folder()->base);
}

}  // namespace
}  // namespace beffroi::daemon
