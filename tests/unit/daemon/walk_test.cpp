#include "daemon/backup/walk.h"

#include <sys/xattr.h>

#include <set>

#include "daemon/backup/file_reader.h"
#include "tests/support/file_tree.h"
#include "tests/support/meddling_reader.h"
#include "tests/support/memory_objects.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::TemporaryFolder;
using testing::write_file;

class Recorder final : public WalkVisitor {
 public:
  Result<void> found(Walked walked) override {
    paths.push_back(storage::to_display_path(walked.entry.path));
    if (on_found) on_found(paths.back());
    return {};
  }
  Result<bool> take_as_known(const std::string& entry_path, const struct stat&, bool) override {
    const bool known = known_paths.contains(storage::to_display_path(entry_path));
    if (known) paths.push_back(storage::to_display_path(entry_path) + " (known)");
    return known;
  }
  Result<void> unreadable_folder(Walked walked, const Error&) override {
    paths.push_back(storage::to_display_path(walked.entry.path));
    unreadable.push_back(paths.back());
    return {};
  }
  Result<void> lost_folder(const std::string& entry_path, const Error&) override {
    unreadable.push_back(storage::to_display_path(entry_path));
    return {};
  }
  Result<void> unreadable_entry(const std::string& entry_path, const Error&) override {
    unreadable.push_back(storage::to_display_path(entry_path));
    return {};
  }
  void problem(const std::string& entry_path, const Error&) override {
    problems.push_back(storage::to_display_path(entry_path));
  }
  void excluded() override { ++excluded_count; }
  void socket_skipped() override {}

  std::function<void(const std::string&)> on_found;
  std::vector<std::string> paths, unreadable, problems;
  std::set<std::string> known_paths;
  int excluded_count = 0;
};

Result<void> walk_folder(
    const std::string& path, const Source& source, Recorder& recorder,
    const std::function<bool()>& cancelled = [] { return false; }, testing::MeddlingReader* meddling = nullptr) {
  MetadataReader plain;
  MetadataReader& metadata = meddling == nullptr ? plain : *meddling;
  const auto top = std::make_shared<const FileDescriptor>(open_folder_at(AT_FDCWD, path, true));
  return walk(source, "top", top, ".", metadata, recorder, cancelled);
}

// Goal: entries come in the order of their entry paths, whatever bytes stand around the separator.
TEST(WalkTest, OrderIsThatOfEntryPaths) {
  TemporaryFolder folder;
  for (const char* name : {"a", "b", "a.d"}) ASSERT_EQ(::mkdir((folder.path() + "/" + name).c_str(), 0755), 0);
  for (const char* name : {"a/z", "a.txt", "a!", "a\x01", "a/b", "a.d/x", "b/\xFF", "B", "a/b\x01"})
    write_file(folder.path() + "/" + name, "");
  Recorder recorder;
  ASSERT_TRUE(walk_folder(folder.path(), {}, recorder).has_value());
  ASSERT_EQ(recorder.paths.size(), 13U);
  std::vector<std::string> entry_paths;
  for (const auto& path : recorder.paths) entry_paths.push_back(storage::to_entry_path(path));
  EXPECT_TRUE(std::is_sorted(entry_paths.begin(), entry_paths.end()));
}

// Goal: of a file that is taken as it is known nothing but its lstat is read. Where an excluded folder waits to be told
// of first, nothing is taken unseen.
TEST(WalkTest, KnownFilesAreNotLookedInto) {
  TemporaryFolder folder;
  for (const char* name : {"/out", "/in"}) ASSERT_EQ(::mkdir((folder.path() + name).c_str(), 0755), 0);
  for (const char* name : {"/in/a", "/in/b", "/out/keep"}) write_file(folder.path() + name, "");
  Source source;
  source.excludes = {"out", "!keep"};
  std::vector<std::string> read;
  testing::MeddlingReader meddling([&](const std::string& name) { read.push_back(name); });
  Recorder recorder;
  recorder.known_paths = {"/top/in", "/top/in/a", "/top/out/keep"};
  ASSERT_TRUE(walk_folder(folder.path(), source, recorder, [] { return false; }, &meddling).has_value());
  EXPECT_EQ(recorder.paths, (std::vector<std::string>{"/top", "/top/in", "/top/in/a (known)", "/top/in/b", "/top/out",
                                                      "/top/out/keep"}));
  EXPECT_EQ(read, (std::vector<std::string>{".", "in", "b", "out", "keep"}));
}

