#include "client/restore/restore_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/client/entries.h"
#include "tests/unit/client/temporary_folder.h"

namespace beffroi::client {
namespace {

namespace fs = std::filesystem;

struct stat stat_of(const std::string& path) {
  struct stat out{};
  EXPECT_EQ(lstat(path.c_str(), &out), 0) << path;
  return out;
}

class RestoreWriterTest : public testing::Test {
 protected:
  RestoreWriterTest() { fs::create_directory(target_); }

  void open(Overwrite overwrite = Overwrite::never, const std::string& selected = "") {
    writer_.reset();
    writer_ =
        RestoreWriter::open(target_, {overwrite, false, geteuid() == 0, storage::to_entry_path(selected)}).value();
  }
  void put(const storage::Entry& entry, const std::string& content = "") {
    ASSERT_TRUE(writer_->entry(entry));
    if (!content.empty()) ASSERT_TRUE(writer_->data(0, as_bytes(content)));
  }
  void put_file(const std::string& path, const std::string& content, std::uint32_t mode = 0644) {
    put(file_entry(path, content.size(), mode), content);
  }
  void finish() { ASSERT_TRUE(writer_->finish()); }
  const RestoreReport& report() const { return writer_->report(); }
  std::string at(const std::string& name) const { return target_ + "/" + name; }
  std::string problem(std::size_t index = 0) const { return report().problems.at(index).path; }
  /// Nothing of ours is left lying about, wherever.
  void expect_no_leftovers() const {
    for (const auto& found : fs::recursive_directory_iterator(target_))
      EXPECT_FALSE(found.path().filename().native().starts_with(".beffroi-")) << found.path();
  }

