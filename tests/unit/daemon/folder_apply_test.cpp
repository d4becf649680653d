#include "daemon/share/folder_apply.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include "daemon/backup/work_queue.h"
#include "storage/format/chunker.h"
#include "tests/support/folder_world.h"
#include "tests/support/repeated_content.h"
#include "tests/support/test_entries.h"

namespace beffroi::daemon {
namespace {

using storage::testing::seeded_bytes;
using testing::describe_shared;
using testing::FolderPair;
using testing::FolderReplica;
using testing::write_file;
namespace fs = std::filesystem;

std::string random_text(std::uint64_t seed, std::size_t size) { return to_string(seeded_bytes(seed, size)); }

std::string content_of(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file ? testing::read_all(file.get()) : "(missing)";
}

std::vector<std::string> left(const ApplyOutcome& outcome) {
  std::vector<std::string> out;
  for (const auto& change : outcome.not_applied) out.push_back(storage::to_display_path(change.path));
  return out;
}

void make_office(FolderReplica& replica) {
  fs::create_directories(replica.at("conseil/2026"));
  write_file(replica.at("conseil/2026/compte rendu.odt"), random_text(1, 300'000));
  write_file(replica.at("conseil/note"), "note");
  write_file(replica.at("budget.ods"), random_text(2, 40'000));
  write_file(replica.at("empty"), "");
  fs::create_symlink("conseil/note", replica.at("link"));
  fs::permissions(replica.at("budget.ods"), fs::perms::owner_read | fs::perms::owner_write);
}

// Goal: what one has, the other gets as it is, and a scan after it finds nothing to do and reads nothing.
TEST(FolderApplyTest, AFolderArrivesAsItIs) {
  FolderPair pair;
  make_office(pair.there);
  const auto outcome = pair.bring();
  EXPECT_TRUE(outcome.not_applied.empty());
  EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path()));
  const auto scan = pair.here.scan();
  EXPECT_TRUE(scan.changes.empty());
  EXPECT_EQ(scan.bytes_read, 0U);
  EXPECT_EQ(pair.here.applied, pair.there.applied);
}

// Goal: edits, new rights, deletions, a file that becomes a folder and the other way round, all at once.
TEST(FolderApplyTest, EveryKindOfChangeArrives) {
  FolderPair pair;
  make_office(pair.there);
  pair.bring();
  write_file(pair.there.at("conseil/note"), "another note");
  fs::permissions(pair.there.at("empty"), fs::perms::owner_all);
  fs::permissions(pair.there.at("conseil/2026"), fs::perms::owner_all);
  fs::remove(pair.there.at("budget.ods"));
  fs::create_directory(pair.there.at("budget.ods"));
  write_file(pair.there.at("budget.ods/page 1"), "1");
  fs::remove(pair.there.at("link"));
  fs::create_symlink("empty", pair.there.at("link"));
  EXPECT_TRUE(left(pair.bring()).empty());
  EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path()));
  fs::remove_all(pair.there.at("conseil"));
  write_file(pair.there.at("conseil"), "now a file");
  EXPECT_TRUE(left(pair.bring()).empty());
  EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path()));
  EXPECT_EQ(pair.here.scan().bytes_read, 0U);
}

ino_t inode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

// Goal: renamed files and folders are renamed here, not written again; what only this station has in a folder goes
// along.
TEST(FolderApplyTest, RenamesAreRenames) {
  FolderPair pair;
  make_office(pair.there);
  pair.bring();
  const ino_t minutes = inode_of(pair.here.at("conseil/2026/compte rendu.odt"));
  const ino_t budget = inode_of(pair.here.at("budget.ods"));
  write_file(pair.here.at("conseil/2026/new here"), "not looked at yet");
  fs::rename(pair.there.at("conseil"), pair.there.at("archive"));
  fs::rename(pair.there.at("budget.ods"), pair.there.at("archive/2026/finances.ods"));
  EXPECT_TRUE(left(pair.bring()).empty());
  EXPECT_EQ(inode_of(pair.here.at("archive/2026/compte rendu.odt")), minutes);
  EXPECT_EQ(inode_of(pair.here.at("archive/2026/finances.ods")), budget);
  EXPECT_EQ(content_of(pair.here.at("archive/2026/new here")), "not looked at yet");
  EXPECT_FALSE(fs::exists(pair.here.at("conseil")));
  fs::remove(pair.here.at("archive/2026/new here"));
  EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path()));
  EXPECT_EQ(pair.here.scan().bytes_read, 0U);
}

