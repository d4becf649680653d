#include "client/restore/folder_stack.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/client/entries.h"
#include "tests/unit/client/temporary_folder.h"

namespace beffroi::client {
namespace {

// Goal: a folder that was closed meanwhile and in whose place another one stands gets no metadata: whoever owns the
// target would have root give that one away.
TEST(FolderStackTest, AnotherFolderInItsPlaceIsLeftAlone) {
  const TemporaryFolder folder;
  const Descriptor target(open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  for (const bool replaced : {false, true}) {
    std::vector<std::string> left;
    FolderStack stack(target.get(), [&](const FolderStack::Left& now) { left.push_back(now.entry.path); });
    ASSERT_TRUE(stack.enter("a", true));
    stack.set_entry(folder_entry("/a"));
    std::string deep = "a";
    for (int i = 0; i < 70; ++i) deep += std::string(1, '\0') + "d";
    ASSERT_TRUE(stack.enter(deep, true));
    if (replaced) {
      std::filesystem::rename(folder.at("a"), folder.at("away"));
      std::filesystem::create_directory(folder.at("a"));
    }
    stack.leave_all();
    EXPECT_EQ(left.size(), replaced ? 0U : 1U);
  }
}

// Goal: only a thing of the right type and owner that has no other name counts as just made.
TEST(JustMadeTest, TypeOwnerAndNamesAreLookedAt) {
  const TemporaryFolder folder;
  const auto opened = [&](const char* name) { return Descriptor(open(folder.at(name).c_str(), O_PATH | O_NOFOLLOW)); };
  ASSERT_EQ(symlink("/etc/passwd", folder.at("link").c_str()), 0);
  ASSERT_EQ(mkdir(folder.at("folder").c_str(), 0700), 0);
  EXPECT_TRUE(is_just_made(opened("link").get(), S_IFLNK, geteuid()));
  EXPECT_TRUE(is_just_made(opened("folder").get(), S_IFDIR, geteuid()));
  EXPECT_FALSE(is_just_made(opened("link").get(), S_IFIFO, geteuid()));
  EXPECT_FALSE(is_just_made(opened("link").get(), S_IFLNK, geteuid() + 1));
  ASSERT_EQ(linkat(AT_FDCWD, folder.at("link").c_str(), AT_FDCWD, folder.at("other").c_str(), 0), 0);
  EXPECT_FALSE(is_just_made(opened("link").get(), S_IFLNK, geteuid()));
}

}  // namespace
}  // namespace beffroi::client