  TemporaryFolder folder_;
  std::string target_ = folder_.at("target");
  std::unique_ptr<RestoreWriter> writer_;
};

TEST_F(RestoreWriterTest, WholePathsBelowTheTargetWithModesAndTimes) {
  open();
  put(folder_entry("/"));
  put(folder_entry("/srv", 0750));
  put_file("/srv/a.txt", "hello", 0640);
  put(link_entry("/srv/link", "a.txt"));
  put(make_entry("/srv/pipe", storage::EntryType::fifo, 0600));
  finish();
  EXPECT_EQ(read_file(at("srv/a.txt")), "hello");
  EXPECT_EQ(fs::read_symlink(at("srv/link")), "a.txt");
  EXPECT_TRUE(S_ISFIFO(stat_of(at("srv/pipe")).st_mode));
  for (const char* const name : {"srv", "srv/a.txt", "srv/link", "srv/pipe"}) {
    EXPECT_EQ(stat_of(at(name)).st_mtim.tv_sec, 1'000'000'000) << name;
    EXPECT_EQ(stat_of(at(name)).st_mtim.tv_nsec, 123'456'789) << name;
  }
  EXPECT_EQ(stat_of(at("srv")).st_mode & 07777U, 0750U);
  EXPECT_EQ(stat_of(at("srv/a.txt")).st_mode & 07777U, 0640U);
  EXPECT_EQ(report().problems_total, 0U);
  EXPECT_EQ(report().files, 1U);
  expect_no_leftovers();
}

TEST_F(RestoreWriterTest, ASelectionLandsByItsLastName) {
  open(Overwrite::never, "/srv/docs");
  put(folder_entry("/srv/docs"));
  put_file("/srv/docs/a", "1");
  finish();
  EXPECT_EQ(read_file(at("docs/a")), "1");
  open(Overwrite::never, "/srv/docs/b");
  put_file("/srv/docs/b", "2");
  finish();
  EXPECT_EQ(read_file(at("b")), "2");
}

TEST_F(RestoreWriterTest, RefusesWhatWasNotAskedForOrIsNoName) {
  // A daemon that was taken over must not choose what is written.
  for (const std::string& path : {std::string("srv\0docs2", 9), std::string("etc"), std::string("srv\0docs\0..", 11),
                                  std::string("srv\0docs\0a/b", 12)}) {
    open(Overwrite::never, "/srv/docs");
    storage::Entry entry = file_entry("/x", 0);
    entry.path = path;
    const auto result = writer_->entry(entry);
    ASSERT_FALSE(result) << path;
    EXPECT_EQ(result.error().code, ErrorCode::protocol);
  }
  open();
  put_file("/b", "1");
  for (const char* const again : {"/b", "/a"}) EXPECT_FALSE(writer_->entry(file_entry(again, 0))) << again;
}

TEST_F(RestoreWriterTest, ALinkInTheSnapshotDoesNotLeadOut) {
  const std::string outside = folder_.at("outside");
  fs::create_directory(outside);
  open();
  put(link_entry("/trap", outside));
  put(folder_entry("/trap/deeper"));
  put_file("/trap/file", "x");
  put_file("/well", "kept");
  finish();
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(fs::is_symlink(at("trap")));
  EXPECT_EQ(report().problems_total, 2U);
  EXPECT_EQ(read_file(at("well")), "kept");
}

TEST_F(RestoreWriterTest, ALinkInTheTargetIsNotFollowed) {
  const std::string outside = folder_.at("outside");
  fs::create_directory(outside);
  write_file(outside + "/victim", "precious");
  fs::create_directory_symlink(outside, at("srv"));
  fs::create_symlink(outside + "/victim", at("victim"));
  for (const Overwrite overwrite : {Overwrite::never, Overwrite::older}) {
    open(overwrite);
    put(folder_entry("/srv"));
    put_file("/srv/victim", "overwritten");
    finish();
    EXPECT_EQ(report().problems_total, 1U);
  }
  // Asked to replace, it replaces the links themselves.
  open(Overwrite::always);
  put(folder_entry("/srv"));
  put_file("/srv/victim", "new");
  put_file("/victim", "new");
  finish();
  EXPECT_EQ(read_file(outside + "/victim"), "precious");
  EXPECT_FALSE(fs::is_symlink(at("srv")));
  EXPECT_EQ(read_file(at("srv/victim")), "new");
  EXPECT_EQ(read_file(at("victim")), "new");
}

TEST_F(RestoreWriterTest, BelowAFileThereIsNoFolder) {
  open();
  put_file("/a", "1");
  put_file("/a/b", "2");
  put_file("/a/c", "3");
  put_file("/d", "4");
  finish();
  EXPECT_EQ(read_file(at("a")), "1");
  EXPECT_EQ(read_file(at("d")), "4");
  EXPECT_EQ(report().problems_total, 2U);
}

TEST_F(RestoreWriterTest, NeverLeavesWhatIsThereAndNamesIt) {
  write_file(at("a"), "mine");
  open();
  put_file("/a", "theirs");
  put_file("/b", "new");
  finish();
  EXPECT_EQ(read_file(at("a")), "mine");
  EXPECT_EQ(read_file(at("b")), "new");
  EXPECT_EQ(report().left, 1U);
  EXPECT_EQ(report().left_paths, std::vector<std::string>{"/a"});
  EXPECT_EQ(report().problems_total, 0U);
}

TEST_F(RestoreWriterTest, OlderReplacesOnlyWhatIsOlder) {
  write_file(at("newer"), "mine");
  write_file(at("older"), "mine");
  const timespec long_ago[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, at("older").c_str(), long_ago, 0), 0);
  open(Overwrite::older);
  put_file("/newer", "theirs");
  put_file("/older", "theirs");
  finish();
  EXPECT_EQ(read_file(at("newer")), "mine");
  EXPECT_EQ(read_file(at("older")), "theirs");
}

TEST_F(RestoreWriterTest, AlwaysReplacesFilesButNoFolderWithSomethingInIt) {
  write_file(at("a"), "mine, and longer");
  fs::create_directory(at("empty"));
  write_file(at("full/inside"), "mine");
  open(Overwrite::always);
  put_file("/a", "theirs");
  put_file("/empty", "a file now");
  put_file("/full", "a file now");
  finish();
  EXPECT_EQ(read_file(at("a")), "theirs");
  EXPECT_EQ(read_file(at("empty")), "a file now");
  EXPECT_EQ(read_file(at("full/inside")), "mine");
  EXPECT_EQ(report().problems_total, 1U);
  expect_no_leftovers();
}

TEST_F(RestoreWriterTest, AFileWhereAFolderBelongsBlocksOnlyWhatIsBelow) {
  write_file(at("d"), "mine");
  open();
  put(folder_entry("/d"));
  put_file("/d/x", "1");
  put(folder_entry("/d/y"));
  put_file("/e", "2");
  finish();
  EXPECT_EQ(read_file(at("d")), "mine");
  EXPECT_EQ(read_file(at("e")), "2");
  EXPECT_EQ(report().problems_total, 1U);
}

TEST_F(RestoreWriterTest, FoldersThatWereThereKeepTheirRightsUnlessAsked) {
  fs::create_directory(at("d"));
  fs::permissions(at("d"), fs::perms(0711));
  open();
  put(folder_entry("/d", 0755));
  put_file("/d/x", "1");
  finish();
  EXPECT_EQ(stat_of(at("d")).st_mode & 07777U, 0711U);
  open(Overwrite::always);
  put(folder_entry("/d", 0755));
  finish();
  EXPECT_EQ(stat_of(at("d")).st_mode & 07777U, 0755U);
}

TEST_F(RestoreWriterTest, StretchesNeverSentAreHoles) {
  constexpr std::uint64_t kSize = 8U << 20U;
  open();
  put(file_entry("/sparse", kSize));
  ASSERT_TRUE(writer_->data(1 << 20, as_bytes("middle")));
  put(file_entry("/zeros", kSize));
  finish();
  EXPECT_EQ(static_cast<std::uint64_t>(stat_of(at("sparse")).st_size), kSize);
  EXPECT_LT(stat_of(at("sparse")).st_blocks * 512, 1 << 20);
  EXPECT_EQ(read_file(at("sparse")).substr(1 << 20, 7), std::string("middle\0", 7));
  EXPECT_EQ(static_cast<std::uint64_t>(stat_of(at("zeros")).st_size), kSize);
}

TEST_F(RestoreWriterTest, HardLinksAreOneFileAgain) {
  open();
  storage::Entry first = file_entry("/a", 4);
  first.hard_link = first.path;
  storage::Entry second = file_entry("/d/b", 4);
  second.hard_link = first.path;
  put(first, "once");
  put(folder_entry("/d"));
  put(second);
  put_file("/z", "end");
  finish();
  EXPECT_EQ(stat_of(at("a")).st_ino, stat_of(at("d/b")).st_ino);
  EXPECT_EQ(read_file(at("d/b")), "once");
  EXPECT_EQ(stat_of(at("d")).st_mtim.tv_sec, 1'000'000'000);
  expect_no_leftovers();
  // Replacing a name of a file by another name of the same file changes nothing and leaves nothing.
  open(Overwrite::always);
  put(second, "once");
  finish();
  expect_no_leftovers();
}

TEST_F(RestoreWriterTest, AHardLinkToAFileThatWasLeftGetsTheSnapshotsContent) {
  write_file(at("a"), "mine");
  open();
  storage::Entry first = file_entry("/a", 6);
  first.hard_link = first.path;
  storage::Entry second = file_entry("/b", 6);
  second.hard_link = first.path;
  put(first, "theirs");
  put(second);
  finish();
  EXPECT_EQ(read_file(at("a")), "mine");
  EXPECT_EQ(read_file(at("b")), "theirs");
  EXPECT_EQ(stat_of(at("b")).st_nlink, 1U);
  expect_no_leftovers();
}

TEST_F(RestoreWriterTest, AFailedFileLeavesNoHalfFileNorItsOtherNames) {
  open();
  storage::Entry first = file_entry("/a", 8);
  first.hard_link = first.path;
  storage::Entry second = file_entry("/b", 8);
  second.hard_link = first.path;
  put(first, "half");
  ASSERT_TRUE(writer_->failure(first.path, {ErrorCode::corrupt, "damaged", {}}));
  put(second);
  ASSERT_TRUE(writer_->failure(second.path, {ErrorCode::corrupt, "damaged", {}}));
  put_file("/c", "whole");
  finish();
  EXPECT_FALSE(fs::exists(at("a")));
  EXPECT_FALSE(fs::exists(at("b")));
  EXPECT_EQ(read_file(at("c")), "whole");
  EXPECT_EQ(report().damaged, 1U);
  EXPECT_EQ(report().problems_total, 2U);
  expect_no_leftovers();
}

TEST_F(RestoreWriterTest, WhatCouldNotBeReadThenIsNotRestoredAsAnEmptyFile) {
  open();
  storage::Entry entry = file_entry("/a", 8);
  entry.flags = storage::kEntryUnreadable;
  put(entry);
  ASSERT_TRUE(writer_->failure(entry.path, {ErrorCode::corrupt, "no content", {}}));
  finish();
  EXPECT_FALSE(fs::exists(at("a")));
  EXPECT_EQ(problem(), "/a");
  EXPECT_EQ(report().problems_total, 1U);
  EXPECT_EQ(report().damaged, 0U);
}

TEST_F(RestoreWriterTest, ACutStreamLeavesWholeFilesAndRightFolders) {
  open();
  put(folder_entry("/d", 0751));
  put_file("/d/a whole", "whole");
  put(file_entry("/d/cut", 100), "half of it");
  writer_.reset();
  EXPECT_EQ(read_file(at("d/a whole")), "whole");
  EXPECT_FALSE(fs::exists(at("d/cut")));
  EXPECT_EQ(stat_of(at("d")).st_mode & 07777U, 0751U);
  expect_no_leftovers();
}

TEST_F(RestoreWriterTest, AttributesComeBackAndInheritedListsDoNot) {
  open();
  storage::Entry folder = folder_entry("/d");
  storage::Entry file = file_entry("/d/a", 1, 0444);
  file.xattrs = {{"user.beffroi.note", to_bytes(as_bytes(std::string_view("\0\xff", 2)))}};
  put(folder);
  put(file, "1");
  finish();
  char value[8];
  const ssize_t length = getxattr(at("d/a").c_str(), "user.beffroi.note", value, sizeof value);
  if (length < 0 && errno == ENOTSUP) {
    EXPECT_EQ(report().attributes_lost, 1U);
    return;
  }
  EXPECT_EQ(std::string(value, static_cast<std::size_t>(length)), std::string("\0\xff", 2));
  EXPECT_EQ(report().attributes_lost, 0U);
}

TEST_F(RestoreWriterTest, VeryLongAndVeryDeepPaths) {
  // Beyond PATH_MAX, and beyond the number of descriptors that a process may have.
  constexpr int kDepth = 1500;
  const std::string name(20, 'n');
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 512;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  open();
  std::string path;
  for (int i = 0; i < kDepth; ++i) put(folder_entry(path += "/" + name, 0711));
  put_file(path + "/deep", "found me");
  put_file("/zzz", "end");
  finish();
  EXPECT_EQ(report().problems_total, 0U);
  int here = ::open(target_.c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kDepth; ++i) {
    const int below = openat(here, name.c_str(), O_RDONLY | O_DIRECTORY);
    close(here);
    here = below;
    struct stat info{};
    ASSERT_EQ(fstat(here, &info), 0);
    ASSERT_EQ(info.st_mode & 07777U, 0711U);
    ASSERT_EQ(info.st_mtim.tv_sec, 1'000'000'000) << i;
  }
  EXPECT_EQ(faccessat(here, "deep", R_OK, 0), 0);
  close(here);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

// Goal: many small files under way at once all come, also where somebody else's file is in the way; and their folders
// get rights and times that would keep files from being made, only when all are there.
TEST_F(RestoreWriterTest, FoldersWaitForTheirSmallFiles) {
  constexpr int kFolders = 40, kFiles = 50;
  const auto path_of = [](int folder, int file) {
    return "/" + std::to_string(100 + folder) + "/" + std::to_string(100 + file);
  };
  fs::create_directory(at("105"));
  write_file(at("105/107"), "mine");
  open();
  for (int folder = 0; folder < kFolders; ++folder) {
    put(folder_entry("/" + std::to_string(100 + folder), 0555));
    for (int file = 0; file < kFiles; ++file) {
      put_file(path_of(folder, file), std::string(static_cast<std::size_t>(1 + file * 97), 'x'));
      if (folder == 3 && file == 9) {
        const Error damaged{ErrorCode::corrupt, "It is damaged.", {}};
        ASSERT_TRUE(writer_->failure(storage::to_entry_path(path_of(folder, file)), damaged));
      }
    }
  }
  finish();
  EXPECT_EQ(report().files, kFolders * kFiles - 2U);
  EXPECT_EQ(report().left_paths, std::vector<std::string>{"/105/107"});
  EXPECT_EQ(report().damaged, 1U);
  EXPECT_FALSE(fs::exists(at("103/109")));
  EXPECT_EQ(read_file(at("105/107")), "mine");
  for (int folder = 0; folder < kFolders; ++folder) {
    const auto status = stat_of(at(std::to_string(100 + folder)));
    // The folder that was there keeps what it had.
    if (folder != 5) {
      EXPECT_EQ(status.st_mode & 07777U, 0555U) << folder;
      EXPECT_EQ(status.st_mtim.tv_sec, 1'000'000'000) << folder;
    }
    for (int file = 0; file < kFiles; ++file) {
      if ((folder == 5 && file == 7) || (folder == 3 && file == 9)) continue;
      const auto name = path_of(folder, file).substr(1);
      ASSERT_EQ(fs::file_size(at(name)), static_cast<std::uintmax_t>(1 + file * 97)) << name;
      ASSERT_EQ(stat_of(at(name)).st_mtim.tv_sec, 1'000'000'000) << name;
    }
  }
  expect_no_leftovers();
}

// Goal: what a stream sends of a small file is held in memory, so it may not send more than the file is long.
TEST_F(RestoreWriterTest, PiecesOfASmallFileComeInOrderAndOnce) {
  for (const auto& [offset, content] : {std::pair<std::uint64_t, std::string>{0, "abc"}, {2, "x"}, {5, ""}}) {
    open();
    put(file_entry("/a", 8));
    ASSERT_TRUE(writer_->data(0, as_bytes("abc")));
    const auto outcome = writer_->data(offset, as_bytes(content));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::protocol);
    writer_->abandon();
    EXPECT_FALSE(fs::exists(at("a")));
  }
}

TEST_F(RestoreWriterTest, RootGivesOwnersAndDevicesBack) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  open();
  storage::Entry file = file_entry("/a", 1, 04755);
  file.uid = 12345;
  file.gid = 54321;
  storage::Entry device = make_entry("/null", storage::EntryType::character_device, 0666);
  device.device_major = 1;
  device.device_minor = 3;
  put(file, "1");
  put(device);
  finish();
  EXPECT_EQ(stat_of(at("a")).st_uid, 12345U);
  EXPECT_EQ(stat_of(at("a")).st_gid, 54321U);
  EXPECT_EQ(stat_of(at("a")).st_mode & 07777U, 04755U);
  if (report().problems_total == 0) EXPECT_EQ(stat_of(at("null")).st_rdev, dev_t{0x103});
}

// In a child process that gives its rights up, so that the test's own are untouched. The exit status says what was
// wrong.
int restore_without_rights(const std::string& target) {
  const uid_t nobody = 65534;
  if (setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0) return 1;
  auto writer = RestoreWriter::open(target, {Overwrite::never, false, false, {}});
  if (!writer) return 2;
  storage::Entry device = make_entry("/null", storage::EntryType::character_device, 0666);
  device.device_major = 1;
  device.device_minor = 3;
  if (!(*writer)->entry(folder_entry("/d", 02755)) || !(*writer)->entry(file_entry("/d/a", 1, 06755)) ||
      !(*writer)->data(0, as_bytes("1")) || !(*writer)->entry(device) || !(*writer)->finish())
    return 3;
  const RestoreReport& report = (*writer)->report();
  if (report.owners_kept != 2 || report.set_id_dropped != 2) return 4;
  return report.problems_total == 1 && report.problems[0].error.code == ErrorCode::refused ? 0 : 5;
}

TEST_F(RestoreWriterTest, WithoutPrivilegeOwnersStayAndSetIdBitsGo) {
  if (geteuid() != 0) GTEST_SKIP() << "changes user: needs root";
  fs::permissions(folder_.path(), fs::perms(0755));
  ASSERT_EQ(chown(target_.c_str(), 65534, 65534), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(restore_without_rights(target_));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(stat_of(at("d/a")).st_mode & 07777U, 0755U);
  EXPECT_EQ(stat_of(at("d/a")).st_uid, 65534U);
  EXPECT_EQ(stat_of(at("d")).st_mode & 07777U, 0755U);
}

}  // namespace
}  // namespace beffroi::client