// Goal: moves in a circle, and into the place of a folder that goes, need no copies either.
TEST(FolderApplyTest, CirclesNeedNoCopies) {
  FolderReplica replica;
  fs::create_directory(replica.at("d"));
  for (const char* const name : {"a", "b", "d/c"}) write_file(replica.at(name), name);
  std::map<std::string, storage::Entry> entries;
  for (const auto& change : replica.scan().changes) entries[change.path] = *change.entry;
  const ino_t a = inode_of(replica.at("a")), b = inode_of(replica.at("b")), c = inode_of(replica.at("d/c"));
  const std::string below = storage::to_entry_path("d/c");
  const auto moved = [&](const std::string& to, const std::string& from) {
    storage::MergeChange out{.path = to, .before = entries.at(to), .after = entries.at(from), .moved_from = from};
    out.after->path = to;
    return out;
  };
  const std::vector<storage::MergeChange> changes{
      moved("a", "b"),
      moved("b", "a"),
      moved("d", below),
      {.path = below, .before = entries.at(below), .after = std::nullopt, .moved_from = {}}};
  Progress progress;
  const auto outcome = apply_to_folder(replica.folder, *replica.vault, replica.opener(), changes, progress);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(left(*outcome).empty());
  EXPECT_EQ(inode_of(replica.at("a")), b);
  EXPECT_EQ(inode_of(replica.at("b")), a);
  EXPECT_EQ(inode_of(replica.at("d")), c);
}

// Goal: a move whose new place can't be cleared leaves the file where it was, and the tree says so.
TEST(FolderApplyTest, AMoveThatFailsChangesNothing) {
  FolderPair pair;
  fs::create_directory(pair.there.at("d"));
  write_file(pair.there.at("d/c"), "c");
  write_file(pair.there.at("e"), "e");
  pair.bring();
  write_file(pair.here.at("d/new here"), "not looked at yet");
  fs::rename(pair.there.at("d/c"), pair.there.at("c"));
  fs::remove(pair.there.at("d"));
  fs::rename(pair.there.at("e"), pair.there.at("d"));
  EXPECT_EQ(left(pair.bring()), (std::vector<std::string>{"/d", "/e"}));
  EXPECT_EQ(content_of(pair.here.at("c")), "c");
  EXPECT_EQ(content_of(pair.here.at("d/new here")), "not looked at yet");
  EXPECT_EQ(content_of(pair.here.at("e")), "e");
  for (const auto& [name, text] : describe_shared(pair.here.folder.path())) EXPECT_FALSE(is_reserved_name(name));
  EXPECT_EQ(pair.here.scan().changes.size(), 1U);
}

/// Two files are renamed there; here something happens when the first has been looked at.
ApplyOutcome rename_two(FolderPair& pair, const std::function<void()>& between) {
  for (const char* const name : {"a", "b"}) write_file(pair.there.at(name), name);
  pair.bring();
  fs::rename(pair.there.at("a"), pair.there.at("x"));
  fs::rename(pair.there.at("b"), pair.there.at("y"));
  return pair.bring([&](ApplyPoint point, const std::string& path) -> Result<void> {
    if (point == ApplyPoint::link && path == "y") between();
    return {};
  });
}

