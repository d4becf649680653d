#include "daemon/share/folder_watch.h"

#include "tests/support/file_tree.h"
#include "tests/support/protocol_thread.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::TemporaryFolder;
using testing::write_file;
namespace fs = std::filesystem;

class FolderWatchTest : public ::testing::Test {
 protected:
  FolderWatchTest() : folder(*SyncedFolder::create(place.path() + "/share", storage::SpaceId{})) {}
  std::string at(const std::string& name) const { return folder.path() + "/" + name; }
  void watch() {
    auto opened = FolderEvents::open(folder);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    events = std::move(*opened);
  }
  /// What waits now; the kernel tells of a change before the call that made it returns.
  FolderNews news() {
    FolderNews out;
    EXPECT_TRUE(events->take(out).has_value());
    return out;
  }
  std::set<std::string> paths() {
    std::set<std::string> out;
    for (const std::string& path : news().paths) out.insert(storage::to_display_path(path).substr(1));
    return out;
  }
  using Paths = std::set<std::string>;

  TemporaryFolder place;
  SyncedFolder folder;
  std::unique_ptr<FolderEvents> events;
};

// Goal: what is made, written, renamed, given other rights or removed is told by its path, in old and new folders.
TEST_F(FolderWatchTest, TellsWhereSomethingChanged) {
  fs::create_directories(at("a/b"));
  write_file(at("a/b/old"), "old");
  watch();
  EXPECT_TRUE(news().is_empty());
  write_file(at("a/b/old"), "new");
  EXPECT_EQ(paths(), Paths{"a/b/old"});
  fs::permissions(at("a/b/old"), fs::perms::owner_all);
  EXPECT_EQ(paths(), Paths{"a/b/old"});
  fs::rename(at("a/b/old"), at("a/renamed"));
  EXPECT_EQ(paths(), (Paths{"a/b/old", "a/renamed"}));
  fs::create_directories(at("c/d"));
  EXPECT_TRUE(paths().contains("c"));
  write_file(at("c/d/e"), "e");
  EXPECT_EQ(paths(), Paths{"c/d/e"});
  fs::remove_all(at("c"));
  EXPECT_TRUE(paths().contains("c"));
}

// Goal: after a folder was renamed, what happens in it is told under its new name; moved out of the share, not at all.
TEST_F(FolderWatchTest, FollowsFoldersToTheirNewNames) {
  fs::create_directories(at("a/b"));
  watch();
  fs::rename(at("a"), at("z"));
  EXPECT_EQ(paths(), (Paths{"a", "z"}));
  write_file(at("z/b/file"), "x");
  EXPECT_EQ(paths(), Paths{"z/b/file"});
  fs::rename(at("z"), place.path() + "/outside");
  EXPECT_EQ(paths(), Paths{"z"});
  write_file(place.path() + "/outside/b/file", "y");
  EXPECT_TRUE(news().is_empty());
}

// Goal: our own temporary files are no news; a marker that goes, and a folder that goes, are a reason to look.
TEST_F(FolderWatchTest, KnowsItsOwnNames) {
  watch();
  write_file(at(std::string(kTemporaryPrefix) + "1"), "x");
  EXPECT_TRUE(news().is_empty());
  fs::remove(at(std::string(kMarkerName)));
  EXPECT_TRUE(news().everything);
  fs::rename(folder.path(), place.path() + "/moved");
  EXPECT_TRUE(news().everything);
}

// Goal: links are not followed.
TEST_F(FolderWatchTest, WatchesNothingBehindLinks) {
  fs::create_directory(place.path() + "/outside");
  fs::create_directory_symlink(place.path() + "/outside", at("link"));
  watch();
  write_file(place.path() + "/outside/file", "x");
  EXPECT_TRUE(news().is_empty());
}

// Goal: too many paths are one look at everything.
TEST_F(FolderWatchTest, ManyPathsAreEverything) {
  watch();
  FolderNews all;
  for (std::size_t i = 0; i <= kMaxDirtyPaths; ++i) {
    fs::create_symlink("nowhere", at(std::to_string(i)));
    if (i % 1000 == 0) EXPECT_TRUE(events->take(all).has_value());
  }
  EXPECT_TRUE(events->take(all).has_value());
  EXPECT_TRUE(all.everything);
  EXPECT_TRUE(all.paths.empty());
}

// Goal: who waits gets several changes at once when it has become quiet, and ends when it is stopped.
TEST_F(FolderWatchTest, WaitsUntilItIsQuiet) {
  watch();
  Pool pool(1);
  testing::ProtocolThread thread;
  auto watching = thread.call([&] {
    auto out = std::make_unique<FolderWatch>(thread.executor(), pool, system_clock());
    out->start(std::move(events));
    return out;
  });
  write_file(at("a"), "a");
  write_file(at("b"), "b");
  const auto told = thread.run(watching->next());
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->paths, (Paths{"a", "b"}));
  thread.call([&] { watching->stop(); });
  EXPECT_EQ(thread.run(watching->next()).error().code, ErrorCode::cancelled);
  thread.call([&] { watching.reset(); });
}

}  // namespace
}  // namespace beffroi::daemon
