#include "daemon/restore/restore_stream.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/restore/access.h"
#include "storage/merge/shared_part.h"
#include "tests/support/backup_world.h"
#include "tests/support/memory_objects.h"
#include "tests/support/repeated_content.h"

namespace beffroi::daemon {
namespace {

using storage::testing::seeded_bytes;
using testing::BackupWorld;
using testing::describe_tree;
using testing::RestoreReceiver;
using testing::write_file;

void make_folder(const std::string& path, mode_t mode = 0755) {
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

void set_times(const std::string& path, std::int64_t seconds, long nanoseconds) {
  const std::array<timespec, 2> times{timespec{seconds, nanoseconds}, timespec{seconds, nanoseconds}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), 0);
}

/// Backs up, restores with and without threads, and compares.
void expect_round_trip(BackupWorld& world) {
  EXPECT_FALSE(world.backup().incomplete());
  const auto before = describe_tree(world.source());
  for (const std::size_t threads : {0U, 3U}) {
    const std::string out = world.folder.path() + "/out" + std::to_string(threads);
    const RestoreReceiver received = world.restore_to(out, "latest", threads);
    EXPECT_TRUE(received.failures.empty());
    EXPECT_TRUE(received.ended);
    EXPECT_EQ(describe_tree(out), before);
  }
}

// Goal: names are bytes: not UTF-8, both normal forms side by side, newlines, globs, and neighbours around the
// separator.
TEST(RestoreTest, NamesAreBytes) {
  BackupWorld world;
  make_folder(world.at("dir"));
  make_folder(world.at("dir.d"));
  const std::vector<std::string> names = {"\xFF\xFE",
                                          "e\xCC\x81",
                                          "\xC3\xA9",
                                          "new\nline",
                                          "*?[",
                                          " ",
                                          "dir/\x01",
                                          "dir.txt",
                                          "dir!",
                                          "dir/z",
                                          "-rf",
                                          "\\",
                                          "dir.d/\xC3\xA9",
                                          "dir/ ",
                                          "É",
                                          "é",
                                          std::string(255, 'n')};
  for (const std::string& name : names) write_file(world.at(name), name);
  expect_round_trip(world);
}

// Goal: modes with set-id bits, owners, times before 1970 and after 2038 to the nanosecond, empty folders and files.
TEST(RestoreTest, MetadataComesBack) {
  BackupWorld world;
  write_file(world.at("setuid"), "x");
  ASSERT_EQ(::chown(world.at("setuid").c_str(), 1234, 4321), 0);
  ASSERT_EQ(::chmod(world.at("setuid").c_str(), 06751), 0);
  write_file(world.at("old"), "x");
  set_times(world.at("old"), -1'000'000'000, 999'999'999);
  write_file(world.at("future"), "");
  set_times(world.at("future"), 5'000'000'000, 1);
  make_folder(world.at("empty"), 01777);
  set_times(world.at("empty"), 1'000'000'000, 123'456'789);
  write_file(world.at("nobody"), "x");
  ASSERT_EQ(::chmod(world.at("nobody").c_str(), 0), 0);
  expect_round_trip(world);
}

// Goal: extended attributes and ACLs, on files, folders and links to them.
TEST(RestoreTest, ExtendedAttributesComeBack) {
  BackupWorld world;
  write_file(world.at("file"), "x");
  make_folder(world.at("folder"));
  const std::string binary("\0\xFF binary", 9);
  if (::setxattr(world.at("file").c_str(), "user.binary", binary.data(), binary.size(), 0) != 0)
    GTEST_SKIP() << "this file system keeps no extended attributes";
  ASSERT_EQ(::setxattr(world.at("file").c_str(), "user.empty", "", 0, 0), 0);
  ASSERT_EQ(::setxattr(world.at("folder").c_str(), "user.note", "n", 1, 0), 0);
  // u::rw- u:1000:r-- g::r-- m::r-- o::---
  const Bytes acl = *from_hex(
      "02000000"
      "01000600ffffffff"
      "02000400e8030000"
      "04000400ffffffff"
      "10000400ffffffff"
      "20000000ffffffff");
  static_cast<void>(::setxattr(world.at("file").c_str(), "system.posix_acl_access", acl.data(), acl.size(), 0));
  ASSERT_EQ(::symlink("file", world.at("link").c_str()), 0);
  expect_round_trip(world);
  EXPECT_GE(world.entries().at("file").xattrs.size(), 2U);
  EXPECT_TRUE(world.entries().at("link").xattrs.empty());
}

// Goal: links of all sorts, FIFOs and devices come back as what they are, and are never followed or read.
TEST(RestoreTest, SpecialFilesComeBack) {
  BackupWorld world;
  ASSERT_EQ(::symlink("/etc/passwd", world.at("absolute").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere\xFF", world.at("dangling").c_str()), 0);
  ASSERT_EQ(::symlink(".", world.at("loop").c_str()), 0);
  ASSERT_EQ(::mkfifo(world.at("fifo").c_str(), 0640), 0);
  if (::mknod(world.at("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0)
    ASSERT_EQ(::mknod(world.at("loop7").c_str(), S_IFBLK | 0660, makedev(7, 7)), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, world.at("socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const auto result = world.backup();
  EXPECT_EQ(result.statistics.sockets_skipped, 1U);
  ::close(socket);
  ASSERT_EQ(::unlink(world.at("socket").c_str()), 0);
  expect_round_trip(world);
}

// Goal: hard links come back as links of one another, their content is sent once.
TEST(RestoreTest, HardLinksComeBack) {
  BackupWorld world;
  make_folder(world.at("z"));
  write_file(world.at("m"), to_string(seeded_bytes(1, 200'000)));
  ASSERT_EQ(::link(world.at("m").c_str(), world.at("a").c_str()), 0);
  ASSERT_EQ(::link(world.at("m").c_str(), world.at("z/last").c_str()), 0);
  write_file(world.at("small"), "small");
  ASSERT_EQ(::link(world.at("small").c_str(), world.at("z/small").c_str()), 0);
  expect_round_trip(world);
  const auto received = world.restore_to(world.folder.path() + "/once");
  EXPECT_EQ(received.data_bytes, 200'005U);
  // Only the last link is selected: then it brings its own content.
  const std::string folder = storage::to_entry_path(world.at("z"));
  RestoreReceiver alone(world.folder.path() + "/alone", folder);
  make_folder(world.folder.path() + "/alone");
  Progress progress;
  ASSERT_TRUE(stream_restore(world.opener(), world.vault->resolve("latest")->commit.clear.root, {{folder}}, {},
                             alone.writer(), {}, progress, 2)
                  .has_value());
  EXPECT_EQ(alone.data_bytes, 200'005U);
}

// Goal: holes are neither read nor sent, and data after them lands where it was.
TEST(RestoreTest, SparseFilesStaySparse) {
  BackupWorld world;
  const FileDescriptor file(::open(world.at("sparse").c_str(), O_RDWR | O_CREAT, 0644));
  ASSERT_EQ(::ftruncate(file.get(), 30'000'000), 0);
  const Bytes data = seeded_bytes(3, 70'000);
  ASSERT_EQ(::pwrite(file.get(), data.data(), data.size(), 10'000'000), 70'000);
  ASSERT_EQ(::pwrite(file.get(), data.data(), 10, 29'999'990), 10);
  const FileDescriptor hollow(::open(world.at("hollow").c_str(), O_RDWR | O_CREAT, 0644));
  ASSERT_EQ(::ftruncate(hollow.get(), 5'000'000), 0);
  const auto result = world.backup();
  EXPECT_LT(result.statistics.bytes_read, 300'000U);
  EXPECT_EQ(result.statistics.bytes_source, 35'000'000U);
  const auto received = world.restore_to(world.folder.path() + "/out");
  EXPECT_LT(received.data_bytes, 300'000U);
  EXPECT_EQ(describe_tree(world.folder.path() + "/out"), describe_tree(world.source()));
}

// Goal: paths longer than PATH_MAX, and more folders below each other than are held open.
TEST(RestoreTest, VeryLongPathsComeBack) {
  BackupWorld world;
  FileDescriptor folder(::open(world.source().c_str(), O_RDONLY | O_DIRECTORY));
  for (int depth = 0; depth < 150; ++depth) {
    const std::string name = std::string(60, static_cast<char>('a' + depth % 26));
    ASSERT_EQ(::mkdirat(folder.get(), name.c_str(), 0755), 0);
    const std::string beside = "~after";
    const FileDescriptor file(::openat(folder.get(), beside.c_str(), O_WRONLY | O_CREAT, 0644));
    ASSERT_EQ(::write(file.get(), "behind the folder", 17), 17);
    folder = testing::open_dir(folder.get(), name);
  }
  expect_round_trip(world);
  EXPECT_GT(describe_tree(world.source()).rbegin()->first.size() + 9000, 4096U);
}

// Goal: a file of many pieces, huge enough for a content tree, comes back whole.
TEST(RestoreTest, HugeFilesComeBack) {
  BackupWorld world;
  Bytes content = seeded_bytes(5, 90'000'000);
  write_file(world.at("huge"), as_text(content));
  world.backup();
  EXPECT_TRUE(world.restore_to(world.folder.path() + "/out").failures.empty());
  const FileDescriptor restored(::open((world.folder.path() + "/out/huge").c_str(), O_RDONLY));
  EXPECT_TRUE(testing::read_all(restored.get()) == as_text(content));
  EXPECT_TRUE(world.entries().at("huge").content_root.has_value());
  // A byte put in at the head costs little, also through the content tree.
  content.insert(content.begin(), 'x');
  write_file(world.at("huge"), as_text(content));
  const auto changed = world.backup();
  EXPECT_LT(changed.statistics.bytes_added, 2'000'000U);
}

// Goal: a damaged chunk fails its file alone, openly; all others come.
TEST(RestoreTest, DamageFailsOneFile) {
  BackupWorld world;
  write_file(world.at("a"), to_string(seeded_bytes(6, 300'000)));
  write_file(world.at("b"), to_string(seeded_bytes(7, 300'000)));
  world.backup();
  const auto damaged = world.entries().at("a").segments.back().object->id;
  ASSERT_TRUE(world.vault->objects().quarantine(world.vault->space(), damaged).has_value());
  const auto received = world.restore_to(world.folder.path() + "/out");
  EXPECT_EQ(received.failures, std::vector{storage::to_entry_path(world.at("a"))});
  EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out").at("b"), describe_tree(world.source()).at("b"));
  // The next backup heals it, although nothing has changed.
  world.backup();
  EXPECT_FALSE((*world.vault->objects().info(world.vault->space(), damaged))->quarantined);
  EXPECT_TRUE(world.restore_to(world.folder.path() + "/healed").failures.empty());
}

// Goal: a sound object of this vault that stands in another one's place is not taken for it, in chunks as in bundles:
// a restore does not hash what is sealed, so the digest of what is in it must tell.
TEST(RestoreTest, AnotherObjectInItsPlaceFailsOneFile) {
  for (const std::size_t size : {30'000UL, 3'000UL}) {
    BackupWorld world;
    write_file(world.at("a"), to_string(seeded_bytes(6, size)));
    world.backup();
    write_file(world.at("b"), to_string(seeded_bytes(7, size)));
    world.backup();
    const auto entries = world.entries();
    const auto taken = entries.at("a").segments.at(0).object->id;
    const auto given = entries.at("b").segments.at(0).object->id;
    ASSERT_NE(taken, given);
    const storage::SpaceId space = world.vault->space();
    Bytes key = to_bytes(space);
    key.insert(key.end(), taken.data.begin(), taken.data.end());
    const Bytes other = world.vault->objects().get(space, given).value();
    ASSERT_TRUE(world.vault->database().put(storage::Table::objects, key, other, storage::Durability::buffered));
    const auto received = world.restore_to(world.folder.path() + "/out");
    EXPECT_EQ(received.failures, std::vector{storage::to_entry_path(world.at("a"))});
    EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out").at("b"), describe_tree(world.source()).at("b"));
  }
}

// Goal: selections are sent in tree order, once, without what is above them; an unknown one is an error.
TEST(RestoreTest, SelectionsAreInOrder) {
  BackupWorld world;
  make_folder(world.at("a"));
  write_file(world.at("a/1"), "1");
  write_file(world.at("b"), "2");
  world.backup();
  const auto root = world.vault->resolve("latest")->commit.clear.root;
  const auto path = [&](const std::string& name) { return storage::to_entry_path(world.at(name)); };
  std::uint64_t verified = 0;
  RestoreReceiver received(world.folder.path(), "none");
  Progress progress;
  const auto counts = stream_restore(
      world.opener(), root, {{path("b")}, {path("a/1")}, {path("a")}}, {}, received.writer(),
      [&](const storage::Segment& segment) { verified += segment.length; }, progress, 1);
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(received.paths, (std::vector{path("a"), path("a/1"), path("b")}));
  EXPECT_EQ(counts->entries, 3U);
  EXPECT_EQ(verified, 2U);
  const auto unknown = stream_restore(world.opener(), root, {{path("c")}}, {}, received.writer(), {}, progress, 1);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
}

// Goal: of a stranger's tree only what a shared folder holds is sent; what is left out is named, and damages nothing.
TEST(RestoreTest, OnlyTheSharedPartIsSent) {
  BackupWorld world;
  write_file(world.at("tool"), "x");
  ASSERT_EQ(::chmod(world.at("tool").c_str(), 06755), 0);
  ASSERT_EQ(::mkfifo(world.at("pipe").c_str(), 0644), 0);
  ASSERT_EQ(::symlink("tool", world.at("near").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", world.at("out").c_str()), 0);
  world.backup();
  const std::string top = storage::to_entry_path(world.source());
  make_folder(world.folder.path() + "/out");
  RestoreReceiver received(world.folder.path() + "/out", top);
  std::vector<Bytes> entries;
  Progress progress;
  const auto counts = stream_restore(
      world.opener(), world.vault->resolve("latest")->commit.clear.root, {{top}}, {},
      [&](ByteView head, ByteView rest) {
        if (head[4] == 'E') entries.push_back(to_bytes(head.subspan(5)));
        return received.writer()(head, rest);
      },
      {}, progress, 1, {}, storage::keep_shared_part);
  ASSERT_TRUE(counts);
  const auto path = [&](const std::string& name) { return storage::to_entry_path(world.at(name)); };
  EXPECT_EQ(received.failures, (std::vector{path("out"), path("pipe")}));
  EXPECT_EQ(received.paths, (std::vector{top, path("near"), path("tool")}));
  EXPECT_EQ(counts->damaged + counts->missing, 0U);
  for (const Bytes& encoded : entries) {
    const auto entry = storage::decode_entry_logical(encoded);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->mode & ~0777U, 0U);
    EXPECT_TRUE(entry->user.empty() && entry->xattrs.empty());
  }
}

// Goal: what a snapshot lacks that goes meanwhile is not called damage: the stream ends, and says why.
TEST(RestoreTest, ASnapshotThatGoesEndsTheStream) {
  BackupWorld world;
  write_file(world.at("a"), to_string(seeded_bytes(1, 100'000)));
  write_file(world.at("b"), to_string(seeded_bytes(2, 100'000)));
  world.backup();
  const auto commit = world.vault->resolve("latest")->commit;
  const std::string top = storage::to_entry_path(world.source());
  for (const auto& [name, entry] : world.entries())
    for (const auto& segment : entry.segments)
      if (name == "a") ASSERT_TRUE(world.vault->objects().quarantine(world.vault->space(), segment.object->id));
  const auto restore = [&](const StillThere& still_there, RestoreReceiver& received) {
    Progress progress;
    return stream_restore(world.opener(), commit.clear.root, {{top}}, {}, received.writer(), {}, progress, 1,
                          still_there);
  };
  std::vector<bool> asked;
  RestoreReceiver there(world.folder.path(), "none");
  const auto damaged = restore(
      [&](bool at_end) -> Result<void> {
        asked.push_back(at_end);
        return {};
      },
      there);
  ASSERT_TRUE(damaged);
  EXPECT_EQ(damaged->failures, 1U);
  EXPECT_EQ(asked, (std::vector{false, true}));
  for (const bool at_end : {false, true}) {
    RestoreReceiver gone(world.folder.path(), "none");
    const auto ended = restore(
        [&](bool now_at_end) -> Result<void> {
          if (now_at_end == at_end) return fail(ErrorCode::not_found, "gone");
          return {};
        },
        gone);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::not_found);
    EXPECT_EQ(gone.failures.size(), at_end ? 1U : 0U);
  }
}

// Goal: the longest piece that the format allows, which we never write, is given in frames that fit.
TEST(RestoreTest, TheLongestPieceIsGiven) {
  const auto objects = std::make_shared<storage::testing::MemoryObjects>(storage::testing::test_key_ring(5));
  const Bytes content = seeded_bytes(7, storage::kMaxRawBytes);
  const auto digest = objects->keys().digests().chunk(content);
  const auto chunk = objects->put(storage::ObjectKind::chunk, digest, {}, content);
  storage::Entry file;
  file.path = "f";
  file.size = content.size();
  file.content_digest = digest;
  file.segments = {{.length = content.size(), .object = *chunk, .digest = digest}};
  storage::TreeBuilder builder(objects->keys(), *objects);
  ASSERT_TRUE(builder.add(file).has_value());
  const auto root = builder.finish();
  Bytes given;
  const FrameWriter write = [&](ByteView head, ByteView rest) -> Result<void> {
    EXPECT_LE(head.size() + rest.size(), kFrameHeaderBytes + kMaxRestoreFrameBytes);
    EXPECT_EQ(head.size() + rest.size(), kFrameHeaderBytes + get_le32(head.data()));
    if (static_cast<RestoreFrameType>(head[4]) == RestoreFrameType::data) {
      EXPECT_EQ(get_le64(head.data() + kFrameHeaderBytes), given.size());
      given.insert(given.end(), rest.begin(), rest.end());
    }
    return {};
  };
  Progress progress;
  const auto opener = storage::testing::MemoryObjects::opener(objects);
  const auto counts = stream_restore(opener, root->object.id, {{""}}, {}, write, {}, progress, 1);
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(counts->bytes, content.size());
  EXPECT_EQ(given, content);
}

// Goal: a restore can be stopped in the middle of a file of holes, of which nothing is ever written.
TEST(RestoreTest, HolesWithoutEndCanBeStopped) {
  struct Stopping final : storage::ObjectSource {
    Stopping(std::shared_ptr<storage::ObjectSource> objects, const storage::ObjectId& id, Progress& counted)
        : source(std::move(objects)), at(id), progress(counted) {}
    Result<Bytes> get(const storage::ObjectId& id) override {
      progress.cancel = progress.cancel || id == at;
      return source->get(id);
    }
    std::shared_ptr<storage::ObjectSource> source;
    storage::ObjectId at;
    Progress& progress;
  };
  const auto objects = std::make_shared<storage::testing::MemoryObjects>(storage::testing::test_key_ring(5));
  const std::vector<storage::Segment> hole{
      {.length = 1, .object = std::nullopt, .offset = 0, .in_bundle = false, .digest = {}}};
  const auto file = storage::testing::repeated_content("f", objects->keys(), *objects, hole, 3);
  storage::TreeBuilder builder(objects->keys(), *objects);
  ASSERT_TRUE(builder.add(file).has_value());
  const auto root = builder.finish();
  Progress progress;
  const storage::ObjectOpener opener(storage::testing::test_key_ring(5),
                                     std::make_shared<Stopping>(objects, file.content_root->id, progress));
  const FrameWriter write = [](ByteView, ByteView) -> Result<void> { return {}; };
  const auto outcome = stream_restore(opener, root->object.id, {{""}}, {}, write, {}, progress, 1);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
}

// Goal: a client that goes away stops the stream.
TEST(RestoreTest, WriterErrorsEndTheStream) {
  BackupWorld world;
  for (int i = 0; i < 50; ++i)
    write_file(world.at(std::to_string(i)), to_string(seeded_bytes(static_cast<std::uint64_t>(i), 100'000)));
  world.backup();
  int frames = 0;
  const FrameWriter gone = [&](ByteView, ByteView) -> Result<void> {
    if (++frames < 10) return {};
    return fail(ErrorCode::unreachable, "gone");
  };
  Progress progress;
  const auto outcome = stream_restore(world.opener(), world.vault->resolve("latest")->commit.clear.root, {{""}}, {},
                                      gone, {}, progress, 2);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::unreachable);
  EXPECT_EQ(frames, 10);
}

// Goal: others than admins see what they could have read then: modes, groups, ACLs, and every folder above.
TEST(RestoreTest, AccessFollowsTheBackedUpRights) {
  BackupWorld world;
  ASSERT_EQ(::chmod(world.folder.path().c_str(), 0755), 0);
  make_folder(world.at("private"), 0700);
  write_file(world.at("private/inside"), "x");
  make_folder(world.at("drop"), 0711);
  write_file(world.at("drop/known"), "x");
  write_file(world.at("group"), "x");
  ASSERT_EQ(::chown(world.at("group").c_str(), 0, 5000), 0);
  ASSERT_EQ(::chmod(world.at("group").c_str(), 0640), 0);
  write_file(world.at("mine"), "x");
  ASSERT_EQ(::chown(world.at("mine").c_str(), 1000, 0), 0);
  ASSERT_EQ(::chmod(world.at("mine").c_str(), 0400), 0);
  write_file(world.at("locked"), "x");
  ASSERT_EQ(::chown(world.at("locked").c_str(), 1000, 0), 0);
  ASSERT_EQ(::chmod(world.at("locked").c_str(), 0044), 0);
  world.backup();
  const auto root = world.vault->resolve("latest")->commit.clear.root;
  const auto seen = [&](const ReadRights& who, const std::string& below) {
    RestoreReceiver received(world.folder.path(), "none");
    Progress progress;
    const std::string selected = storage::to_entry_path(world.at(below));
    const auto streamed =
        stream_restore(world.opener(), root, {{selected}}, make_access_filter(world.opener(), root, who, {selected}),
                       received.writer(), {}, progress, 0);
    // What may not be seen is as if it were not there.
    EXPECT_EQ(streamed.has_value(), !received.paths.empty());
    if (!streamed) EXPECT_EQ(streamed.error().code, ErrorCode::not_found);
    std::set<std::string> out;
    for (const std::string& path : received.paths)
      out.insert(storage::to_display_path(path).substr(world.source().size()));
    return out;
  };
  EXPECT_EQ(seen({1000, {1000}, false}, ""), (std::set<std::string>{"", "/mine"}));
  EXPECT_EQ(seen({1001, {1001, 5000}, false}, ""), (std::set<std::string>{"", "/group", "/locked"}));
  EXPECT_EQ(seen({1001, {}, false}, "drop"), (std::set<std::string>{})) << "may be searched, not listed";
  EXPECT_EQ(seen({1001, {}, false}, "drop/known"), (std::set<std::string>{"/drop/known"}));
  EXPECT_EQ(seen({1001, {}, false}, "private/inside"), (std::set<std::string>{}));
  EXPECT_EQ(seen({1001, {}, true}, "private/inside"), (std::set<std::string>{"/private/inside"}));
}

// Goal: a hard link tells nothing of a name that its reader can't see.
TEST(RestoreTest, HardLinksHideNamesOutOfReach) {
  BackupWorld world;
  ASSERT_EQ(::chmod(world.folder.path().c_str(), 0755), 0);
  make_folder(world.at("a-private"), 0700);
  write_file(world.at("a-private/name"), "x");
  for (const char* name : {"b", "c"}) ASSERT_EQ(::link(world.at("a-private/name").c_str(), world.at(name).c_str()), 0);
  world.backup();
  const auto root = world.vault->resolve("latest")->commit.clear.root;
  Bytes stream;
  Progress progress;
  const auto write = [&](ByteView head, ByteView rest) -> Result<void> {
    for (const ByteView part : {head, rest}) stream.insert(stream.end(), part.begin(), part.end());
    return {};
  };
  ASSERT_TRUE(stream_restore(world.opener(), root, {{storage::to_entry_path(world.source())}},
                             make_access_filter(world.opener(), root, {1000, {}, false}), write, {}, progress, 0)
                  .has_value());
  const std::string text = to_string(stream);
  EXPECT_FALSE(text.contains("a-private"));
  EXPECT_TRUE(text.contains(storage::to_entry_path(world.at("c"))));
}

// Goal: ACLs are read as acl(5) says; a malformed one grants nothing.
TEST(RestoreTest, AclsDecide) {
  storage::Entry entry;
  entry.uid = 1;
  entry.gid = 2;
  entry.mode = 0644;
  const auto with_acl = [&](const char* hex) {
    entry.xattrs = {{"system.posix_acl_access", *from_hex(hex)}};
    return entry;
  };
  // u::rw- u:1000:r-- u:1001:rw- g::--- g:3000:r-x m::r-x o::r--
  const auto acl = with_acl(
      "02000000"
      "01000600ffffffff"
      "02000400e8030000"
      "02000600e9030000"
      "04000000ffffffff"
      "08000500b80b0000"
      "10000500ffffffff"
      "20000400ffffffff");
  EXPECT_EQ(permissions_of(acl, {1, {}, false}), 6U);
  EXPECT_EQ(permissions_of(acl, {1000, {2}, false}), 4U);
  EXPECT_EQ(permissions_of(acl, {1001, {}, false}), 4U);
  EXPECT_EQ(permissions_of(acl, {1002, {2}, false}), 0U);
  EXPECT_EQ(permissions_of(acl, {1002, {2, 3000}, false}), 5U);
  EXPECT_EQ(permissions_of(acl, {1002, {9}, false}), 4U);
  EXPECT_EQ(permissions_of(with_acl("0200000001"), {1002, {}, false}), 0U);
  EXPECT_EQ(permissions_of(with_acl("03000000"), {0, {}, false}), 7U);
}

// Goal: on another machine's snapshot a number alone makes nobody the owner, or one of the group, or the one an ACL
// names; and a line of an ACL that may have been meant to keep the caller out still does.
TEST(AccessTest, NumbersOfAnotherMachineNeedTheirNames) {
  storage::Entry entry;
  entry.uid = 1000;
  entry.user = "marie";
  entry.gid = 100;
  entry.group = "mairie";
  entry.mode = 0640;
  const auto rights = [](const std::string& user, const std::string& group) {
    return ReadRights{1000, {100}, false, AccountNames{user, {{100, group}}}};
  };
  EXPECT_EQ(permissions_of(entry, {1000, {100}, false}), 6U);
  EXPECT_EQ(permissions_of(entry, rights("marie", "other")), 6U);
  EXPECT_EQ(permissions_of(entry, rights("paul", "mairie")), 4U);
  EXPECT_EQ(permissions_of(entry, rights("paul", "users")), 0U);
  entry.user.clear();
  entry.group.clear();
  EXPECT_EQ(permissions_of(entry, rights("", "")), 0U);
  // u::rw- u:1000:r-- u:1001:--- g::r-- m::r-- o::r--
  entry.uid = 1;
  entry.xattrs = {{"system.posix_acl_access", *from_hex("02000000"
                                                        "01000600ffffffff"
                                                        "02000400e8030000"
                                                        "04000400ffffffff"
                                                        "10000400ffffffff"
                                                        "20000400ffffffff")}};
  EXPECT_EQ(permissions_of(entry, rights("marie", "users")), 4U);
  entry.xattrs = {{"system.posix_acl_access", *from_hex("02000000"
                                                        "01000600ffffffff"
                                                        "02000400e8030000"
                                                        "02000000e9030000"
                                                        "04000400ffffffff"
                                                        "10000400ffffffff"
                                                        "20000000ffffffff")}};
  EXPECT_EQ(permissions_of(entry, {1000, {100}, false}), 4U);
  EXPECT_EQ(permissions_of(entry, rights("marie", "users")), 0U);
}

// Goal: the names that count are those that this system gives the numbers.
TEST(AccessTest, NamesAreTheSystems) {
  const AccountNames names = account_names(0, {0, 4'000'000'000});
  EXPECT_EQ(names.user, "root");
  EXPECT_EQ(names.groups.at(0), "root");
  EXPECT_FALSE(names.groups.contains(4'000'000'000));
}

}  // namespace
}  // namespace beffroi::daemon