// Goal: what somebody writes into a file that is being moved, without changing its size, is found by the next scan.
TEST(FolderApplyTest, AWriteIntoAFileBeingMovedIsFound) {
  FolderPair pair;
  const auto outcome = rename_two(pair, [&] {
    const FileDescriptor file(::open(pair.here.at("a").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::write(file.get(), "A", 1), 1);
  });
  EXPECT_EQ(left(outcome), (std::vector<std::string>{"/a", "/x"}));
  EXPECT_EQ(content_of(pair.here.at("a")), "A");
  EXPECT_EQ(content_of(pair.here.at("y")), "b");
  EXPECT_FALSE(fs::exists(pair.here.at("x")));
  const auto scan = pair.here.scan();
  ASSERT_EQ(scan.changes.size(), 1U);
  EXPECT_EQ(scan.changes[0].path, "a");
}

// Goal: a file that somebody has open for writing is not moved: its new name gets the content of the space.
TEST(FolderApplyTest, AnOpenFileIsNotMoved) {
  FolderPair pair;
  write_file(pair.there.at("a"), "a");
  pair.bring();
  const FileDescriptor writer(::open(pair.here.at("a").c_str(), O_WRONLY | O_CLOEXEC));
  fs::rename(pair.there.at("a"), pair.there.at("x"));
  EXPECT_EQ(left(pair.bring()), std::vector<std::string>{"/a"});
  ASSERT_EQ(::write(writer.get(), "A", 1), 1);
  EXPECT_EQ(content_of(pair.here.at("a")), "A");
  EXPECT_EQ(content_of(pair.here.at("x")), "a");
}

// Goal: a moved file that finds both its names taken keeps a name, when it has no other.
TEST(FolderApplyTest, AMovedFileWithoutAPlaceIsKept) {
  FolderPair pair;
  rename_two(pair, [&] {
    write_file(pair.here.at("saved"), "put in its place");
    fs::rename(pair.here.at("saved"), pair.here.at("a"));
    write_file(pair.here.at("x"), "new here");
  });
  std::multiset<std::string> contents;
  for (const auto& [name, text] : describe_shared(pair.here.folder.path())) {
    EXPECT_FALSE(is_reserved_name(name));
    contents.insert(content_of(pair.here.at(name)));
  }
  EXPECT_EQ(contents, (std::multiset<std::string>{"a", "b", "new here", "put in its place"}));
}

// Goal: what was changed here since the scan, is open for writing, or is new here, is neither replaced nor removed; and
// the tree says what the disk has, so that the next scan finds the change.
TEST(FolderApplyTest, WhatChangedHereStays) {
  FolderPair pair;
  for (const char* const name : {"edited", "removed", "open", "calm"}) write_file(pair.there.at(name), name);
  pair.bring();
  for (const char* const name : {"edited", "open", "calm", "new"}) write_file(pair.there.at(name), "from there");
  fs::remove(pair.there.at("removed"));
  write_file(pair.here.at("edited"), "worked on here");
  write_file(pair.here.at("removed"), "worked on here");
  write_file(pair.here.at("new"), "made here");
  const FileDescriptor writer(::open(pair.here.at("open").c_str(), O_WRONLY | O_CLOEXEC));
  const auto outcome = pair.bring();
  EXPECT_EQ(left(outcome), (std::vector<std::string>{"/edited", "/new", "/open", "/removed"}));
  EXPECT_EQ(outcome.reasons.size(), 4U);
  EXPECT_EQ(content_of(pair.here.at("edited")), "worked on here");
  EXPECT_EQ(content_of(pair.here.at("removed")), "worked on here");
  EXPECT_EQ(content_of(pair.here.at("new")), "made here");
  EXPECT_EQ(content_of(pair.here.at("open")), "open");
  EXPECT_EQ(content_of(pair.here.at("calm")), "from there");
  const auto scan = pair.here.scan();
  ASSERT_EQ(scan.changes.size(), 3U);
  EXPECT_EQ(scan.changes[0].path, "edited");
  EXPECT_EQ(scan.changes[1].path, "new");
  EXPECT_EQ(scan.changes[2].path, "removed");
}

// Goal: also what somebody puts in a file's place at the last moment, after it was looked at, is kept.
TEST(FolderApplyTest, NobodysLastMomentIsLost) {
  for (const ApplyPoint moment : {ApplyPoint::publishing, ApplyPoint::exchanged, ApplyPoint::removal}) {
    FolderPair pair;
    write_file(pair.there.at("a"), "first");
    write_file(pair.there.at("b"), "first");
    pair.bring();
    write_file(pair.there.at("a"), "second");
    fs::remove(pair.there.at("b"));
    const auto outcome = pair.bring([&](ApplyPoint point, const std::string& path) -> Result<void> {
      if (point != moment) return {};
      write_file(pair.here.at("saved"), "saved at the last moment");
      fs::rename(pair.here.at("saved"), pair.here.at(path));
      return {};
    });
    bool found = false;
    for (const auto& each : fs::directory_iterator(pair.here.folder.path()))
      found = found || content_of(each.path()) == "saved at the last moment";
    EXPECT_TRUE(found) << static_cast<int>(moment);
    for (const auto& [name, text] : describe_shared(pair.here.folder.path())) EXPECT_FALSE(is_reserved_name(name));
  }
}

// Goal: a folder that is swapped for a link while its files are written, replaced and removed leads nowhere.
TEST(FolderApplyTest, ALinkInAFoldersPlaceLeadsNowhere) {
  for (const ApplyPoint moment : {ApplyPoint::folder, ApplyPoint::link, ApplyPoint::removal, ApplyPoint::content,
                                  ApplyPoint::publishing, ApplyPoint::rights}) {
    FolderPair pair;
    fs::create_directory(pair.there.at("folder"));
    for (const char* const name : {"gone", "moved", "old", "rights"})
      write_file(pair.there.at("folder/" + std::string(name)), name);
    pair.bring();
    const std::string outside = pair.here.place.path() + "/outside";
    fs::create_directory(outside);
    for (const char* const name : {"gone", "moved", "old", "rights"}) write_file(outside + "/" + name, name);
    const auto before = describe_shared(outside);
    fs::create_directory(pair.there.at("folder/below"));
    write_file(pair.there.at("folder/new"), "new");
    write_file(pair.there.at("folder/old"), "newer");
    fs::permissions(pair.there.at("folder/rights"), fs::perms::owner_all);
    fs::remove(pair.there.at("folder/gone"));
    fs::rename(pair.there.at("folder/moved"), pair.there.at("folder/elsewhere"));
    bool swapped = false;
    pair.bring([&](ApplyPoint point, const std::string&) -> Result<void> {
      if (point != moment || std::exchange(swapped, true)) return {};
      fs::rename(pair.here.at("folder"), pair.here.at("aside"));
      fs::create_directory_symlink(outside, pair.here.at("folder"));
      return {};
    });
    EXPECT_TRUE(swapped) << static_cast<int>(moment);
    EXPECT_EQ(describe_shared(outside), before) << static_cast<int>(moment);
  }
}

// Goal: broken off at any step, every file is as before or as after, and what is missing of it comes with the next one.
TEST(FolderApplyTest, BrokenOffAtAnyStepNothingIsHalf) {
  for (int steps = 0;; ++steps) {
    FolderPair pair;
    make_office(pair.there);
    pair.bring();
    auto contents = describe_shared(pair.here.folder.path());
    write_file(pair.there.at("conseil/note"), random_text(9, 100'000));
    fs::rename(pair.there.at("conseil/2026"), pair.there.at("2026"));
    fs::rename(pair.there.at("budget.ods"), pair.there.at("conseil/budget.ods"));
    fs::remove(pair.there.at("empty"));
    pair.there.scan();
    contents.merge(describe_shared(pair.there.folder.path()));
    std::set<std::string> whole;
    for (const auto& [name, text] : contents) whole.insert(text);
    for (const auto& [name, text] : describe_shared(pair.there.folder.path())) whole.insert(text);
    int left_steps = steps;
    const auto outcome = pair.here.try_apply(pair.there.applied, [&](ApplyPoint, const std::string&) -> Result<void> {
      if (left_steps-- > 0) return {};
      return fail(ErrorCode::io, "The power is cut.");
    });
    for (const auto& [name, text] : describe_shared(pair.here.folder.path()))
      if (!is_reserved_name(fs::path(name).filename().string())) EXPECT_TRUE(whole.contains(text)) << steps << name;
    // What a cycle does then: it finds what is done already, merges and goes on.
    const auto base = pair.here.applied;
    pair.here.scan();
    StoreSink sink = pair.here.make_sink();
    const auto merged = storage::merge_trees(pair.here.opener(),
                                             {.ancestor = base,
                                              .ours = pair.here.applied,
                                              .theirs = pair.there.applied,
                                              .our_author = {},
                                              .their_author = {}},
                                             sink);
    ASSERT_TRUE(merged.has_value());
    ASSERT_TRUE(sink.flush().has_value());
    EXPECT_TRUE(merged->conflicts.empty());
    EXPECT_TRUE(left(pair.here.apply(merged->root.object.id)).empty()) << steps;
    EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path())) << steps;
    if (outcome) break;
    ASSERT_LT(steps, 100);
  }
}

// Goal: entries that must not be made are refused: links that lead out, the marker, temporary names, devices.
TEST(FolderApplyTest, WhatMustNotBeMadeIsRefused) {
  FolderReplica replica;
  const auto entry = [](const std::string& path, storage::EntryType type, const std::string& target = {}) {
    storage::Entry out;
    out.path = storage::to_entry_path(path);
    out.type = type;
    out.link_target = target;
    return out;
  };
  std::vector<storage::Entry> entries{entry(".BEFFROI-space", storage::EntryType::directory),
                                      entry(".beffroi-tmp-1", storage::EntryType::directory),
                                      entry("a", storage::EntryType::symlink, "/etc/passwd"),
                                      entry("b", storage::EntryType::symlink, "../outside"),
                                      entry("c", storage::EntryType::symlink, "d/../../outside"),
                                      entry("d", storage::EntryType::fifo)};
  std::vector<storage::MergeChange> changes;
  for (const auto& each : entries)
    changes.push_back({.path = each.path, .before = std::nullopt, .after = each, .moved_from = {}});
  Progress progress;
  const auto outcome = apply_to_folder(replica.folder, *replica.vault, replica.opener(), changes, progress);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->not_applied.size(), entries.size());
  EXPECT_TRUE(describe_shared(replica.folder.path()).empty());
}