// Goal: a folder that is swapped for a link behind the walk's back leads nowhere.
TEST(WalkTest, SwappedFoldersAreNotFollowed) {
  TemporaryFolder folder, outside;
  write_file(outside.path() + "/secret", "s");
  ASSERT_EQ(::mkdir((folder.path() + "/b").c_str(), 0755), 0);
  write_file(folder.path() + "/a", "");
  Recorder recorder;
  testing::MeddlingReader meddling([&](const std::string& name) {
    if (name != "b") return;
    ASSERT_EQ(::rmdir((folder.path() + "/b").c_str()), 0);
    ASSERT_EQ(::symlink(outside.path().c_str(), (folder.path() + "/b").c_str()), 0);
  });
  ASSERT_TRUE(walk_folder(folder.path(), {}, recorder, [] { return false; }, &meddling).has_value());
  EXPECT_EQ(recorder.paths, (std::vector<std::string>{"/top", "/top/a", "/top/b"}));
  EXPECT_EQ(recorder.unreadable, std::vector<std::string>{"/top/b"});
}

// Goal: a folder in whose place another one was put is not read under the first one's rights.
TEST(WalkTest, ReplacedFoldersAreNotRead) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkdir((folder.path() + "/b").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((folder.path() + "/c").c_str(), 0700), 0);
  write_file(folder.path() + "/c/secret", "s");
  Recorder recorder;
  testing::MeddlingReader meddling([&](const std::string& name) {
    if (name != "b") return;
    ASSERT_EQ(::rename((folder.path() + "/b").c_str(), (folder.path() + "/old").c_str()), 0);
    ASSERT_EQ(::rename((folder.path() + "/c").c_str(), (folder.path() + "/b").c_str()), 0);
  });
  ASSERT_TRUE(walk_folder(folder.path(), {}, recorder, [] { return false; }, &meddling).has_value());
  EXPECT_EQ(recorder.paths, (std::vector<std::string>{"/top", "/top/b"}));
  EXPECT_EQ(recorder.unreadable, std::vector<std::string>{"/top/b"});
}

