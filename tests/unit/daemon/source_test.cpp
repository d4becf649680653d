#include "daemon/backup/source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::TemporaryFolder;
using testing::TestVault;

Source at(const std::string& path) {
  Source out;
  out.path = path;
  return out;
}

// Goal: all rules of a source survive a restart, and paths are kept in one form.
TEST(SourceTest, SourcesAreKept) {
  TestVault vault;
  TemporaryFolder folder;
  Source source = at(folder.path() + "//");
  source.excludes = {"*.tmp", "!keep.tmp"};
  source.exclude_files = {".beffroiignore"};
  source.one_file_system = true;
  source.skip_caches = false;
  source.max_file_bytes = 1'000'000;
  source.separate = true;
  source.before = "true";
  source.after = "false";
  ASSERT_TRUE(SourceList(*vault).add(source).has_value());
  vault.reopen();
  const auto kept = SourceList(*vault).all();
  ASSERT_EQ(kept->size(), 1U);
  const Source& out = (*kept)[0];
  EXPECT_EQ(out.path, folder.path());
  EXPECT_EQ(out.excludes, source.excludes);
  EXPECT_EQ(out.exclude_files, source.exclude_files);
  EXPECT_EQ(out.max_file_bytes, source.max_file_bytes);
  EXPECT_TRUE(out.one_file_system && out.separate && !out.skip_caches);
  EXPECT_EQ(out.before + out.after, "truefalse");
  ASSERT_TRUE(SourceList(*vault).remove(folder.path() + "/").has_value());
  EXPECT_TRUE(SourceList(*vault).all()->empty());
}

// Goal: what can't be a source is refused with the right code.
TEST(SourceTest, WrongSourcesAreRefused) {
  TestVault vault;
  TemporaryFolder folder;
  ASSERT_EQ(::mkdir((folder.path() + "/a").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((folder.path() + "/a/b").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((folder.path() + "/a b").c_str(), 0755), 0);
  SourceList sources(*vault);
  EXPECT_EQ(sources.add(at("relative")).error().code, ErrorCode::usage);
  EXPECT_EQ(sources.add(at(folder.path() + "/a/../a")).error().code, ErrorCode::usage);
  EXPECT_EQ(sources.add(at(folder.path() + "/missing")).error().code, ErrorCode::not_found);
  ASSERT_TRUE(sources.add(at(folder.path() + "/a")).has_value());
  EXPECT_EQ(sources.add(at(folder.path() + "/a")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(sources.add(at(folder.path() + "/a/b")).error().code, ErrorCode::usage);
  EXPECT_EQ(sources.add(at(folder.path())).error().code, ErrorCode::usage);
  EXPECT_EQ(sources.add(at("/")).error().code, ErrorCode::usage);
  EXPECT_TRUE(sources.add(at(folder.path() + "/a b")).has_value());
  EXPECT_EQ(sources.remove(folder.path() + "/c").error().code, ErrorCode::not_found);
}

// Goal: links are followed once, by the admin who adds the source; what is kept is where they led.
TEST(SourceTest, LinksAreFollowedWhenAdded) {
  TestVault vault;
  TemporaryFolder folder;
  ASSERT_EQ(::mkdir((folder.path() + "/real").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((folder.path() + "/real/in").c_str(), 0755), 0);
  ASSERT_EQ(::symlink("real", (folder.path() + "/link").c_str()), 0);
  SourceList sources(*vault);
  const auto added = sources.add(at(folder.path() + "/link/in"));
  ASSERT_TRUE(added.has_value());
  EXPECT_EQ(added->path, folder.path() + "/real/in");
  EXPECT_EQ((*sources.all())[0].path, folder.path() + "/real/in");
  EXPECT_EQ(sources.add(at(folder.path() + "/link")).error().code, ErrorCode::usage) << "around the other one";
  EXPECT_TRUE(sources.remove(folder.path() + "/link/in").has_value());
}

}  // namespace
}  // namespace beffroi::daemon