/// On a thread that has mounts of its own. False: the system doesn't let us.
bool with_own_mounts(const std::function<void()>& body) {
  bool may = false;
  WorkerThreads(1, [&] {
    may = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (may) body();
  }).join();
  return may;
}

// Goal: a disk that is mounted inside the folder is neither shared nor written to, and deletes nothing when it goes.
TEST(FolderApplyTest, AnotherDisksFolderIsLeftAlone) {
  const bool ran = with_own_mounts([] {
    FolderPair pair;
    fs::create_directory(pair.there.at("d"));
    write_file(pair.there.at("d/a"), "a");
    pair.bring();
    ASSERT_EQ(::mount("none", pair.here.at("d").c_str(), "tmpfs", 0, nullptr), 0);
    write_file(pair.here.at("d/of the disk"), "1");
    fs::create_directory(pair.here.at("d/below"));
    write_file(pair.here.at("d/below/of the disk"), "2");
    const auto scan = pair.here.scan();
    EXPECT_TRUE(scan.changes.empty());
    ASSERT_EQ(scan.skipped.size(), 1U);
    EXPECT_EQ(scan.skipped[0].path, "d");
    EXPECT_EQ(scan.kept, std::set<std::string>{"d"});
    EXPECT_TRUE(pair.here.scan_paths({"d/below/of the disk", "d/a"}).changes.empty());
    write_file(pair.there.at("d/a"), "newer");
    write_file(pair.there.at("d/b"), "b");
    EXPECT_EQ(left(pair.bring()), (std::vector<std::string>{"/d/a", "/d/b"}));
    EXPECT_FALSE(fs::exists(pair.here.at("d/b")));
    ASSERT_EQ(::umount(pair.here.at("d").c_str()), 0);
    EXPECT_TRUE(pair.here.scan().changes.empty());
    EXPECT_TRUE(left(pair.bring()).empty());
    EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path()));
  });
  if (!ran) GTEST_SKIP() << "no mounts of its own: not root";
}

