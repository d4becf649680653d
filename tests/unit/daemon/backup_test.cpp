#include "daemon/backup/backup.h"

#include <sys/xattr.h>

#include <set>
#include <thread>

#include "storage/store/limits.h"
#include "tests/support/backup_world.h"
#include "tests/support/meddling_reader.h"
#include "tests/support/memory_objects.h"
#include "tests/support/test_entries.h"

namespace beffroi::daemon {
namespace {

using storage::testing::seeded_bytes;
using testing::BackupWorld;
using testing::write_file;

// What the folders above the source may cost when somebody else changes them meanwhile.
constexpr std::uint64_t kTreeBytes = 8'192;

std::string random_text(std::uint64_t seed, std::size_t size) { return to_string(seeded_bytes(seed, size)); }

/// Stores nothing: for the digest of a tree.
struct NamedByDigest : storage::ObjectSink {
  std::optional<storage::ObjectRef> find(storage::ObjectKind, const storage::Digest&) override { return std::nullopt; }
  Result<storage::ObjectRef> put(storage::ObjectKind, const storage::Digest& digest,
                                 const storage::ChildTable& children, ByteView) override {
    return storage::ObjectRef{.id = {digest.data}, .height = children.parent_height()};
  }
};

std::size_t folders_above(const std::string& path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

void make_folder(const std::string& path) { ASSERT_EQ(::mkdir(path.c_str(), 0755), 0); }

// Goal: a second backup of the same files reads nothing and stores nothing, and its tree is the same.
TEST(BackupTest, UnchangedFilesCostNothing) {
  BackupWorld world;
  make_folder(world.at("folder"));
  write_file(world.at("folder/small"), "small");
  write_file(world.at("folder/empty"), "");
  write_file(world.at("large"), random_text(1, 500'000));
  const auto first = world.backup();
  EXPECT_EQ(first.statistics.files_new, 3U);
  EXPECT_EQ(first.statistics.bytes_read, 500'005U);
  EXPECT_GT(first.statistics.bytes_added, 500'000U);
  const auto entries = world.entries();
  const std::size_t objects = world.content_objects();
  const auto second = world.backup();
  EXPECT_EQ(second.statistics.files_unchanged, 3U);
  EXPECT_EQ(second.statistics.files_new + second.statistics.files_changed + second.statistics.files_removed, 0U);
  EXPECT_EQ(second.statistics.bytes_read, 0U);
  EXPECT_LT(second.statistics.bytes_added, kTreeBytes);
  EXPECT_EQ(world.content_objects(), objects);
  EXPECT_EQ(world.entries(), entries);
}

// Goal: a tree in which what has not changed was taken over in whole leaves is the one that all entries would make.
TEST(BackupTest, TreesOfChangesAreWholeTrees) {
  BackupWorld world;
  constexpr int kFolders = 12, kFiles = 150;
  const auto name = [&](int folder, int file) {
    return world.at("folder " + std::to_string(folder)) +
           (file < 0 ? "" : "/document number " + std::to_string(file) + ".txt");
  };
  for (int folder = 0; folder < kFolders; ++folder) {
    ASSERT_EQ(::mkdir(name(folder, -1).c_str(), 0755), 0);
    for (int file = 0; file < kFiles; ++file)
      write_file(name(folder, file), std::to_string(folder) + " and " + std::to_string(file));
  }
  world.backup();
  const auto digest_of_all = [&](const Snapshot& snapshot) {
    NamedByDigest objects;
    storage::TreeBuilder builder(*world.vault->keys(), objects);
    const auto opener = world.opener();
    for (const auto& entry : storage::testing::all_entries(opener, snapshot.commit.clear.root))
      EXPECT_TRUE(builder.add(entry).has_value());
    return builder.finish()->digest;
  };
  const std::vector<std::function<void()>> changes = {
      [] {},
      [&] { write_file(name(3, 70), "edited"); },
      [&] { ASSERT_EQ(::unlink(name(8, 0).c_str()), 0); },
      [&] { write_file(name(5, 20) + "~", "new"); },
      [&] { ASSERT_EQ(::chmod(name(10, -1).c_str(), 0700), 0); },
      [&] { ASSERT_EQ(::rename(name(6, -1).c_str(), world.at("another name").c_str()), 0); },
      [&] { ASSERT_EQ(::symlink("nowhere", name(1, 200).c_str()), 0); },
      [&] { ASSERT_EQ(::link(name(2, 30).c_str(), world.at("zz").c_str()), 0); },
      [] {},
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i]();
    const auto result = world.backup();
    const auto latest = world.vault->resolve("latest");
    EXPECT_EQ(latest->sealed.tree_digest, digest_of_all(*latest)) << i;
    EXPECT_EQ(result.statistics.directories, world.entries().size() - result.statistics.others -
                                                 result.statistics.files_unchanged - result.statistics.files_changed -
                                                 result.statistics.files_new + folders_above(world.source()))
        << i;
    world.restore_to(world.folder.path() + "/out" + std::to_string(i));
    EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out" + std::to_string(i)),
              testing::describe_tree(world.source()))
        << i;
  }
}

// Goal: a change of attributes alone, or of rights, is a change.
TEST(BackupTest, ChangedMetadataOfUnchangedContentIsSeen) {
  BackupWorld world;
  write_file(world.at("a"), "content of a");
  write_file(world.at("b"), "content of b");
  ASSERT_EQ(::setxattr(world.at("a").c_str(), "user.note", "1", 1, 0), 0);
  world.backup();
  const auto again = world.backup();
  EXPECT_EQ(again.statistics.files_unchanged, 2U);
  EXPECT_EQ(again.statistics.bytes_read, 0U);
  EXPECT_EQ(world.entries().at("a").xattrs.size(), 1U);
  ASSERT_EQ(::setxattr(world.at("a").c_str(), "user.note", "2", 1, 0), 0);
  ASSERT_EQ(::chmod(world.at("b").c_str(), 0600), 0);
  const auto changed = world.backup();
  EXPECT_EQ(changed.statistics.files_changed, 2U);
  EXPECT_EQ(world.entries().at("a").xattrs[0].value, to_bytes(as_bytes("2")));
  EXPECT_EQ(world.entries().at("b").mode, 0600U);
}

// Goal: the attributes of an unchanged file are not read again; those of the others are.
TEST(BackupTest, UnchangedFilesAreNotLookedInto) {
  BackupWorld world;
  for (const char* name : {"a", "b", "c"}) write_file(world.at(name), name);
  ASSERT_EQ(::setxattr(world.at("c").c_str(), "user.note", "1", 1, 0), 0);
  ASSERT_EQ(::link(world.at("b").c_str(), world.at("b2").c_str()), 0);
  world.backup();
  const auto entries = world.entries();
  std::vector<std::string> read;
  testing::MeddlingReader reader([&](const std::string& name) { read.push_back(name); });
  auto request = BackupWorld::request();
  request.metadata = &reader;
  const auto again = world.backup(request);
  EXPECT_EQ(std::count(read.begin(), read.end(), "a") + std::count(read.begin(), read.end(), "c"), 0);
  EXPECT_EQ(std::count(read.begin(), read.end(), "b"), 1);
  EXPECT_EQ(again.statistics.files_unchanged, 4U);
  EXPECT_EQ(again.statistics.bytes_read, 0U);
  EXPECT_EQ(world.entries(), entries);
}

// Goal: a run that wrote the file cache and died before its commit leaves a last snapshot that is older than the cache:
// what the cache has seen since is not taken for what that snapshot says.
TEST(BackupTest, TheCacheMayBeNewerThanTheSnapshot) {
  BackupWorld world;
  write_file(world.at("a"), "content");
  ASSERT_EQ(::setxattr(world.at("a").c_str(), "user.note", "1", 1, 0), 0);
  world.backup();
  ASSERT_EQ(::setxattr(world.at("a").c_str(), "user.note", "2", 1, 0), 0);
  struct stat now{};
  ASSERT_EQ(::stat(world.at("a").c_str(), &now), 0);
  const auto path = storage::to_entry_path(world.at("a"));
  auto row = world.vault->files().find(path).value().value();
  row.fingerprint = fingerprint_of(now, false);
  for (const bool known : {true, false}) {
    row.attributes.reset();
    if (known) row.attributes = storage::attributes_hash(std::vector{storage::ExtendedAttribute{"user.note", {'2'}}});
    storage::WriteBatch batch;
    world.vault->files().put(batch, path, row);
    ASSERT_TRUE(world.vault->database().write(batch, storage::Durability::buffered));
    world.backup();
    EXPECT_EQ(world.entries().at("a").xattrs.at(0).value, to_bytes(as_bytes("2")));
  }
  // The row that lacked them has them now.
  EXPECT_TRUE(world.vault->files().find(path).value()->attributes);
}

// Goal: fresh files may change again within a tick of the clock: they are read again, and count as unchanged then.
TEST(BackupTest, FreshTimestampsAreNotTrusted) {
  BackupWorld world;
  world.vault.clock.wall_s = 1'000'000'000;
  write_file(world.at("a"), "content");
  world.backup();
  const auto again = world.backup();
  EXPECT_EQ(again.statistics.bytes_read, 7U);
  EXPECT_EQ(again.statistics.files_unchanged, 1U);
}

// Goal: --rehash reads everything whatever the cache says, and finds nothing new.
TEST(BackupTest, RehashReadsEverything) {
  BackupWorld world;
  write_file(world.at("a"), "content");
  world.backup();
  auto request = BackupWorld::request();
  request.rehash = true;
  const auto again = world.backup(request);
  EXPECT_EQ(again.statistics.bytes_read, 7U);
  EXPECT_EQ(again.statistics.files_unchanged, 1U);
  EXPECT_EQ(world.content_objects(), 1U);
}

// Goal: one byte changed in a large file costs a small fraction of it.
TEST(BackupTest, OneChangedByteCostsLittle) {
  BackupWorld world;
  std::string content = random_text(2, 4'000'000);
  write_file(world.at("large"), content);
  world.backup();
  content[2'000'000] ^= 1;
  write_file(world.at("large"), content);
  const auto changed = world.backup();
  EXPECT_EQ(changed.statistics.files_changed, 1U);
  EXPECT_LT(changed.statistics.bytes_added, 16'384U);
  auto restored = world.restore_to(world.folder.path() + "/out");
  EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out"), testing::describe_tree(world.source()));
}

// Goal: a source marked separate shares neither bundles nor deltas.
TEST(BackupTest, SeparateSourcesStandAlone) {
  BackupWorld world;
  world.sources[0].separate = true;
  std::string content = random_text(3, 300'000);
  write_file(world.at("large"), content);
  write_file(world.at("small"), "small");
  world.backup();
  content[100'000] ^= 1;
  write_file(world.at("large"), content);
  world.backup();
  for (const auto& [name, entry] : world.entries()) {
    for (const auto& segment : entry.segments) {
      EXPECT_FALSE(segment.in_bundle) << name;
      EXPECT_EQ(segment.object->height, 0) << name;
    }
  }
}

// Goal: moved and copied files add no content, only tree.
TEST(BackupTest, MovedAndCopiedFilesAddNoContent) {
  BackupWorld world;
  const std::string content = random_text(4, 800'000);
  write_file(world.at("large"), content);
  write_file(world.at("small"), random_text(5, 5'000));
  world.backup();
  const std::size_t objects = world.content_objects();
  make_folder(world.at("moved"));
  ASSERT_EQ(::rename(world.at("large").c_str(), world.at("moved/renamed").c_str()), 0);
  write_file(world.at("copy-of-large"), content);
  write_file(world.at("moved/copy-of-small"), random_text(5, 5'000));
  const auto again = world.backup();
  EXPECT_EQ(again.statistics.files_removed, 1U);
  EXPECT_EQ(again.statistics.files_new, 3U);
  EXPECT_EQ(world.content_objects(), objects);
  EXPECT_LT(again.statistics.bytes_added, kTreeBytes);
}

// Goal: small files share bundles, each of them once whatever its name.
TEST(BackupTest, SmallFilesArePacked) {
  BackupWorld world;
  for (int i = 0; i < 1'200; ++i)
    write_file(world.at("f" + std::to_string(i)), random_text(1'000 + static_cast<std::uint64_t>(i % 400), 3'000));
  const auto result = world.backup();
  // 400 different contents of 3,000 bytes: two bundles of about 1 MiB.
  EXPECT_EQ(world.content_objects(), 2U);
  EXPECT_LT(result.statistics.bytes_added, 1'500'000U);
  const auto entries = world.entries();
  EXPECT_EQ(entries.at("f0").segments[0], entries.at("f800").segments[0]);
  std::set<storage::ObjectId> bundles;
  for (const auto& [name, entry] : entries)
    if (entry.type == storage::EntryType::file) bundles.insert(entry.segments.at(0).object->id);
  EXPECT_EQ(bundles.size(), 2U);
  world.restore_to(world.folder.path() + "/out");
  EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out"), testing::describe_tree(world.source()));
}

// Goal: a bundle of which little is left is rewritten by the backup after the next.
TEST(BackupTest, SparseBundlesAreRewritten) {
  BackupWorld world;
  for (int i = 0; i < 20; ++i)
    write_file(world.at("f" + std::to_string(i)), random_text(200 + static_cast<std::uint64_t>(i), 10'000));
  world.backup();
  const auto old_bundle = world.entries().at("f3").segments[0].object->id;
  for (int i = 0; i < 20; ++i)
    if (i != 3) ASSERT_EQ(::unlink(world.at("f" + std::to_string(i)).c_str()), 0);
  world.backup();
  EXPECT_EQ(world.entries().at("f3").segments[0].object->id, old_bundle);
  const auto rewritten = world.backup();
  EXPECT_NE(world.entries().at("f3").segments[0].object->id, old_bundle);
  EXPECT_EQ(rewritten.statistics.files_unchanged, 1U);
  EXPECT_LT(rewritten.statistics.bytes_added, 30'000U);
  EXPECT_EQ(world.content_objects(), 2U);
  EXPECT_EQ(world.backup().statistics.bytes_read, 0U);
  EXPECT_EQ(world.content_objects(), 2U);
}

// Goal: a source that is gone, or suddenly empty, keeps its last content, is named, and does not stop the others.
TEST(BackupTest, MissingSourcesKeepTheirContent) {
  BackupWorld world;
  const std::string other = world.folder.path() + "/z-other";
  make_folder(other);
  write_file(other + "/x", "other file");
  write_file(world.at("a"), "precious");
  world.sources.push_back(BackupWorld::source_at(other));
  world.backup();
  ASSERT_EQ(::rename(world.source().c_str(), (world.folder.path() + "/away").c_str()), 0);
  write_file(other + "/y", "new");
  for (const bool empty : {false, true}) {
    if (empty) make_folder(world.source());
    const auto result = world.backup();
    EXPECT_EQ(result.problems_total, 1U) << empty;
    ASSERT_FALSE(result.problems.empty());
    EXPECT_EQ(result.problems[0].path, storage::to_entry_path(world.source()));
    const auto latest = world.vault->resolve("latest");
    EXPECT_NE(latest->commit.clear.flags & storage::kCommitStale, 0U);
    const auto entries = world.entries();
    ASSERT_TRUE(entries.contains("a"));
    EXPECT_NE(entries.at("a").flags & storage::kEntryStale, 0U);
    EXPECT_EQ(entries.at("a").size, 8U);
    const auto opener = world.opener();
    const auto found =
        storage::TreeReader(opener, latest->commit.clear.root).find(storage::to_entry_path(other + "/y"));
    EXPECT_TRUE(found->has_value());
  }
  auto request = BackupWorld::request();
  request.accept_empty = true;
  const auto accepted = world.backup(request);
  EXPECT_FALSE(accepted.incomplete());
  EXPECT_EQ(world.entries().size(), 1U);
}

// Goal: a link that somebody put in the place of a source, or of a folder above it, leads nowhere: the last content is
// kept, and the problem named.
TEST(BackupTest, LinksInPlaceOfSourcesAreNotFollowed) {
  BackupWorld world;
  const std::string above = world.folder.path() + "/above";
  make_folder(above);
  make_folder(above + "/below");
  write_file(above + "/below/a", "own");
  world.sources = {BackupWorld::source_at(above + "/below")};
  world.backup();
  const std::string elsewhere = world.folder.path() + "/elsewhere";
  make_folder(elsewhere);
  make_folder(elsewhere + "/below");
  write_file(elsewhere + "/below/secret", "of somebody else");
  const auto holds = [&](const std::string& path) {
    const auto opener = world.opener();
    const storage::TreeReader tree(opener, world.vault->resolve("latest")->commit.clear.root);
    return tree.find(storage::to_entry_path(path))->has_value();
  };
  for (const bool is_above : {false, true}) {
    const std::string place = is_above ? above : above + "/below";
    ASSERT_EQ(::rename(place.c_str(), (world.folder.path() + "/away").c_str()), 0);
    ASSERT_EQ(::symlink(is_above ? elsewhere.c_str() : (elsewhere + "/below").c_str(), place.c_str()), 0);
    EXPECT_EQ(world.backup().problems_total, 1U) << is_above;
    EXPECT_TRUE(holds(above + "/below/a")) << is_above;
    EXPECT_FALSE(holds(above + "/below/secret")) << is_above;
    ASSERT_EQ(::unlink(place.c_str()), 0);
    ASSERT_EQ(::rename((world.folder.path() + "/away").c_str(), place.c_str()), 0);
  }
}

// Goal: what comes back after a source was stale is the present state, not the kept one.
TEST(BackupTest, StaleSourcesRecover) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  world.backup();
  ASSERT_EQ(::rename(world.source().c_str(), (world.folder.path() + "/away").c_str()), 0);
  world.backup();
  ASSERT_EQ(::rename((world.folder.path() + "/away").c_str(), world.source().c_str()), 0);
  const auto back = world.backup();
  EXPECT_FALSE(back.incomplete());
  EXPECT_EQ(world.entries().at("a").flags, 0U);
  EXPECT_EQ(world.vault->resolve("latest")->commit.clear.flags, 0U);
}

// Goal: tests run as root, so a file that nobody can read is one whose reading fails: a process's memory. It is named,
// and the others are saved.
TEST(BackupTest, UnreadableFilesAreNamed) {
  BackupWorld world;
  write_file(world.at("a"), "fine");
  const std::string memory = "/proc/" + std::to_string(::getpid()) + "/mem";
  world.sources.push_back(BackupWorld::source_at(memory));
  const auto result = world.backup();
  EXPECT_TRUE(result.incomplete());
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(storage::to_display_path(result.problems[0].path), memory);
  EXPECT_EQ(world.entries().at("a").size, 4U);
  const auto opener = world.opener();
  const auto found = storage::TreeReader(opener, world.vault->resolve("latest")->commit.clear.root)
                         .find(storage::to_entry_path(memory));
  ASSERT_TRUE(found->has_value());
  EXPECT_NE((**found).flags & storage::kEntryUnreadable, 0U);
}

// Goal: a file that grows all the time is taken, flagged and named, and the backup ends; a quiet one is not flagged any
// more.
TEST(BackupTest, ChangingFilesAreFlagged) {
  BackupWorld world;
  write_file(world.at("log"), random_text(6, 3'000'000));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const FileDescriptor file(::open(world.at("log").c_str(), O_WRONLY));
    for (std::uint64_t i = 0; !stop; ++i) static_cast<void>(::pwrite(file.get(), &i, sizeof i, 0));
  });
  // A busy machine may leave the writer no turn while the file is read: then once more.
  BackupResult result;
  for (int attempt = 0; attempt < 100 && !result.incomplete(); ++attempt) result = world.backup();
  stop = true;
  writer.join();
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_NE(world.entries().at("log").flags & storage::kEntryChangedWhileRead, 0U);
  EXPECT_EQ(world.entries().at("log").size, 3'000'000U);
  const auto calm = world.backup();
  EXPECT_FALSE(calm.incomplete());
  EXPECT_EQ(world.entries().at("log").flags, 0U);
}

// Goal: files that come and go while the walk runs never end it, and leave a sound snapshot.
TEST(BackupTest, VanishingFilesAreNoError) {
  BackupWorld world;
  std::atomic<bool> stop = false;
  for (int i = 0; i < 200; ++i)
    write_file(world.at("f" + std::to_string(i)), random_text(static_cast<std::uint64_t>(i), 20'000));
  std::thread mischief([&] {
    for (int i = 0; !stop; i = (i + 7) % 200) {
      ::unlink(world.at("f" + std::to_string(i)).c_str());
      std::this_thread::yield();
      write_file(world.at("f" + std::to_string((i + 3) % 200)), "back");
    }
  });
  const auto first = world.backup();
  stop = true;
  mischief.join();
  EXPECT_TRUE(first.snapshot.has_value());
  EXPECT_FALSE(world.backup().incomplete());
}

// Who else has an account on the machine, and may rename in the folder.
constexpr uid_t kStranger = 4242;

/// Gives what is at `path`, and directly below it, to a stranger.
void give_away(const std::string& path) { ASSERT_EQ(::lchown(path.c_str(), kStranger, kStranger), 0); }

bool is_root() { return ::geteuid() == 0; }

// Goal: a link in a file's place, gone before it is read, does not bring that file's last content to the link's owner.
TEST(BackupTest, LinksDoNotBringContentToTheirOwner) {
  if (!is_root()) GTEST_SKIP() << "only root gives files away";
  BackupWorld world;
  write_file(world.at("payroll"), "secret");
  ASSERT_EQ(::chmod(world.at("payroll").c_str(), 0600), 0);
  world.backup();
  ASSERT_EQ(::rename(world.at("payroll").c_str(), (world.folder.path() + "/away").c_str()), 0);
  write_file(world.at("a"), "bait");
  give_away(world.at("a"));
  for (const char* name : {"payroll", "z"}) ASSERT_EQ(::link(world.at("a").c_str(), world.at(name).c_str()), 0);
  testing::MeddlingReader meddling([&](const std::string& name) {
    if (name == "a") ASSERT_EQ(::unlink(world.at("a").c_str()), 0);
  });
  auto request = BackupWorld::request();
  request.metadata = &meddling;
  EXPECT_GE(world.backup(request).problems_total, 1U);
  const auto payroll = world.entries().at("payroll");
  EXPECT_EQ(payroll.uid, kStranger);
  EXPECT_TRUE(payroll.segments.empty());
  EXPECT_NE(payroll.flags & storage::kEntryUnreadable, 0U);
}

/// A closed folder with a file of modest rights in it, and a stranger's open folder beside the source, "bait".
void set_trap(BackupWorld& world, const std::string& folder) {
  make_folder(world.at(folder));
  ASSERT_EQ(::chmod(world.at(folder).c_str(), 0700), 0);
  write_file(world.at(folder + "/secret"), "secret");
  make_folder(world.folder.path() + "/bait");
  give_away(world.folder.path() + "/bait");
}

void exchange(const std::string& one, const std::string& other) {
  ASSERT_EQ(::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE), 0);
}

// Goal: a stranger's open folder that is seen in a closed one's place for a moment gets none of what was below that:
// the closed folder is kept whole, its rights included.
TEST(BackupTest, FoldersSwappedForAMomentKeepTheirRights) {
  if (!is_root()) GTEST_SKIP() << "only root gives files away";
  BackupWorld world;
  set_trap(world, "closed");
  world.backup();
  const std::string bait = world.folder.path() + "/bait";
  exchange(world.at("closed"), bait);
  testing::MeddlingReader meddling([&](const std::string& name) {
    if (name == "closed") exchange(world.at("closed"), bait);
  });
  auto request = BackupWorld::request();
  request.metadata = &meddling;
  EXPECT_EQ(world.backup(request).problems_total, 1U);
  const auto entries = world.entries();
  EXPECT_EQ(entries.at("closed").uid, 0U);
  EXPECT_EQ(entries.at("closed").mode, 0700U);
  EXPECT_TRUE(entries.contains("closed/secret"));
}

// Goal: the same one level up: in a stranger's open folder nothing is kept of what was in the closed one, whatever in
// it can't be read.
TEST(BackupTest, NothingIsKeptBelowAFolderThatIsOpenNow) {
  if (!is_root()) GTEST_SKIP() << "only root gives files away";
  BackupWorld world;
  make_folder(world.at("closed"));
  ASSERT_EQ(::chmod(world.at("closed").c_str(), 0700), 0);
  for (const char* name : {"closed/inner", "closed/late"}) make_folder(world.at(name));
  for (const char* name : {"closed/file", "closed/inner/secret", "closed/late/secret"})
    write_file(world.at(name), "secret");
  world.backup();
  ASSERT_EQ(::rename(world.at("closed").c_str(), (world.folder.path() + "/away").c_str()), 0);
  for (const char* name : {"closed", "closed/inner", "closed/late"}) {
    make_folder(world.at(name));
    give_away(world.at(name));
  }
  write_file(world.at("closed/file"), "bait");
  testing::MeddlingReader meddling([&](const std::string& name) {
    // One folder leads elsewhere when it is opened, and one file is another when it is read.
    if (name == "inner") exchange(world.at("closed/inner"), world.at("closed/late"));
    if (name == "file") {
      write_file(world.at("closed/other"), "bait");
      exchange(world.at("closed/file"), world.at("closed/other"));
    }
  });
  auto request = BackupWorld::request();
  request.metadata = &meddling;
  EXPECT_GE(world.backup(request).problems_total, 2U);
  const auto entries = world.entries();
  EXPECT_FALSE(entries.contains("closed/inner/secret"));
  EXPECT_NE(entries.at("closed/file").flags & storage::kEntryUnreadable, 0U);
  EXPECT_EQ(entries.at("closed").uid, kStranger);
}

// Goal: a missing source is kept behind the closed folder above it, whoever's open folder is there now; one that is
// suddenly empty is not kept there at all.
TEST(BackupTest, MissingSourcesStayBehindTheirFolder) {
  if (!is_root()) GTEST_SKIP() << "only root gives files away";
  BackupWorld world;
  set_trap(world, "closed");
  make_folder(world.at("closed/docs"));
  write_file(world.at("closed/docs/secret"), "secret");
  world.sources = {BackupWorld::source_at(world.at("closed/docs"))};
  world.backup();
  const auto find = [&](const std::string& path) {
    const auto opener = world.opener();
    const storage::TreeReader tree(opener, world.vault->resolve("latest")->commit.clear.root);
    return *tree.find(storage::to_entry_path(world.at(path)));
  };
  exchange(world.at("closed"), world.folder.path() + "/bait");
  EXPECT_EQ(world.backup().problems_total, 1U);
  EXPECT_EQ(find("closed")->mode, 0700U);
  EXPECT_TRUE(find("closed/docs/secret").has_value());
  make_folder(world.at("closed/docs"));
  EXPECT_EQ(world.backup().problems_total, 1U);
  EXPECT_EQ(find("closed")->uid, kStranger);
  EXPECT_FALSE(find("closed/docs/secret").has_value());
}

// Goal: on a network, where size and time are all there is to tell by, a stranger's file of the same size and time is
// read: it does not get the content of the one that was there.
TEST(BackupTest, OnANetworkAnotherOwnersFileIsRead) {
  if (!is_root()) GTEST_SKIP() << "only root gives files away";
  BackupWorld world;
  testing::MeddlingReader meddling;
  meddling.network = true;
  auto request = BackupWorld::request();
  request.metadata = &meddling;
  write_file(world.at("payroll"), "secret");
  struct stat status{};
  ASSERT_EQ(::stat(world.at("payroll").c_str(), &status), 0);
  world.backup(request);
  EXPECT_EQ(world.backup(request).statistics.bytes_read, 0U);
  ASSERT_EQ(::unlink(world.at("payroll").c_str()), 0);
  write_file(world.at("payroll"), "bait!!");
  give_away(world.at("payroll"));
  const std::array<timespec, 2> times{status.st_mtim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, world.at("payroll").c_str(), times.data(), 0), 0);
  const auto before = world.entries().at("payroll");
  EXPECT_EQ(world.backup(request).statistics.bytes_read, 6U);
  EXPECT_NE(world.entries().at("payroll").content_digest, before.content_digest);
}

// Goal: a backup that is stopped leaves no snapshot, and the next one finds again what was stored.
TEST(BackupTest, StoppedBackupsResume) {
  BackupWorld world;
  for (int i = 0; i < 60; ++i)
    write_file(world.at("f" + std::to_string(i)), random_text(300 + static_cast<std::uint64_t>(i), 1'000'000));
  Progress progress;
  std::thread stopper([&] {
    while (progress.bytes_added < 20'000'000 && progress.phase != Phase::done) std::this_thread::yield();
    progress.cancel = true;
  });
  const auto stopped = run_backup(*world.vault, world.sources, BackupWorld::request(), progress);
  stopper.join();
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(world.vault->snapshots()->empty());
  const std::uint64_t before = world.vault->objects().usage(world.vault->space())->sealed_bytes;
  EXPECT_GT(before, 0U);
  const auto finished = world.backup();
  const std::uint64_t after = world.vault->objects().usage(world.vault->space())->sealed_bytes;
  EXPECT_EQ(finished.statistics.bytes_added, after - before);
  EXPECT_LT(after, 62'000'000U);
  world.restore_to(world.folder.path() + "/out");
  EXPECT_EQ(testing::describe_tree(world.folder.path() + "/out"), testing::describe_tree(world.source()));
}

// Goal: a dry run counts and changes nothing.
TEST(BackupTest, DryRunStoresNothing) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  write_file(world.at("b"), "two");
  world.backup();
  write_file(world.at("b"), "longer than before");
  write_file(world.at("c"), "new");
  auto request = BackupWorld::request();
  request.dry_run = true;
  const auto before = world.vault->objects().usage(world.vault->space());
  const auto result = world.backup(request);
  EXPECT_FALSE(result.snapshot.has_value());
  EXPECT_EQ(result.statistics.files_new, 1U);
  EXPECT_EQ(result.statistics.files_changed, 1U);
  EXPECT_EQ(result.statistics.files_unchanged, 1U);
  EXPECT_EQ(world.vault->objects().usage(world.vault->space())->objects, before->objects);
  EXPECT_EQ(world.vault->snapshots()->size(), 1U);
}

// Goal: a first push is cut into complete snapshots, newest and smallest files first, each holding the one before; what
// waits to be sent with them is not cut again.
TEST(BackupTest, FirstPushComesInParts) {
  BackupWorld world;
  make_folder(world.at("folder"));
  for (int i = 0; i < 20; ++i) {
    const std::string path = world.at("folder/f" + std::to_string(i));
    write_file(path, random_text(400 + static_cast<std::uint64_t>(i), 100'000));
    // The higher, the newer.
    const std::array<timespec, 2> times{timespec{3'900'000'000 + i * 86'400L, 0},
                                        timespec{3'900'000'000 + i * 86'400L, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
  }
  auto request = BackupWorld::request();
  request.partial_step_bytes = 300'000;
  const auto result = world.backup(request);
  EXPECT_EQ(result.partial_commits, 3U);  // 300,000, 600,000 and 1,200,000 of 2,000,000 bytes
  const auto snapshots = world.vault->snapshots();
  ASSERT_EQ(snapshots->size(), 4U);
  std::set<std::string> last;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& snapshot = (*snapshots)[i];
    EXPECT_EQ(snapshot.commit.clear.flags, i < 3 ? storage::kCommitPartial : 0U);
    std::set<std::string> files;
    for (const auto& [name, entry] : world.entries(snapshot.commit.id.hex()))
      if (entry.type == storage::EntryType::file) files.insert(name);
    EXPECT_EQ(files.size(), std::vector<std::size_t>({3, 6, 12, 20})[i]);
    EXPECT_TRUE(std::includes(files.begin(), files.end(), last.begin(), last.end()));
    EXPECT_TRUE(files.contains("folder/f19"));
    last = files;
  }
  EXPECT_EQ(world.vault->resolve("latest")->commit.id, *result.snapshot);
  for (int i = 0; i < 3; ++i)
    write_file(world.at("more" + std::to_string(i)), random_text(500 + static_cast<std::uint64_t>(i), 100'000));
  EXPECT_EQ(world.backup(request).partial_commits, 0U);
}

// Goal: a big folder that is added when the peer has a snapshot already comes in parts as well, and what the peer has
// does not count, whatever it is called now.
TEST(BackupTest, WhatThePeerLacksComesInParts) {
  BackupWorld world;
  auto request = BackupWorld::request();
  request.partial_step_bytes = 300'000;
  for (int i = 0; i < 3; ++i)
    write_file(world.at("f" + std::to_string(i)), random_text(500 + static_cast<std::uint64_t>(i), 100'000));
  EXPECT_EQ(world.backup(request).partial_commits, 0U);
  testing::TestPeer peer;
  ASSERT_TRUE(world.vault->bind_peer(peer.binding()).has_value());
  ASSERT_TRUE(world.vault->accept_receipt(peer.receipt(world.vault->latest()->value().commit)).has_value());
  make_folder(world.at("moved"));
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(::rename(world.at("f" + std::to_string(i)).c_str(), world.at("moved/" + std::to_string(i)).c_str()), 0);
  write_file(world.at("new"), random_text(600, 250'000));
  EXPECT_EQ(world.backup(request).partial_commits, 0U);
  for (int i = 0; i < 10; ++i)
    write_file(world.at("more" + std::to_string(i)), random_text(700 + static_cast<std::uint64_t>(i), 100'000));
  EXPECT_EQ(world.backup(request).partial_commits, 2U);  // 300,000 and 600,000 of 1,000,000 bytes
}

// Goal: a first backup that was cut short before its snapshot had stored most of it: the next one comes in parts all
// the same.
TEST(BackupTest, AnInterruptedFirstPushComesInParts) {
  BackupWorld world;
  for (int i = 10; i < 40; ++i)
    write_file(world.at("f" + std::to_string(i)), random_text(400 + static_cast<std::uint64_t>(i), 1'000'000));
  write_file(world.at("z"), "last");
  auto request = BackupWorld::request();
  request.partial_step_bytes = 10'000'000;
  Progress progress;
  testing::MeddlingReader meddling([&](const std::string& name) {
    if (name != "z") return;
    while (progress.bytes_added < 30'000'000) std::this_thread::yield();
    progress.cancel = true;
  });
  request.metadata = &meddling;
  ASSERT_EQ(run_backup(*world.vault, world.sources, request, progress).error().code, ErrorCode::cancelled);
  request.metadata = nullptr;
  const auto resumed = world.backup(request);
  EXPECT_LT(resumed.statistics.bytes_added, 10'000'000U);
  EXPECT_EQ(resumed.partial_commits, 2U);
}

// Goal: exclusions, caches, sizes and sockets are left out and counted.
TEST(BackupTest, ExclusionsAreCounted) {
  BackupWorld world;
  make_folder(world.at("cache"));
  write_file(world.at("cache/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n");
  write_file(world.at("cache/x"), "x");
  make_folder(world.at("not-a-cache"));
  write_file(world.at("not-a-cache/CACHEDIR.TAG"), "Signature: something else");
  make_folder(world.at("build"));
  write_file(world.at("build/object.o"), "o");
  write_file(world.at("build/keep.me"), "k");
  write_file(world.at("big"), std::string(50'000, 'b'));
  write_file(world.at(".ignore"), "*.bak\n");
  write_file(world.at("old.bak"), "bak");
  world.sources[0].excludes = {"build/", "!build/keep.me"};
  world.sources[0].exclude_files = {".ignore"};
  world.sources[0].max_file_bytes = 40'000;
  const auto result = world.backup();
  const auto entries = world.entries();
  for (const char* there :
       {"cache", "cache/CACHEDIR.TAG", "not-a-cache/CACHEDIR.TAG", "build", "build/keep.me", ".ignore"})
    EXPECT_TRUE(entries.contains(there)) << there;
  for (const char* absent : {"cache/x", "build/object.o", "big", "old.bak"})
    EXPECT_FALSE(entries.contains(absent)) << absent;
  EXPECT_EQ(result.statistics.excluded, 4U);
}

// Goal: an excluded folder in which nothing is taken back leaves no trace.
TEST(BackupTest, ExcludedFoldersAppearOnlyWhenNeeded) {
  BackupWorld world;
  make_folder(world.at("build"));
  write_file(world.at("build/object.o"), "o");
  write_file(world.at("a"), "a");
  world.sources[0].excludes = {"build/", "!build/keep.me"};
  world.backup();
  EXPECT_FALSE(world.entries().contains("build"));
}

// Goal: commands run with the source's path, a failing one is named and does not stop the backup, a dry run has none.
TEST(BackupTest, CommandsRunAroundTheBackup) {
  BackupWorld world;
  world.sources[0].before = "echo dump of $BEFFROI_SOURCE; printf dump > \"$BEFFROI_SOURCE/dump\"";
  world.sources[0].after = "rm \"$BEFFROI_SOURCE/dump\"";
  EXPECT_FALSE(world.backup().incomplete());
  EXPECT_EQ(world.entries().at("dump").size, 4U);
  EXPECT_NE(::access(world.at("dump").c_str(), F_OK), 0);
  world.sources[0].before = "exit 7";
  world.sources[0].after = "";
  write_file(world.at("a"), "a");
  const auto failed = world.backup();
  ASSERT_EQ(failed.problems.size(), 1U);
  EXPECT_EQ(failed.problems[0].arguments, (std::vector<std::string>{world.source(), "7"}));
  EXPECT_TRUE(world.entries().contains("a"));
}

// Goal: without room within the limits a backup stops with one sentence; with receipts, old content makes room.
TEST(BackupTest, LimitsAreKept) {
  BackupWorld world;
  write_file(world.at("a"), random_text(7, 5'000'000));
  auto request = BackupWorld::request();
  request.limits.max_bytes = 1'000'000;
  Progress progress;
  const auto full = run_backup(*world.vault, world.sources, request, progress);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, ErrorCode::disk_full);
  // What is there, what may be, and what is missing, in MiB.
  EXPECT_EQ(full.error().args, (std::vector<std::string>{"0", "0", "64"}));
  EXPECT_TRUE(world.vault->snapshots()->empty());
}

// Goal: content that was evicted because the peer has it is not stored again.
TEST(BackupTest, EvictedContentIsNotStoredAgain) {
  BackupWorld world;
  write_file(world.at("a"), random_text(8, 2'000'000));
  world.backup();
  testing::TestPeer peer;
  ASSERT_TRUE(world.vault->bind_peer(peer.binding()).has_value());
  ASSERT_TRUE(world.vault->accept_receipt(peer.receipt(world.vault->latest()->value().commit)).has_value());
  ASSERT_TRUE(
      storage::evict_receipted(world.vault->database(), world.vault->objects(), world.vault->space(), 10'000'000)
          .has_value());
  auto request = BackupWorld::request();
  request.rehash = true;
  const std::size_t objects = world.content_objects();
  EXPECT_LT(world.backup(request).statistics.bytes_added, kTreeBytes);
  EXPECT_EQ(world.content_objects(), objects);
}

// Goal: what another device of the vault says of a file's content is not believed, though the digest is the one that
// this device has read: the file is read, once.
TEST(BackupTest, AnotherDevicesSnapshotIsNotTrusted) {
  BackupWorld world;
  write_file(world.at("a"), "one");
  world.backup();
  const auto head = world.vault->latest()->value().commit;
  testing::TemporaryFolder folder;
  const auto fresh = *Vault::open(folder.path() + "/data", world.vault.clock, world.vault.random);
  const auto log = world.vault->log();
  storage::RecoveryPlan plan;
  plan.log = &log;
  plan.heads = {{world.vault->device_id(), {head.id, head.clear.sequence}}};
  const auto records = storage::recover_vault(world.vault.root, *fresh->device_request(), plan, world.vault.clock.now(),
                                              world.vault.random);
  std::vector<Bytes> all = log.encoded();
  all.insert(all.end(), records->begin(), records->end());
  ASSERT_TRUE(fresh->found(all).has_value());
  ASSERT_TRUE(fresh->adopt_commit(**world.vault->store().commit(head.id)).has_value());
  // Trees were fetched, and contents are known to be at the peer; the cache is that of a first backup which was cut
  // short.
  std::vector<storage::RemoteObject> contents;
  const auto copied = world.vault->objects().iterate(
      world.vault->space(), [&](const storage::ObjectId& id, const storage::ObjectInfo& info) {
        const auto bytes = world.vault->objects().get(world.vault->space(), id);
        const storage::IncomingObject object{id, *storage::decode_header(*bytes), *bytes};
        if (info.kind == storage::ObjectKind::chunk || info.kind == storage::ObjectKind::bundle)
          contents.push_back({id, info.kind, info.height, info.epoch, info.sealed_bytes});
        else
          EXPECT_TRUE(fresh->objects().put(fresh->space(), {&object, 1}));
        return true;
      });
  ASSERT_TRUE(copied && fresh->objects().note_remote(fresh->space(), contents));
  storage::WriteBatch batch;
  const std::string path = storage::to_entry_path(world.at("a"));
  fresh->files().put(batch, path, **world.vault->files().find(path));
  ASSERT_TRUE(fresh->database().write(batch, storage::Durability::buffered));
  Progress progress, again;
  const auto first = run_backup(*fresh, world.sources, BackupWorld::request(), progress);
  ASSERT_TRUE(first.has_value()) << first.error().message();
  EXPECT_EQ(first->statistics.bytes_read, 3U);
  EXPECT_EQ(run_backup(*fresh, world.sources, BackupWorld::request(), again)->statistics.bytes_read, 0U);
}

// Goal: on a network's file system inodes and change times mean nothing: a file that has others is unchanged, and links
// of one file are files of their own; elsewhere it is read again, and they are one.
TEST(BackupTest, OnANetworkInodesMeanNothing) {
  for (const bool network : {false, true}) {
    BackupWorld world;
    testing::MeddlingReader meddling;
    meddling.network = network;
    auto request = BackupWorld::request();
    request.metadata = &meddling;
    write_file(world.at("a"), random_text(1, 50'000));
    write_file(world.at("b"), "linked");
    ASSERT_EQ(::link(world.at("b").c_str(), world.at("c").c_str()), 0);
    EXPECT_EQ(world.backup(request).statistics.bytes_read, network ? 50'012U : 50'006U);
    EXPECT_EQ(world.entries().at("c").hard_link.empty(), network);
    struct stat status{};
    ASSERT_EQ(::stat(world.at("a").c_str(), &status), 0);
    write_file(world.at("d"), random_text(1, 50'000));
    const std::array<timespec, 2> times{status.st_mtim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, world.at("d").c_str(), times.data(), 0), 0);
    ASSERT_EQ(::rename(world.at("d").c_str(), world.at("a").c_str()), 0);
    EXPECT_EQ(world.backup(request).statistics.bytes_read, network ? 0U : 50'000U);
    EXPECT_FALSE(world.backup(request).incomplete());
  }
}

// Goal: two backups of one vault never run at once, and one without sources or vault says what to do.
TEST(BackupTest, RefusesWhatCannotWork) {
  BackupWorld world;
  Progress progress;
  EXPECT_EQ(run_backup(*world.vault, {}, BackupWorld::request(), progress).error().code, ErrorCode::wrong_state);
  const auto held = world.vault->try_begin_backup();
  EXPECT_EQ(run_backup(*world.vault, world.sources, BackupWorld::request(), progress).error().code, ErrorCode::busy);
}

// Goal: two sources and the folders above them make one tree, in order, whatever the order they were added in.
TEST(BackupTest, SeveralSourcesMakeOneTree) {
  BackupWorld world;
  const std::string second = world.folder.path() + "/another";
  make_folder(second);
  write_file(second + "/x", "x");
  write_file(world.at("a"), "a");
  const std::string single = world.folder.path() + "/single.txt";
  write_file(single, "single");
  world.sources.push_back(BackupWorld::source_at(second));
  world.sources.push_back(BackupWorld::source_at(single));
  EXPECT_FALSE(world.backup().incomplete());
  const auto opener = world.opener();
  const storage::TreeReader tree(opener, world.vault->resolve("latest")->commit.clear.root);
  for (const std::string& path :
       {std::string("/"), std::string("/tmp"), world.folder.path(), world.at("a"), second + "/x", single})
    EXPECT_TRUE(tree.find(storage::to_entry_path(path))->has_value()) << path;
}

}  // namespace
}  // namespace beffroi::daemon