// Goal: deep folders whose ancestors were closed are found again, by ".." or, when one was moved meanwhile, from the
// top; what is not found again is named.
TEST(WalkTest, ClosedAncestorsAreFoundAgain) {
  TemporaryFolder folder;
  FileDescriptor at(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  for (std::size_t depth = 0; depth < kMaxOpenFolders + 10; ++depth) {
    const FileDescriptor after(::openat(at.get(), "~", O_WRONLY | O_CREAT, 0644));
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = testing::open_dir(at.get(), "d");
  }
  Recorder calm;
  ASSERT_TRUE(walk_folder(folder.path(), {}, calm).has_value());
  EXPECT_EQ(calm.paths.size(), 1 + 2 * (kMaxOpenFolders + 10));
  EXPECT_TRUE(calm.unreadable.empty());

  // Before the way back up, the third folder is taken from below the second, and then the second is replaced as well.
  TemporaryFolder elsewhere;
  for (const bool replaced : {false, true}) {
    Recorder moved;
    int left = 0;
    moved.on_found = [&](const std::string& path) {
      if (!path.ends_with("~") || ++left != 1) return;
      const std::string to = elsewhere.path() + (replaced ? "/2" : "/1");
      ASSERT_EQ(::rename((folder.path() + "/d/d/d").c_str(), to.c_str()), 0);
      if (!replaced) return;
      ASSERT_EQ(::rename((folder.path() + "/d/d").c_str(), (elsewhere.path() + "/3").c_str()), 0);
      ASSERT_EQ(::mkdir((folder.path() + "/d/d").c_str(), 0755), 0);
    };
    ASSERT_TRUE(walk_folder(folder.path(), {}, moved).has_value());
    EXPECT_EQ(moved.unreadable, replaced ? std::vector<std::string>{"/top/d/d"} : std::vector<std::string>{});
    EXPECT_EQ(moved.paths.size(), calm.paths.size() - (replaced ? 1 : 0));
    if (!replaced) ASSERT_EQ(::rename((elsewhere.path() + "/1").c_str(), (folder.path() + "/d/d/d").c_str()), 0);
  }
}

// Goal: what is there but can't be looked at is named, and is not taken for gone; what is excluded stays excluded.
TEST(WalkTest, WhatCanNotBeLookedAtIsNamed) {
  TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const std::string listed_only = folder.path() + "/b";
  ASSERT_EQ(::mkdir(listed_only.c_str(), 0755), 0);
  for (const char* name : {"/x", "/y", "/z"}) write_file(listed_only + name, "");
  ASSERT_EQ(::chmod(listed_only.c_str(), 0444), 0);
  Source source;
  source.excludes = {"y"};
  Recorder recorder;
  const bool is_root = ::geteuid() == 0;
  if (is_root) ASSERT_EQ(::seteuid(65534), 0);
  const auto outcome = walk_folder(folder.path(), source, recorder);
  if (is_root) ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(::chmod(listed_only.c_str(), 0755), 0);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(recorder.paths, (std::vector<std::string>{"/top", "/top/b"}));
  EXPECT_EQ(recorder.unreadable, (std::vector<std::string>{"/top/b/x", "/top/b/z"}));
  EXPECT_EQ(recorder.excluded_count, 1);
}

// Goal: a walk stops soon when asked to.
TEST(WalkTest, StopsWhenAsked) {
  TemporaryFolder folder;
  for (int i = 0; i < 100; ++i) write_file(folder.path() + "/" + std::to_string(i), "");
  Recorder recorder;
  const auto outcome = walk_folder(folder.path(), {}, recorder, [&] { return recorder.paths.size() >= 10; });
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
  EXPECT_EQ(recorder.paths.size(), 10U);
}

// Goal: a mount point of another file system is kept, what is in it is not.
TEST(WalkTest, OneFileSystemStopsAtMounts) {
  Recorder recorder;
  Source source;
  source.one_file_system = true;
  source.excludes = {"/*", "!/proc"};
  ASSERT_TRUE(walk_folder("/", source, recorder).has_value());
  EXPECT_EQ(recorder.paths, (std::vector<std::string>{"/top", "/top/proc"}));
}

/// A file with an attribute, which not every file system takes.
bool write_with_attribute(const std::string& path, const std::string& value) {
  write_file(path, "x");
  return ::setxattr(path.c_str(), "user.note", value.data(), value.size(), 0) == 0;
}

// Goal: attributes are never those of another file that has the name by now; on a network owner and mode can tell.
TEST(MetadataTest, AttributesAreTheFilesOwn) {
  TemporaryFolder folder;
  const std::string file = folder.path() + "/file", other = folder.path() + "/other";
  if (!write_with_attribute(file, "own") || !write_with_attribute(other, "another's"))
    GTEST_SKIP() << "no attributes on this file system";
  const FileDescriptor at = open_folder_at(AT_FDCWD, folder.path(), true);
  MetadataReader reader;
  struct stat seen{};
  ASSERT_EQ(::lstat(file.c_str(), &seen), 0);
  const auto calm = reader.read(at.get(), "file", seen);
  ASSERT_TRUE(calm && *calm);
  EXPECT_EQ((*calm)->xattrs.size(), 1U);
  ASSERT_EQ(::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE), 0);
  EXPECT_EQ(reader.read(at.get(), "file", seen).error().code, ErrorCode::io);
  EXPECT_TRUE(reader.read(at.get(), "file", seen, true).has_value());
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(reader.read(at.get(), "file", seen, true).error().code, ErrorCode::io);
}