// Goal: a folder's rights that can't be set here are not told as a change of them; what somebody makes of them is.
TEST(FolderApplyTest, RightsThatCannotBeSetAreNobodysChange) {
  const bool ran = with_own_mounts([] {
    FolderPair pair;
    const auto set_there = [&](unsigned mode) {
      fs::permissions(pair.there.at("d"), static_cast<fs::perms>(mode));
      EXPECT_TRUE(left(pair.bring()).empty());
    };
    const std::string folder = pair.here.at("d");
    fs::create_directory(pair.there.at("d"));
    set_there(0755);
    const unsigned long kBind = MS_BIND, kReadOnly = MS_BIND | MS_REMOUNT | MS_RDONLY;
    ASSERT_EQ(::mount(folder.c_str(), folder.c_str(), nullptr, kBind, nullptr), 0);
    ASSERT_EQ(::mount("none", folder.c_str(), nullptr, kReadOnly, nullptr), 0);
    set_there(0700);
    EXPECT_EQ(fs::status(folder).permissions(), static_cast<fs::perms>(0755));
    EXPECT_TRUE(pair.here.scan().changes.empty());
    set_there(0755);
    EXPECT_TRUE(pair.here.scan().changes.empty());
    set_there(0700);
    ASSERT_EQ(::umount(folder.c_str()), 0);
    fs::permissions(folder, static_cast<fs::perms>(0750));
    const auto scan = pair.here.scan();
    ASSERT_EQ(scan.changes.size(), 1U);
    EXPECT_EQ(scan.changes[0].entry->mode, 0750U);
  });
  if (!ran) GTEST_SKIP() << "no mounts of its own: not root";
}

