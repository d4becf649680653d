#include "daemon/share/folder_scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/folder_world.h"
#include "tests/support/test_entries.h"

namespace beffroi::daemon {
namespace {

using storage::testing::seeded_bytes;
using testing::FolderReplica;
using testing::write_file;
namespace fs = std::filesystem;

std::string random_text(std::uint64_t seed, std::size_t size) { return to_string(seeded_bytes(seed, size)); }

/// '/'-separated, "-" before what was removed.
std::vector<std::string> changed(const FolderScan& scan) {
  std::vector<std::string> out;
  for (const auto& change : scan.changes)
    out.push_back((change.entry ? "" : "-") + storage::to_display_path(change.path).substr(1));
  return out;
}

std::vector<std::string> skipped(const FolderScan& scan) {
  std::vector<std::string> out;
  for (const auto& each : scan.skipped) out.push_back(storage::to_display_path(each.path).substr(1));
  std::ranges::sort(out);
  return out;
}

using Names = std::vector<std::string>;

// Goal: everything is found, without owners and folders' times, and contents are in the space; without changes the next
// scan reads nothing and finds nothing.
TEST(FolderScanTest, FindsWhatIsThereAndThenNothing) {
  FolderReplica replica;
  fs::create_directories(replica.at("a/b"));
  write_file(replica.at("a/b/large"), random_text(1, 3'000'000));
  write_file(replica.at("a/small"), "small");
  write_file(replica.at("a/twin"), "small");
  write_file(replica.at("empty"), "");
  fs::create_symlink("a/small", replica.at("link"));
  const auto first = replica.scan();
  EXPECT_EQ(changed(first), (Names{"a", "a/b", "a/b/large", "a/small", "a/twin", "empty", "link"}));
  EXPECT_EQ(first.files, 4U);
  EXPECT_EQ(first.bytes_read, 3'000'010U);
  for (const auto& change : first.changes) {
    EXPECT_EQ(change.entry->uid, 0U);
    EXPECT_TRUE(change.entry->xattrs.empty() && change.entry->user.empty());
  }
  EXPECT_EQ(first.changes[3].entry->segments, first.changes[4].entry->segments);
  const auto opener = replica.opener();
  EXPECT_EQ(to_string(*storage::read_segment(first.changes[3].entry->segments[0], opener)), "small");
  std::string large;
  ASSERT_TRUE(storage::for_each_segment(*first.changes[2].entry, opener, [&](const storage::Segment& segment) {
                large += to_string(*storage::read_segment(segment, opener));
                return Result<void>{};
              }).has_value());
  EXPECT_EQ(large, random_text(1, 3'000'000));
  const auto second = replica.scan();
  EXPECT_TRUE(second.changes.empty() && second.unquiet.empty());
  EXPECT_EQ(second.files, 4U);
  EXPECT_EQ(second.bytes_read, 0U);
}

// Goal: edits, new rights, removals and a change of kind are told, and only they.
TEST(FolderScanTest, TellsJustWhatChanged) {
  FolderReplica replica;
  fs::create_directories(replica.at("folder/below"));
  for (const char* const name : {"edited", "rights", "same", "folder/x", "folder/below/y", "kind"})
    write_file(replica.at(name), name);
  replica.scan();
  write_file(replica.at("edited"), "edited since");
  fs::permissions(replica.at("rights"), fs::perms::owner_all);
  write_file(replica.at("same"), "same");  // another time
  fs::remove_all(replica.at("folder"));
  fs::remove(replica.at("kind"));
  fs::create_directory(replica.at("kind"));
  EXPECT_EQ(changed(replica.scan()),
            (Names{"edited", "-folder", "-folder/below", "-folder/below/y", "-folder/x", "kind", "rights", "same"}));
  EXPECT_TRUE(replica.scan().changes.empty());
}

// Goal: paths that are said to be dirty are all that is looked at; what is new above them comes along.
TEST(FolderScanTest, DirtyPathsAreAllThatIsLookedAt) {
  FolderReplica replica;
  fs::create_directories(replica.at("a/b"));
  for (const char* const name : {"a/b/x", "a/y", "z"}) write_file(replica.at(name), name);
  replica.scan();
  write_file(replica.at("a/b/x"), "new x");
  write_file(replica.at("z"), "new z");
  EXPECT_EQ(changed(replica.scan_paths({"a/b/x"})), Names{"a/b/x"});
  fs::remove(replica.at("a/y"));
  fs::create_directories(replica.at("a/c/d"));
  write_file(replica.at("a/c/d/e"), "e");
  EXPECT_EQ(changed(replica.scan_paths({"a/c/d/e", "a/y", "not there", "a/b/x"})),
            (Names{"a/c", "a/c/d", "a/c/d/e", "-a/y"}));
  fs::remove_all(replica.at("a/b"));
  write_file(replica.at("a/b"), "a file now");
  EXPECT_EQ(changed(replica.scan_paths({"a/b/x"})), (Names{"a/b", "-a/b/x"}));
  EXPECT_EQ(changed(replica.scan()), Names{"z"});
}

// Goal: a file that is being written is left until it is at rest, and until then the tree keeps what it has.
TEST(FolderScanTest, FilesBeingWrittenAreLeft) {
  FolderReplica replica;
  write_file(replica.at("a"), "first");
  replica.scan();
  struct stat status{};
  write_file(replica.at("a"), "second");
  write_file(replica.at("b"), "new");
  ASSERT_EQ(::stat(replica.at("b").c_str(), &status), 0);
  replica.vault.clock.wall_s = status.st_mtim.tv_sec;
  auto scan = replica.scan();
  EXPECT_TRUE(scan.changes.empty());
  EXPECT_EQ(scan.unquiet, (std::set<std::string>{"a", "b"}));
  replica.vault.clock.wall_s += 3;
  scan = replica.scan_paths({"a", "b"});
  EXPECT_EQ(changed(scan), (Names{"a", "b"}));
  EXPECT_TRUE(scan.unquiet.empty());
}

// Goal: a file that was closed is taken sooner than one that somebody still has open for writing.
TEST(FolderScanTest, WhatNobodyWritesIsTakenSooner) {
  FolderReplica replica;
  const auto changed_before = [&](const std::string& name, long nanoseconds) {
    write_file(replica.at(name), name);
    const struct timespec times[2] = {{0, UTIME_OMIT}, {replica.vault.clock.wall_s - 1, 1'000'000'000 - nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, replica.at(name).c_str(), times, 0), 0);
  };
  changed_before("closed", 300'000'000);
  changed_before("just now", 200'000'000);
  changed_before("open", 300'000'000);
  const FileDescriptor writer(::open(replica.at("open").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(writer);
  const auto scan = replica.scan();
  EXPECT_EQ(changed(scan), Names{"closed"});
  EXPECT_EQ(scan.unquiet, (std::set<std::string>{"just now", "open"}));
}

// Goal: what is not kept here was not deleted, and nothing that stands in its place is taken for it: not a file, and
// not what is in a folder. What is new is taken.
TEST(FolderScanTest, WhatIsNotKeptHereStays) {
  FolderReplica replica;
  fs::create_directories(replica.at("a/b"));
  for (const char* name : {"a/b/file", "a/other", "file", "name", "kept/one"}) {
    fs::create_directories(fs::path(replica.at(name)).parent_path());
    write_file(replica.at(name), name);
  }
  replica.scan();
  replica.local.set("", false);
  replica.local.set(storage::to_entry_path("kept"), true);
  for (const char* name : {"a", "file", "name"}) fs::remove_all(replica.at(name));
  EXPECT_TRUE(replica.scan().changes.empty());
  fs::create_directories(replica.at("file"));
  write_file(replica.at("file/inside"), "inside");
  write_file(replica.at("a"), "a file now");
  write_file(replica.at("name"), "another one");
  write_file(replica.at("new"), "new");
  fs::remove(replica.at("kept/one"));
  const auto scan = replica.scan();
  EXPECT_EQ(changed(scan), (Names{"-kept/one", "new"}));
  EXPECT_EQ(skipped(scan), (Names{"a", "file", "name"}));
}

// Goal: what rules leave out, the marker and temporary names are not shared; what a later rule leaves out stays in the
// tree, so that a rule deletes nothing at the others.
TEST(FolderScanTest, RulesLeaveOutAndDeleteNothing) {
  FolderReplica replica;
  fs::create_directory(replica.at("build"));
  for (const char* const name : {"a.bak", "build/x", "kept", ".beffroi-tmp-0123"}) write_file(replica.at(name), name);
  replica.rules = *storage::IgnoreRules::from_patterns({"*.tmp"});
  EXPECT_EQ(changed(replica.scan()), (Names{"a.bak", "build", "build/x", "kept"}));
  EXPECT_FALSE(fs::exists(replica.at(".beffroi-tmp-0123")));
  replica.rules = *storage::IgnoreRules::from_patterns({"*.bak", "build/"});
  fs::remove(replica.at("a.bak"));
  write_file(replica.at("build/x"), "edited");
  write_file(replica.at("b.bak"), "new");
  const auto scan = replica.scan();
  EXPECT_TRUE(scan.changes.empty());
  EXPECT_EQ(skipped(scan), (Names{"b.bak", "build"}));
  EXPECT_TRUE(replica.scan_paths({"build/x", "b.bak"}).changes.empty());
}

// Goal: what can't be shared is told, and what the tree has in its place stays; names that Windows can't hold, and
// those that differ only in case, are shared all the same.
TEST(FolderScanTest, TellsWhatIsNotShared) {
  FolderReplica replica;
  write_file(replica.at("was a file"), "content");
  replica.scan();
  fs::remove(replica.at("was a file"));
  fs::create_symlink("/etc/passwd", replica.at("was a file"));
  fs::create_symlink("../outside", replica.at("out"));
  ASSERT_EQ(::mkfifo(replica.at("pipe").c_str(), 0600), 0);
  write_file(replica.at("Plan.txt"), "1");
  write_file(replica.at("plan.txt"), "2");
  write_file(replica.at("con.txt"), "3");
  const auto scan = replica.scan();
  EXPECT_EQ(changed(scan), (Names{"Plan.txt", "con.txt", "plan.txt"}));
  EXPECT_EQ(skipped(scan), (Names{"con.txt", "out", "pipe", "plan.txt", "was a file"}));
}

// Goal: all that was not looked at is known, however much it is: whoever has no earlier tree takes the rest for
// deleted.
TEST(FolderScanTest, AllThatIsNotSharedIsKnown) {
  FolderReplica replica;
  replica.rules = *storage::IgnoreRules::from_patterns({"*.bak"});
  constexpr std::size_t kEach = kMaxSkipped + 1;
  for (std::size_t i = 0; i < kEach; ++i) {
    write_file(replica.at(std::to_string(i) + ".bak"), "");
    fs::create_symlink("/etc", replica.at(std::to_string(i)));
  }
  const auto scan = replica.scan();
  EXPECT_EQ(scan.skipped.size(), kMaxSkipped);
  EXPECT_EQ(scan.kept.size(), 2 * kEach);
  EXPECT_TRUE(scan.changes.empty());
}

// Goal: a folder that can't be read, or is not there, is not one from which everything was deleted.
TEST(FolderScanTest, AMissingFolderIsNoDeletion) {
  FolderReplica replica;
  write_file(replica.at("a"), "a");
  replica.scan();
  const auto scan_now = [&] {
    StoreSink sink = replica.make_sink();
    Progress progress;
    return scan_folder(replica.folder, *replica.vault, sink, replica.opener(), replica.applied, replica.rules, {},
                       {.everything = true, .paths = {}}, progress);
  };
  fs::rename(replica.folder.path(), replica.place.path() + "/moved");
  EXPECT_EQ(replica.folder.look(), storage::FolderFound::missing);
  EXPECT_EQ(scan_now().error().code, ErrorCode::not_found);
  fs::create_directory(replica.folder.path());
  EXPECT_EQ(replica.folder.look(), storage::FolderFound::other);
  EXPECT_EQ(scan_now().error().code, ErrorCode::wrong_state);
}

// Goal: a folder is marked for one space, and no shared folder lies in another.
TEST(SyncedFolderTest, AFolderBelongsToOneSpace) {
  FolderReplica replica;
  EXPECT_EQ(replica.folder.look(), storage::FolderFound::same);
  EXPECT_TRUE(SyncedFolder::create(replica.folder.path(), replica.vault->space()).has_value());
  storage::SpaceId another = replica.vault->space();
  another.data[0] ^= 1;
  EXPECT_EQ(SyncedFolder::create(replica.folder.path(), another).error().code, ErrorCode::conflict);
  EXPECT_EQ(SyncedFolder::create(replica.at("below"), another).error().code, ErrorCode::usage);
  EXPECT_EQ(SyncedFolder::create("relative", another).error().code, ErrorCode::usage);
  EXPECT_EQ(SyncedFolder::at(replica.folder.path(), another).look(), storage::FolderFound::other);
}

}  // namespace
}  // namespace beffroi::daemon