// Goal: an attribute that can't be read is named, with its file; the file and its other attributes are taken.
TEST(WalkTest, LostAttributesAreNamed) {
  TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const std::string file = folder.path() + "/closed";
  if (!write_with_attribute(file, "own")) GTEST_SKIP() << "no attributes on this file system";
  write_file(folder.path() + "/open", "x");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  Recorder recorder;
  const bool is_root = ::geteuid() == 0;
  if (is_root) ASSERT_EQ(::seteuid(65534), 0);
  const auto outcome = walk_folder(folder.path(), {}, recorder);
  if (is_root) ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(recorder.paths, (std::vector<std::string>{"/top", "/top/closed", "/top/open"}));
  EXPECT_EQ(recorder.problems, std::vector<std::string>{"/top/closed"});
}

class FileReaderTest : public ::testing::Test {
 protected:
  Result<FileReading> read(const std::function<void()>& meanwhile = {}, bool network = false,
                           const struct stat* seen = nullptr) {
    pieces_.clear();
    content_.clear();
    const storage::Chunker chunker(as_bytes("0123456789abcdef"));
    ReadBuffers buffers;
    FileReader reader(chunker, buffers);
    const auto folder = std::make_shared<const FileDescriptor>(open_folder_at(AT_FDCWD, folder_.path(), true));
    return reader.read(
        folder, "f", 16 * 1024,
        [&](FilePiece piece) -> Result<void> {
          if (meanwhile && pieces_.empty()) meanwhile();
          // Data of a whole file lasts as long as the call.
          content_.append(piece.data.begin(), piece.data.end());
          pieces_.push_back(std::move(piece));
          return {};
        },
        seen, network);
  }
  std::uint64_t total() const {
    std::uint64_t out = 0;
    for (const auto& piece : pieces_) {
      EXPECT_EQ(piece.offset, out);
      out += piece.length;
    }
    return out;
  }
  std::string path() const { return folder_.path() + "/f"; }

  TemporaryFolder folder_;
  std::vector<FilePiece> pieces_;
  std::string content_;
};