storage::MergeChange comes(const storage::Entry& entry) {
  return {.path = entry.path, .before = std::nullopt, .after = entry, .moved_from = {}};
}

// Goal: a link that stays inside where it is, and would lead out from where its folder goes, is not carried there: not
// when the tree has it there, and not for a moment when it hasn't.
TEST(FolderApplyTest, ALinkIsNotCarriedToWhereItLeadsOut) {
  for (const bool is_in_tree : {true, false}) {
    FolderReplica replica;
    fs::create_directories(replica.at("1/2/3/4/5/6"));
    fs::create_symlink("../../../../../../x", replica.at("1/2/3/4/5/6/l"));
    write_file(replica.at("1/2/3/4/5/6/f"), "f");
    const std::string folder = storage::to_entry_path("1/2/3/4/5/6");
    std::vector<storage::MergeChange> changes;
    for (const auto& [path, entry] : replica.scan().changes) {
      if (!storage::is_at_or_below(path, folder)) continue;
      changes.push_back({.path = path, .before = entry, .after = std::nullopt, .moved_from = {}});
      storage::MergeChange there = comes(*entry);
      there.path = there.after->path = "6" + path.substr(folder.size());
      if (entry->type != storage::EntryType::symlink) there.moved_from = path;
      if (is_in_tree || entry->type != storage::EntryType::symlink) changes.push_back(std::move(there));
    }
    Progress progress;
    const auto outcome = apply_to_folder(replica.folder, *replica.vault, replica.opener(), changes, progress,
                                         [&](ApplyPoint, const std::string&) -> Result<void> {
                                           EXPECT_FALSE(fs::is_symlink(replica.at("6/l")));
                                           return {};
                                         });
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(left(*outcome), is_in_tree ? std::vector<std::string>{"/6/l"} : std::vector<std::string>());
    EXPECT_FALSE(fs::is_symlink(replica.at("6/l")));
    EXPECT_EQ(content_of(replica.at("6/f")), "f");
    EXPECT_FALSE(fs::exists(replica.at("1/2/3/4/5/6")));
  }
}

/// A folder that gets files which its station did not find in another's.
struct ForgedFiles {
  storage::Segment piece(std::size_t size) {
    const Bytes zeros(size);
    return *sink.put_piece(sink.keys().digests().chunk(zeros), zeros, {});
  }
  void add(const std::string& path, std::span<const storage::Segment> pieces, std::uint8_t levels) {
    changes.push_back(comes(storage::testing::repeated_content(path, sink.keys(), sink, pieces, levels)));
  }
  /// As a station makes it.
  void add_honest(const std::string& path, const storage::Segment& segment) {
    storage::Entry entry;
    entry.path = path;
    entry.mode = 0644;
    storage::ContentBuilder builder(sink.keys(), sink);
    EXPECT_TRUE(builder.add(segment).has_value());
    EXPECT_TRUE(builder.finish(entry).has_value());
    changes.push_back(comes(entry));
  }
  Result<ApplyOutcome> apply(const AtApplyPoint& at_point = {}) {
    EXPECT_TRUE(sink.flush().has_value());
    return apply_to_folder(replica.folder, *replica.vault, replica.opener(), changes, progress, at_point);
  }
  FolderReplica replica;
  StoreSink sink = replica.make_sink();
  std::vector<storage::MergeChange> changes;
  Progress progress;
};

constexpr storage::Segment hole(std::uint64_t length) {
  return {.length = length, .object = std::nullopt, .offset = 0, .in_bundle = false, .digest = {}};
}

