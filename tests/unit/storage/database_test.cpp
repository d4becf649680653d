// Goal: tables, batches and cursors do what database.h says, and a folder that must not be opened is refused with the
// right error.
#include "storage/store/database.h"

#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <sys/stat.h>

#include <fstream>

#include "storage/store/rocks_options.h"
#include "tests/support/memory_database.h"
#include "tests/support/store_cases.h"

namespace beffroi::storage {
namespace {

using namespace testing;
using ::testing::ElementsAre;

Bytes key(std::string_view text) { return to_bytes(as_bytes(text)); }

class DatabaseTest : public ::testing::Test {
 protected:
  void put(Table table, std::string_view name, std::string_view value) {
    ASSERT_TRUE(database->put(table, as_bytes(name), as_bytes(value), Durability::buffered));
  }
  std::optional<std::string> get(Table table, std::string_view name) {
    const auto value = database->get(table, as_bytes(name)).value();
    return value ? std::optional(to_string(*value)) : std::nullopt;
  }
  std::vector<std::string> keys(Table table, std::string_view prefix, std::string_view start) {
    std::vector<std::string> out;
    EXPECT_TRUE(database->scan(table, as_bytes(prefix), as_bytes(start), [&](ByteView name, ByteView) {
      out.push_back(to_string(name));
      return true;
    }));
    return out;
  }
  std::optional<std::string> last(std::string_view prefix) {
    const auto found = database->last(Table::branches, as_bytes(prefix)).value();
    return found ? std::optional(to_string(found->key)) : std::nullopt;
  }
  std::optional<std::string> first(std::string_view prefix, std::string_view start) {
    const auto found = database->first(Table::branches, as_bytes(prefix), as_bytes(start)).value();
    return found ? std::optional(to_string(found->key)) : std::nullopt;
  }

  MemoryDatabase database;
};

TEST_F(DatabaseTest, TablesAreApartAndKeepTheirValues) {
  for (std::size_t i = 0; i < kTableCount; ++i) put(static_cast<Table>(i), "key", "value " + std::to_string(i));
  database.reopen();
  for (std::size_t i = 0; i < kTableCount; ++i)
    EXPECT_EQ(get(static_cast<Table>(i), "key"), "value " + std::to_string(i));
  EXPECT_EQ(get(Table::info, "other"), std::nullopt);
  EXPECT_TRUE(database->contains(Table::info, as_bytes("key")).value());
  EXPECT_FALSE(database->contains(Table::info, as_bytes("other")).value());
}

TEST_F(DatabaseTest, EmptyKeysAndValuesAndLargeOnesAreValues) {
  put(Table::commits, "", "of the empty key");
  put(Table::commits, "empty", "");
  const std::string large(3'000'000, 'x');
  put(Table::objects, "large", large);
  EXPECT_EQ(get(Table::commits, ""), "of the empty key");
  EXPECT_EQ(get(Table::commits, "empty"), "");
  EXPECT_EQ(get(Table::objects, "large"), large);
}

TEST_F(DatabaseTest, ManyKeysAreAnsweredInOrder) {
  put(Table::info, "a", "1");
  put(Table::info, "b", "2");
  const std::vector<Bytes> asked = {key("b"), key("none"), key("a"), key("b")};
  const auto values = database->get_many(Table::info, asked).value();
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0], key("2"));
  EXPECT_EQ(values[1], std::nullopt);
  EXPECT_EQ(values[2], key("1"));
  EXPECT_EQ(values[3], key("2"));
}

