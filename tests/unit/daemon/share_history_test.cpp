// Goal: people can see who did what to a shared file, find its versions and what was deleted, and set the whole folder
// back, which loses nothing.
#include "daemon/share/share_history.h"

#include <gtest/gtest.h>

#include "tests/support/merge_world.h"
#include "tests/support/share_world.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::testing::FolderModel;
using storage::testing::MemoryObjects;
using storage::testing::Person;
using storage::testing::ShareWorld;
using Lines = std::vector<std::string>;

/// The founder's replica of a share in which Claire writes as well. A minute passes before each snapshot.
struct ShareHistoryTest : ::testing::Test {
  ShareHistoryTest() {
    const std::string data = folder.path() + "/share";
    must(Vault::prepare(data, world.founder.keys));
    vault = must(Vault::open(data, clock, world.random));
    claire = world.admitted(storage::Role::writer);
    must(vault->found(world.log.encoded(), storage::SpaceKind::share));
    objects = std::make_shared<MemoryObjects>(vault->keys());
    FolderModel::object() = *objects->put(storage::ObjectKind::chunk, FolderModel::digest_of(0), {}, Bytes{1});
  }

  template <class Value>
  static Value must(Result<Value> result) {
    if (!result) throw std::runtime_error(result.error().message());
    if constexpr (!std::is_void_v<Value>) return std::move(*result);
  }

  CommitId by_founder(const FolderModel& files, std::vector<CommitId> parents = {}) {
    clock.wall_s += 60;
    return must(vault->commit(storage::testing::build_tree(files.entries, *objects), {}, 0, parents)).id;
  }
  CommitId by_claire(const FolderModel& files, std::vector<CommitId> parents) {
    clock.wall_s += 60;
    const auto root = storage::testing::build_tree(files.entries, *objects);
    if (last_by_claire) parents.push_back(*last_by_claire);
    std::ranges::sort(parents);
    const auto repeats = std::ranges::unique(parents);
    parents.erase(repeats.begin(), repeats.end());
    storage::CommitClear clear;
    clear.space = vault->space();
    clear.device = claire.id();
    clear.sequence = ++claires;
    clear.parents = parents;
    clear.root = root.object.id;
    clear.epoch = world.log.epoch();
    clear.log_head = world.log.head().id;
    clear.clock = clock.now();
    storage::CommitSealed sealed;
    sealed.tree_digest = root.digest;
    sealed.share.emplace().author.person = "Mairie";  // which she is not
    const Bytes encoded = storage::make_commit(clear, sealed, *vault->keys()->current(), claire.keys.sign);
    must(vault->adopt_commit(encoded));
    last_by_claire = storage::decode_commit(encoded)->id;
    return *last_by_claire;
  }
  static storage::ChangeAuthor author() {
    storage::ChangeAuthor out;
    out.person = "Mairie";
    return out;
  }
  ShareHistory history() { return must(ShareHistory::open(*vault, objects, progress)); }
  storage::UnixTime now() { return {clock.now().seconds + 1}; }

  Lines changes(storage::UnixTime since = {}) {
    Lines out;
    must(history().changes(since, now(), [&](const Moment& moment, const PathChange& change) -> Result<void> {
      std::string line = moment.maker.person + " " + path_act_name(change.act) + " " + share_path_text(change.path);
      if (!change.from.empty()) line += " from " + share_path_text(change.from);
      out.push_back(line);
      return {};
    }));
    return out;
  }
  Lines versions(const std::string& path, std::size_t most = 100) {
    ShareHistory all = history();
    Lines out;
    for (const PathVersion& version : must(all.versions(storage::to_entry_path(path), most)))
      out.push_back(std::string(path_act_name(version.act)) + " " + share_path_text(version.path) + " " +
                    (version.entry ? std::to_string(version.entry->size) : "-"));
    return out;
  }
  Lines trash(storage::UnixTime since = {}) {
    ShareHistory all = history();
    Lines out;
    for (const TrashItem& item : must(all.trash(since, 100)))
      out.push_back(share_path_text(item.path) + " " + std::to_string(item.size) + " by " +
                    all.timeline().moments()[item.deleted].maker.person);
    return out;
  }

  testing::TemporaryFolder folder;
  ManualClock clock;
  ShareWorld world;
  Person claire;
  std::unique_ptr<Vault> vault;
  std::shared_ptr<MemoryObjects> objects;
  Progress progress;
  std::optional<CommitId> last_by_claire;
  std::uint64_t claires = 0;
};