// Goal: a file that is larger than the disk, of a few objects, is left before anything of it is written; those behind
// it come, also one that is long for its hole.
TEST(FolderApplyTest, AFileWithoutRoomEndsNoOther) {
  ForgedFiles forged;
  const std::vector<storage::Segment> leaf(storage::kMaxContentItems, forged.piece(storage::kChunkMaxBytes));
  forged.add("a", leaf, 2);
  forged.add_honest("b", forged.piece(10));
  forged.add_honest("c", hole(std::uint64_t{1} << 42U));
  bool was_begun = false;
  const auto outcome = forged.apply([&](ApplyPoint point, const std::string& path) -> Result<void> {
    was_begun = was_begun ||
                (point == ApplyPoint::content && path == "b" && !describe_shared(forged.replica.folder.path()).empty());
    return {};
  });
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(left(*outcome), std::vector<std::string>{"/a"});
  EXPECT_FALSE(was_begun);
  EXPECT_EQ(content_of(forged.replica.at("b")), std::string(10, '\0'));
  EXPECT_EQ(fs::file_size(forged.replica.at("c")), std::uint64_t{1} << 42U);
}

// Goal: content of holes or pieces without end, as no station makes it, is left after a few of them.
TEST(FolderApplyTest, PiecesWithoutEndAreNotCounted) {
  ForgedFiles forged;
  const std::vector<storage::Segment> holes{hole(1)};
  const std::vector<storage::Segment> tiny(storage::kMaxContentItems, forged.piece(1));
  const std::vector<storage::Segment> mixed{hole(1), forged.piece(1)};
  forged.add("holes", holes, 3);
  forged.add("mixed", mixed, 1);
  forged.add("tiny", tiny, 0);
  forged.add_honest("whole", forged.piece(10));
  const auto outcome = forged.apply();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(left(*outcome), (std::vector<std::string>{"/holes", "/mixed", "/tiny"}));
  ASSERT_EQ(outcome->reasons.size(), 3U);
  for (const auto& reason : outcome->reasons) EXPECT_TRUE(reason.reason.starts_with("This file is put together"));
  EXPECT_EQ(describe_shared(forged.replica.folder.path()).size(), 1U);
}

// Goal: who stops the work need not wait for a long file's end.
TEST(FolderApplyTest, ALongFileCanBeStopped) {
  ForgedFiles forged;
  std::vector<storage::Segment> pieces;
  for (int i = 0; i < 512; ++i) {
    pieces.push_back(hole(1U << 20U));
    pieces.push_back(forged.piece(4096));
  }
  forged.add("long", pieces, 1);
  const auto outcome = forged.apply([&](ApplyPoint point, const std::string&) -> Result<void> {
    forged.progress.cancel = forged.progress.cancel || point == ApplyPoint::content;
    return {};
  });
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(describe_shared(forged.replica.folder.path()).empty());
}

/// While it lives, this process writes no longer files.
class LongestFile {
 public:
  explicit LongestFile(rlim_t bytes) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &now), 0);
  }
  ~LongestFile() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  LongestFile(const LongestFile&) = delete;
  LongestFile& operator=(const LongestFile&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = ::signal(SIGXFSZ, SIG_IGN);
};

// Goal: what is too long for the file system, by its end or by its hole, keeps nothing else from coming.
TEST(FolderApplyTest, AFileThatIsTooLongEndsNoOther) {
  FolderPair pair;
  constexpr std::uint64_t kLength = 64ULL * 1024 * 1024;
  write_file(pair.there.at("a"), "");
  fs::resize_file(pair.there.at("a"), kLength);
  write_file(pair.there.at("b"), "");
  fs::resize_file(pair.there.at("b"), kLength);
  {
    const FileDescriptor file(::open(pair.there.at("b").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), "end", 3, kLength), 3);
  }
  write_file(pair.there.at("c"), "c");
  pair.there.scan();
  ApplyOutcome outcome;
  {
    const LongestFile limit(kLength / 2);
    outcome = pair.here.apply(pair.there.applied);
  }
  EXPECT_EQ(left(outcome), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(content_of(pair.here.at("c")), "c");
  EXPECT_TRUE(left(pair.bring()).empty());
  EXPECT_EQ(describe_shared(pair.here.folder.path()), describe_shared(pair.there.folder.path()));
}