// More than are read at once, and some that are not there.
TEST_F(DatabaseTest, ManyKeysAreHandedOverInOrderUntilAnError) {
  std::vector<Bytes> asked;
  for (int i = 0; i < 400; ++i) {
    const std::string name = "key" + std::to_string(i * 7919 % 400);
    asked.push_back(key(name));
    if (i % 3 != 0) put(Table::info, name, name);
  }
  std::vector<std::size_t> seen;
  ASSERT_TRUE(database->get_many(Table::info, asked, [&](std::size_t i, ByteView value) -> Result<void> {
    EXPECT_EQ(to_bytes(value), asked[i]);
    seen.push_back(i);
    return {};
  }));
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.size(), 266U);
  const auto outcome = database->get_many(Table::info, asked, [&](std::size_t i, ByteView) -> Result<void> {
    seen.push_back(i);
    if (i >= 200) return fail(ErrorCode::cancelled, "enough");
    return {};
  });
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
  EXPECT_EQ(seen.back(), 200U);
}

TEST_F(DatabaseTest, ABatchChangesSeveralTablesInItsOrder) {
  put(Table::files, "old", "value");
  WriteBatch batch;
  batch.put(Table::info, as_bytes("a"), as_bytes("first"));
  batch.put(Table::info, as_bytes("a"), as_bytes("second"));
  const std::vector<ByteView> parts = {as_bytes("in "), as_bytes(""), as_bytes("parts")};
  batch.put(Table::objects, as_bytes("b"), parts);
  batch.remove(Table::files, as_bytes("old"));
  batch.put(Table::leases, as_bytes("prefix 1"), as_bytes(""));
  batch.remove_prefix(Table::leases, as_bytes("prefix"));
  EXPECT_GT(batch.size_bytes(), 40U);
  EXPECT_EQ(get(Table::info, "a"), std::nullopt);
  ASSERT_TRUE(database->write(batch, Durability::synced));
  EXPECT_EQ(get(Table::info, "a"), "second");
  EXPECT_EQ(get(Table::objects, "b"), "in parts");
  EXPECT_EQ(get(Table::files, "old"), std::nullopt);
  EXPECT_EQ(get(Table::leases, "prefix 1"), std::nullopt);
}

TEST_F(DatabaseTest, AClearedOrMovedBatchIsABatch) {
  WriteBatch batch(1'000);
  batch.put(Table::info, as_bytes("a"), as_bytes("1"));
  batch.clear();
  batch.put(Table::info, as_bytes("b"), as_bytes("2"));
  WriteBatch moved = std::move(batch);
  ASSERT_TRUE(database->write(moved, Durability::buffered));
  EXPECT_EQ(get(Table::info, "a"), std::nullopt);
  EXPECT_EQ(get(Table::info, "b"), "2");
}

TEST_F(DatabaseTest, ScansKeysOfOnePrefixInOrderFromAStart) {
  for (const char* name : {"b2", "a", "b1", "b", "c", "b10"}) put(Table::branches, name, "");
  EXPECT_THAT(keys(Table::branches, "b", "b"), ElementsAre("b", "b1", "b10", "b2"));
  EXPECT_THAT(keys(Table::branches, "b", "b10"), ElementsAre("b10", "b2"));
  EXPECT_THAT(keys(Table::branches, "b", ""), ElementsAre("b", "b1", "b10", "b2"));
  EXPECT_THAT(keys(Table::branches, "b", "c"), ElementsAre());
  EXPECT_THAT(keys(Table::branches, "", ""), ElementsAre("a", "b", "b1", "b10", "b2", "c"));
  EXPECT_THAT(keys(Table::branches, "x", "x"), ElementsAre());
  std::size_t visits = 0;
  ASSERT_TRUE(database->scan(Table::branches, as_bytes("b"), [&](ByteView, ByteView) { return ++visits < 2; }));
  EXPECT_EQ(visits, 2U);
}

TEST_F(DatabaseTest, AScanReadsOneMoment) {
  for (const char* name : {"a", "b", "c"}) put(Table::info, name, "before");
  std::vector<std::string> values;
  ASSERT_TRUE(database->scan(Table::info, {}, [&](ByteView, ByteView value) {
    values.push_back(to_string(value));
    put(Table::info, "c", "after");
    put(Table::info, "d", "after");
    return true;
  }));
  EXPECT_THAT(values, ElementsAre("before", "before", "before"));
}

TEST_F(DatabaseTest, FindsTheFirstAndTheLastKeyOfAPrefix) {
  const std::string high = "p\xFF\xFF";
  for (const std::string& name : {std::string("o"), std::string("p1"), std::string("p5"), high, std::string("q")})
    put(Table::branches, name, "");
  EXPECT_EQ(last("p"), high);
  EXPECT_EQ(last("p1"), "p1");
  EXPECT_EQ(last("p\xFF"), high);
  EXPECT_EQ(last("none"), std::nullopt);
  EXPECT_EQ(last(""), "q");
  EXPECT_EQ(last("a"), std::nullopt);
  EXPECT_EQ(first("p", "p2"), "p5");
  EXPECT_EQ(first("p", "p5"), "p5");
  EXPECT_EQ(first("p", ""), "p1");
  EXPECT_EQ(first("p1", "p2"), std::nullopt);
  EXPECT_EQ(first("none", "none"), std::nullopt);
}

TEST_F(DatabaseTest, RemovingAPrefixSparesItsNeighbours) {
  for (const char* name : {"a\xFF", "b", "b\xFF\xFF", "b1", "c"}) put(Table::records, name, "");
  ASSERT_TRUE(database->remove_prefix(Table::records, as_bytes("b"), Durability::synced));
  EXPECT_THAT(keys(Table::records, "", ""), ElementsAre("a\xFF", "c"));
  ASSERT_TRUE(database->compact());
  EXPECT_THAT(keys(Table::records, "", ""), ElementsAre("a\xFF", "c"));
}

TEST(DatabaseFolderTest, IsPrivateAndMadeWithItsParents) {
  TemporaryFolder folder;
  const std::string path = folder / "some/where/db";
  const auto database = Database::open(path);
  ASSERT_TRUE(database) << database.error().message();
  struct stat facts{};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0700U);
  EXPECT_EQ((*database)->folder(), path);
  EXPECT_GT((*database)->disk_bytes(), 0U);
}