TEST_F(ShareHistoryTest, ChangesAreThoseOfWhoMadeThem) {
  FolderModel files;
  files.write("a", 1);
  files.write("plans/b", 2);
  const CommitId first = by_founder(files);
  files.write("a", 3);
  files.move("plans/b", "plans/c");
  const CommitId second = by_claire(files, {first});
  files.remove("a");
  by_founder(files, {second});
  EXPECT_EQ(changes(), (Lines{"Mairie deleted a", "Claire changed a", "Claire renamed plans/c from plans/b",
                              "Mairie added a", "Mairie added plans", "Mairie added plans/b"}));
  EXPECT_EQ(changes(clock.now()), Lines{"Mairie deleted a"});
}

TEST_F(ShareHistoryTest, MergeDoesNothingOfItsOwn) {
  FolderModel files;
  files.write("a", 1);
  const CommitId base = by_founder(files);
  FolderModel hers = files, merged = files;
  hers.write("hers", 2);
  const CommitId of_claire = by_claire(hers, {base});
  files.write("a", 3);
  const CommitId of_founder = by_founder(files);
  merged.write("a", 3);
  merged.write("hers", 2);
  by_founder(merged, {of_claire, of_founder});
  EXPECT_EQ(changes(), (Lines{"Mairie changed a", "Claire added hers", "Mairie added a"}));
}

// A commit names its own branch's last commit beside those that it takes in, also when one of these continues it.
TEST_F(ShareHistoryTest, TakingAChangeBackIsAChange) {
  FolderModel files;
  files.write("a", 1);
  const CommitId first = by_founder(files);
  FolderModel changed = files;
  changed.write("a", 2);
  const CommitId second = by_claire(changed, {first});
  by_founder(files, {second});
  EXPECT_EQ(changes().front(), "Mairie changed a");
  EXPECT_EQ(versions("a"), (Lines{"changed a 1", "changed a 2", "added a 1"}));
}

TEST_F(ShareHistoryTest, VersionsFollowANameBack) {
  FolderModel files;
  files.write("draft", 1);
  CommitId last = by_founder(files);
  files.write("draft", 2);
  last = by_claire(files, {last});
  files.move("draft", "final");
  last = by_founder(files, {last});
  files.write("other", 7);
  last = by_claire(files, {last});
  files.write("final", 3);
  by_founder(files, {last});
  EXPECT_EQ(versions("final"), (Lines{"changed final 3", "renamed final 2", "changed draft 2", "added draft 1"}));
  EXPECT_EQ(versions("final", 2).size(), 2U);
  EXPECT_EQ(history().versions("never", 10).error().code, ErrorCode::not_found);
}

TEST_F(ShareHistoryTest, VersionIsNamedByItsSnapshot) {
  FolderModel files;
  files.write("a", 1);
  const CommitId first = by_founder(files);
  files.write("a", 2);
  const CommitId second = by_claire(files, {first});
  files.remove("a");
  by_founder(files, {second});
  ShareHistory all = history();
  const auto size_of = [&](const std::string& id) { return must(all.version("a", id)).entry->size; };
  EXPECT_EQ(size_of(first.hex().substr(0, 8)), 1U);
  EXPECT_EQ(size_of(second.hex()), 2U);
  EXPECT_EQ(size_of(""), 2U);
  EXPECT_EQ(all.version("a", "0000000000").error().code, ErrorCode::not_found);
}

// The last snapshot that had it need not be one that changed it.
TEST_F(ShareHistoryTest, WhatTheTrashNamesIsAVersion) {
  FolderModel files;
  files.write("a", 1);
  by_founder(files);
  files.write("b", 2);
  by_founder(files);
  files.remove("a");
  by_founder(files);
  ShareHistory all = history();
  const auto items = must(all.trash({}, 10));
  ASSERT_EQ(items.size(), 1U);
  const std::string id = all.timeline().moments()[items[0].last].snapshot.commit.id.hex();
  EXPECT_EQ(must(all.version("a", id)).entry->size, 1U);
}

TEST_F(ShareHistoryTest, AFolderIsWhatItWasLast) {
  FolderModel files;
  files.mkdir("d");
  files.write("d/x", 1);
  const CommitId first = by_founder(files);
  files.write("d/y", 2);
  const CommitId second = by_founder(files);
  files.remove("d");
  files.write("z", 3);
  by_founder(files);
  ShareHistory all = history();
  const auto id_of = [&](const std::string& id) {
    return all.timeline().moments()[must(all.version("d", id)).moment].snapshot.commit.id;
  };
  EXPECT_EQ(id_of(""), second);
  EXPECT_EQ(id_of(first.hex()), first);
}