// Goal: rights that a member shares neither lock anybody out nor let strangers change files, and what comes out of them
// is no change of this station's.
TEST(FolderApplyTest, RightsLockNobodyOutAndLetNoStrangerIn) {
  FolderPair pair;
  const std::map<std::string, std::pair<unsigned, unsigned>> modes{{"closed", {0000, 0600}},
                                                                   {"folder", {0000, 0700}},
                                                                   {"folder/file", {0444, 0644}},
                                                                   {"open", {0777, 0775}},
                                                                   {"open folder", {0777, 0775}}};
  for (const char* const name : {"folder", "open folder"}) fs::create_directory(pair.there.at(name));
  for (const char* const name : {"closed", "open", "folder/file"}) write_file(pair.there.at(name), name);
  std::vector<storage::TreeChange> changes;
  for (auto change : pair.there.scan().changes) {
    const std::string name = storage::to_display_path(change.path).substr(1);
    change.entry->mode = modes.at(name).first;
    changes.push_back(std::move(change));
  }
  StoreSink sink = pair.there.make_sink();
  const auto root = storage::edit_tree(pair.there.opener(), pair.there.applied, changes, sink);
  ASSERT_TRUE(root.has_value() && sink.flush().has_value());
  pair.there.applied = root->object.id;
  EXPECT_TRUE(left(pair.here.apply(pair.there.applied)).empty());
  for (const auto& [name, mode] : modes) {
    struct stat status{};
    ASSERT_EQ(::stat(pair.here.at(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 07777U, mode.second) << name;
  }
  auto scan = pair.here.scan();
  EXPECT_TRUE(scan.changes.empty());
  EXPECT_EQ(scan.bytes_read, 0U);
  // Nor where the file system holds just what was shared, or what came of it, and nothing is remembered.
  for (const auto& [name, mode] : modes)
    ASSERT_EQ(::chmod(pair.there.at(name).c_str(), mode.first == 0 ? mode.second : mode.first), 0);
  pair.there.applied = pair.here.applied;
  EXPECT_TRUE(pair.there.scan().changes.empty());
  EXPECT_EQ(pair.there.scan().bytes_read, 0U);
}

// Goal: rights that could not be set, as the folder is no longer to be opened, are not taken for set.
TEST(FolderApplyTest, AFolderThatCannotBeOpenedIsLeft) {
  FolderPair pair;
  fs::create_directory(pair.there.at("d"));
  write_file(pair.there.at("e"), "e");
  const auto outcome = [&] {
    pair.there.scan();
    return pair.here.apply(pair.there.applied, [&](ApplyPoint point, const std::string&) -> Result<void> {
      if (point == ApplyPoint::content) fs::rename(pair.here.at("d"), pair.here.at("aside"));
      return {};
    });
  }();
  EXPECT_EQ(left(outcome), std::vector<std::string>{"/d"});
  EXPECT_EQ(content_of(pair.here.at("e")), "e");
}

// Goal: content that is not to be had leaves its file as it was, and the others come.
TEST(FolderApplyTest, WithoutItsContentAFileStays) {
  FolderPair pair;
  write_file(pair.there.at("lost"), random_text(1, 100'000));
  write_file(pair.there.at("there"), random_text(2, 100'000));
  pair.bring();
  write_file(pair.there.at("lost"), random_text(3, 100'000));
  write_file(pair.there.at("there"), random_text(4, 100'000));
  pair.there.scan();
  const auto opener = pair.there.opener();
  const auto entry = storage::TreeReader(opener, pair.there.applied).find("lost");
  ASSERT_TRUE(entry.has_value() && entry->has_value());
  ASSERT_TRUE(
      pair.there.vault->objects().quarantine(pair.there.vault->space(), (**entry).segments[0].object->id).has_value());
  EXPECT_EQ(left(pair.here.apply(pair.there.applied)), std::vector<std::string>{"/lost"});
  EXPECT_EQ(content_of(pair.here.at("lost")), random_text(1, 100'000));
  EXPECT_EQ(content_of(pair.here.at("there")), random_text(4, 100'000));
}

// Goal: nothing is done to a folder that is not the marked one.
TEST(FolderApplyTest, AnotherFolderIsLeftAlone) {
  FolderPair pair;
  write_file(pair.there.at("a"), "a");
  pair.bring();
  fs::remove(pair.there.at("a"));
  pair.there.scan();
  fs::remove(pair.here.at(std::string(kMarkerName)));
  EXPECT_EQ(pair.here.folder.look(), storage::FolderFound::other);
  const auto outcome = pair.here.try_apply(pair.there.applied);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::wrong_state);
  EXPECT_EQ(content_of(pair.here.at("a")), "a");
}

}  // namespace
}  // namespace beffroi::daemon