// Goal: a change while the file is read shows, whether it grows, shrinks or keeps its size.
TEST_F(FileReaderTest, ChangesWhileReadingShow) {
  const std::string content = to_string(storage::testing::seeded_bytes(1, 3'000'000));
  write_file(path(), content);
  EXPECT_FALSE(read()->changed);
  EXPECT_EQ(total(), 3'000'000U);
  // Within one tick of the kernel's clock a write does not show: so until it does.
  const auto overwrite = [&] {
    const FileDescriptor file(::open(path().c_str(), O_WRONLY));
    struct stat before{}, after{};
    ASSERT_EQ(::fstat(file.get(), &before), 0);
    do {
      ASSERT_EQ(::pwrite(file.get(), "x", 1, 0), 1);
      ASSERT_EQ(::fstat(file.get(), &after), 0);
    } while (after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  };
  const std::vector<std::function<void()>> changes = {
      [&] { write_file(path(), content + "more"); }, [&] { ASSERT_EQ(::truncate(path().c_str(), 100), 0); }, overwrite};
  for (const auto& change : changes) {
    write_file(path(), content);
    const auto reading = read(change);
    ASSERT_TRUE(reading.has_value());
    EXPECT_TRUE(reading->changed);
    total();
  }
}

// Goal: on a network's file system a change time or an inode number that is another one says nothing: the file is
// neither flagged nor taken for another; another owner's is.
TEST_F(FileReaderTest, OnANetworkOnlySizeAndTimeTell) {
  write_file(path(), to_string(storage::testing::seeded_bytes(1, 3'000'000)));
  mode_t mode = 0600;
  const auto touch = [&] { ASSERT_EQ(::chmod(path().c_str(), mode ^= 0040), 0); };
  EXPECT_TRUE(read(touch)->changed);
  EXPECT_FALSE(read(touch, true)->changed);
  EXPECT_TRUE(read([&] { ASSERT_EQ(::truncate(path().c_str(), 100), 0); }, true)->changed);
  struct stat seen{};
  ASSERT_EQ(::stat(path().c_str(), &seen), 0);
  ++seen.st_ino;
  EXPECT_EQ(read({}, false, &seen).error().code, ErrorCode::io);
  EXPECT_TRUE(read({}, true, &seen).has_value());
  ++seen.st_uid;
  EXPECT_EQ(read({}, true, &seen).error().code, ErrorCode::io);
}

// Goal: a file that grows for ever is not read for ever.
TEST_F(FileReaderTest, EndlessGrowthEnds) {
  write_file(path(), to_string(storage::testing::seeded_bytes(1, 1'000'000)));
  const auto reading = read([&] { ASSERT_EQ(::truncate(path().c_str(), off_t{1} << 40), 0); });
  ASSERT_TRUE(reading.has_value());
  EXPECT_TRUE(reading->changed);
  EXPECT_LT(total(), 64'000'000U);
}

// Goal: what is no regular file any more is not opened; FIFOs do not block, links are not followed.
TEST_F(FileReaderTest, OnlyRegularFilesAreRead) {
  EXPECT_EQ(read().error().code, ErrorCode::not_found);
  ASSERT_EQ(::mkfifo(path().c_str(), 0644), 0);
  EXPECT_EQ(read().error().code, ErrorCode::not_found);
  ASSERT_EQ(::unlink(path().c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", path().c_str()), 0);
  EXPECT_EQ(read().error().code, ErrorCode::not_found);
}

// Goal: small files are one piece, sparse or not; empty ones none.
TEST_F(FileReaderTest, SmallFilesAreOnePiece) {
  write_file(path(), "");
  ASSERT_TRUE(read().has_value());
  EXPECT_TRUE(pieces_.empty());
  ASSERT_EQ(::truncate(path().c_str(), 16 * 1024), 0);
  ASSERT_TRUE(read().has_value());
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_TRUE(pieces_[0].is_whole);
  EXPECT_EQ(content_, std::string(16 * 1024, '\0'));
}

// Goal: pieces are those that the chunker makes of the whole file, however it comes to be read, and stay as they were
// while more files are read.
TEST_F(FileReaderTest, PiecesAreThoseOfTheWholeFile) {
  const storage::Chunker chunker(as_bytes("0123456789abcdef"));
  ReadBuffers buffers;
  FileReader reader(chunker, buffers);
  const auto folder = std::make_shared<const FileDescriptor>(open_folder_at(AT_FDCWD, folder_.path(), true));
  std::vector<std::pair<FilePiece, Bytes>> kept;
  for (const std::size_t size : {17'000U, 40'000U, 1'000'000U, 5'000'000U, 3'000'000U, 300'000U}) {
    // Noise, and in the longest a stretch without any boundary.
    Bytes content = storage::testing::seeded_bytes(size, size);
    if (size == 5'000'000) std::fill(content.begin() + 1'200'000, content.begin() + 4'300'000, std::uint8_t{0});
    write_file(path(), to_string(content));
    std::vector<std::size_t> lengths;
    Bytes read;
    ASSERT_TRUE(reader
                    .read(folder, "f", 16 * 1024,
                          [&](FilePiece piece) -> Result<void> {
                            lengths.push_back(piece.data.size());
                            read.insert(read.end(), piece.data.begin(), piece.data.end());
                            kept.emplace_back(piece, to_bytes(piece.data));
                            return {};
                          })
                    .has_value());
    EXPECT_EQ(read, content) << size;
    ByteView rest(content);
    for (const std::size_t length : lengths) {
      ASSERT_EQ(length, chunker.next_cut(rest)) << size;
      rest = rest.subspan(length);
    }
    EXPECT_TRUE(rest.empty());
  }
  for (const auto& [piece, content] : kept) EXPECT_TRUE(std::ranges::equal(piece.data, content));
}

}  // namespace
}  // namespace beffroi::daemon