TEST_F(ShareHistoryTest, TrashHasWhatIsGoneAndNothingElse) {
  FolderModel files;
  files.write("old", 111);
  files.write("gone", 103);
  files.write("back", 98);
  files.write("moved", 109);
  CommitId last = by_founder(files);
  files.remove("old");
  last = by_claire(files, {last});
  const storage::UnixTime since = now();
  files.remove("gone");
  files.remove("back");
  files.move("moved", "elsewhere");
  last = by_claire(files, {last});
  files.write("back", 9);
  by_founder(files, {last});
  EXPECT_EQ(trash(since), Lines{"gone 103 by Claire"});
  EXPECT_EQ(trash(), (Lines{"gone 103 by Claire", "old 111 by Claire"}));
}

TEST_F(ShareHistoryTest, RewindMakesAnOldStateTheNewestAndLosesNothing) {
  FolderModel files;
  files.write("a", 1);
  files.write("b", 2);
  const CommitId first = by_founder(files);
  const storage::UnixTime then = clock.now();
  FolderModel spoilt = files;
  spoilt.write("a", 666);
  spoilt.remove("b");
  spoilt.write("ransom note", 5);
  by_claire(spoilt, {first});
  ShareHistory all = history();
  const Rewind rewind = must(all.rewind(then));
  EXPECT_EQ(rewind.as_of.commit.id, first);
  EXPECT_EQ((std::tuple(rewind.added, rewind.changed, rewind.deleted)), (std::tuple(1U, 1U, 1U)));
  EXPECT_FALSE(rewind.others_open);
  clock.wall_s += 60;
  {
    const auto cycle = vault->try_begin_backup();
    EXPECT_EQ(commit_rewind(*vault, all.timeline(), rewind, author()).error().code, ErrorCode::busy);
  }
  const storage::Commit made = must(commit_rewind(*vault, all.timeline(), rewind, author()));
  EXPECT_EQ(made.clear.root, rewind.as_of.commit.clear.root);
  ShareHistory after = history();
  ASSERT_EQ(after.timeline().heads().size(), 1U);
  EXPECT_EQ(after.timeline().moments().back().snapshot.commit.id, made.id);
  EXPECT_EQ(after.timeline().moments().back().snapshot.sealed.share->author.person, "Mairie");
  EXPECT_EQ(versions("a"), (Lines{"changed a 1", "changed a 666", "added a 1"}));
  EXPECT_EQ(trash(), Lines{"ransom note 5 by Mairie"});
  EXPECT_EQ(all.rewind({0}).error().code, ErrorCode::not_found);
}

TEST_F(ShareHistoryTest, RewindTellsThatOthersHadSomethingOpenThen) {
  FolderModel files, hers;
  files.write("a", 1);
  const CommitId base = by_founder(files);
  hers = files;
  hers.write("hers", 2);
  const CommitId of_claire = by_claire(hers, {base});
  files.write("a", 3);
  const CommitId of_founder = by_founder(files);
  const storage::UnixTime then = clock.now();
  files.write("hers", 2);
  by_founder(files, {of_claire, of_founder});
  const Rewind rewind = must(history().rewind(then));
  EXPECT_EQ(rewind.as_of.commit.id, of_founder);
  EXPECT_TRUE(rewind.others_open);
  EXPECT_EQ(rewind.deleted, 1U);
}

// What a commit says of its author is the author's own word; who it was is the log's.
TEST_F(ShareHistoryTest, NamesAreThoseOfTheLogAlsoOfWhoIsGone) {
  FolderModel files;
  files.write("a", 1);
  const CommitId first = by_claire(files, {});
  world.take(storage::remove_member(world.log, world.founder.keys, claire.identity(),
                                    {.ends = {{claire.id(), {first, 1}}}}, clock.now(), world.random));
  must(vault->append_records(std::span(world.log.encoded()).subspan(vault->log().encoded().size())));
  const auto maker = history().timeline().moments().at(0).maker;
  EXPECT_EQ(maker, (SnapshotMaker{claire.id(), "Claire", "PC mairie"}));
}

TEST_F(ShareHistoryTest, StopsWhenItIsTold) {
  FolderModel files;
  files.write("a", 1);
  by_founder(files);
  progress.cancel = true;
  EXPECT_EQ(history().versions("a", 1).error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace beffroi::daemon
