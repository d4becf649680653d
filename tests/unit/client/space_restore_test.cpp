// Goal: what another member put into a space does root no harm when it is restored, neither by what the tree says nor
// by what lies in the folder.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "client/exit_code.h"
#include "tests/unit/client/command_run.h"
#include "tests/unit/client/entries.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct stat stat_of(const std::string& path) {
  struct stat out{};
  EXPECT_EQ(lstat(path.c_str(), &out), 0) << path;
  return out;
}

/// A shared folder that is not root's, and a service that sends what it is told.
class SpaceRestoreTest : public testing::Test {
 protected:
  SpaceRestoreTest() {
    fs::create_directory(share_);
    if (geteuid() == 0) EXPECT_EQ(chown(share_.c_str(), 1234, 1235), 0);
  }

  CommandResult restore(const std::string& path, const Bytes& frames, const std::vector<std::string>& more = {}) {
    const json version = {{"path", path}, {"folder", share_}, {"snapshot", "3f2a"}, {"time", "2026-11-23T14:05:00Z"}};
    daemon_.answer("POST /v1/spaces/version", version.dump());
    daemon_.answer("POST /v1/spaces/restore", frames);
    std::vector<std::string> words = {"--json", "space", "restore", "voirie", path};
    words.insert(words.end(), more.begin(), more.end());
    return run_at(daemon_, words);
  }
  std::string at(const std::string& name) const { return share_ + "/" + name; }
  /// Whose the shared folder is, and nobody's who may do more.
  void expect_plain(const std::string& name, mode_t mode) const {
    const struct stat is = stat_of(at(name)), top = stat_of(share_);
    EXPECT_EQ(is.st_uid, top.st_uid) << name;
    EXPECT_EQ(is.st_gid, top.st_gid) << name;
    if (!S_ISLNK(is.st_mode)) EXPECT_EQ(is.st_mode & 07777U, mode) << name;
  }

  TemporaryFolder folder_;
  std::string share_ = folder_.at("share");
  FakeDaemon daemon_;
};

TEST_F(SpaceRestoreTest, AStrangersTreeGivesNoRights) {
  storage::Entry tool = file_entry("/plans/tool", 1, 06755);
  tool.xattrs = {{"user.hint", Bytes{1}}};
  tool.user = tool.group = "root";
  storage::Entry device = make_entry("/plans/zero", storage::EntryType::character_device, 0666);
  device.device_major = 1;
  device.device_minor = 5;
  const Bytes frames =
      joined({entry_frame(folder_entry("/plans", 03777)), failure_frame("/plans/elsewhere", "Left out: {}.", "a link"),
              entry_frame(link_entry("/plans/in", "../top")), entry_frame(link_entry("/plans/out", "../../etc")),
              entry_frame(make_entry("/plans/pipe", storage::EntryType::fifo, 0666)), entry_frame(tool),
              data_frame(0, "x"), entry_frame(device), end_frame(6, 1, 1)});
  const CommandResult result = restore("plans", frames);
  EXPECT_EQ(result.exit_code, kExitSomeUnread) << result.err;
  EXPECT_EQ(result.object()["errors_total"], 4) << result.out;
  EXPECT_EQ(result.object()["damaged"], 0);
  EXPECT_EQ(read_file(at("plans/tool")), "x");
  expect_plain("plans", 0777);
  expect_plain("plans/tool", 0755);
  expect_plain("plans/in", 0);
  EXPECT_EQ(getxattr(at("plans/tool").c_str(), "user.hint", nullptr, 0), -1);
  for (const char* const name : {"plans/elsewhere", "plans/out", "plans/pipe", "plans/zero"})
    EXPECT_FALSE(fs::exists(fs::symlink_status(at(name)))) << name;
}

TEST_F(SpaceRestoreTest, LinksCountFromWhereTheyLand) {
  const Bytes frames = joined({entry_frame(folder_entry("/plans/deep")),
                               entry_frame(link_entry("/plans/deep/link", "../../top")), end_frame(2, 0, 0)});
  EXPECT_EQ(restore("plans/deep", frames).exit_code, kExitDone);
  EXPECT_TRUE(fs::is_symlink(at("plans/deep/link")));
  const std::string target = folder_.at("target");
  EXPECT_EQ(restore("plans/deep", frames, {"--target", target}).exit_code, kExitSomeUnread);
  EXPECT_TRUE(fs::is_directory(target + "/deep"));
  EXPECT_FALSE(fs::is_symlink(target + "/deep/link"));
}

TEST_F(SpaceRestoreTest, NoLinkInTheSharedFolderIsFollowed) {
  const std::string outside = folder_.at("outside");
  fs::create_directory(outside);
  fs::create_directory_symlink(outside, at("trap"));
  const auto frames = [](const std::string& path) {
    return joined({entry_frame(file_entry(path, 1)), data_frame(0, "x"), end_frame(1, 1, 0)});
  };
  for (const char* const path : {"trap/a", "trap/new/a"})
    EXPECT_NE(restore(path, frames(std::string("/") + path), {"--overwrite", "always"}).exit_code, kExitDone);
  EXPECT_NE(restore("../outside/a", frames("/a")).exit_code, kExitDone);
  EXPECT_TRUE(fs::is_empty(outside));
  // What is missing is made, and is whose the shared folder is.
  EXPECT_EQ(restore("new/newer/a", frames("/new/newer/a")).exit_code, kExitDone);
  EXPECT_EQ(read_file(at("new/newer/a")), "x");
  for (const char* const name : {"new", "new/newer"}) expect_plain(name, stat_of(at(name)).st_mode & 0777U);
  expect_plain("new/newer/a", 0644);
  // Nor is one in place of the top.
  fs::rename(share_, folder_.at("moved"));
  fs::create_directory_symlink(outside, share_);
  EXPECT_NE(restore("a", frames("/a")).exit_code, kExitDone);
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(SpaceRestoreTest, FoldersThatAreThereStay) {
  fs::create_directory(at("plans"));
  fs::permissions(at("plans"), fs::perms(0700));
  const struct stat before = stat_of(at("plans"));
  const Bytes frames = joined({entry_frame(folder_entry("/plans", 0777)), end_frame(1, 0, 0)});
  EXPECT_EQ(restore("plans", frames, {"--overwrite", "always"}).exit_code, kExitDone);
  EXPECT_EQ(stat_of(at("plans")).st_mode, before.st_mode);
  EXPECT_EQ(stat_of(at("plans")).st_uid, before.st_uid);
}

}  // namespace
}  // namespace beffroi::client