TEST(DatabaseFolderTest, ASecondOpenIsBusy) {
  TemporaryFolder folder;
  const auto first = Database::open(folder / "db");
  ASSERT_TRUE(first);
  const auto second = Database::open(folder / "db");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(second.error().message(), "Another beffroid is using " + folder / "db" + ". Stop it first.");
}

TEST(DatabaseFolderTest, AFolderThatCannotBeMadeIsAnIoError) {
  const auto opened = Database::open("/proc/no/such/folder");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::io);
}

TEST(DatabaseFolderTest, ANewerFormatIsRefused) {
  TemporaryFolder folder;
  {
    const auto database = Database::open(folder / "db").value();
    std::array<std::uint8_t, 4> format{};
    put_le32(format.data(), 2);
    ASSERT_TRUE(database->put(Table::state, as_bytes("format"), format, Durability::synced));
  }
  EXPECT_EQ(Database::open(folder / "db").error().code, ErrorCode::unsupported_version);
}

TEST(DatabaseFolderTest, ATableOfANewerVersionIsRefused) {
  TemporaryFolder folder;
  ASSERT_TRUE(Database::open(folder / "db"));
  {
    rocksdb::Options options;
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, folder / "db", &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    families.emplace_back("of_the_future", rocksdb::ColumnFamilyOptions());
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* newer = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, folder / "db", families, &handles, &newer).ok());
    for (auto* handle : handles) ASSERT_TRUE(newer->DestroyColumnFamilyHandle(handle).ok());
    delete newer;
  }
  EXPECT_EQ(Database::open(folder / "db").error().code, ErrorCode::unsupported_version);
}

TEST(DatabaseFolderTest, ACreationThatWasCutShortIsFinished) {
  TemporaryFolder folder;
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* begun = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, folder / "db", &begun).ok());
    for (const char* name : {"objects", "info"}) {
      rocksdb::ColumnFamilyHandle* handle = nullptr;
      ASSERT_TRUE(begun->CreateColumnFamily({}, name, &handle).ok());
      ASSERT_TRUE(begun->DestroyColumnFamilyHandle(handle).ok());
    }
    delete begun;
  }
  for (const bool again : {false, true}) {
    const auto database = Database::open(folder / "db");
    ASSERT_TRUE(database) << again;
    for (const Table table : all_tables())
      ASSERT_TRUE((*database)->put(table, key("name"), key("value"), Durability::synced)) << again;
  }
}

// Flips one byte in the middle of each file with this ending.
void damage_files(const std::string& folder, std::string_view ending) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().string().ends_with(ending)) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(entry.file_size() / 2);
    file.seekg(middle);
    const int byte = file.get();
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 1));
  }
}

TEST(DatabaseFolderTest, ADamagedValueIsCorruptAndTheOthersStayReadable) {
  TemporaryFolder folder;
  const Bytes large(100'000, 7);
  {
    const auto database = Database::open(folder / "db").value();
    ASSERT_TRUE(database->put(Table::objects, as_bytes("damaged"), large, Durability::synced));
    ASSERT_TRUE(database->put(Table::commits, as_bytes("whole"), as_bytes("value"), Durability::synced));
    ASSERT_TRUE(database->compact());
  }
  damage_files(folder / "db", ".blob");
  const auto database = Database::open(folder / "db").value();
  EXPECT_EQ(database->get(Table::objects, as_bytes("damaged")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(database->get(Table::commits, as_bytes("whole")).value(), key("value"));
}

TEST(DatabaseFolderTest, AMissingOrDamagedManifestIsCorrupt) {
  TemporaryFolder folder;
  ASSERT_TRUE(Database::open(folder / "db"));
  for (const auto& entry : std::filesystem::directory_iterator(folder / "db"))
    if (entry.path().filename().string().starts_with("MANIFEST"))
      std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << std::string(200, '\x55');
  EXPECT_EQ(Database::open(folder / "db").error().code, ErrorCode::corrupt);
}

// A damaged object that nobody heals must not stop the rest: neither its quarantine nor what compacts afterwards.
TEST(DatabaseFolderTest, AQuarantinedObjectThatTheDiskDamagedDoesNotStopCompaction) {
  TemporaryFolder folder;
  crypto::SeededRandom random(1);
  const auto space = random.fixed<SpaceId>();
  std::vector<MadeObject> objects;
  for (int i = 0; i < 3; ++i) objects.push_back(make_object(random, space, 50'000));
  const auto with_store = [&](const auto& act) {
    const auto database = Database::open(folder / "db").value();
    act(*make_object_store(*database), *database);
  };
  with_store([&](ObjectStore& store, Database& database) {
    ASSERT_TRUE(put_all(store, space, objects));
    ASSERT_TRUE(database.compact());
  });
  damage_files(folder / "db", ".blob");
  with_store([&](ObjectStore& store, Database& database) {
    std::size_t damaged = 0;
    for (const MadeObject& object : objects) {
      const auto bytes = store.get(space, object.id);
      if (bytes) continue;
      EXPECT_EQ(bytes.error().code, ErrorCode::corrupt);
      ASSERT_TRUE(store.quarantine(space, object.id));
      EXPECT_FALSE(store.info(space, object.id).value()->bytes_present);
      ++damaged;
    }
    EXPECT_EQ(damaged, 1U);
    // Two of the others go too, so that collecting the file that holds the damaged bytes is worth while.
    ASSERT_TRUE(store.mark_receipted(space, {{objects[0].id}}));
    ASSERT_TRUE(store.evict(space, {{objects[0].id}}));
    ASSERT_TRUE(database.compact());
    ASSERT_TRUE(put_all(store, space, objects));
    EXPECT_EQ(read_image(store, space).usage.objects, 3U);
  });
}

}  // namespace
}  // namespace beffroi::storage
